//! `kill -9` at any moment, on either side: no code that was shown as unused is lost, none that was used lives again.
//!
//! Real processes of the real binary; the moments of the kills come from a fixed seed. Nothing here waits for a time to
//! pass or asserts one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_matchbook");

/// A server that is killed again and again, its operator, a relying party and a wallet, in one empty home.
struct Site {
    home: tempfile::TempDir,
    server: Option<Child>,
    relying_party: String,
}

impl Site {
    fn build() -> Self {
        // The port is free now; the tests of this file are the only ones that take it again and again.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut site = Self { home: tempfile::tempdir().unwrap(), server: None, relying_party: String::new() };
        let listen = format!("127.0.0.1:{port}");
        assert!(site.run(&["init", "--listen", &listen], "").status.success());
        site.serve();
        let policy = ["realm", "create", "site", "--mode", "any-unused", "--digits", "8", "--sets-per-day", "100"];
        expect_success(&site.run(&policy, ""));
        expect_success(&site.run(&["user", "--realm", "site", "create", "alice"], ""));
        let token = site.run(&["token", "create", "relying-party", "--realm", "site", "--name", "door"], "");
        expect_success(&token);
        site.relying_party = String::from_utf8(token.stdout).unwrap().trim().to_owned();
        let enrolment = site.run(&["-o", "json", "device", "--realm", "site", "enrol", "alice"], "");
        expect_success(&enrolment);
        let enrolment: Value = serde_json::from_slice(&enrolment.stdout).unwrap();
        let file = site.home.path().join("enrolment");
        std::fs::write(&file, enrolment["uri"].as_str().unwrap()).unwrap();
        expect_success(&site.run(&["wallet", "enrol", "--yes", "--file", file.to_str().unwrap()], ""));
        site
    }

    /// Starts the server and returns when it listens.
    fn serve(&mut self) {
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("the server ended: {seen:?}")).unwrap();
            if line.contains("listens on") {
                break;
            }
            seen.push(line);
        }
        // The rest of the log is read so that the pipe does not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        self.server = Some(child);
    }

    fn kill_server(&mut self) {
        if let Some(mut child) = self.server.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().env("HOME", self.home.path()).env("MATCHBOOK_PASSPHRASE", "kill test");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        finish(self.command(arguments), input)
    }

    /// Verifies a code; `None` when no answer came, because the server was killed.
    fn verify(&self, code: &str, operation: &str) -> Option<bool> {
        let output = finish(self.verify_command(operation), &format!("{code}\n"));
        match output.status.code() {
            Some(0) => Some(true),
            Some(5) => Some(false),
            _ => None,
        }
    }

    fn verify_command(&self, operation: &str) -> Command {
        let arguments = ["verify", "alice", "--realm", "site", "--code-stdin", "--operation-id", operation];
        let mut command = self.command(&arguments);
        command.env("MATCHBOOK_TOKEN", &self.relying_party);
        command
    }

    /// The wallet's codes: by index, whether it is used.
    fn codes(&self) -> BTreeMap<u64, bool> {
        let output = self.run(&["-o", "json", "wallet", "codes"], "");
        expect_success(&output);
        let codes: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = codes.as_array().or_else(|| codes["codes"].as_array()).unwrap();
        rows.iter().map(|row| (row["index"].as_u64().unwrap(), row["used"].as_bool().unwrap())).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(child) = &mut self.server {
            let _ended = child.kill().and_then(|()| child.wait());
        }
    }
}

fn finish(mut command: Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A process that ends without reading is no fault of ours.
    let _written = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn expect_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Moments of kills, in microseconds: a fixed sequence (xorshift64), so that every run tries the same ones.
struct Moments(u64);

impl Moments {
    fn next_below(&mut self, bound_us: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(self.0 % bound_us)
    }
}

fn take(site: &Site) -> (u64, String) {
    let output = site.run(&["-o", "json", "wallet", "take"], "");
    expect_success(&output);
    let taken: Value = serde_json::from_slice(&output.stdout).unwrap();
    (taken["index"].as_u64().unwrap(), taken["code"].as_str().unwrap().to_owned())
}

#[test]
fn a_killed_server_accepts_each_code_once_and_loses_none() {
    let mut site = Site::build();
    let mut moments = Moments(0x9E37_79B9_7F4A_7C15);
    for round in 0..12 {
        let (index, code) = take(&site);
        let operation = format!("round-{round}");
        let mut asking = site.verify_command(&operation);
        asking.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut asking = asking.spawn().unwrap();
        writeln!(asking.stdin.take().unwrap(), "{code}").unwrap();
        std::thread::sleep(moments.next_below(60_000));
        site.kill_server();
        asking.kill().unwrap();
        let answered = asking.wait().unwrap().code();
        site.serve();
        // The same operation again: a good code is accepted, whether or not the first asking got through.
        assert_eq!(
            site.verify(&code, &operation),
            Some(true),
            "code {index}; the first asking ended with {answered:?}"
        );
        site.kill_server();
        site.serve();
        assert_eq!(site.verify(&code, &operation), Some(true), "the same answer after another kill");
        assert_eq!(site.verify(&code, &format!("again-{round}")), Some(false), "code {index} lived again");
    }
}

#[test]
fn a_killed_wallet_shows_each_code_once_and_loses_none() {
    let mut site = Site::build();
    let held: BTreeSet<u64> = site.codes().into_keys().collect();
    // The wallet works alone: what it does with the network is another test.
    site.kill_server();
    let mut moments = Moments(0x2545_F491_4F6C_DD1D);
    let mut shown: BTreeMap<u64, String> = BTreeMap::new();
    for _ in 0..12 {
        let mut taking = site.command(&["-o", "json", "wallet", "take", "--offline"]);
        let mut taking = taking.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moments.next_below(250_000));
        taking.kill().unwrap();
        let output = taking.wait_with_output().unwrap();
        if let Ok(taken) = serde_json::from_slice::<Value>(&output.stdout) {
            let (index, code) = (taken["index"].as_u64().unwrap(), taken["code"].as_str().unwrap().to_owned());
            assert_eq!(shown.insert(index, code), None, "code {index} was shown twice");
        }
        let codes = site.codes();
        assert_eq!(codes.keys().copied().collect::<BTreeSet<_>>(), held, "a code was lost");
        for index in shown.keys() {
            assert!(codes[index], "code {index} was shown and is listed as unused");
        }
    }
    // What is listed as unused can be taken and is accepted.
    site.serve();
    let unused = site.codes().into_iter().filter(|(_, used)| !used).map(|(index, _)| index);
    let unused: Vec<u64> = unused.take(3).collect();
    for index in unused {
        let output = site.run(&["-o", "json", "wallet", "take", "--code", &index.to_string()], "");
        expect_success(&output);
        let taken: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(site.verify(taken["code"].as_str().unwrap(), &format!("take-{index}")), Some(true));
    }
}

/// No unused code is lost, and no used one lives again; a used one may be forgotten.
fn keeps(before: &BTreeMap<u64, bool>, after: &BTreeMap<u64, bool>) {
    for (index, used) in before {
        match (used, after.get(index)) {
            (false, Some(false)) | (true, Some(true) | None) => {}
            (false, seen) => panic!("code {index} was unused and is lost: {seen:?}"),
            (true, Some(false)) => panic!("code {index} was used and lives again"),
        }
    }
}

#[test]
fn kills_on_both_sides_of_an_exchange_lose_no_set() {
    let mut site = Site::build();
    let mut moments = Moments(0xD1B5_4A32_D192_ED03);
    for round in 0..8 {
        let before = site.codes();
        let mut asking = site.command(&["wallet", "request"]);
        let mut asking = asking.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moments.next_below(300_000));
        if round % 2 == 0 {
            site.kill_server();
            asking.kill().unwrap();
        } else {
            asking.kill().unwrap();
            site.kill_server();
        }
        asking.wait().unwrap();
        let between = site.codes();
        keeps(&before, &between);
        site.serve();
        expect_success(&site.run(&["wallet", "sync"], ""));
        let after = site.codes();
        keeps(&between, &after);
        // Every code that the wallet lists is one that the server takes: the newest stands for its set.
        let newest = *after.keys().last().unwrap();
        let output = site.run(&["-o", "json", "wallet", "take", "--code", &newest.to_string()], "");
        if output.status.success() {
            let taken: Value = serde_json::from_slice(&output.stdout).unwrap();
            let verdict = site.verify(taken["code"].as_str().unwrap(), &format!("both-{round}"));
            assert_eq!(verdict, Some(true), "code {newest} of round {round}");
        }
    }
}
