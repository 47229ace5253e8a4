//! Times as SMPP writes them: `YYMMDDhhmmsstnnp` (SMPP 5.0 §4.7.23).

use std::time::Duration;

use matchbook_protocol::UnixMillis;

use crate::clock::{civil, from_civil};

/// The longest validity, as of many centres; a longer one is cut.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// What validity_period says: so long from `now`. `None` when it is no time; nothing when it is over.
pub(super) fn read(text: &str, now: UnixMillis) -> Option<Duration> {
    let (digits, kind) = (text.get(..15)?, text.get(15..)?);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| digits.get(at..at + 2).and_then(|two| two.parse::<u64>().ok());
    let (years, months, days) = (two(0)?, two(2)?, two(4)?);
    let of_day = two(6)? * 3_600 + two(8)? * 60 + two(10)?;
    let quarters = two(13)?;
    let validity = match kind {
        "R" => Duration::from_secs((years * 365 + months * 30 + days) * 86_400 + of_day),
        "+" | "-" => {
            let local = from_civil(2_000 + years, months, days, of_day)?;
            let offset = quarters.checked_mul(15 * 60 * 1_000)?;
            let utc = if kind == "+" { local.0.checked_sub(offset)? } else { local.0.checked_add(offset)? };
            Duration::from_millis(UnixMillis(utc).since(now))
        }
        _ => return None,
    };
    Some(validity.min(LONGEST))
}

/// A date as receipts write it: `YYMMDDhhmm`.
pub(super) fn receipt_date(date: UnixMillis) -> String {
    let (year, month, day, hour, minute, _) = civil(date);
    format!("{:02}{month:02}{day:02}{hour:02}{minute:02}", year % 100)
}

#[cfg(test)]
#[path = "validity_tests.rs"]
mod tests;
