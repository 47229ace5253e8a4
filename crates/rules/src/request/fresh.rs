//! Whether an authentic request is new: a window of 64 counters, so that a few that overtake each other all count, and
//! each once.

use matchbook_protocol::{EpochKeys, Request};

use super::authenticate::{AuthenticRequest, KeyUsed};
use crate::model::RequestWindow;

/// How many counters up to the highest are told apart; an older one is stale.
pub const WINDOW: u32 = u64::BITS;

/// What an authentic request is to the server.
pub enum Freshness {
    /// Never seen.
    Fresh(FreshRequest),
    /// Seen before.
    Duplicate(DuplicateRequest),
    /// Below the window: whether it was seen is not known any more.
    Stale,
}

/// A request that was never seen. The only thing that makes the server issue or offer in answer to a device.
pub struct FreshRequest {
    pub(super) counter: u32,
    pub(super) request: Request,
    pub(super) key: KeyUsed,
    pub(super) keys: EpochKeys,
    /// Above all that were seen; otherwise later ones overtook it.
    pub(super) newest: bool,
}

/// A request that was seen before: sent again by the device, or replayed by somebody.
pub struct DuplicateRequest {
    pub(super) counter: u32,
    pub(super) key: KeyUsed,
    pub(super) keys: EpochKeys,
}

impl AuthenticRequest {
    /// Looks the request's counter up in the window.
    #[must_use]
    pub fn freshen(self, window: &RequestWindow) -> Freshness {
        let Self { counter, request, key, keys } = self;
        match window.judge(counter) {
            Seen::Newest => Freshness::Fresh(FreshRequest { counter, request, key, keys, newest: true }),
            Seen::Overtaken => Freshness::Fresh(FreshRequest { counter, request, key, keys, newest: false }),
            Seen::Before => Freshness::Duplicate(DuplicateRequest { counter, key, keys }),
            Seen::Unknown => Freshness::Stale,
        }
    }
}

/// What the window says of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is above all that were seen.
    Newest,
    /// It is in the window and was not seen.
    Overtaken,
    /// It was seen.
    Before,
    /// It is below the window.
    Unknown,
}

impl RequestWindow {
    /// What is known of a counter.
    pub(crate) const fn judge(&self, counter: u32) -> Seen {
        let Some(back) = self.highest.checked_sub(counter) else { return Seen::Newest };
        if counter == 0 || back >= WINDOW {
            Seen::Unknown
        } else if self.seen >> back & 1 == 1 {
            Seen::Before
        } else {
            Seen::Overtaken
        }
    }

    /// Marks a counter as seen.
    pub(crate) const fn mark(&mut self, counter: u32) {
        match self.highest.checked_sub(counter) {
            Some(back) => {
                if back < WINDOW {
                    self.seen |= 1 << back;
                }
            }
            None => {
                let further = counter - self.highest;
                self.seen = if further < WINDOW { self.seen << further | 1 } else { 1 };
                self.highest = counter;
            }
        }
    }
}
