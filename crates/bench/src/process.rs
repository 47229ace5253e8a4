//! A server's process, seen from outside.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::serve::Served;
use crate::trouble::{Result, Trouble};

/// The hidden command of this program that serves.
pub const SERVE: &str = "serve";

/// A server in a process of its own. Dropping it ends and reaps it.
pub struct Server {
    child: Child,
    address: SocketAddr,
    started_in: Duration,
}

impl Server {
    /// Starts this program again as a server, and waits until it listens.
    ///
    /// # Errors
    /// It ended instead; its own words stand on standard error.
    pub fn start(served: &Served) -> Result<Self> {
        let program = std::env::current_exe().map_err(Trouble::because("this program does not find itself"))?;
        let began = Instant::now();
        let mut child = Command::new(program)
            .arg(SERVE)
            .args(served.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Trouble::because("a server was not started"))?;
        let output = child.stdout.take().map(BufReader::new);
        let mut line = String::new();
        let read = output.map(|mut output| output.read_line(&mut line));
        let started_in = began.elapsed();
        let address = line.trim().parse().ok();
        match (read, address) {
            (Some(Ok(_)), Some(address)) => Ok(Self { child, address, started_in }),
            (_, _) => {
                let _gone = child.kill();
                let _reaped = child.wait();
                Err(Trouble::new(format!("the server {:?} ended before it listened", served.arguments().join(" "))))
            }
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From its start to its listening.
    #[must_use]
    pub const fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Ends it as a power cut would, but for what the system holds.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().map_err(Trouble::because("a server was not killed"))?;
        self.child.wait().map(drop).map_err(Trouble::because("a killed server was not reaped"))
    }

    /// Ends it in good order.
    ///
    /// # Errors
    /// It ended badly.
    pub fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().map_err(Trouble::because("a server did not end"))?;
        if status.success() { Ok(()) } else { Err(Trouble::new(format!("a server ended with {status}"))) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
