//! A pcscd with two virtual readers, and cards that are put into them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use matchbook_card_host::PcscReader;
use matchbook_card_host::pcscd::{Pcscd, PcscdError};
use tempfile::TempDir;

/// Generous: nothing here takes long on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const MATCHBOOK: &str = env!("CARGO_BIN_EXE_matchbook");

/// Readers, and the cards in them. One at a time on a machine, for pcscd is one.
pub(crate) struct Readers {
    cards: Vec<Child>,
    pcscd: Pcscd,
    pub(crate) program: PathBuf,
    pub(crate) folder: TempDir,
    _alone: File,
}

impl Readers {
    /// `None`: what is needed is not here, and this is not CI, where it has to be.
    pub(crate) fn start() -> Option<Self> {
        // Not in a folder where others can put a link in its place.
        let target = Path::new(MATCHBOOK).ancestors().nth(2).unwrap();
        let alone = File::create(target.join("test-pcscd.lock")).unwrap();
        alone.lock().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let Some(program) = build_reader() else {
            return missing("matchbook-reader cannot be built: apt-get install libpcsclite-dev");
        };
        match Pcscd::start(folder.path(), &program) {
            Ok(pcscd) => Some(Self { cards: Vec::new(), pcscd, program, folder, _alone: alone }),
            Err(PcscdError::Failed(why)) => panic!("{why}"),
            Err(why) => missing(&format!("{why}: apt-get install pcscd vsmartcard-vpcd, and be root")),
        }
    }

    /// Puts a card into the first or second reader. The file stays when the card is taken out.
    pub(crate) fn insert(&mut self, file: &str, second: bool) {
        let mut command = self.pcscd.in_its_network(Path::new(MATCHBOOK));
        command.args(["card", "run", file, "--vpcd", &Pcscd::slot(second).to_string()]);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        self.cards.push(command.spawn().unwrap());
        self.wait_for(second, true);
    }

    /// Takes the power from all cards, in the middle of whatever they do.
    pub(crate) fn pull_out(&mut self) {
        for mut card in self.cards.drain(..) {
            card.kill().unwrap();
            card.wait().unwrap();
        }
        self.wait_for(false, false);
        self.wait_for(true, false);
    }

    fn wait_for(&self, second: bool, has_card: bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let slots = PcscReader::start_program(&self.program).unwrap().list().unwrap();
            if slots[usize::from(second)].has_card == has_card {
                return;
            }
            assert!(Instant::now() < until, "the card is not seen: {slots:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The binary, with the readers and a home of its own.
    pub(crate) fn matchbook(&self, args: &[&str]) -> Command {
        let mut command = Command::new(MATCHBOOK);
        command.args(args).env_clear().env("HOME", self.folder.path()).env("MATCHBOOK_READER", &self.program);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs it; gives standard output and standard error.
    pub(crate) fn ok(&self, args: &[&str]) -> (String, String) {
        let output = self.matchbook(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        texts(&output)
    }

    /// Runs it to a failure; gives its exit code and standard error.
    pub(crate) fn fails(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.matchbook(args).output().unwrap();
        assert!(!output.status.success(), "{args:?}: {output:?}");
        (output.status.code(), texts(&output).1)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        for card in &mut self.cards {
            let _ = card.kill();
            let _ = card.wait();
        }
    }
}

pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Builds the program that links PC/SC's library. It belongs to no other package's tests, so cargo does not do it.
fn build_reader() -> Option<PathBuf> {
    let target = Path::new(MATCHBOOK).parent()?.parent()?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--locked", "--quiet", "--package", "matchbook-reader", "--target-dir"]).arg(target);
    let built = command.current_dir(env!("CARGO_MANIFEST_DIR")).status().ok()?;
    let program = target.join("debug").join(matchbook_card_host::PROGRAM);
    (built.success() && program.is_file()).then_some(program)
}

fn missing<T>(why: &str) -> Option<T> {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    println!("skipped: {why}");
    None
}
