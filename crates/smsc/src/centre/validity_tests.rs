#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use matchbook_protocol::UnixMillis;

use super::{read, receipt_date};

/// 2026-01-31T12:00Z.
const NOW: UnixMillis = UnixMillis(1_769_860_800_000);

#[test]
fn from_now_on_and_until_a_date() {
    for (text, seconds) in [
        ("000000000005000R", 5),
        ("000001000000000R", 86_400),
        ("000100000000000R", 30 * 86_400),
        ("990000000000000R", 30 * 86_400),
        ("260131120010000+", 10),
        ("260131130010004+", 10),
        ("260131110010004-", 10),
        ("260131115959000+", 0),
    ] {
        assert_eq!(read(text, NOW), Some(Duration::from_secs(seconds)), "{text}");
    }
}

#[test]
fn no_time() {
    for text in [
        "",
        "R",
        "00000000000500R",
        "0000000000050000R",
        "00000000000500xR",
        "000000000005000X",
        "261331120000000+",
        "é00000000005000R",
    ] {
        assert_eq!(read(text, NOW), None, "{text}");
    }
}

#[test]
fn receipts_have_minutes() {
    assert_eq!(receipt_date(NOW), "2601311200");
}
