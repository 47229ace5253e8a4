//! The network's clock: tokio's time, which tests may stop and wind on, with a date to it.

use std::time::{Duration, SystemTime};

use matchbook_protocol::UnixMillis;
use tokio::time::Instant;

/// A date, and when it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    date: UnixMillis,
    at: Instant,
}

impl Clock {
    /// Starts at the machine's date.
    pub(crate) fn start() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { date: UnixMillis(u64::try_from(since.as_millis()).unwrap_or_default()), at: Instant::now() }
    }

    /// The date at `instant`.
    pub(crate) fn date(&self, instant: Instant) -> UnixMillis {
        let since = instant.saturating_duration_since(self.at).as_millis();
        self.date.plus(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

/// So long after `instant`; for ever is thirty years.
pub(crate) fn after(instant: Instant, duration: Duration) -> Instant {
    instant.checked_add(duration).unwrap_or_else(|| instant + FOR_EVER)
}

const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Year, month, day, hour, minute, second (UTC).
pub(crate) fn civil(date: UnixMillis) -> (u64, u64, u64, u64, u64, u64) {
    let seconds = date.0 / 1000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days since 1 March of year 0, so that the leap day is the last one of a year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day, of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// The date of these parts (UTC); `None` when there is no such day.
pub(crate) fn from_civil(year: u64, month: u64, day: u64, of_day_s: u64) -> Option<UnixMillis> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    let days = days.checked_sub(719_468)?;
    Some(UnixMillis((days * 86_400 + of_day_s) * 1000))
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
