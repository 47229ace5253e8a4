//! When a pending message is sent again: the same bytes, after 5 seconds, then twice as long each time, up to 15
//! minutes.

use crate::ids::UnixMillis;

/// The wait after the first transmission; also the least time between two that the other side prompts, so that a
/// replayed message does not make the device send at will.
pub const RETRY_FIRST_MS: u64 = 5_000;
/// The longest wait between two transmissions.
pub const RETRY_MAX_MS: u64 = 15 * 60 * 1_000;

/// Where the pending message stands. Not persisted: a restored engine sends at its first tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Retry {
    /// Nothing is pending.
    #[default]
    Idle,
    /// Pending, and not sent since the engine was restored.
    Unsent,
    /// Sent at a time that the engine was not told, at enrolment.
    SentUntimed,
    /// Sent, and to be sent again.
    Waiting {
        /// When it was sent last.
        last: UnixMillis,
        /// When it is due again.
        due: UnixMillis,
        /// How often it was sent, from 1.
        sent: u32,
    },
}

impl Retry {
    /// The state after a first transmission.
    pub(super) const fn first(now: UnixMillis) -> Self {
        Self::sent(now, 1)
    }

    /// The state after another transmission.
    pub(super) const fn again(self, now: UnixMillis) -> Self {
        match self {
            Self::Idle | Self::Unsent | Self::SentUntimed => Self::first(now),
            Self::Waiting { sent, .. } => Self::sent(now, sent.saturating_add(1)),
        }
    }

    /// Starts the clock of a message that was sent at an unknown time, just before `now`.
    pub(super) const fn timed(self, now: UnixMillis) -> Self {
        match self {
            Self::SentUntimed => Self::first(now),
            Self::Idle | Self::Unsent | Self::Waiting { .. } => self,
        }
    }

    /// Whether the message is to be sent now. A due time further off than the longest wait means that the clock was set
    /// back: then it is due.
    pub(super) fn is_due(self, now: UnixMillis) -> bool {
        match self {
            Self::Idle | Self::SentUntimed => false,
            Self::Unsent => true,
            Self::Waiting { due, .. } => now >= due || due.since(now) > RETRY_MAX_MS,
        }
    }

    /// Brings the next transmission forward, because the other side shows that it has not got the message: to now, or
    /// to [`RETRY_FIRST_MS`] after the last one.
    pub(super) fn prompted(self, now: UnixMillis) -> Self {
        match self {
            Self::Idle | Self::Unsent => self,
            Self::SentUntimed => Self::first(now),
            Self::Waiting { last, due, sent } => Self::Waiting { last, due: due.min(last.plus(RETRY_FIRST_MS)), sent },
        }
    }

    /// When to look again; `None` when nothing is pending or the time is not known yet.
    pub(super) const fn due(self) -> Option<UnixMillis> {
        match self {
            Self::Idle | Self::Unsent | Self::SentUntimed => None,
            Self::Waiting { due, .. } => Some(due),
        }
    }

    const fn sent(now: UnixMillis, sent: u32) -> Self {
        Self::Waiting { last: now, due: now.plus(wait_ms(sent)), sent }
    }
}

/// The wait after the `sent`-th transmission, in milliseconds.
const fn wait_ms(sent: u32) -> u64 {
    // 2^8 × 5 s is already beyond the longest wait.
    let doublings = if sent > 9 { 8 } else { sent.saturating_sub(1) };
    let wait = RETRY_FIRST_MS << doublings;
    if wait > RETRY_MAX_MS { RETRY_MAX_MS } else { wait }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
