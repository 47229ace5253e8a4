//! What a check found, to be read by a person.

use std::fmt;

use super::{Call, Code, History, Outcome};

/// How many violations a report spells out: the first ones tell what is wrong, and hundreds hide it.
const MOST_SPELT_OUT: usize = 10;

/// Something that a server that is right never does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A code was accepted for two operations.
    AcceptedTwice {
        /// The code.
        code: Code,
        /// Accepted calls of two operations.
        calls: [Call; 2],
    },
    /// An operation was answered "accepted", and later "rejected".
    AcceptLost {
        /// The accepted call, and the later one.
        calls: [Call; 2],
    },
    /// An operation had two different answers, and it was not first accepted and later rejected.
    AnswersDiffer {
        /// Two calls of the operation.
        calls: [Call; 2],
    },
    /// An operation was answered "accepted", and the database does not say so.
    AcceptNotKept {
        /// The accepted call.
        call: Call,
        /// What the database lacks, or says instead.
        finding: String,
    },
    /// An operation was answered "rejected", and the database says that it was accepted.
    RejectNotKept {
        /// The rejected call.
        call: Call,
    },
    /// The database contradicts itself.
    Torn {
        /// How.
        finding: String,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let two = |f: &mut fmt::Formatter<'_>, calls: &[Call; 2]| {
            let [first, second] = calls;
            write!(f, "\n    {first}\n    {second}")
        };
        match self {
            Self::AcceptedTwice { code, calls } => {
                write!(f, "{code} was accepted twice:")?;
                two(f, calls)
            }
            Self::AcceptLost { calls } => {
                f.write_str("an accept was lost:")?;
                two(f, calls)
            }
            Self::AnswersDiffer { calls } => {
                f.write_str("one operation had two answers:")?;
                two(f, calls)
            }
            Self::AcceptNotKept { call, finding } => {
                write!(f, "an accept is not in the database, {finding}:\n    {call}")
            }
            Self::RejectNotKept { call } => write!(f, "a reject is an accept in the database:\n    {call}"),
            Self::Torn { finding } => write!(f, "the database contradicts itself: {finding}"),
        }
    }
}

/// What a check found.
#[derive(Clone, Debug)]
#[must_use]
pub struct Verdict {
    /// What cannot be.
    pub violations: Vec<Violation>,
    /// How many calls were accepted, rejected, and of unknown outcome.
    pub counts: [usize; 3],
}

impl Verdict {
    pub(super) fn of(history: &History, violations: Vec<Violation>) -> Self {
        let count = |outcome| history.calls.iter().filter(|call| call.outcome == outcome).count();
        let counts = [Outcome::Accepted, Outcome::Rejected, Outcome::Unknown].map(count);
        Self { violations, counts }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [accepted, rejected, unknown] = self.counts;
        let calls = accepted + rejected + unknown;
        let found = self.violations.len();
        write!(f, "{found} violations in {calls} calls: {accepted} accepted, {rejected} rejected, {unknown} unknown")?;
        self.violations.iter().take(MOST_SPELT_OUT).try_for_each(|violation| write!(f, "\n  {violation}"))?;
        match found.saturating_sub(MOST_SPELT_OUT) {
            0 => Ok(()),
            more => write!(f, "\n  … and {more} more"),
        }
    }
}
