//! Times such as 15m, 24h and 90d, and short ones such as 200ms.

use std::time::Duration;

/// Reads a time as seconds.
///
/// # Errors
/// A sentence that says what a good one looks like.
pub(crate) fn duration(text: &str) -> Result<u64, String> {
    let wrong = || "a time is a number and a unit, such as 90s, 15m, 24h or 7d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).unwrap_or_default();
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).filter(|time| *time > 0).ok_or_else(wrong)
}

/// The longest of the short times.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Reads a short time, such as 200ms, 2s, 1m or 0s.
///
/// # Errors
/// A sentence that says what a good one looks like.
pub(crate) fn short_time(text: &str) -> Result<Duration, String> {
    let wrong = || "a short time is a number and a unit, such as 200ms, 2s or 1m, up to 1h".to_owned();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let unit_ms = match text.strip_prefix(digits) {
        Some("ms") => 1,
        Some("s") => 1_000,
        Some("m") => 60_000,
        Some("h") => 3_600_000,
        Some(_) | None => return Err(wrong()),
    };
    let time = number.checked_mul(unit_ms).map(Duration::from_millis);
    time.filter(|time| *time <= LONGEST).ok_or_else(wrong)
}
