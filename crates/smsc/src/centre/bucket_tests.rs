#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use tokio::time::Instant;

use super::Bucket;

#[test]
fn a_second_holds_what_a_second_may_and_no_more() {
    let mut bucket = Bucket::default();
    let begin = Instant::now();
    let mut taken = |after_ms| (0..100).filter(|_| bucket.take(10, begin + Duration::from_millis(after_ms))).count();
    assert_eq!(taken(0), 10);
    assert_eq!(taken(0), 0);
    assert_eq!(taken(250), 2);
    assert_eq!(taken(60_000), 10);
    // A clock that stands still or goes back gives nothing.
    assert_eq!(taken(59_000), 0);
}
