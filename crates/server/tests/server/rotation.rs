//! Keys are replaced: by the operator, by the device, in every suite; and an old key is dead.

use std::thread;
use std::time::Duration;

use matchbook_protocol::{DownlinkKind, Epoch, EpochKeys, Event, UnverifiedDownlink};
use serde_json::json;

use crate::common::{Phone, Site, attempt, eventually, hand};
use crate::exchange::kinds;

fn replaced(report: &matchbook_device::Report) -> bool {
    report.events.iter().any(|event| matches!(event, Event::KeyReplaced { .. }))
}

#[test]
fn the_operator_replaces_a_key() {
    for (suite, kind) in [
        ("symmetric", DownlinkKind::RotateSymmetric),
        ("x25519", DownlinkKind::RotatePublicKey),
        ("p256", DownlinkKind::RotatePublicKey),
    ] {
        let site = Site::new();
        let party = site.realm("ship", &json!({}));
        let mut phone = site.new_phone("ship", "alice", suite, "shared");
        phone.sync();
        let old = site.server_key(phone.id()).0;
        let code = phone.take();
        for epoch in 1..=3 {
            let shown = site.command("ship", phone.id(), "rotate").ok();
            assert_eq!(shown["rotation_pending"], true, "{suite}");
            assert!(replaced(&phone.sync()), "{suite}");
            let shown = site.shown("ship", phone.id());
            assert_eq!((shown["epoch"].as_u64(), shown["rotation_pending"].as_bool()), (Some(epoch), Some(false)));
            assert_eq!(phone.account().epoch(), Epoch(u32::try_from(epoch).unwrap()));
        }
        assert!(kinds(&phone).contains(&kind), "{suite}");
        assert_ne!(site.server_key(phone.id()).0.expose(), old.expose());
        assert_eq!(phone.request_set().codes_received(), 40, "a set under the new key");
        assert!(party.accepts(&attempt("alice", &code)), "codes outlive the key that they came under");
        assert!(site.has_event("ship", "rotation-offered") && site.has_event("ship", "rotation-completed"));
    }
}

#[test]
fn the_device_replaces_its_key() {
    let site = Site::new();
    site.realm("ship", &json!({}));
    for suite in ["symmetric", "x25519", "p256"] {
        let mut phone = site.new_phone("ship", suite, suite, "shared");
        phone.sync();
        assert!(replaced(&phone.on(|device| device.rotate()).unwrap()), "{suite}");
        assert_eq!(site.shown("ship", phone.id())["epoch"], 1, "{suite}");
    }
}

#[test]
fn a_rotation_is_pushed_to_a_held_request() {
    let site = Site::new();
    site.realm("ship", &json!({}));
    for suite in ["symmetric", "x25519"] {
        let mut phone = site.new_phone("ship", suite, suite, "shared");
        phone.sync();
        let id = phone.id();
        let held = thread::spawn(move || phone.on(|device| device.wait_for_push(Duration::from_secs(50))).unwrap());
        eventually("the device waits", || site.metric("matchbook_waiting_devices") > 0.0);
        site.command("ship", id, "rotate").ok();
        assert!(replaced(&held.join().unwrap()), "{suite}");
        assert_eq!(site.shown("ship", id)["epoch"], 1, "{suite}");
        eventually("nobody waits", || site.metric("matchbook_waiting_devices") == 0.0);
    }
}

#[test]
fn an_old_key_is_dead() {
    let site = Site::new();
    site.realm("ship", &json!({}));
    let mut hand = site.hand("ship", "alice");
    site.command("ship", hand.id(), "rotate").ok();
    let offer = hand.request(&hand::status(0, 0));
    let (next, key) = hand.rotation_in(&offer).unwrap();
    let old = std::mem::replace(&mut hand.keys, EpochKeys::derive(&key, &hand.party, next));
    let under_the_old = |hand: &mut hand::Hand, old: &EpochKeys| {
        hand.counter += 1;
        let message = old.seal_request(hand.counter, &hand::wants(0, 0, 255), &mut hand::rng()).unwrap();
        hand.post(&message)
    };
    assert_eq!(site.shown("ship", hand.id())["epoch"], 0, "until the device has shown that it has the next one");
    let switched = hand.request(&hand::status(0, 0));
    assert_eq!(switched.status, 200);
    assert_eq!(site.shown("ship", hand.id())["epoch"], 1);
    let before = site.stored(hand.id()).authenticator;
    assert_eq!(under_the_old(&mut hand, &old).status, 204);
    assert_eq!(site.stored(hand.id()).authenticator, before, "it changes nothing");
    let answer = hand.request(&hand::wants(0, 0, 255));
    assert!(hand.set_in(&answer).is_some());
}

/// The key that the store keeps is the one that the device has, and no other.
#[test]
fn what_was_sent_before_does_not_open_under_the_new_key() {
    let site = Site::new();
    site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let set: Vec<u8> = phone
        .line
        .tape
        .iter()
        .flat_map(|(_, answers)| answers)
        .find(|message| UnverifiedDownlink::decode(message).unwrap().header().kind == DownlinkKind::Set)
        .unwrap()
        .clone();
    let opens = |phone: &Phone| {
        let (key, epoch) = site.server_key(phone.id());
        let keys = EpochKeys::derive(&key, &phone.party, epoch);
        keys.open_downlink(&UnverifiedDownlink::decode(&set).unwrap(), None).is_ok()
    };
    assert!(opens(&phone));
    phone.on(|device| device.rotate()).unwrap();
    assert!(!opens(&phone));
    let report = phone.on(|device| device.receive(&set)).unwrap();
    assert!(!report.refused.is_empty(), "nor does the device take it again");
}

/// A set that was on its way when the key changed is void, and comes anew under the new key.
#[test]
fn a_set_on_its_way_when_the_key_changes_is_issued_anew() {
    let site = Site::new();
    let party = site.realm("ship", &json!({}));
    let mut hand = site.hand("ship", "alice");
    site.command("ship", hand.id(), "rotate").ok();
    let offered = hand.request(&hand::wants(0, 0, 5));
    let lost = hand.set_in(&offered).unwrap();
    let (next, key) = hand.rotation_in(&offered).unwrap();
    hand.keys = EpochKeys::derive(&key, &hand.party, next);
    // The set got lost; the device has the key only.
    let answer = hand.request(&hand::status(0, 0));
    let anew = hand.set_in(&answer).unwrap();
    assert!(anew.first > lost.last());
    assert!(!party.accepts(&attempt("alice", &hand::codes(&lost)[0])));
    assert!(party.accepts(&attempt("alice", &hand::codes(&anew)[0])));
}
