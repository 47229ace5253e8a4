//! Times such as 15m, 24h and 90d.

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
