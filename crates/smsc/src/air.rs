//! What is on its way, by when it is due.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::{Address, Segment};
use tokio::time::Instant;

use crate::chance::Leg;
use crate::desk::Item;
use crate::ticket::Ticket;

/// The most events that wait for their time: some 100 MB. Above it submits are refused for now, what phones send is lost,
/// and receipts of lost messages are dropped.
pub(crate) const MAX_EVENTS: usize = 200_000;

/// One copy of a short message under way.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) leg: Leg,
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) segment: Segment,
    pub(crate) sent_at: UnixMillis,
    /// Its place among all of its number on this leg.
    pub(crate) ordinal: u64,
    pub(crate) is_copy: bool,
    /// It waits until another one of its number has overtaken it.
    pub(crate) is_held_back: bool,
    /// What its submit is settled by; `None` for what another phone sent.
    pub(crate) ticket: Option<Arc<Ticket>>,
}

impl Parcel {
    /// The number whose radio carries it.
    pub(crate) fn number(&self) -> &Address {
        match self.leg {
            Leg::Up => &self.from,
            Leg::Down => &self.to,
        }
    }
}

/// What happens when its time has come.
#[derive(Debug)]
pub(crate) enum Event {
    /// A copy arrives.
    Arrival(Box<Parcel>),
    /// What was held back on this leg of this number, and nobody overtook, goes on: the one of this ordinal.
    LetGo(Leg, Address, u64),
    /// A submit's validity is over.
    Expiry(Arc<Ticket>),
    /// A delivery to an ESME is tried again.
    Again(Item),
}

/// What is on its way.
#[derive(Debug, Default)]
pub(crate) struct Air {
    events: BinaryHeap<Due>,
    begun: u64,
}

impl Air {
    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS
    }

    /// Half of it is taken: what may stay for hours has no room any more, so that messages have.
    pub(crate) fn is_crowded(&self) -> bool {
        self.events.len() >= MAX_EVENTS / 2
    }

    pub(crate) fn schedule(&mut self, at: Instant, event: Event) {
        self.begun += 1;
        self.events.push(Due { at, order: self.begun, event });
    }

    /// When the next event is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.events.peek().map(|due| due.at)
    }

    /// The next event that is due by `now`.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Event> {
        if self.next_due()? > now {
            return None;
        }
        self.events.pop().map(|due| due.event)
    }
}

/// An event and its time. Those of one time happen in the order in which they were scheduled.
#[derive(Debug)]
struct Due {
    at: Instant,
    order: u64,
    event: Event,
}

impl Ord for Due {
    // The heap gives the greatest first: the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Due {}
