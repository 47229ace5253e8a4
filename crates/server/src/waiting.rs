//! Devices whose request is held until a push comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use matchbook_protocol::AuthenticatorId;
use tokio::sync::Notify;

use crate::limits::MAX_WAITING_DEVICES;

/// Who waits: one request a device. A newer request of a device releases the older one, so that a device holds one
/// connection, however often it asks.
#[derive(Default)]
pub(crate) struct Waiting {
    devices: Mutex<HashMap<AuthenticatorId, Arc<Call>>>,
}

/// How a waiting request is reached.
#[derive(Default)]
struct Call {
    push: Notify,
    replaced: Notify,
}

/// A place in the waiting room; leaving it is dropping it.
pub(crate) struct Place<'a> {
    room: &'a Waiting,
    id: AuthenticatorId,
    call: Arc<Call>,
}

impl Waiting {
    /// Takes a place before the last look at the outbox, so that no push falls between; `None` when the room is full.
    pub(crate) fn enter(&self, id: AuthenticatorId) -> Option<Place<'_>> {
        let mut devices = self.lock();
        if devices.len() >= MAX_WAITING_DEVICES && !devices.contains_key(&id) {
            return None;
        }
        let call = Arc::new(Call::default());
        if let Some(older) = devices.insert(id, Arc::clone(&call)) {
            // Stored when nobody waits at this instant, so that it is not missed.
            older.replaced.notify_one();
        }
        Some(Place { room: self, id, call })
    }

    /// Wakes a device's held request, if it has one; says whether it had.
    pub(crate) fn wake(&self, id: &AuthenticatorId) -> bool {
        let devices = self.lock();
        devices.get(id).is_some_and(|call| {
            call.push.notify_one();
            true
        })
    }

    /// Whether a device's request is held.
    pub(crate) fn waits(&self, id: &AuthenticatorId) -> bool {
        self.lock().contains_key(id)
    }

    /// How many devices wait.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AuthenticatorId, Arc<Call>>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Completes at the next push; a push since the place was taken counts.
    pub(crate) async fn push(&self) {
        self.call.push.notified().await;
    }

    /// Completes when a newer request of the device takes the place.
    pub(crate) async fn replaced(&self) {
        self.call.replaced.notified().await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut devices = self.room.lock();
        if devices.get(&self.id).is_some_and(|call| Arc::ptr_eq(call, &self.call)) {
            devices.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests;
