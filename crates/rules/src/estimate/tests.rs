//! The arithmetic, on numbers that can be checked by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

fn usage() -> Usage {
    Usage {
        format: CodeFormat::DEFAULT,
        set_size: 40,
        codes_per_month: 40,
        rotate_after_days: 90,
        price_from_server: 0.04,
        price_from_device: 0.10,
    }
}

fn find(usage: &Usage, suite: Suite, delivery: Delivery, bearer: Bearer) -> Estimate {
    let profile = Profile::new(suite, delivery).unwrap();
    let all = estimate(usage);
    *all.iter().find(|estimate| estimate.profile == profile && estimate.bearer == bearer).unwrap()
}

fn is_near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found} instead of {wanted}");
}

const BINARY: Bearer = Bearer::Sms(Form::Binary);
const TEXT: Bearer = Bearer::Sms(Form::Text);

#[test]
fn every_kind_of_device_is_there_once_on_every_bearer() {
    let all = estimate(&usage());
    assert_eq!(all.len(), 5 * 3);
    let is_same = |one: &Estimate, other: &Estimate| one.profile == other.profile && one.bearer == other.bearer;
    assert!(all.iter().all(|one| all.iter().filter(|other| is_same(one, other)).count() == 1));
}

#[test]
fn a_set_a_month_is_one_message_out_and_two_in() {
    let estimate = find(&usage(), Suite::X25519, Delivery::Shared, BINARY);
    assert_eq!((estimate.set_size, estimate.set), (40, Load { short_messages: 1, bytes: 133 }));
    assert_eq!(estimate.refill.from_server, Load { short_messages: 1, bytes: 133 });
    assert_eq!(estimate.refill.from_device, Load { short_messages: 2, bytes: 90 });
    assert_eq!(estimate.rotation.from_server, Load { short_messages: 3, bytes: 36 + 85 + 36 });
    assert_eq!(estimate.rotation.from_device, Load { short_messages: 2, bytes: 77 + 45 });
    let rotations = 365.25 / 12.0 / 90.0;
    is_near(estimate.month.refills, 1.0);
    is_near(estimate.month.rotations, rotations);
    is_near(estimate.month.from_server, 1.0 + 3.0 * rotations);
    is_near(estimate.month.from_device, 2.0 + 2.0 * rotations);
    is_near(estimate.month.bytes, 223.0 + 279.0 * rotations);
    is_near(estimate.month.cost, 0.04 * (1.0 + 3.0 * rotations) + 0.10 * (2.0 + 2.0 * rotations));
}

#[test]
fn symmetric_devices_rotate_in_three_messages() {
    let estimate = find(&usage(), Suite::Symmetric, Delivery::Shared, BINARY);
    assert_eq!(estimate.rotation.from_server, Load { short_messages: 2, bytes: 65 + 36 });
    assert_eq!(estimate.rotation.from_device, Load { short_messages: 1, bytes: 45 });
}

#[test]
fn public_keys_take_a_second_message() {
    let x25519 = find(&usage(), Suite::X25519, Delivery::PublicKey, BINARY);
    assert_eq!(x25519.set, Load { short_messages: 2, bytes: 213 });
    let p256 = find(&usage(), Suite::P256, Delivery::PublicKey, BINARY);
    assert_eq!(p256.set, Load { short_messages: 2, bytes: 246 });
    assert_eq!(p256.rotation.from_server, Load { short_messages: 3, bytes: 36 + 118 + 36 });
    assert_eq!(p256.rotation.from_device, Load { short_messages: 2, bytes: 110 + 45 });
}

#[test]
fn a_text_holds_fewer_codes_so_there_are_more_sets() {
    let estimate = find(&usage(), Suite::X25519, Delivery::Shared, TEXT);
    assert_eq!((estimate.set_size, estimate.set), (34, Load { short_messages: 1, bytes: 118 }));
    is_near(estimate.month.refills, 40.0 / 34.0);
    let smaller = find(&Usage { set_size: 20, ..usage() }, Suite::X25519, Delivery::Shared, TEXT);
    is_near(smaller.month.refills, 2.0);
}

#[test]
fn https_costs_no_short_message() {
    for delivery in [Delivery::Shared, Delivery::PublicKey] {
        let estimate = find(&Usage { set_size: 250, ..usage() }, Suite::P256, delivery, Bearer::Https);
        assert_eq!((estimate.set_size, estimate.set.short_messages), (250, 0));
        assert_eq!((estimate.month.from_server, estimate.month.from_device, estimate.month.cost), (0.0, 0.0, 0.0));
        assert!(estimate.month.bytes > 0.0);
    }
}

#[test]
fn many_users_cost_so_many_times_as_much() {
    let month = find(&usage(), Suite::X25519, Delivery::Shared, BINARY).month;
    let thousand = month.times(1_000);
    is_near(thousand.cost, 1_000.0 * month.cost);
    is_near(thousand.bytes, 1_000.0 * month.bytes);
    is_near(month.times(0).from_server, 0.0);
    assert!(month.times(u32::MAX).cost.is_finite());
}

#[test]
fn the_widest_codes_still_fit_a_message() {
    let format = CodeFormat::new(matchbook_protocol::Alphabet::Base32, 12).unwrap();
    for estimate in estimate(&Usage { format, set_size: 250, ..usage() }) {
        assert!(estimate.set_size >= 1 && estimate.set.bytes > 0);
    }
}
