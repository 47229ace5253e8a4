//! The small server as a subject: how its nodes start, and how clients ask them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::time::Duration;

use matchbook_testbed::failover::{Node, Subject};
use matchbook_testbed::history::{Audit, Code, Outcome};
use matchbook_testbed::{Access, Trouble};

use crate::node::{self, Manner};

/// How many codes there are. More than a storm uses.
const CODES: u64 = 100_000;

/// How long a client waits for an answer. It does not know then, which is always allowed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that knows two tables and one request.
pub(crate) struct Small(pub(crate) Manner);

impl Subject for Small {
    fn prepare(&mut self, access: &Access, database: &str, _url: &str) -> Result<Vec<Code>, Trouble> {
        access.sql(database, node::TABLES)?;
        Ok((0..CODES).map(|index| Code { device: "device".to_owned(), index }).collect())
    }

    fn start_node(&self, url: &str) -> Result<Box<dyn Node>, Trouble> {
        let (process, address) = node::start(url, self.0);
        Ok(Box::new(Running { process, address }))
    }

    fn verify(&self, address: SocketAddr, code: &Code, operation: &str) -> Outcome {
        ask(address, &format!("{} {} {operation}\n", code.device, code.index)).unwrap_or(Outcome::Unknown)
    }

    fn audit(&self, access: &Access, database: &str) -> Result<Audit, Trouble> {
        let rows = |sql| access.sql(database, sql);
        let spends = rows("SELECT device, code, operation FROM spends")?;
        let operations = rows("SELECT operation, accepted FROM operations")?;
        let spends = spends.lines().map(|row| {
            let [device, index, operation] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
            (Code { device: device.to_owned(), index: index.parse().unwrap() }, operation.to_owned())
        });
        let operations = operations.lines().map(|row| {
            let (operation, accepted) = row.split_once('|').unwrap();
            (operation.to_owned(), accepted == "t")
        });
        Ok(Audit { spends: spends.collect(), operations: operations.collect::<BTreeMap<_, _>>() })
    }
}

/// The answer; `None` when there is none.
fn ask(address: SocketAddr, request: &str) -> Option<Outcome> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).ok()?;
    match answer.as_str() {
        "accepted\n" => Some(Outcome::Accepted),
        "rejected\n" => Some(Outcome::Rejected),
        _ => None,
    }
}

/// A node's process.
struct Running {
    process: Child,
    address: SocketAddr,
}

impl Node for Running {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn kill(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
