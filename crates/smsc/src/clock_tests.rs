#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use matchbook_protocol::UnixMillis;
use tokio::time::Instant;

use super::{after, civil, from_civil};

#[test]
fn dates_there_and_back() {
    for (seconds, parts) in [
        (0, (1970, 1, 1, 0, 0, 0)),
        (951_782_399, (2000, 2, 28, 23, 59, 59)),
        (951_782_400, (2000, 2, 29, 0, 0, 0)),
        (1_767_225_599, (2025, 12, 31, 23, 59, 59)),
        (4_107_542_400, (2100, 3, 1, 0, 0, 0)),
    ] {
        assert_eq!(civil(UnixMillis(seconds * 1000)), parts);
        let (year, month, day, hour, minute, second) = parts;
        let back = from_civil(year, month, day, hour * 3600 + minute * 60 + second);
        assert_eq!(back, Some(UnixMillis(seconds * 1000)));
    }
    assert_eq!(from_civil(1969, 12, 31, 0), None);
    assert_eq!(from_civil(2026, 13, 1, 0), None);
}

#[test]
fn for_ever_is_no_overflow() {
    let now = Instant::now();
    assert_eq!(after(now, Duration::from_secs(1)), now + Duration::from_secs(1));
    assert!(after(now, Duration::MAX) > now + Duration::from_secs(1_000_000));
}
