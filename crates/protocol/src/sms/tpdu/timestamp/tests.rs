//! Times as centres write them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

#[test]
fn a_known_time() {
    // 2011-01-11 17:59:15, one hour ahead of UTC.
    let time = Timestamp::from_octets([0x11, 0x10, 0x11, 0x71, 0x95, 0x51, 0x40]);
    assert_eq!(time.at(), Some(UnixMillis(1_294_765_155_000)));
    assert_eq!(time.quarters(), Some(4));
    assert_eq!(Timestamp::new(UnixMillis(1_294_765_155_999), 4), time);
}

#[test]
fn every_day_of_the_century_is_read_back() {
    let first = UnixMillis(946_684_800_000);
    for day in 0..36_525_u64 {
        let at = first.plus(day * 86_400_000 + day * 2_000);
        for quarters in [0, 4, -20, 56] {
            let time = Timestamp::new(at, quarters);
            // Over the century's edges the local time is clamped.
            let is_inside = day > 0 && day < 36_524;
            assert!(!is_inside || time.at() == Some(at), "{day} {quarters}");
            assert_eq!(time.quarters(), Some(quarters));
        }
    }
}

#[test]
fn beyond_the_edges_the_nearest_is_written() {
    assert_eq!(Timestamp::utc(UnixMillis(0)).at(), Some(UnixMillis(946_684_800_000)));
    assert_eq!(Timestamp::utc(UnixMillis(u64::MAX)).at(), Some(UnixMillis(4_102_444_799_000)));
    assert_eq!(Timestamp::new(UnixMillis(u64::MAX), 127).quarters(), Some(79));
    assert_eq!(Timestamp::new(UnixMillis(0), -128).quarters(), Some(-79));
}

#[test]
fn nonsense_is_no_time() {
    let time = |octets| Timestamp::from_octets(octets).at();
    assert_eq!(time([0; 7]), None);
    assert_eq!(time([0xff; 7]), None);
    assert_eq!(time([0x32, 0x20, 0x92, 0, 0, 0, 0]), None, "2023-02-29");
    assert!(time([0x42, 0x20, 0x92, 0, 0, 0, 0]).is_some(), "2024-02-29");
    assert_eq!(time([0x42, 0x31, 0x10, 0, 0, 0, 0]), None, "month 13");
    assert_eq!(time([0x42, 0x20, 0x10, 0x42, 0, 0, 0]), None, "24 o'clock");
    assert_eq!(time([0x42, 0x20, 0x10, 0, 0x06, 0, 0]), None, "minute 60");
    assert_eq!(time([0x42, 0x20, 0x10, 0, 0, 0, 0xf0]), None, "no such zone");
    assert!(time([0x99, 0x21, 0x13, 0x32, 0x95, 0x95, 0x0a]).is_some(), "the last minute, behind UTC");
}
