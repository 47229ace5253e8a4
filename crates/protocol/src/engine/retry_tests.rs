//! The back-off, step by step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::vec::Vec;

use super::*;

const START: UnixMillis = UnixMillis(1_000_000_000);

/// The first twelve waits, in seconds.
fn waits(pace: Pace) -> Vec<u64> {
    let mut retry = Retry::first(START, pace);
    let mut now = START;
    let mut waits = Vec::new();
    for _ in 0..12 {
        let due = retry.due().unwrap();
        waits.push(due.since(now) / 1_000);
        assert!(!retry.is_due(UnixMillis(due.0 - 1), pace));
        assert!(retry.is_due(due, pace));
        now = due;
        retry = retry.again(now, pace);
    }
    waits
}

/// MB-DEV-4.
#[test]
fn waits_double_from_five_seconds_to_fifteen_minutes() {
    assert_eq!(waits(Pace::DATA), [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900]);
    assert_eq!(Pace::default(), Pace::DATA);
}

/// MB-SMS-8.
#[test]
fn by_sms_waits_double_from_a_minute_to_six_hours() {
    let hours_6 = 6 * 60 * 60;
    assert_eq!(
        waits(Pace::SHORT_MESSAGES),
        [60, 120, 240, 480, 960, 1_920, 3_840, 7_680, 15_360, hours_6, hours_6, hours_6]
    );
}

#[test]
fn no_pace_and_no_number_of_transmissions_overflows() {
    let eager = Pace { first_ms: 1, longest_ms: u64::MAX, ..Pace::DATA };
    assert_eq!(eager.wait_ms(0), 1);
    assert_eq!(eager.wait_ms(64), 1 << 63);
    assert_eq!(eager.wait_ms(u32::MAX), 1 << 63);
    let slow = Pace { first_ms: u64::MAX, ..eager };
    assert_eq!(slow.wait_ms(u32::MAX), u64::MAX);
    assert_eq!(Pace::SHORT_MESSAGES.wait_ms(u32::MAX), Pace::SHORT_MESSAGES.longest_ms);
}

#[test]
fn a_clock_that_was_set_back_does_not_silence_the_device() {
    for pace in [Pace::DATA, Pace::SHORT_MESSAGES] {
        let retry = Retry::first(START, pace);
        assert!(!retry.is_due(UnixMillis(START.0 - 1), pace));
        assert!(retry.is_due(UnixMillis(0), pace));
    }
}

#[test]
fn a_quicker_pace_ends_a_longer_wait() {
    let slow = Pace::SHORT_MESSAGES;
    let retry = (0..8).fold(Retry::first(START, slow), |retry, _| retry.again(START, slow));
    assert!(!retry.is_due(START, slow));
    assert!(retry.is_due(START, Pace::DATA));
}

/// MB-DEV-4, MB-SMS-8.
#[test]
fn a_prompt_brings_forward_but_not_below_the_first_wait() {
    for (pace, first_ms) in [(Pace::DATA, 5_000), (Pace::SHORT_MESSAGES, 60_000)] {
        let retry = (0..8).fold(Retry::first(START, pace), |retry, _| retry.again(START, pace));
        let prompted = retry.prompted(START.plus(1), pace);
        assert!(!prompted.is_due(START.plus(first_ms - 1), pace));
        assert!(prompted.is_due(START.plus(first_ms), pace));
        assert_eq!(Retry::Idle.prompted(START, pace), Retry::Idle);
    }
}

#[test]
fn after_a_restore_the_first_tick_sends() {
    let pace = Pace::DATA;
    assert!(Retry::Unsent.is_due(UnixMillis(0), pace));
    assert!(!Retry::SentUntimed.is_due(START, pace));
    assert_eq!(Retry::SentUntimed.timed(START, pace), Retry::first(START, pace));
}
