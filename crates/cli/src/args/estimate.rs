//! What is asked of `matchbook estimate`.

use clap::{Args, value_parser};
use matchbook_protocol::codes::{MAX_DIGITS, MAX_SET_CODES, MIN_DIGITS};
use matchbook_rules::estimate::MAX_CODES_PER_MONTH;
use matchbook_rules::policy::MAX_ROTATE_AFTER_DAYS;

/// The most users of one estimate: there are no more people.
const MAX_USERS: u32 = 4_000_000_000;
/// The highest price of a short message, enough for currencies of which a loaf of bread takes a handful of notes.
const MAX_PRICE: f64 = 1_000_000.0;

/// `estimate`.
#[derive(Debug, Args)]
pub(crate) struct Estimate {
    /// Codes that a user uses in a month, 1 to 100000
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=i64::from(MAX_CODES_PER_MONTH)))]
    pub(crate) codes_per_month: u32,
    /// What a short message costs that the server sends (MT), such as 0.04, in any currency
    #[arg(long, value_name = "PRICE", value_parser = price)]
    pub(crate) price: f64,
    /// What a short message costs that a device sends (MO) [default: as --price]
    #[arg(long, value_name = "PRICE", value_parser = price)]
    pub(crate) price_mo: Option<f64>,
    /// Digits a code, 4 to 12
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = digits())]
    pub(crate) digits: u8,
    /// Codes of digits and unambiguous letters instead of digits alone
    #[arg(long)]
    pub(crate) base32: bool,
    /// Codes a set, 1 to 250 [default: as many as fit one short message]
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(1..=MAX_SET_CODES as i64))]
    pub(crate) set: Option<u8>,
    /// A key is replaced after this many days, 1 to 3650
    #[arg(long, value_name = "DAYS", default_value_t = 90,
        value_parser = value_parser!(u16).range(1..=i64::from(MAX_ROTATE_AFTER_DAYS)))]
    pub(crate) rotate_after_days: u16,
    /// How many users there are, each with one device
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=i64::from(MAX_USERS)))]
    pub(crate) users: u32,
}

fn digits() -> clap::builder::RangedI64ValueParser<u8> {
    value_parser!(u8).range(i64::from(MIN_DIGITS)..=i64::from(MAX_DIGITS))
}

/// Reads a price: digits, with a point and digits behind it or without.
fn price(text: &str) -> Result<f64, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.starts_with(|first: char| first.is_ascii_digit());
    let number = text.parse::<f64>().ok().filter(|price| is_plain && (0.0..=MAX_PRICE).contains(price));
    number.ok_or_else(|| "a price is a number from 0 to 1000000, such as 0.04".to_owned())
}
