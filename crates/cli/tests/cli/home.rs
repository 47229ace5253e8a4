//! An empty home, the binary run in it, and a server that ends with the test.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A home folder in which nothing is set up.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        Self {
            exit: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Standard output, which has to be one JSON document and nothing else.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks the exit code, and that a failure says why in one sentence on standard error and nothing else.
    #[track_caller]
    pub(crate) fn fails(self, exit: i32, sentence: &str) -> Self {
        assert_eq!(self.exit, exit, "{self:?}");
        assert!(self.err.contains(sentence), "no {sentence:?} in {self:?}");
        assert_eq!(self.out, "", "{self:?}");
        self
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// A home after `matchbook init` with a free port.
    pub(crate) fn with_store() -> Self {
        let home = Self::new();
        home.ok(&["init", "--listen", "127.0.0.1:0"]);
        home
    }

    /// A home with a server, the realm `ship`, the user `alice`, and a relying party's token in the file `vpn.token`.
    pub(crate) fn with_server() -> (Self, Server) {
        let mut home = Self::with_store();
        let server = home.serve(&[]);
        home.set("MATCHBOOK_REALM", "ship");
        home.ok(&["realm", "create", "ship"]);
        home.ok(&["user", "create", "alice"]);
        home.ok(&["token", "create", "relying-party", "--name", "vpn", "--out", &home.at("vpn.token")]);
        (home, server)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file of this home, as text.
    pub(crate) fn at(&self, name: &str) -> String {
        self.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join(".config/matchbook/config.toml")
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.path().join(".config/matchbook/secrets")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join(".local/share/matchbook/matchbook.db")
    }

    /// Sets a variable for all later commands.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_matchbook"));
        command.args(arguments).env_clear().env("HOME", self.path()).current_dir(self.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command with nothing on standard input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "", &[])
    }

    /// Runs a command with a text on standard input and more variables.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Said {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Said::of(&child.wait_with_output().unwrap())
    }

    /// Runs a command that has to succeed; its standard output.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.exit, 0, "{arguments:?}: {said:?}");
        said.out
    }

    /// Runs a command that has to succeed with `-o json`; its document.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["-o", "json"]].concat());
        assert_eq!(said.exit, 0, "{arguments:?}: {said:?}");
        said.json()
    }

    /// Starts a server and sends all later commands to it.
    pub(crate) fn serve(&mut self, arguments: &[&str]) -> Server {
        let server = Server::start(self.command(&[&["serve", "--log-format", "json"], arguments].concat()));
        self.set("MATCHBOOK_SERVER", &server.url);
        server
    }

    /// Enrols a new device of `alice` in a wallet of this home; its identification code.
    pub(crate) fn enrol_wallet(&mut self) -> String {
        self.set("MATCHBOOK_PASSPHRASE", "a passphrase of the tests");
        let file = self.at("alice.uri");
        let device = self.ok(&["device", "enrol", "alice", "--out", &file]);
        self.ok(&["wallet", "enrol", "--yes", "--file", &file]);
        device.trim_end().to_owned()
    }

    /// Verifies a code of `alice` as the relying party of `vpn.token`.
    pub(crate) fn verify(&self, code: &str, more: &[&str]) -> Said {
        let token = self.at("vpn.token");
        let arguments = [&["verify", "alice", "--code-stdin", "--token-file", token.as_str()], more].concat();
        self.run_with(&arguments, &format!("{code}\n"), &[])
    }
}

/// A running `matchbook serve`; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) address: String,
}

impl Server {
    /// Runs the command and waits until its log, which is JSON, says where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let listening = lines.by_ref().find(|line| line.contains("\"listening\"")).expect("the server ended early");
        let listening: Value = serde_json::from_str(&listening).unwrap();
        // The rest of the log is read, so that the pipe does not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        let word = |name: &str| listening[name].as_str().unwrap().to_owned();
        Self { child, url: word("url"), address: word("address") }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal and waits for the end; the exit code.
    pub(crate) fn end(mut self, signal: &str) -> Option<i32> {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
