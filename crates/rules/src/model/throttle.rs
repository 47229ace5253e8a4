//! Counts of failures, and what earlier operations were answered.

use matchbook_protocol::UnixMillis;

use super::{OperationId, RealmId, RelyingPartyId};

/// A keyed hash of what a bucket counts, so that the store holds no name that somebody merely tried. 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey(pub [u8; 16]);

/// A durable count of failures in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Failures in the window.
    pub failures: u32,
    /// When the window began.
    pub window_started_at: UnixMillis,
    /// When the last failure was.
    pub last_failure_at: UnixMillis,
}

/// What a verify was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The code was good, and is spent.
    Accepted,
    /// It was not, for whatever reason.
    Rejected,
}

/// A finished operation, so that its repetition gets the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The realm.
    pub realm: RealmId,
    /// Who asked; an operation id counts for its relying party only.
    pub relying_party: RelyingPartyId,
    /// The idempotency key.
    pub id: OperationId,
    /// A keyed hash of the request, so that one id cannot stand for two.
    pub fingerprint: [u8; 16],
    /// What was answered.
    pub verdict: Verdict,
    /// When. Operations are kept for at least `verify::OPERATION_KEPT_MS`.
    pub at: UnixMillis,
}
