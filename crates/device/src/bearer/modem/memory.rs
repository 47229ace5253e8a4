//! A modem in memory, for tests and simulations.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use matchbook_protocol::sms::{Address, Segment};

use super::{Incoming, Modem, ModemError, Place};

/// A modem in memory. Its clones are the same modem: one is the device's, another plays the network.
///
/// It keeps what came until it is deleted, as a real one does; [`MemoryModem::restart`] makes it give all of that again.
#[derive(Clone, Debug, Default)]
pub struct MemoryModem {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    stored: Vec<(u64, Incoming)>,
    unread: VecDeque<u64>,
    next: u64,
    sent: Vec<(Address, Segment)>,
    trouble: Option<ModemError>,
}

impl MemoryModem {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The network's side: a message comes.
    pub fn deliver(&self, from: Address, segment: Segment) {
        let mut state = self.lock();
        let number = state.next;
        state.next = number.wrapping_add(1);
        let place = Some(Place::new(number.to_string()));
        state.stored.push((number, Incoming { from, segment, place }));
        state.unread.push_back(number);
        drop(state);
        self.shared.1.notify_all();
    }

    /// The network's side: takes what was sent, in order.
    #[must_use]
    pub fn take_sent(&self) -> Vec<(Address, Segment)> {
        std::mem::take(&mut self.lock().sent)
    }

    /// How many messages it keeps.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.lock().stored.len()
    }

    /// Gives every message that it keeps again, as to a program that was started anew.
    pub fn restart(&self) {
        let mut state = self.lock();
        state.unread = state.stored.iter().map(|(number, _)| *number).collect();
    }

    /// Makes every call fail so, until `None` is set.
    pub fn set_trouble(&self, trouble: Option<ModemError>) {
        self.lock().trouble = trouble;
        self.shared.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Modem for MemoryModem {
    fn send(&mut self, to: &Address, segment: &Segment) -> Result<(), ModemError> {
        let mut state = self.lock();
        state.fail()?;
        state.sent.push((to.clone(), segment.clone()));
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, ModemError> {
        let until = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            state.fail()?;
            while let Some(number) = state.unread.pop_front() {
                if let Some((_, incoming)) = state.stored.iter().find(|(stored, _)| *stored == number) {
                    return Ok(Some(incoming.clone()));
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            state = self.shared.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn delete(&mut self, place: &Place) -> Result<(), ModemError> {
        let mut state = self.lock();
        state.fail()?;
        state.stored.retain(|(_, incoming)| incoming.place.as_ref() != Some(place));
        Ok(())
    }
}

impl State {
    fn fail(&self) -> Result<(), ModemError> {
        self.trouble.clone().map_or(Ok(()), Err)
    }
}
