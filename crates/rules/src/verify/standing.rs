//! Whether an authenticator's codes count at all at the moment.

use crate::model::{Candidate, Status, Subscriber, VerifySnapshot};
use crate::throttle::{Attempt, is_locked};

/// Whether an authenticator's codes count, and why not. All but `Usable` are answered like a wrong code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They do.
    Usable,
    /// The device has not enrolled yet.
    Pending,
    /// The operator stopped the authenticator for a time.
    Suspended,
    /// The operator stopped it for good.
    Revoked,
    /// The operator stopped its subscriber.
    SubscriberSuspended,
    /// The store was put back from a backup, and the device has not told since what it holds.
    Restored,
    /// Too many consecutive failures.
    Locked,
}

impl Standing {
    /// Of a candidate and its subscriber; no subscriber counts as a suspended one.
    pub(crate) fn of(candidate: &Candidate, subscriber: Option<&Subscriber>) -> Self {
        match candidate.authenticator.status {
            Status::Pending { .. } => Self::Pending,
            Status::Suspended => Self::Suspended,
            Status::Revoked => Self::Revoked,
            Status::Active if subscriber.is_none_or(|subscriber| subscriber.suspended) => Self::SubscriberSuspended,
            Status::Active if candidate.authenticator.restored => Self::Restored,
            Status::Active if is_locked(candidate.failures) => Self::Locked,
            Status::Active => Self::Usable,
        }
    }

    /// Why its codes do not count; `None` when they do.
    pub(crate) const fn why(self) -> Option<&'static str> {
        match self {
            Self::Usable => None,
            Self::Pending => Some("the device has not enrolled yet"),
            Self::Suspended => Some("the device is suspended"),
            Self::Revoked => Some("the device is revoked"),
            Self::SubscriberSuspended => Some("the user is suspended"),
            Self::Restored => Some("the store was restored and the device has not reported since"),
            Self::Locked => Some("the device is locked after 100 failures; an operator unlocks it"),
        }
    }
}

/// The authenticators that an attempt may be about: none where there is no realm, or where the relying party named
/// another realm than its own.
pub(crate) fn known_candidates<'a>(attempt: &Attempt<'_>, snapshot: &'a VerifySnapshot) -> &'a [Candidate] {
    if snapshot.realm.is_some() && attempt.realm == attempt.home { &snapshot.candidates } else { &[] }
}
