//! Failovers: nodes of a server behind a balancer, on a PostgreSQL with a synchronous standby, while things break.
//!
//! What is tested is a [`Subject`]: how a node is started and how a client talks to it. [`storm()`] lets clients verify while
//! one mishap after another happens, and checks what they saw. [`scripts`] are the few situations in which a server that
//! is careless is wrong for sure, so that the checker must find something.

mod clients;
mod cluster;
pub mod scripts;
mod site;
mod storm;

use std::net::SocketAddr;

use crate::history::{Audit, Code, Outcome};
use crate::{Access, Trouble};
pub use cluster::Cluster;
pub use site::Site;
pub use storm::{Mishap, Report, Storm, storm};

/// What is tested.
pub trait Subject: Sync {
    /// Makes the database ready, before any node runs: tables, devices, codes. `url` names all servers, `access` is the
    /// way to the primary.
    ///
    /// # Errors
    /// It cannot.
    fn prepare(&mut self, access: &Access, database: &str, url: &str) -> Result<Vec<Code>, Trouble>;

    /// Starts a node on the database, and returns when it answers.
    ///
    /// # Errors
    /// It does not come up.
    fn start_node(&self, url: &str) -> Result<Box<dyn Node>, Trouble>;

    /// Asks a node, or the balancer before them, to verify a code; returns when there is an answer or will be none.
    fn verify(&self, address: SocketAddr, code: &Code, operation: &str) -> Outcome;

    /// Reads the ledger and the operations.
    ///
    /// # Errors
    /// The database cannot be read.
    fn audit(&self, access: &Access, database: &str) -> Result<Audit, Trouble>;
}

/// A node that runs. Dropping it ends it.
pub trait Node: Send {
    /// Where it answers.
    fn address(&self) -> SocketAddr;
    /// Ends it as `kill -9` does, and returns when it has ended.
    fn kill(&mut self);
}
