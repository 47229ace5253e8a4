//! A number's mailbox: what came and was not taken yet, and how many messages went either way.

use std::collections::VecDeque;
use std::sync::Arc;

use matchbook_protocol::sms::Address;
use tokio::sync::Notify;

use crate::air::Parcel;
use crate::chance::Leg;
use crate::counts::NumberCounts;

/// The most messages in a mailbox: a phone holds some hundreds, and a forgotten mailbox must not fill the memory.
pub(crate) const MAX_WAITING: usize = 10_000;

/// A number's mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// What happened; `waiting` is filled in when it is asked for.
    pub(crate) counts: NumberCounts,
    /// What came, in the order in which it came.
    pub(crate) waiting: VecDeque<Parcel>,
    /// How many of the first in `waiting` the phone has: the rest came while it was off.
    pub(crate) reached: usize,
    /// How many phones with this number are on.
    pub(crate) phones_on: usize,
    /// Wakes the phones.
    pub(crate) came: Arc<Notify>,
    up: Way,
    down: Way,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// How many messages began to go this way: the next one's ordinal.
    begun: u64,
    /// The highest ordinal that arrived, and one.
    highest: u64,
    /// What waits to be overtaken.
    held_back: Option<Box<Parcel>>,
}

impl Mailbox {
    pub(crate) fn new(number: Address) -> Self {
        let counts = NumberCounts { number, received: 0, sent: 0, lost: 0, duplicated: 0, waiting: 0 };
        Self {
            counts,
            waiting: VecDeque::new(),
            reached: 0,
            phones_on: 0,
            came: Arc::new(Notify::new()),
            up: Way::default(),
            down: Way::default(),
        }
    }

    /// The ordinal of the next message on this leg.
    pub(crate) fn next_ordinal(&mut self, leg: Leg) -> u64 {
        let way = self.way(leg);
        way.begun += 1;
        way.begun - 1
    }

    /// Whether a message that arrives now was overtaken by a later one.
    pub(crate) fn was_overtaken(&mut self, leg: Leg, ordinal: u64) -> bool {
        let way = self.way(leg);
        let was = ordinal + 1 < way.highest;
        way.highest = way.highest.max(ordinal + 1);
        was
    }

    /// What waits to be overtaken on this leg.
    pub(crate) fn held_back(&mut self, leg: Leg) -> &mut Option<Box<Parcel>> {
        &mut self.way(leg).held_back
    }

    fn way(&mut self, leg: Leg) -> &mut Way {
        match leg {
            Leg::Up => &mut self.up,
            Leg::Down => &mut self.down,
        }
    }
}
