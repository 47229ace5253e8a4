//! Why an exchange with the server broke off.

use std::error::Error;
use std::fmt;

use matchbook_protocol::RequestError;

use super::Report;
use crate::bearer::BearerError;
use crate::vault::StoreError;

/// An exchange with the server broke off. Nothing is lost: what came before is stored, and what waits to be sent is sent
/// again, as the same bytes.
#[derive(Debug)]
pub struct SyncFailure {
    /// Why.
    pub cause: SyncCause,
    /// What was done before.
    pub report: Report,
}

/// Why an exchange broke off.
#[derive(Debug)]
pub enum SyncCause {
    /// The message, or the answer to it, did not get through.
    Bearer(BearerError),
    /// The vault cannot be written: nothing was sent that depends on what was not stored.
    Store(StoreError),
    /// The request was not made.
    Request(RequestError),
}

impl SyncFailure {
    pub(super) fn new(cause: SyncCause, report: &mut Report) -> Self {
        Self { cause, report: std::mem::take(report) }
    }
}

impl fmt::Display for SyncFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for SyncFailure {}

impl fmt::Display for SyncCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Request(error @ RequestError::NotEnrolled) => {
                write!(f, "{error}: ask the operator whether the enrolment has expired")
            }
            Self::Request(error @ RequestError::HoldsEnough) => write!(f, "{error}: use some first"),
            Self::Request(error @ (RequestError::CountersUsedUp | RequestError::SealFailed)) => error.fmt(f),
        }
    }
}

impl Error for SyncCause {}
