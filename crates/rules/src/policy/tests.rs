#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= right * 1e-9
}

fn fields(policy: &Policy) -> Vec<&'static str> {
    check(policy).unwrap_err().problems.iter().map(|problem| problem.field).collect()
}

#[test]
fn the_default_policy_is_good_and_has_no_warning() {
    let report = check(&Policy::default()).unwrap();
    assert_eq!((report.acceptable_at_once, report.guesses, report.guesses_hard_stop), (1, 5, 100));
    assert!(close(report.guess_probability, 5e-6));
    assert!(close(report.guess_probability_hard_stop, 1e-4));
    assert!(close(report.guess_probability_a_day, 34e-6));
    assert_eq!((report.set_size, report.largest_set, report.set_message_bytes), (40, 40, 133));
    assert_eq!((report.messages_per_set, report.messages_per_set_public_key), (1, 2));
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[test]
fn eight_digits_come_thirty_to_a_message() {
    let report = check(&Policy { digits: 8, ..Policy::default() }).unwrap();
    assert_eq!((report.set_size, report.messages_per_set), (30, 1));
}

#[test]
fn a_set_in_public_key_mode_of_50_codes_takes_two_messages() {
    let report = check(&Policy { set_size: Some(50), ..Policy::default() }).unwrap();
    assert_eq!((report.messages_per_set, report.messages_per_set_public_key), (2, 2));
    assert!(report.warnings.iter().any(|warning| warning.contains("2 short messages")));
}

#[test]
fn every_field_has_its_range() {
    type Set = fn(&mut Policy, u16);
    let ranges: [(&str, u16, u16, Set); 7] = [
        ("digits", 4, 12, |policy, value| policy.digits = value as u8),
        ("set_size", 1, 250, |policy, value| policy.set_size = Some(value as u8)),
        ("threshold", 0, 63, |policy, value| policy.threshold = value as u8),
        ("max_failures", 1, 20, |policy, value| policy.max_failures = value as u8),
        ("sets_per_day", 1, 100, |policy, value| policy.sets_per_day = value as u8),
        ("skips_per_day", 0, 20, |policy, value| policy.skips_per_day = value as u8),
        ("rotate_after_days", 1, 3_650, |policy, value| policy.rotate_after_days = value),
    ];
    for (field, lowest, highest, set) in ranges {
        let with = |value| {
            let mut policy = Policy::default();
            set(&mut policy, value);
            policy
        };
        assert!(check(&with(lowest)).is_ok(), "{field} {lowest}");
        assert!(check(&with(highest)).is_ok(), "{field} {highest}");
        assert_eq!(fields(&with(highest + 1)), [field]);
        if lowest > 0 {
            assert_eq!(fields(&with(lowest - 1)), [field]);
        }
    }
}

#[test]
fn next_in_order_looks_at_1_to_10_codes() {
    let with = |look_ahead| Policy { mode: Mode::NextInOrder { look_ahead }, ..Policy::default() };
    assert_eq!(check(&with(10)).unwrap().acceptable_at_once, 10);
    assert_eq!(check(&with(1)).unwrap().acceptable_at_once, 1);
    assert_eq!(fields(&with(0)), ["look_ahead"]);
    assert_eq!(fields(&with(11)), ["look_ahead"]);
}

// MB-VER-6
#[test]
fn any_unused_needs_eight_digits_unless_told_in_so_many_words() {
    let with = |digits, accept_guessable_codes| Policy {
        mode: Mode::AnyUnused,
        digits,
        accept_guessable_codes,
        ..Policy::default()
    };
    assert_eq!(fields(&with(6, false)), ["digits"]);
    assert_eq!(fields(&with(7, false)), ["digits"]);
    let told = check(&with(6, true)).unwrap();
    assert_eq!(told.acceptable_at_once, 50);
    assert!(close(told.guess_probability, 250e-6));
    assert!(told.warnings.iter().any(|warning| warning.contains("accept_guessable_codes")));
    let eight = check(&with(8, false)).unwrap();
    assert!(close(eight.guess_probability, 40.0 * 5.0 / 1e8));
}

#[test]
fn six_symbols_of_base_32_are_more_than_eight_digits() {
    let with = |digits| Policy { mode: Mode::AnyUnused, digits, base32: true, ..Policy::default() };
    assert!(check(&with(6)).is_ok());
    assert_eq!(fields(&with(5)), ["digits"]);
}

#[test]
fn a_guessable_policy_is_warned_of() {
    let report = check(&Policy { digits: 4, ..Policy::default() }).unwrap();
    assert!(close(report.guess_probability, 5e-4));
    assert!(report.warnings.iter().any(|warning| warning.contains("5.0e-4 in its 5 guesses")));
    assert!(report.warnings.iter().any(|warning| warning.contains("1.0e-2 in the 100 guesses")));
}

#[test]
fn a_threshold_that_is_no_less_than_a_set_is_warned_of() {
    let report = check(&Policy { set_size: Some(10), ..Policy::default() }).unwrap();
    assert!(report.warnings.iter().any(|warning| warning.contains("threshold of 10")));
}

#[test]
fn all_problems_are_told_at_once() {
    let policy = Policy { digits: 3, threshold: 64, max_failures: 0, ..Policy::default() };
    assert_eq!(fields(&policy), ["digits", "threshold", "max_failures"]);
    let error = check(&policy).unwrap_err().to_string();
    assert!(error.contains("digits is 3, but has to be 4 to 12"), "{error}");
}

#[test]
fn the_report_reads_well() {
    let text = check(&Policy { digits: 4, ..Policy::default() }).unwrap().to_string();
    assert!(text.contains("4 decimal digits, 10000 different ones"), "{text}");
    assert!(text.contains("guessed by a source 5.0e-4 in 5 guesses"), "{text}");
    assert!(text.contains("\nwarning: One source"), "{text}");
}

proptest! {
    #[test]
    fn chances_are_chances(
        digits in 0_u8..=20,
        base32: bool,
        set_size in proptest::option::of(any::<u8>()),
        threshold: u8,
        max_failures: u8,
        mode in 0_u8..3,
        look_ahead: u8,
    ) {
        let mode = [Mode::Indexed, Mode::NextInOrder { look_ahead }, Mode::AnyUnused][usize::from(mode)];
        let policy = Policy { mode, digits, base32, set_size, threshold, max_failures, ..Policy::default() };
        match check(&policy) {
            Ok(report) => {
                prop_assert!(report.guess_probability > 0.0 && report.guess_probability <= 1.0);
                prop_assert!(report.guess_probability <= report.guess_probability_a_day);
                prop_assert!(report.guess_probability <= report.guess_probability_hard_stop);
                prop_assert!(report.set_size >= 1 && report.largest_set >= 1);
                prop_assert_eq!(report.messages_per_set == 1, report.set_size <= report.largest_set);
            }
            Err(error) => prop_assert!(!error.problems.is_empty()),
        }
    }
}
