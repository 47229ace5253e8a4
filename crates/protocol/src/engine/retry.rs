//! When a pending message is sent again: the same bytes, after waits that double, as the [`Pace`] says.

use super::Pace;
use crate::ids::UnixMillis;

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
    pub(super) const fn first(now: UnixMillis, pace: Pace) -> Self {
        Self::sent(now, 1, pace)
    }

    /// The state after another transmission.
    pub(super) const fn again(self, now: UnixMillis, pace: Pace) -> Self {
        match self {
            Self::Idle | Self::Unsent | Self::SentUntimed => Self::first(now, pace),
            Self::Waiting { sent, .. } => Self::sent(now, sent.saturating_add(1), pace),
        }
    }

    /// Starts the clock of a message that was sent at an unknown time, just before `now`.
    pub(super) const fn timed(self, now: UnixMillis, pace: Pace) -> Self {
        match self {
            Self::SentUntimed => Self::first(now, pace),
            Self::Idle | Self::Unsent | Self::Waiting { .. } => self,
        }
    }

    /// Whether the message is to be sent now. A due time further off than the longest wait means that the clock was set
    /// back, or that the pace has become quicker: then it is due.
    pub(super) fn is_due(self, now: UnixMillis, pace: Pace) -> bool {
        match self {
            Self::Idle | Self::SentUntimed => false,
            Self::Unsent => true,
            Self::Waiting { due, .. } => now >= due || due.since(now) > pace.longest_ms,
        }
    }

    /// Brings the next transmission forward, because the other side shows that it has not got the message: to now, or
    /// to the shortest wait after the last one.
    pub(super) fn prompted(self, now: UnixMillis, pace: Pace) -> Self {
        match self {
            Self::Idle | Self::Unsent => self,
            Self::SentUntimed => Self::first(now, pace),
            Self::Waiting { last, due, sent } => Self::Waiting { last, due: due.min(last.plus(pace.first_ms)), sent },
        }
    }

    /// When to look again; `None` when nothing is pending or the time is not known yet.
    pub(super) const fn due(self) -> Option<UnixMillis> {
        match self {
            Self::Idle | Self::Unsent | Self::SentUntimed => None,
            Self::Waiting { due, .. } => Some(due),
        }
    }

    const fn sent(now: UnixMillis, sent: u32, pace: Pace) -> Self {
        Self::Waiting { last: now, due: now.plus(pace.wait_ms(sent)), sent }
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
