//! What the store hands to a decision.

use std::sync::Arc;

use matchbook_protocol::{AuthenticatorId, CodeIndex};

use super::{Authenticator, Bucket, IssuedSet, Operation, OutboxItem, Realm, Subscriber, SubscriberId, Version};

/// All of one authenticator that a request, an issue or a rotation needs.
#[derive(Clone, Debug)]
pub struct DeviceSnapshot {
    /// Its realm, with the policy.
    pub realm: Realm,
    /// Its subscriber is suspended.
    pub subscriber_suspended: bool,
    /// Its subscriber's row is at this version.
    pub subscriber_version: Version,
    /// The authenticator.
    pub authenticator: Authenticator,
    /// Its issued sets, by first index, ascending; voided and pruned ones are gone.
    pub sets: Vec<IssuedSet>,
    /// The spent indices within `sets`, ascending.
    pub spent: Vec<CodeIndex>,
    /// The highest index ever spent (pruned rows included); 0 for none.
    pub highest_spent: CodeIndex,
    /// Consecutive failures.
    pub failures: u32,
    /// Its unacknowledged messages, oldest first.
    pub outbox: Vec<OutboxItem>,
}

/// Whose code is to be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyTarget {
    /// A subscriber, by log-in name: every active authenticator of theirs counts.
    Subscriber(SubscriberId),
    /// One authenticator.
    Authenticator(AuthenticatorId),
}

/// One authenticator that a verify may accept a code of. What seldom changes is shared, so that a store can hand out what
/// it remembers without copying it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The authenticator.
    pub authenticator: Arc<Authenticator>,
    /// Its issued sets, by first index, ascending.
    pub sets: Arc<[IssuedSet]>,
    /// The spent indices within `sets`, ascending.
    pub spent: Vec<CodeIndex>,
    /// The highest index ever spent (pruned rows included); 0 for none.
    pub highest_spent: CodeIndex,
    /// Consecutive failures.
    pub failures: u32,
    /// A set of it waits for its acknowledgement.
    pub set_outstanding: bool,
}

/// The failure counts that bear on one attempt.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThrottleSnapshot {
    /// Of this name from this source.
    pub source: Bucket,
    /// Of this source at the relying party, over all names.
    pub place: Bucket,
    /// Of the relying party.
    pub relying_party: Bucket,
    /// Of everybody.
    pub global: Bucket,
    /// Challenges skipped for this name, in the day's window.
    pub skips: Bucket,
}

/// All that a verify or a challenge needs.
#[derive(Clone, Debug)]
pub struct VerifySnapshot {
    /// The realm; `None` when there is none of that name, which is answered like a wrong code.
    pub realm: Option<Arc<Realm>>,
    /// The subscriber; `None` likewise.
    pub subscriber: Option<Arc<Subscriber>>,
    /// The authenticators that are not revoked, by identification code; empty for an unknown name.
    pub candidates: Vec<Candidate>,
    /// The failure counts.
    pub throttle: ThrottleSnapshot,
    /// The earlier operation of that id and relying party.
    pub operation: Option<Operation>,
}
