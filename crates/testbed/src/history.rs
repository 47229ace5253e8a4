//! What clients saw of a server, and whether it can be: each code accepted at most once, each answer kept.
//!
//! Clients write down their calls by a [`Recorder`]; at the end [`History::check`] looks for what a server that is right
//! never does, whatever fails around it. An outcome that a client does not know ([`Outcome::Unknown`]) may be either; only
//! a repetition of the same operation tells.

mod check;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use verdict::{Verdict, Violation};

/// A code: of which device, and its index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// The device, by any name that tells it from others.
    pub device: String,
    /// The index of the code.
    pub index: u64,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.device, self.index)
    }
}

/// What a client learnt of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The code was accepted.
    Accepted,
    /// The code was rejected.
    Rejected,
    /// No answer, or one that leaves it open: a cut connection, 503.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
        })
    }
}

/// One call of a client. The same operation, called again, is about the same code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who called.
    pub client: u32,
    /// About which code.
    pub code: Code,
    /// The operation's id.
    pub operation: String,
    /// When the call began, since the recorder was made.
    pub began: Duration,
    /// When its outcome was known, or known to be unknown.
    pub ended: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, code, operation, began, ended, outcome } = self;
        let (began, ended) = (began.as_secs_f64(), ended.as_secs_f64());
        write!(f, "{began:9.4} s to {ended:9.4} s: client {client} asks {operation} about {code}: {outcome}")
    }
}

/// Writes down calls; clients share it.
pub struct Recorder {
    began: Instant,
    calls: Mutex<Vec<Call>>,
}

impl Recorder {
    /// Begins a history.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now(), calls: Mutex::default() }
    }

    /// Makes a call and writes it down; its outcome.
    pub fn call(&self, client: u32, code: &Code, operation: &str, ask: impl FnOnce() -> Outcome) -> Outcome {
        let began = self.began.elapsed();
        let outcome = ask();
        let ended = self.began.elapsed();
        let call = Call { client, code: code.clone(), operation: operation.to_owned(), began, ended, outcome };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        outcome
    }

    /// How many calls had this outcome so far.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| call.outcome == outcome).count()
    }

    /// What was written down so far.
    #[must_use]
    pub fn history(&self) -> History {
        History { calls: self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone() }
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

/// The calls of all clients, in any order.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The calls.
    pub calls: Vec<Call>,
}

impl History {
    /// Looks for what cannot be.
    pub fn check(&self) -> Verdict {
        Verdict::of(self, check::answers(self))
    }

    /// Looks for what cannot be, also in what the database holds at the end.
    pub fn check_with(&self, audit: &Audit) -> Verdict {
        let mut violations = check::answers(self);
        violations.extend(check::audit(self, audit));
        Verdict::of(self, violations)
    }
}

/// What the database holds at the end.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// The ledger: each code that is spent, and by which operation.
    pub spends: Vec<(Code, String)>,
    /// Each operation that is recorded, and whether it accepted its code.
    pub operations: BTreeMap<String, bool>,
}
