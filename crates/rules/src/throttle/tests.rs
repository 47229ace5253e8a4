#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::AuthenticatorId;

use super::*;
use crate::little_store::{START, keyring, realm_id, user};

fn bucket(failures: u32) -> Bucket {
    Bucket { failures, window_started_at: START, last_failure_at: START }
}

fn source(failures: u32) -> ThrottleSnapshot {
    ThrottleSnapshot { source: bucket(failures), ..ThrottleSnapshot::default() }
}

#[test]
fn a_source_waits_from_the_limit_on_and_twice_as_long_each_time() {
    assert_eq!(wait_ms(&source(4), 5, START), 0);
    let waits: Vec<u64> = (5..14).map(|failures| wait_ms(&source(failures), 5, START) / 1_000).collect();
    assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    assert_eq!(source_delay_ms(u32::MAX, 1), LONGEST_DELAY_MS);
}

#[test]
fn a_source_may_go_on_when_the_delay_is_over() {
    assert_eq!(wait_ms(&source(5), 5, START.plus(29_999)), 1);
    assert_eq!(wait_ms(&source(5), 5, START.plus(30_000)), 0);
}

#[test]
fn a_sources_failures_are_forgotten_a_day_after_the_first() {
    let mut seen = source(50);
    seen.source.last_failure_at = START.plus(SOURCE_WINDOW_MS - 1);
    assert_eq!(wait_ms(&seen, 5, START.plus(SOURCE_WINDOW_MS - 1)), LONGEST_DELAY_MS);
    assert_eq!(wait_ms(&seen, 5, START.plus(SOURCE_WINDOW_MS)), 0);
}

#[test]
fn a_clock_set_back_makes_nobody_wait() {
    assert_eq!(wait_ms(&source(5), 5, UnixMillis(0)), 0);
}

#[test]
fn a_day_holds_as_many_guesses_as_the_delays_leave() {
    // 5 at once, 7 by the doubling waits that end after 3,810 s, then one an hour.
    assert_eq!(guesses_a_day(5), 5 + 7 + 22);
    assert!((1..20).all(|max| guesses_a_day(max) <= guesses_a_day(max + 1)));
}

#[test]
fn a_relying_party_with_many_failures_trickles() {
    let mut seen =
        ThrottleSnapshot { place: bucket(1), relying_party: bucket(RELYING_PARTY_FAILURES - 1), ..Default::default() };
    assert_eq!(wait_ms(&seen, 5, START), 0);
    seen.relying_party.failures += 1;
    assert_eq!(wait_ms(&seen, 5, START), RELYING_PARTY_SPACING_MS);
    assert_eq!(wait_ms(&seen, 5, START.plus(RELYING_PARTY_SPACING_MS)), 0);
    let elsewhere = ThrottleSnapshot { place: Bucket::default(), ..seen };
    assert_eq!(wait_ms(&elsewhere, 5, START), 0, "a source without failures");
    seen.relying_party.last_failure_at = START.plus(RELYING_PARTY_WINDOW_MS);
    assert_eq!(wait_ms(&seen, 5, START.plus(RELYING_PARTY_WINDOW_MS)), 0);
}

#[test]
fn a_flooded_realm_slows_only_whom_the_flood_comes_through() {
    let flooded = |place, own| ThrottleSnapshot {
        place: bucket(place),
        relying_party: bucket(own),
        global: bucket(6_000),
        ..Default::default()
    };
    let seen = |own| flooded(1, own);
    assert_eq!(wait_ms(&flooded(0, 600), 5, START), 0, "a source without failures");
    assert_eq!(wait_ms(&seen(600), 5, START), GLOBAL_SPACING_MS);
    assert_eq!(wait_ms(&seen(599), 5, START), 0);
    let calm = ThrottleSnapshot { global: bucket(5_999), ..seen(5_999) };
    assert_eq!(wait_ms(&calm, 5, START), RELYING_PARTY_SPACING_MS);
}

#[test]
fn a_place_with_many_failures_waits_after_each() {
    let mut seen = ThrottleSnapshot { place: bucket(PLACE_FAILURES - 1), ..Default::default() };
    assert_eq!(wait_ms(&seen, 5, START), 0);
    seen.place.failures += 1;
    assert_eq!(wait_ms(&seen, 5, START), PLACE_SPACING_MS);
    assert_eq!(wait_ms(&seen, 5, START.plus(PLACE_SPACING_MS)), 0);
    seen.place.last_failure_at = START.plus(PLACE_WINDOW_MS);
    assert_eq!(wait_ms(&seen, 5, START.plus(PLACE_WINDOW_MS)), 0);
}

#[test]
fn a_place_is_a_source_at_one_relying_party_whatever_the_name() {
    let of = |name: &str, by: &str, source| buckets("ship-17", &user(name), by, source).place;
    let here = of("alice", "vpn", Some("192.0.2.1"));
    assert_eq!(here, of("bob", "vpn", Some("192.0.2.1")));
    assert_eq!(here, buckets("mine-4", &user("bob"), "vpn", Some("192.0.2.1")).place);
    assert_ne!(here, of("alice", "vpn", Some("192.0.2.2")));
    assert_ne!(here, of("alice", "ssh", Some("192.0.2.1")));
    assert_eq!(of("alice", "vpn", None), of("bob", "vpn", None));
    assert_ne!(of("alice", "vpn", None), of("alice", "vpn", Some("vpn")));
}

#[test]
fn the_hard_stop_is_at_100() {
    assert!(!is_locked(99));
    assert!(is_locked(100));
}

fn buckets(realm: &str, target: &VerifyTarget, by: &str, source: Option<&str>) -> Buckets {
    let (realm, relying_party) = (RealmId::new(realm).unwrap(), RelyingPartyId::new(by).unwrap());
    let attempt = Attempt { home: &realm_id(), realm: &realm, target, relying_party: &relying_party, source };
    Buckets::of(&attempt, &keyring())
}

#[test]
fn a_source_counts_for_its_name_only_and_through_every_relying_party() {
    let of = |name: &str, by: &str, source: &str| buckets("ship-17", &user(name), by, Some(source)).source;
    let alice = of("alice", "vpn", "192.0.2.1");
    assert_eq!(alice, of("alice", "ssh", "192.0.2.1"));
    assert_ne!(alice, of("bob", "vpn", "192.0.2.1"));
    assert_ne!(alice, of("alice", "vpn", "192.0.2.2"));
    assert_ne!(alice, buckets("mine-4", &user("alice"), "vpn", Some("192.0.2.1")).source);
    let device = VerifyTarget::Authenticator(AuthenticatorId([1; 8]));
    let named_like_it = user("0101010101010101");
    assert_ne!(buckets("ship-17", &device, "vpn", None).source, buckets("ship-17", &named_like_it, "vpn", None).source);
}

#[test]
fn without_a_source_each_relying_party_is_one() {
    let of = |by| buckets("ship-17", &user("alice"), by, None).source;
    assert_eq!(of("vpn"), of("vpn"));
    assert_ne!(of("vpn"), of("ssh"));
    assert_ne!(of("vpn"), buckets("ship-17", &user("alice"), "vpn", Some("vpn")).source);
}

#[test]
fn an_address_of_ipv6_counts_by_its_network() {
    let of = |source| buckets("ship-17", &user("alice"), "vpn", Some(source)).source;
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    assert_ne!(of("gate"), of("gate house"));
}

#[test]
fn no_two_buckets_of_an_attempt_are_the_same() {
    let all = buckets("ship-17", &user("alice"), "vpn", Some("192.0.2.1"));
    let mut keys =
        [all.source, all.place, all.relying_party, all.global, all.skips, all.stand_in].map(|key| key.0).to_vec();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 6);
}
