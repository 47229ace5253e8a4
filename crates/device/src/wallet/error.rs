//! Why the wallet did not do as told. Each is one sentence with the next step.

use std::error::Error;
use std::fmt;

use matchbook_protocol::{AuthenticatorId, EnrolError, Handle, TakeError};

use crate::vault::StoreError;

/// The wallet has no account in this slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAccount {
    /// The slot.
    pub handle: Handle,
}

impl fmt::Display for NoAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this wallet has no account {}: list its accounts", self.handle.0)
    }
}

impl Error for NoAccount {}

/// No account was begun. The wallet is as it was.
#[derive(Debug)]
pub enum EnrolFailure {
    /// The wallet has an account for this authenticator already.
    AlreadyEnrolled {
        /// The authenticator.
        id: AuthenticatorId,
    },
    /// All 256 slots are taken.
    Full,
    /// The engine refuses the enrolment.
    Protocol(EnrolError),
    /// The vault cannot be written.
    Store(StoreError),
}

impl fmt::Display for EnrolFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyEnrolled { id } => {
                write!(f, "this wallet has device {id} already: use it, or ask for a new enrolment")
            }
            Self::Full => f.write_str("this wallet has 256 accounts, which is all it takes: use a second vault"),
            Self::Protocol(error) => write!(f, "{error}: ask for a new enrolment"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Error for EnrolFailure {}

/// No code was taken.
#[derive(Debug)]
pub enum TakeFailure {
    /// There is no such account.
    NoAccount(NoAccount),
    /// The account has no such code, or none.
    Protocol(TakeError),
    /// The vault cannot be written, so no code may be shown.
    Store(StoreError),
}

impl fmt::Display for TakeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAccount(error) => error.fmt(f),
            Self::Protocol(TakeError::Empty) => write!(f, "{}: ask the server for a new set", TakeError::Empty),
            Self::Protocol(error @ (TakeError::NotHeld | TakeError::AlreadyTaken)) => {
                write!(f, "{error}: list the codes, or ask the log-in for another")
            }
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Error for TakeFailure {}
