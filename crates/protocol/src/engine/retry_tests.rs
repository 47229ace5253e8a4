//! The back-off, step by step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

const START: UnixMillis = UnixMillis(1_000_000);

#[test]
fn waits_double_from_five_seconds_to_fifteen_minutes() {
    let mut retry = Retry::first(START);
    let mut now = START;
    let mut waits = alloc::vec::Vec::new();
    for _ in 0..12 {
        let due = retry.due().unwrap();
        waits.push(due.since(now) / 1_000);
        assert!(!retry.is_due(UnixMillis(due.0 - 1)));
        assert!(retry.is_due(due));
        now = due;
        retry = retry.again(now);
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900]);
}

#[test]
fn a_clock_that_was_set_back_does_not_silence_the_device() {
    let retry = Retry::first(START);
    assert!(!retry.is_due(UnixMillis(START.0 - 1)));
    assert!(retry.is_due(UnixMillis(0)));
}

#[test]
fn a_prompt_brings_forward_but_not_below_five_seconds() {
    let mut retry = Retry::first(START);
    for _ in 0..8 {
        retry = retry.again(START);
    }
    let prompted = retry.prompted(START.plus(1));
    assert!(!prompted.is_due(START.plus(4_999)));
    assert!(prompted.is_due(START.plus(5_000)));
    assert_eq!(Retry::Idle.prompted(START), Retry::Idle);
}

#[test]
fn after_a_restore_the_first_tick_sends() {
    assert!(Retry::Unsent.is_due(UnixMillis(0)));
    assert!(!Retry::SentUntimed.is_due(START));
    assert_eq!(Retry::SentUntimed.timed(START), Retry::first(START));
}
