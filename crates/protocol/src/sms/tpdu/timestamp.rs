//! Service centre timestamps (TS 23.040 §9.2.3.11): local time and its distance from UTC, in swapped decimal digits.

use crate::ids::UnixMillis;

/// A time as a short message carries it, kept as it came: networks write nonsense here, which is no reason to lose a
/// message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp([u8; 7]);

impl Timestamp {
    /// The time in UTC.
    #[must_use]
    pub fn utc(at: UnixMillis) -> Self {
        Self::new(at, 0)
    }

    /// The time on a clock that is `quarters` quarters of an hour ahead of UTC. Whole seconds; years 2000 to 2099, and
    /// at most 79 quarters to either side: anything beyond becomes the nearest.
    #[must_use]
    pub fn new(at: UnixMillis, quarters: i8) -> Self {
        let quarters = quarters.clamp(-MAX_QUARTERS, MAX_QUARTERS);
        let utc = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
        let local = utc.saturating_add(i64::from(quarters) * QUARTER_S).clamp(FIRST_S, LAST_S);
        let (days, second) = (local.div_euclid(DAY_S), local.rem_euclid(DAY_S));
        let (year, month, day) = civil_of(days);
        let fields = [year - 2_000, month, day, second / 3_600, second / 60 % 60, second % 60];
        let [year, month, day, hour, minute, second] = fields.map(swapped);
        let sign = if quarters < 0 { MINUS } else { 0 };
        Self([year, month, day, hour, minute, second, swapped(i64::from(quarters).abs()) | sign])
    }

    /// The seven octets.
    #[must_use]
    pub const fn to_octets(self) -> [u8; 7] {
        self.0
    }

    /// Seven octets, whatever they say.
    #[must_use]
    pub const fn from_octets(octets: [u8; 7]) -> Self {
        Self(octets)
    }

    /// The time; `None` when the octets name none. Their two digits of a year are of this century.
    #[must_use]
    pub fn at(self) -> Option<UnixMillis> {
        let [year, month, day, hour, minute, second, _] = self.0;
        let year = 2_000 + number_of(year)?;
        let (month, day) = (number_of(month)?, number_of(day)?);
        let (hour, minute, second) = (number_of(hour)?, number_of(minute)?, number_of(second)?);
        let days = days_of(year, month, day);
        let is_time = hour < 24 && minute < 60 && second < 60;
        if !is_time || !(1..=12).contains(&month) || civil_of(days) != (year, month, day) {
            return None;
        }
        let local = days * DAY_S + hour * 3_600 + minute * 60 + second;
        let utc = local - i64::from(self.quarters()?) * QUARTER_S;
        u64::try_from(utc).ok().map(|seconds| UnixMillis(seconds * 1_000))
    }

    /// How many quarters of an hour the clock is ahead of UTC; `None` when the octet names none.
    #[must_use]
    pub fn quarters(self) -> Option<i8> {
        let [.., zone] = self.0;
        let quarters = i8::try_from(number_of(zone & !MINUS)?).ok()?;
        Some(if zone & MINUS == 0 { quarters } else { -quarters })
    }
}

/// Bit 3 of the last octet: behind UTC.
const MINUS: u8 = 0x08;
/// Two digits, of which the first has three bits.
const MAX_QUARTERS: i8 = 79;
const QUARTER_S: i64 = 15 * 60;
const DAY_S: i64 = 24 * 60 * 60;
/// 2000-01-01T00:00:00.
const FIRST_S: i64 = 946_684_800;
/// 2099-12-31T23:59:59.
const LAST_S: i64 = 4_102_444_799;

/// A number below 100, its tens in the low half.
fn swapped(number: i64) -> u8 {
    let (tens, units) = (number / 10 % 10, number % 10);
    u8::try_from(units * 16 + tens).unwrap_or(0)
}

fn number_of(octet: u8) -> Option<i64> {
    let (tens, units) = (i64::from(octet & 0x0f), i64::from(octet >> 4));
    (tens < 10 && units < 10).then_some(10 * tens + units)
}

/// Days since 1970-01-01 of a date in the Gregorian calendar, with the year counted from March so that the leap day is
/// its last.
const fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970
}

/// Year, month and day of a day since 1970-01-01.
const fn civil_of(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests;
