//! The card readers of this machine, by the program `matchbook-reader`: it alone links PC/SC's library, so that
//! `matchbook` starts without it (docs/adr/0021).

use std::env;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER as HEX;
use zeroize::Zeroizing;

use crate::reader::{Reader, ReaderError};

/// The program's name.
pub const PROGRAM: &str = "matchbook-reader";
/// Names the program, when it is neither beside this one nor in the path.
const VARIABLE: &str = "MATCHBOOK_READER";
/// Bytes of a line from it, at most: an extended answer, or some twenty readers' names.
const MAX_LINE: u64 = 2 * 65_600;

/// How long a card that another program holds is waited for.
const IN_USE_PATIENCE: Duration = Duration::from_secs(2);
/// How long the program may take to end.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// A reader, and whether a card is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name, as PC/SC has it.
    pub name: String,
    /// Whether a card is in it.
    pub has_card: bool,
}

/// The readers; once connected, the card in one of them.
pub struct PcscReader {
    child: Child,
    /// `None` at its end alone: what closes it ends the program.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl PcscReader {
    /// Starts the program.
    ///
    /// # Errors
    /// [`ReaderError::NoProgram`]: there is none.
    pub fn start() -> Result<Self, ReaderError> {
        Self::start_program(&Self::program().ok_or(ReaderError::NoProgram)?)
    }

    /// The program: the one that `MATCHBOOK_READER` names, or beside this one, or in the path.
    #[must_use]
    pub fn program() -> Option<PathBuf> {
        if let Some(named) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
            return Some(PathBuf::from(named));
        }
        let beside = env::current_exe().ok().and_then(|program| Some(program.parent()?.join(PROGRAM)));
        let path = env::var_os("PATH").unwrap_or_default();
        let in_path = env::split_paths(&path).map(|folder| folder.join(PROGRAM));
        beside.into_iter().chain(in_path).find(|program| program.is_file())
    }

    /// Starts this program.
    ///
    /// # Errors
    /// [`ReaderError::NoProgram`]: it is not there; [`ReaderError::Other`]: it cannot be started.
    pub fn start_program(program: &Path) -> Result<Self, ReaderError> {
        let mut command = Command::new(program);
        // What the loader says of a missing library is told by us, in one sentence.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => ReaderError::NoProgram,
            _ => ReaderError::Other(format!("{}: {error}", program.display())),
        })?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => Ok(Self { child, to: Some(to), from: BufReader::new(from) }),
            _ => Err(ReaderError::Other(format!("{} has no input or output", program.display()))),
        }
    }

    /// The readers that there are.
    ///
    /// # Errors
    /// See [`ReaderError`].
    pub fn list(&mut self) -> Result<Vec<Slot>, ReaderError> {
        let answer = self.ask("list", &[])?;
        answer.split(' ').filter(|word| !word.is_empty()).map(slot).collect()
    }

    /// Takes the card in the reader of this name for this program alone; without a name, in the only reader that has one.
    /// Gives the reader's name.
    ///
    /// # Errors
    /// See [`ReaderError`].
    pub fn connect(&mut self, name: Option<&str>) -> Result<String, ReaderError> {
        let slots = self.list()?;
        let chosen = choose(slots, name)?;
        // A program that has just ended may hold it for a moment yet.
        let until = Instant::now() + IN_USE_PATIENCE;
        loop {
            match self.ask("connect", chosen.as_bytes()) {
                Ok(_) => return Ok(chosen),
                Err(ReaderError::InUse) if Instant::now() < until => thread::sleep(Duration::from_millis(100)),
                Err(error) => return Err(error),
            }
        }
    }

    fn ask(&mut self, word: &str, bytes: &[u8]) -> Result<Zeroizing<String>, ReaderError> {
        let mut line = Zeroizing::new(String::with_capacity(word.len() + 2 + 2 * bytes.len()));
        line.push_str(word);
        line.push(' ');
        line.push_str(&Zeroizing::new(HEX.encode(bytes)));
        line.push('\n');
        let mut answer = Zeroizing::new(String::with_capacity(1_024));
        let sent = match &mut self.to {
            Some(to) => to.write_all(line.as_bytes()).and_then(|()| to.flush()),
            None => return Err(self.ended()),
        };
        match sent.and_then(|()| (&mut self.from).take(MAX_LINE).read_line(&mut answer)) {
            Ok(_) if answer.ends_with('\n') => {}
            // What follows is the rest of a line: nothing more is asked of it.
            Ok(read) if u64::try_from(read) == Ok(MAX_LINE) => return Err(self.another_language()),
            Err(error) if error.kind() == ErrorKind::InvalidData => return Err(self.another_language()),
            Ok(_) | Err(_) => return Err(self.ended()),
        }
        match answer.trim_end().split_once(' ').unwrap_or((answer.trim_end(), "")) {
            ("ok", rest) => Ok(Zeroizing::new(rest.to_owned())),
            ("no", rest) => Err(refusal(rest)),
            _ => Err(strange()),
        }
    }

    fn another_language(&mut self) -> ReaderError {
        let _ = self.end();
        strange()
    }

    /// The program has ended: at its start, when its library is missing (the loader's exit code is 127).
    fn ended(&mut self) -> ReaderError {
        match self.end() {
            Ok(status) if status.code() == Some(127) => ReaderError::NoLibrary,
            Ok(status) => ReaderError::Other(format!("{PROGRAM} ended ({status})")),
            Err(error) => ReaderError::Other(error.to_string()),
        }
    }

    /// Ends the program: it gives the card back, unless a card or reader hangs.
    fn end(&mut self) -> io::Result<ExitStatus> {
        self.to = None;
        let until = Instant::now() + END_PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        self.child.wait()
    }
}

impl Reader for PcscReader {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ReaderError> {
        let answer = self.ask("transmit", command)?;
        let answer = HEX.decode(answer.as_bytes()).map(Zeroizing::new);
        answer.map_err(|_| strange())
    }
}

impl Drop for PcscReader {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn choose(slots: Vec<Slot>, name: Option<&str>) -> Result<String, ReaderError> {
    if slots.is_empty() {
        return Err(ReaderError::NoReader { name: None });
    }
    if let Some(name) = name {
        let named = slots.into_iter().find(|slot| slot.name == name);
        return named.map(|slot| slot.name).ok_or_else(|| ReaderError::NoReader { name: Some(name.to_owned()) });
    }
    let mut with_cards: Vec<String> = slots.into_iter().filter(|slot| slot.has_card).map(|slot| slot.name).collect();
    match with_cards.len() {
        1 => with_cards.pop().ok_or(ReaderError::NoCard),
        0 => Err(ReaderError::NoCard),
        _ => Err(ReaderError::Several { names: with_cards.iter().map(|name| format!("{name:?}")).collect() }),
    }
}

fn slot(word: &str) -> Result<Slot, ReaderError> {
    let (name, has_card) = match (word.strip_suffix('+'), word.strip_suffix('-')) {
        (Some(name), _) => (name, true),
        (None, Some(name)) => (name, false),
        (None, None) => return Err(strange()),
    };
    let name = HEX.decode(name.as_bytes()).map_err(|_| strange())?;
    Ok(Slot { name: String::from_utf8_lossy(&name).into_owned(), has_card })
}

fn strange() -> ReaderError {
    ReaderError::Other(format!("{PROGRAM} speaks another language"))
}

fn refusal(rest: &str) -> ReaderError {
    let (kind, sentence) = rest.split_once(' ').unwrap_or((rest, ""));
    match kind {
        "service" => ReaderError::NoService,
        "reader" => ReaderError::NoReader { name: None },
        "card" => ReaderError::NoCard,
        "use" => ReaderError::InUse,
        "denied" => ReaderError::Denied,
        _ => ReaderError::Other(sentence.to_owned()),
    }
}

#[cfg(test)]
#[path = "pcsc_tests.rs"]
mod tests;
