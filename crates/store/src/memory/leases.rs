//! Who may send which message, and who has which lease, where several servers share the store.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use matchbook_protocol::AuthenticatorId;
use matchbook_rules::{Changes, OutboxItem, RealmId, Write};

use crate::NodeId;

type MessageKey = (RealmId, AuthenticatorId, [u8; 16]);

/// A holder and when its time is over.
type Held = (NodeId, Instant);

#[derive(Debug, Default)]
pub(super) struct Leases {
    messages: HashMap<MessageKey, Held>,
    named: HashMap<String, Held>,
}

impl Leases {
    /// Those of the messages that no other node has, up to `limit`; they are this node's now.
    pub(super) fn take_messages(
        &mut self,
        due: Vec<OutboxItem>,
        limit: usize,
        node: NodeId,
        hold_ms: u64,
    ) -> Vec<OutboxItem> {
        let free = due.into_iter().filter(|item| {
            let key = (item.realm.clone(), item.authenticator, item.message);
            !is_held(&self.messages, &key)
        });
        let taken: Vec<OutboxItem> = free.take(limit).collect();
        for item in &taken {
            let key = (item.realm.clone(), item.authenticator, item.message);
            self.messages.insert(key, (node, until(hold_ms)));
        }
        taken
    }

    /// Lets go of the messages whose next sending was set.
    pub(super) fn committed(&mut self, changes: &Changes) {
        for write in &changes.writes {
            if let Write::OutboxAttempt { realm, id, message, .. } | Write::OutboxDue { realm, id, message, .. } = write
            {
                self.messages.remove(&(realm.clone(), *id, *message));
            }
        }
    }

    pub(super) fn take(&mut self, name: &str, node: NodeId, hold_ms: u64) -> bool {
        let is_others = is_held(&self.named, name) && self.named.get(name).is_some_and(|(holder, _)| *holder != node);
        if !is_others {
            self.named.insert(name.to_owned(), (node, until(hold_ms)));
        }
        !is_others
    }

    pub(super) fn give(&mut self, name: &str, node: NodeId) {
        if self.named.get(name).is_some_and(|(holder, _)| *holder == node) {
            self.named.remove(name);
        }
    }
}

fn is_held<K: Hash + Eq + std::borrow::Borrow<Q>, Q: Hash + Eq + ?Sized>(held: &HashMap<K, Held>, key: &Q) -> bool {
    held.get(key).is_some_and(|(_, until)| *until > Instant::now())
}

fn until(hold_ms: u64) -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(hold_ms)).unwrap_or(now)
}
