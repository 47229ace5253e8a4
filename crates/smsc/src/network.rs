//! The network: phones, the air between, and the desk of the centres, behind one lock.

mod radio;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::{Address, Segment};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::air::{Event, Parcel};
use crate::chance::Leg;
use crate::clock::Clock;
use crate::conditions::Conditions;
use crate::counts::{Counts, NumberCounts};
use crate::desk::{AddressRange, Delivery, Item, Route};
use crate::phone::{Incoming, Phone};
use crate::ticket::Ticket;
use crate::user_data;
use state::State;

/// A simulated mobile network.
///
/// Its time is tokio's. What is on its way is carried by a task that begins with the first message that takes time, in
/// the runtime of whoever sends it, and ends with the network.
#[derive(Debug)]
pub struct Network {
    clock: Clock,
    state: Mutex<State>,
    /// Something is due earlier than the radio's task thought.
    sooner: Arc<Notify>,
}

impl Network {
    /// A network without phones.
    #[must_use]
    pub fn new(conditions: Conditions) -> Arc<Self> {
        let clock = Clock::start();
        Arc::new(Self { clock, state: Mutex::new(State::new(conditions, clock)), sooner: Arc::new(Notify::new()) })
    }

    /// Switches a phone on. Its mailbox begins with the first phone of a number and stays for good; what came while no
    /// phone of the number was on comes now, unless its validity is over.
    ///
    /// Numbers are the same when their digits are, with a plus sign or without.
    #[must_use]
    pub fn phone(self: &Arc<Self>, number: Address) -> Phone {
        let came = self.with(|state, now| state.switch_on(&number, now));
        Phone::new(Arc::clone(self), number, came)
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// What happened to each phone's number so far, in the order of the numbers.
    #[must_use]
    pub fn numbers(&self) -> Vec<NumberCounts> {
        self.lock().numbers()
    }

    /// How many messages of phones wait for an ESME.
    #[must_use]
    pub fn messages_waiting(&self) -> usize {
        self.lock().desk.messages_waiting()
    }

    /// What the network does to messages now.
    #[must_use]
    pub fn conditions(&self) -> Conditions {
        self.lock().conditions.clone()
    }

    /// Changes what the network does to messages that begin from now on.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.lock().conditions = conditions;
    }

    // What phones do.

    pub(crate) fn send(self: &Arc<Self>, from: &Address, to: &Address, segment: Segment) {
        let is_fitting = user_data::fits(&segment);
        if !is_fitting {
            tracing::warn!(%from, %to, "a phone sent what does not fit into one short message: it is lost");
        }
        self.with(|state, now| state.send(from, to, segment, is_fitting, now));
    }

    pub(crate) fn take(&self, number: &Address) -> Option<Incoming> {
        self.lock().take(number)
    }

    pub(crate) fn switch_on(self: &Arc<Self>, number: &Address) {
        self.with(|state, now| state.switch_on(number, now));
    }

    pub(crate) fn switch_off(&self, number: &Address) {
        self.lock().switch_off(number);
    }

    // What centres do.

    pub(crate) fn per_second(&self) -> Option<u32> {
        self.lock().conditions.per_second
    }

    pub(crate) fn has_room(&self) -> bool {
        !self.lock().air.is_full()
    }

    /// A number that nothing else of this network has.
    pub(crate) fn unique_number(&self) -> u64 {
        self.lock().desk.number()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.lock().counts);
    }

    pub(crate) fn submit(self: &Arc<Self>, ticket: &Arc<Ticket>, segments: Vec<Segment>) {
        self.with(|state, now| state.submit(ticket, segments, now));
    }

    pub(crate) fn join(
        &self,
        id: u64,
        route: Route,
        range: AddressRange,
        window: usize,
    ) -> mpsc::UnboundedReceiver<Item> {
        // Never more than the window in it: the desk counts.
        let (queue, items) = mpsc::unbounded_channel();
        self.lock().desk.join(id, route, range, window, queue);
        items
    }

    /// An ESME has it.
    pub(crate) fn delivered(&self, id: u64, item: &Item) {
        let mut state = self.lock();
        match &item.delivery {
            Delivery::Message { .. } => state.counts.mo_delivered += 1,
            Delivery::Receipt { .. } => state.counts.receipts += 1,
        }
        state.desk.answered(id);
    }

    /// An ESME refused it for good.
    pub(crate) fn refused(&self, id: u64, item: &Item) {
        let mut state = self.lock();
        state.drop_item(item);
        state.desk.answered(id);
    }

    /// An ESME refused it for now.
    pub(crate) fn try_again(self: &Arc<Self>, id: u64, item: Item, at: Instant) {
        self.with(|state, _| {
            state.counts.retried += 1;
            if state.air.is_full() {
                state.drop_item(&item);
            } else {
                state.air.schedule(at, Event::Again(item));
            }
            state.desk.answered(id);
        });
    }

    /// A receiver is gone; `unanswered` is what it was handed.
    pub(crate) fn leave(&self, id: u64, unanswered: Vec<Item>) {
        let mut state = self.lock();
        state.desk.leave(id);
        for item in unanswered {
            state.counts.retried += 1;
            state.put(item);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; if something does, the counts are off by one and the rest is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that may put events in the air, and sees to it that the radio carries them.
    fn with<R>(self: &Arc<Self>, act: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut state = self.lock();
        let before = state.air.next_due();
        let result = act(&mut state, Instant::now());
        let after = state.air.next_due();
        if after.is_some() && !state.has_radio {
            state.has_radio = radio::start(self);
        }
        drop(state);
        if after != before {
            self.sooner.notify_one();
        }
        result
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.sooner.notify_one();
    }
}

/// A short message that begins its way.
fn parcel(leg: Leg, from: Address, to: Address, segment: Segment, sent_at: UnixMillis) -> Parcel {
    Parcel { leg, from, to, segment, sent_at, ordinal: 0, is_copy: false, is_held_back: false, ticket: None }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
