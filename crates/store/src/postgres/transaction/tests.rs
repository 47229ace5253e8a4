#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use super::{FIRST_PAUSE, TRIES, pause};

#[test]
fn pauses_grow_and_are_bounded_and_differ() {
    let longest = FIRST_PAUSE * (1 << TRIES);
    for tries in 0..40 {
        assert!(pause(tries) <= longest);
        assert!(pause(tries) <= FIRST_PAUSE.saturating_mul(1 << tries.min(TRIES)));
    }
    let some: std::collections::BTreeSet<Duration> = (0..50).map(|_| pause(TRIES)).collect();
    assert!(some.len() > 1);
}
