//! Realms and the people in them.

use matchbook_protocol::UnixMillis;

use super::{Policy, RealmId, SubscriberId, Version};

/// A realm with its policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Realm {
    /// Its name, first in every key of the store.
    pub id: RealmId,
    /// What people read; up to 128 bytes.
    pub display_name: String,
    /// How its codes are issued, verified and refilled.
    pub policy: Policy,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Rewrites so far.
    pub version: Version,
}

/// An enrolled person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// The realm that the name counts in.
    pub realm: RealmId,
    /// The log-in name.
    pub id: SubscriberId,
    /// What people read; up to 128 bytes.
    pub display_name: String,
    /// A suspended subscriber's codes are all refused.
    pub suspended: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Rewrites so far.
    pub version: Version,
}
