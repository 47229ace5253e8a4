//! A reader that is none, with a card that answers what a test wants: cards that misbehave, and what goes wrong between.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::reader::{MATCHBOOK, texts};

/// Enough of an enrolment to put on a card.
pub(crate) const KEY: &str = "0707070707070707 0000000000000000000000000000000000000000000000000000000000000001\n";

/// A card, by what it is to say (`fake_reader.py` has the variables).
pub(crate) struct Fake {
    pub(crate) folder: TempDir,
    says: Vec<(&'static str, String)>,
}

impl Fake {
    pub(crate) fn new(says: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pin"), "4711").unwrap();
        let says = says.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { folder, says }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn matchbook(&self, args: &[&str]) -> Command {
        let mut command = Command::new(MATCHBOOK);
        command.args(args).env_clear().env("HOME", self.folder.path());
        command.env("MATCHBOOK_READER", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/card/fake_reader.py"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("CARD_LOG", self.at("log")).env("CARD_BUSY", self.at("busy"));
        command.envs(self.says.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Exit code, standard output and standard error.
    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        said(&self.matchbook(args).output().unwrap())
    }

    /// The commands that came to the card, in hexadecimal.
    pub(crate) fn commands(&self) -> Vec<String> {
        fs::read_to_string(self.at("log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    pub(crate) fn heard(&self, begins: &str) -> bool {
        self.commands().iter().any(|command| command.starts_with(begins))
    }
}

pub(crate) fn said(output: &Output) -> (i32, String, String) {
    let (out, err) = texts(output);
    (output.status.code().unwrap(), out, err)
}
