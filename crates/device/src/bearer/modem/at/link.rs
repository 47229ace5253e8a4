//! Commands and answers, with the notices that a modem sends in between.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::lines::Lines;
use super::parse;
use super::port::{Port, PortGone};
use crate::bearer::modem::Refusal;

/// The most lines of one answer: a store of 255 messages, two lines each, and some noise.
const MAX_ANSWER_LINES: usize = 1_024;
/// The most notices that wait. What is beyond is found in the modem's store.
const MAX_NOTICES: usize = 64;
/// How long the modem may take to read a command.
const WRITE_WAIT: Duration = Duration::from_secs(10);
/// A line on which nothing came for so long is quiet.
const QUIET: Duration = Duration::from_millis(150);
/// How long quiet is waited for.
const NOISE_WAIT: Duration = Duration::from_secs(2);
/// Ends a message behind a prompt.
const CTRL_Z: u8 = 0x1a;
/// Leaves a prompt, and does nothing elsewhere.
const ESCAPE: u8 = 0x1b;

/// A line to a modem.
#[derive(Debug)]
pub(super) struct Link {
    port: Port,
    lines: Lines,
    notices: VecDeque<Notice>,
    /// The next line belongs to a notice.
    follows: Follows,
}

/// What a modem says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A message is in its store (+CMTI).
    Stored {
        /// Which store.
        memory: String,
        /// The place in it.
        index: u32,
    },
    /// A message that it does not keep (+CMT).
    Direct {
        /// The message in hexadecimal.
        pdu: String,
    },
    /// There were more notices than are kept, or one that was not understood.
    Lost,
}

/// A command did not end with OK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandError {
    /// The modem refused it.
    Refused(Refusal),
    /// The port is there no more.
    Gone,
    /// No answer came in time.
    TimedOut,
    /// The answer had more lines than any.
    Flooded,
}

/// Whose line comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    Nothing,
    /// The message of a +CMT.
    Message,
    /// The report of a +CDS.
    Report,
}

/// A line, sorted.
enum Sorted {
    Final(Result<(), Refusal>),
    /// Part of an answer.
    Answer(String),
    /// A notice, which is kept, or nothing of interest.
    Aside,
}

impl Link {
    pub(super) fn new(port: Port) -> Self {
        Self { port, lines: Lines::default(), notices: VecDeque::new(), follows: Follows::Nothing }
    }

    /// Leaves whatever state another program, or a crash, left the line in, and passes over what is still said about
    /// it: an answer to something older would be taken for the answer to what follows.
    pub(super) fn reset(&mut self) -> Result<(), CommandError> {
        self.port.discard_input();
        self.write(&[ESCAPE, b'\r'])?;
        let until = Instant::now() + NOISE_WAIT;
        while Instant::now() < until && self.fill((Instant::now() + QUIET).min(until))? {
            self.lines.clear();
        }
        self.lines.clear();
        self.follows = Follows::Nothing;
        Ok(())
    }

    /// Sends a command and gives the lines of its answer.
    pub(super) fn command(&mut self, command: &str, wait: Duration) -> Result<Vec<String>, CommandError> {
        self.write_line(command)?;
        self.answer(command, Instant::now() + wait)
    }

    /// Sends a command that asks for more with a prompt.
    pub(super) fn prompt(&mut self, command: &str, wait: Duration) -> Result<(), CommandError> {
        self.write_line(command)?;
        let until = Instant::now() + wait;
        loop {
            if self.lines.take_prompt() {
                return Ok(());
            }
            match self.lines.next().map(|line| self.sort(line, command)) {
                Some(Sorted::Final(Err(refusal))) => return Err(CommandError::Refused(refusal)),
                Some(Sorted::Final(Ok(())) | Sorted::Answer(_) | Sorted::Aside) => {}
                None if Instant::now() <= until && self.fill(until)? => {}
                None => {
                    let _ = self.write(&[ESCAPE]);
                    return Err(CommandError::TimedOut);
                }
            }
        }
    }

    /// Sends what the prompt asked for.
    pub(super) fn finish(&mut self, pdu: &str, wait: Duration) -> Result<Vec<String>, CommandError> {
        let mut bytes = pdu.as_bytes().to_vec();
        bytes.push(CTRL_Z);
        self.write(&bytes)?;
        self.answer(pdu, Instant::now() + wait)
    }

    /// Waits for a notice until then; whether anything came.
    pub(super) fn listen(&mut self, until: Instant) -> Result<bool, CommandError> {
        // Lines may stand here that came in one read with the answer before them.
        let mut came = self.lines.has_whole() || self.fill(until)?;
        while let Some(line) = self.lines.next() {
            came = true;
            self.sort(line, "");
        }
        Ok(came)
    }

    /// The next notice.
    pub(super) fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Whether a notice waits.
    pub(super) fn has_notice(&self) -> bool {
        !self.notices.is_empty()
    }

    fn answer(&mut self, echo: &str, until: Instant) -> Result<Vec<String>, CommandError> {
        let mut answer = Vec::new();
        loop {
            match self.lines.next().map(|line| self.sort(line, echo)) {
                Some(Sorted::Final(Ok(()))) => return Ok(answer),
                Some(Sorted::Final(Err(refusal))) => return Err(CommandError::Refused(refusal)),
                Some(Sorted::Answer(_)) if answer.len() >= MAX_ANSWER_LINES => return Err(CommandError::Flooded),
                Some(Sorted::Answer(line)) => answer.push(line),
                Some(Sorted::Aside) => {}
                None if Instant::now() <= until && self.fill(until)? => {}
                None => return Err(CommandError::TimedOut),
            }
        }
    }

    fn sort(&mut self, line: String, echo: &str) -> Sorted {
        match std::mem::replace(&mut self.follows, Follows::Nothing) {
            Follows::Message if parse::is_hex(&line) => return self.note(Notice::Direct { pdu: line }),
            Follows::Report if parse::is_hex(&line) => return Sorted::Aside,
            // A notice that was cut short; the line is its own.
            Follows::Message | Follows::Report | Follows::Nothing => {}
        }
        if let Some(fields) = line.strip_prefix("+CMTI:") {
            let notice = parse::notice(fields).map(|(memory, index)| Notice::Stored { memory, index });
            return self.note(notice.unwrap_or(Notice::Lost));
        }
        if line.starts_with("+CMT:") {
            self.follows = Follows::Message;
            return Sorted::Aside;
        }
        if line.starts_with("+CDS:") {
            self.follows = Follows::Report;
            return Sorted::Aside;
        }
        match final_result(&line) {
            Some(result) => Sorted::Final(result),
            None if line == echo || line.starts_with("+CDSI:") => Sorted::Aside,
            None => Sorted::Answer(line),
        }
    }

    fn note(&mut self, notice: Notice) -> Sorted {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push_back(notice);
        } else if let Some(last) = self.notices.back_mut() {
            *last = Notice::Lost;
        }
        Sorted::Aside
    }

    /// Reads once; `false` when nothing came until then.
    fn fill(&mut self, until: Instant) -> Result<bool, CommandError> {
        let mut buffer = [0; 512];
        let length = self.port.read(&mut buffer, until).map_err(gone)?;
        self.lines.push(buffer.get(..length).unwrap_or_default());
        Ok(length > 0)
    }

    fn write_line(&mut self, command: &str) -> Result<(), CommandError> {
        self.write(&zeroize::Zeroizing::new([command.as_bytes(), b"\r"].concat()))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        match self.port.write_all(bytes, Instant::now() + WRITE_WAIT).map_err(gone)? {
            true => Ok(()),
            false => Err(CommandError::TimedOut),
        }
    }
}

fn gone(_: PortGone) -> CommandError {
    CommandError::Gone
}

/// OK, or one of the ways to refuse.
fn final_result(line: &str) -> Option<Result<(), Refusal>> {
    if line == "OK" {
        return Some(Ok(()));
    }
    let number = |text: &str| text.trim().parse().unwrap_or(u16::MAX);
    let refusal = match line.split_once(':') {
        Some(("+CME ERROR", text)) => Refusal::Equipment(number(text)),
        Some(("+CMS ERROR", text)) => Refusal::Message(number(text)),
        Some(_) => return None,
        None if line == "ERROR" => Refusal::Plain,
        None => return None,
    };
    Some(Err(refusal))
}
