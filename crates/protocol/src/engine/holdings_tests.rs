//! What the device does with a set, by its indexes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::vec;

use super::*;

fn set(first: u32, count: u64, reset: bool) -> CodeSet {
    let format = CodeFormat::DEFAULT;
    let codes = (0..count).map(|place| Code::from_value(format, u64::from(first) * 1_000 + place).unwrap()).collect();
    CodeSet::new(CodeIndex(first), format, reset, codes).unwrap()
}

fn digest(of: u32) -> Digest {
    let mut digest = [0; 16];
    digest[..4].copy_from_slice(&of.to_be_bytes());
    digest
}

fn holding(sets: &[(u32, u64)]) -> Holdings {
    let mut holdings = Holdings::default();
    for (first, count) in sets {
        let set = set(*first, *count, false);
        assert_eq!(holdings.judge(&set, &digest(*first)), Verdict::New);
        holdings.hold(&set, digest(*first));
    }
    holdings
}

fn unused(holdings: &Holdings) -> Vec<u32> {
    holdings.marks().filter(|mark| !mark.used).map(|mark| mark.index.0).collect()
}

#[test]
fn a_set_above_the_highest_is_new_with_or_without_a_gap() {
    let holdings = holding(&[(1, 4), (9, 2)]);
    assert_eq!(holdings.highest(), CodeIndex(10));
    assert_eq!(unused(&holdings), [1, 2, 3, 4, 9, 10]);
}

#[test]
fn the_same_bytes_are_the_same_set_even_after_every_code_was_taken() {
    let mut holdings = holding(&[(1, 3)]);
    while holdings.take(Selector::Next).is_ok() {}
    assert_eq!(holdings.judge(&set(1, 3, false), &digest(1)), Verdict::Same);
    assert_eq!(holdings.judge(&set(1, 3, false), &digest(2)), Verdict::Conflict);
}

#[test]
fn every_overlap_is_a_conflict() {
    let holdings = holding(&[(5, 4), (9, 4)]);
    for (first, count) in [(5, 3), (6, 3), (4, 2), (8, 2), (9, 5), (12, 2), (1, 50), (5, 8)] {
        assert_eq!(holdings.judge(&set(first, count, false), &digest(0)), Verdict::Conflict, "{first}+{count}");
    }
}

#[test]
fn a_set_in_a_gap_or_below_the_records_is_stale() {
    let mut holdings = holding(&[(5, 4), (20, 4)]);
    assert_eq!(holdings.judge(&set(1, 4, false), &digest(1)), Verdict::Stale);
    assert_eq!(holdings.judge(&set(9, 4, false), &digest(9)), Verdict::Stale);
    for _ in 0..4 {
        holdings.take(Selector::Next).unwrap();
    }
    holdings.hold(&set(30, 1, false), digest(30));
    assert_eq!(holdings.judge(&set(5, 4, false), &digest(5)), Verdict::Stale);
}

#[test]
fn reset_drops_every_code_below() {
    let mut holdings = holding(&[(1, 4), (5, 4)]);
    holdings.take(Selector::Index(CodeIndex(2))).unwrap();
    assert_eq!(holdings.hold(&set(9, 2, true), digest(9)), 7);
    assert_eq!(unused(&holdings), [9, 10]);
    assert_eq!(holdings.take(Selector::Index(CodeIndex(1))).unwrap_err(), TakeError::NotHeld);
}

#[test]
fn no_more_codes_than_the_device_keeps() {
    let mut holdings = holding(&[(1, 200)]);
    assert_eq!(holdings.judge(&set(201, 51, false), &digest(201)), Verdict::TooMany);
    assert_eq!(holdings.judge(&set(201, 51, true), &digest(201)), Verdict::New);
    holdings.take(Selector::Next).unwrap();
    assert_eq!(holdings.judge(&set(201, 51, false), &digest(201)), Verdict::New);
}

#[test]
fn a_code_is_taken_once() {
    let mut holdings = holding(&[(1, 3)]);
    let (index, code) = holdings.take(Selector::Index(CodeIndex(2))).unwrap();
    assert_eq!((index, code.value()), (CodeIndex(2), 1_001));
    assert_eq!(holdings.take(Selector::Index(CodeIndex(2))).unwrap_err(), TakeError::AlreadyTaken);
    assert_eq!(holdings.take(Selector::Next).unwrap().0, CodeIndex(1));
    assert_eq!(holdings.take(Selector::Next).unwrap().0, CodeIndex(3));
    assert_eq!(holdings.take(Selector::Next).unwrap_err(), TakeError::Empty);
    assert_eq!(holdings.take(Selector::Index(CodeIndex(4))).unwrap_err(), TakeError::NotHeld);
}

#[test]
fn what_could_not_have_been_stored_is_not_restored() {
    let held = |first: u32, count: usize| {
        let code = || Place::Unused(Code::from_value(CodeFormat::DEFAULT, 1).unwrap());
        let places = (0..count).map(|at| if at % 2 == 0 { code() } else { Place::Used }).collect();
        HeldSet { first: CodeIndex(first), format: CodeFormat::DEFAULT, digest: digest(first), places }
    };
    let restore = |sets, highest| Holdings::restore(sets, CodeIndex(highest));
    assert!(restore(vec![held(1, 4), held(5, 2)], 6).is_some());
    assert!(restore(vec![held(1, 4), held(4, 2)], 6).is_none(), "overlap");
    assert!(restore(vec![held(5, 2), held(1, 4)], 6).is_none(), "not in order");
    assert!(restore(vec![held(1, 4)], 3).is_none(), "beyond the highest");
    assert!(restore(vec![held(1, 0)], 6).is_none(), "no codes");
    assert!(restore(vec![held(1, 251)], 300).is_none(), "more than a set has");
    assert!(restore(vec![held(1, 250), held(251, 250), held(501, 2)], 600).is_none(), "more than the device keeps");
    assert!(restore(vec![held(0, 1)], 6).is_none(), "index 0");
    assert!(restore(vec![held(u32::MAX, 2)], u32::MAX).is_none(), "past the last index");
}
