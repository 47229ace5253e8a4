//! Devices whose request is held until a push comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use matchbook_protocol::AuthenticatorId;
use tokio::sync::Notify;

use crate::limits::MAX_WAITING_DEVICES;

/// Who waits. One entry a device; a second request of the same device shares it.
#[derive(Default)]
pub(crate) struct Waiting {
    devices: Mutex<HashMap<AuthenticatorId, Entry>>,
}

struct Entry {
    notify: Arc<Notify>,
    waiters: usize,
}

/// A place in the waiting room; leaving it is dropping it.
pub(crate) struct Place<'a> {
    room: &'a Waiting,
    id: AuthenticatorId,
    notify: Arc<Notify>,
}

impl Waiting {
    /// Takes a place before the last look at the outbox, so that no push falls between; `None` when the room is full.
    pub(crate) fn enter(&self, id: AuthenticatorId) -> Option<Place<'_>> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if devices.len() >= MAX_WAITING_DEVICES && !devices.contains_key(&id) {
            return None;
        }
        let entry = devices.entry(id).or_insert_with(|| Entry { notify: Arc::new(Notify::new()), waiters: 0 });
        entry.waiters += 1;
        Some(Place { room: self, id, notify: Arc::clone(&entry.notify) })
    }

    /// Wakes a device's held request, if it has one; says whether it had.
    pub(crate) fn wake(&self, id: &AuthenticatorId) -> bool {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.get(id).is_some_and(|entry| {
            entry.notify.notify_waiters();
            true
        })
    }

    /// How many devices wait.
    pub(crate) fn count(&self) -> usize {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Place<'_> {
    /// Completes at the next push. Made before the outbox is looked at, it misses none.
    pub(crate) fn push(&self) -> tokio::sync::futures::Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut devices = self.room.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = devices.get_mut(&self.id) {
            entry.waiters -= 1;
            if entry.waiters == 0 {
                devices.remove(&self.id);
            }
        }
    }
}
