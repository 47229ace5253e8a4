//! How strongly a change locks the rows that it guards.

use std::collections::BTreeSet;

use matchbook_protocol::AuthenticatorId;
use matchbook_rules::{Changes, Guard, RealmId, SubscriberId, Version, Write};

/// A lock of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// Nobody changes it.
    Share,
    /// And nobody else has it locked, because it is to be changed.
    Change,
}

/// The rows that a change writes to.
pub(super) struct Strength<'a> {
    devices: BTreeSet<(&'a RealmId, &'a AuthenticatorId)>,
    subscribers: BTreeSet<(&'a RealmId, &'a SubscriberId)>,
    realms: BTreeSet<&'a RealmId>,
}

impl<'a> Strength<'a> {
    pub(super) fn of(changes: &'a Changes) -> Self {
        let mut strength = Self { devices: BTreeSet::new(), subscribers: BTreeSet::new(), realms: BTreeSet::new() };
        for write in &changes.writes {
            match write {
                Write::PutRealm(it) => drop(strength.realms.insert(&it.id)),
                Write::PutSubscriber(it) => drop(strength.subscribers.insert((&it.realm, &it.id))),
                Write::PutAuthenticator(it) => drop(strength.devices.insert((&it.realm, &it.id))),
                Write::InsertSet(it) => drop(strength.devices.insert((&it.realm, &it.authenticator))),
                Write::InsertAuthenticator(_)
                | Write::SetFailures { .. }
                | Write::DeleteSet { .. }
                | Write::Spend(_)
                | Write::InsertOperation(_)
                | Write::CountFailure { .. }
                | Write::ClearBucket { .. }
                | Write::InsertOutbox(_)
                | Write::DeleteOutbox { .. }
                | Write::OutboxAttempt { .. }
                | Write::OutboxDue { .. }
                | Write::InsertDispatch(_)
                | Write::SettleDispatch { .. }
                | Write::Audit(_)
                | Write::InsertToken(_)
                | Write::DeleteToken(_)
                | Write::Stage(_)
                | Write::GoLive(_)
                | Write::Probe => {}
            }
        }
        strength
    }

    pub(super) fn of_device(&self, realm: &RealmId, id: &AuthenticatorId) -> Lock {
        lock(self.devices.contains(&(realm, id)))
    }

    pub(super) fn of_subscriber(&self, realm: &RealmId, id: &SubscriberId) -> Lock {
        lock(self.subscribers.contains(&(realm, id)))
    }

    pub(super) fn of_realm(&self, realm: &RealmId) -> Lock {
        lock(self.realms.contains(realm))
    }

    /// Whether a device's row is there and locked for a change by the time that `write` is made: by a guard, or by a
    /// write before it.
    pub(super) fn holds_device(&self, changes: &Changes, write: &Write, realm: &RealmId, id: &AuthenticatorId) -> bool {
        let by_guard = changes.guards.iter().any(|guard| {
            matches!(guard, Guard::Authenticator { realm: of, id: it, version } if of == realm && it == id && *version > Version(0))
        });
        by_guard
            || changes.writes.iter().take_while(|before| !std::ptr::eq(*before, write)).any(|before| match before {
                Write::InsertAuthenticator(it) | Write::PutAuthenticator(it) => it.realm == *realm && it.id == *id,
                Write::InsertSet(it) => it.realm == *realm && it.authenticator == *id,
                Write::PutRealm(_)
                | Write::PutSubscriber(_)
                | Write::SetFailures { .. }
                | Write::DeleteSet { .. }
                | Write::Spend(_)
                | Write::InsertOperation(_)
                | Write::CountFailure { .. }
                | Write::ClearBucket { .. }
                | Write::InsertOutbox(_)
                | Write::DeleteOutbox { .. }
                | Write::OutboxAttempt { .. }
                | Write::OutboxDue { .. }
                | Write::InsertDispatch(_)
                | Write::SettleDispatch { .. }
                | Write::Audit(_)
                | Write::InsertToken(_)
                | Write::DeleteToken(_)
                | Write::Stage(_)
                | Write::GoLive(_)
                | Write::Probe => false,
            })
    }
}

fn lock(is_changed: bool) -> Lock {
    if is_changed { Lock::Change } else { Lock::Share }
}

/// The count of failures that a guard saw, for the first write of that count: there is no row to lock when it is 0, so
/// the write has to find it as it was.
pub(super) fn seen_failures(changes: &Changes, write: &Write) -> Option<u32> {
    let Write::SetFailures { realm, id, .. } = write else { return None };
    let is_same =
        |other: &Write| matches!(other, Write::SetFailures { realm: of, id: it, .. } if of == realm && it == id);
    if changes.writes.iter().take_while(|before| !std::ptr::eq(*before, write)).any(is_same) {
        return None;
    }
    changes.guards.iter().find_map(|guard| match guard {
        Guard::Failures { realm: of, id: it, count } if of == realm && it == id => Some(*count),
        Guard::Failures { .. }
        | Guard::Authenticator { .. }
        | Guard::Subscriber { .. }
        | Guard::Realm { .. }
        | Guard::Calm { .. }
        | Guard::Operation(_) => None,
    })
}
