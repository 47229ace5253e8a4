//! How long a centre tries to deliver: the relative form, one octet (TS 23.040 §9.2.3.12.1).

/// The longest that there is: 63 weeks.
pub const MAX_VALIDITY_MINUTES: u32 = 63 * WEEK;

/// The octet of the shortest validity that is no shorter than `minutes`; 63 weeks for everything above.
pub(super) fn encode(minutes: u32) -> u8 {
    (0..=u8::MAX).find(|octet| decode(*octet) >= minutes).unwrap_or(u8::MAX)
}

/// What an octet says, in minutes.
pub(super) fn decode(octet: u8) -> u32 {
    let value = u32::from(octet);
    match octet {
        0..=143 => (value + 1) * 5,
        144..=167 => DAY / 2 + (value - 143) * 30,
        168..=196 => (value - 166) * DAY,
        197..=255 => (value - 192) * WEEK,
    }
}

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
