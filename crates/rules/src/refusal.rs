//! A refusal is two messages: one outward word, which tells nothing, and one inward sentence for the operator.

use std::fmt;

use crate::keyring::KeyringError;

/// A decision that was not made, and why. Nothing is written.
///
/// What goes outward depends on who asked: a device gets silence for a [`Culprit::Peer`], an operator gets the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose fault it is.
    pub culprit: Culprit,
    /// One sentence for the operator. It never holds a code, a key or sealed bytes, and never goes to a device.
    pub inward: String,
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Culprit {
    /// The other side of the wire: a forged, damaged, stale or untimely message.
    Peer,
    /// The operator asked for what cannot be had: a name that is taken, a state that forbids it, a cap.
    Operator,
    /// What the store holds does not fit the secrets file or itself.
    Store,
    /// Us.
    Bug,
}

impl Refusal {
    /// A peer's fault.
    pub(crate) fn peer(inward: impl Into<String>) -> Self {
        Self { culprit: Culprit::Peer, inward: inward.into() }
    }

    /// An operator's fault.
    pub(crate) fn operator(inward: impl Into<String>) -> Self {
        Self { culprit: Culprit::Operator, inward: inward.into() }
    }

    /// The store's fault.
    pub(crate) fn store(inward: impl Into<String>) -> Self {
        Self { culprit: Culprit::Store, inward: inward.into() }
    }

    /// Our fault.
    pub(crate) fn bug(inward: impl Into<String>) -> Self {
        Self { culprit: Culprit::Bug, inward: inward.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inward)
    }
}

impl std::error::Error for Refusal {}

impl From<KeyringError> for Refusal {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::OtherVersion | KeyringError::Damaged => Self::store(error.to_string()),
            KeyringError::Cipher => Self::bug(error.to_string()),
        }
    }
}
