//! `matchbook serve` as a node.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use matchbook_testbed::Trouble;
use matchbook_testbed::failover::Node;

const BINARY: &str = env!("CARGO_BIN_EXE_matchbook");

/// A server's process.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts a server on a free port, and returns when it listens. Without a database it has the file of its home.
    pub(crate) fn start(home: &Path, database: Option<&str>) -> Result<Self, Trouble> {
        let mut command = command(home, database);
        // Devices and relying parties are not what is tested.
        let limits = ["--device-messages-per-second", "100000", "--api-calls-per-second", "1000000"];
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"]).args(limits).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = Vec::new();
        let address = lines.find_map(|line| {
            let address = line.split_once(" listens on ").and_then(|(_, rest)| rest.split(". ").next()?.parse().ok());
            seen.push(line);
            address
        });
        let mut process = Self { child, address: ([127, 0, 0, 1], 1).into() };
        // The rest of the log is read so that the pipe does not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        process.address = address.ok_or_else(|| Trouble::new(format!("the server ended: {}", seen.join("\n"))))?;
        Ok(process)
    }
}

impl Node for Process {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn kill(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The binary, in a home of its own, on a database of its own.
pub(crate) fn command(home: &Path, database: Option<&str>) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().env("HOME", home).envs(database.map(|url| ("MATCHBOOK_DATABASE", url)));
    command
}
