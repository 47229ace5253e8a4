//! How eagerly a device sends by itself: what is free and quick on a data bearer costs money and seconds by SMS.

const MINUTE_MS: u64 = 60 * 1_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// The waits between messages that nobody asked the device for. All in milliseconds, and none may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The wait after the first transmission of a message that is not answered; each further wait is twice as long. Also
    /// the least time between two transmissions that the other side prompts, so that a replayed message does not make
    /// the device send at will.
    pub first_ms: u64,
    /// The longest wait between two transmissions.
    pub longest_ms: u64,
    /// The least time between two new requests that only acknowledge a set again: whoever replays a set makes the device
    /// pay for one message in this time at the most.
    pub reacknowledge_ms: u64,
    /// How long the device waits before it asks for a refill again by itself, when the server answered the last time
    /// without a set (its policy allows no more for now).
    pub refill_ms: u64,
    /// Whether a request that only acknowledges a set is sent again until it is answered. Otherwise it goes once, and
    /// nobody answers it: when it is lost, the set comes again, and is acknowledged again. That saves a message each way
    /// for every set.
    pub repeats_acknowledgements: bool,
}

impl Pace {
    /// For bearers that cost nothing a message: 5 seconds doubling to 15 minutes; a minute; an hour; acknowledgements are
    /// repeated. The default.
    pub const DATA: Self = Self {
        first_ms: 5_000,
        longest_ms: 15 * MINUTE_MS,
        reacknowledge_ms: MINUTE_MS,
        refill_ms: HOUR_MS,
        repeats_acknowledgements: true,
    };

    /// For SMS, where each message costs money and takes seconds to hours: a minute doubling to 6 hours; an hour; 6
    /// hours; acknowledgements go once.
    pub const SHORT_MESSAGES: Self = Self {
        first_ms: MINUTE_MS,
        longest_ms: 6 * HOUR_MS,
        reacknowledge_ms: HOUR_MS,
        refill_ms: 6 * HOUR_MS,
        repeats_acknowledgements: false,
    };

    /// The wait after the `sent`-th transmission, counted from 1.
    pub(super) const fn wait_ms(self, sent: u32) -> u64 {
        // After 63 doublings even a millisecond is longer than any wait.
        let doublings = if sent > 64 { 63 } else { sent.saturating_sub(1) };
        let wait = self.first_ms.saturating_mul(1 << doublings);
        if wait > self.longest_ms { self.longest_ms } else { wait }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::DATA
    }
}
