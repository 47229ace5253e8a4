#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{Delivery, Epoch, Profile, Secret, Suite, UnverifiedUplink};

use super::{EnrolmentRequest, MAX_VALID_MS, MIN_VALID_MS, create};
use crate::admin;
use crate::model::{EventKind, Status};
use crate::refusal::Culprit;
use crate::testing::hand::Hand;
use crate::testing::world::{DAY_MS, HANDLE, World, profile, profiles};

fn symmetric() -> Profile {
    profile(Suite::Symmetric, Delivery::Shared)
}

fn pending(profile: Profile) -> (World, Hand) {
    let mut world = World::new(1, Default::default());
    let enrolment = world.enrolment(profile);
    (world, Hand::new(&enrolment, 2))
}

#[test]
fn an_enrolment_carries_what_the_device_needs_and_the_store_gets_no_secret() {
    for profile in profiles() {
        let mut world = World::new(1, Default::default());
        let enrolment = world.enrolment(profile);
        let device = world.device();
        assert_eq!((enrolment.party.id, enrolment.party.profile), (device.id, profile));
        assert_eq!((enrolment.realm.as_str(), enrolment.label.as_str()), ("ship", "phone"));
        assert_eq!(device.status, Status::Pending { expires_at: world.now.plus(DAY_MS) });
        assert_eq!(device.keys.current.epoch, Epoch(0));
        let sealed = &device.keys.current.sealed.0;
        assert!(!sealed.windows(16).any(|part| part == enrolment.secret.expose()));
        assert_eq!(matchbook_protocol::Enrolment::from_uri(&enrolment.to_uri()).unwrap(), enrolment);
    }
}

// MB-ENR-4
#[test]
fn enrol_makes_the_device_active_and_is_answered_with_a_sync() {
    for profile in profiles() {
        let (mut world, mut hand) = pending(profile);
        let message = hand.enrol();
        let reply = world.receive(&message).unwrap();
        let sync = hand.sync(&reply[0]);
        assert_eq!((sync.last_request, sync.threshold, sync.rotate, sync.suspended), (1, 10, false, false));
        let device = world.device();
        assert_eq!((device.status, device.handle, device.last_seen_at), (Status::Active, HANDLE, Some(world.now)));
        assert_eq!(device.public_key, hand.pair.as_ref().map(|pair| pair.public().to_vec()).unwrap_or_default());
        assert_eq!(world.events(EventKind::DeviceEnrolled), 1);
        let again = world.decide(&message).unwrap();
        assert!(again.reply == reply && again.changes.writes.is_empty());
        hand.fill(&mut world);
        assert_eq!(world.decide(&message).err().unwrap().culprit, Culprit::Peer, "the device has gone on");
    }
}

// MB-ENR-5
#[test]
fn another_enrolment_with_the_same_secret_gets_silence_and_leaves_an_event() {
    let mut world = World::new(1, Default::default());
    let enrolment = world.enrolment(profile(Suite::X25519, Delivery::Shared));
    let (mut first, mut second) = (Hand::new(&enrolment, 2), Hand::new(&enrolment, 3));
    let message = first.enrol();
    world.receive(&message).unwrap();
    let before = world.device().clone();
    let same_counter = second.enrol();
    assert!(world.receive(&same_counter).unwrap().is_empty());
    let other_counter = second.enrol();
    assert!(world.receive(&other_counter).unwrap().is_empty());
    let after = world.device();
    assert_eq!(
        (&after.public_key, after.handle, &after.last_reply),
        (&before.public_key, before.handle, &before.last_reply)
    );
    assert_eq!(world.events(EventKind::EnrolmentRefused), 2);
    assert!(world.decide(&message).unwrap().reply.len() == 1, "the first one is still answered");
}

// MB-ENR-5
#[test]
fn a_late_enrolment_is_refused_and_its_key_erased() {
    let (mut world, mut hand) = pending(symmetric());
    world.now = world.now.plus(DAY_MS);
    let message = hand.enrol();
    assert!(world.receive(&message).unwrap().is_empty());
    assert_eq!((world.device().status, world.device().keys.current.sealed.0.len()), (Status::Revoked, 0));
    assert!(world.decide(&message).is_err());
    assert_eq!(world.events(EventKind::EnrolmentRefused), 1);
}

#[test]
fn another_secret_does_not_enrol() {
    let (mut world, mut hand) = pending(symmetric());
    hand.key = Secret::new([1; 32]);
    let message = hand.enrol();
    assert_eq!(world.decide(&message).err().unwrap().culprit, Culprit::Peer);
    assert!(UnverifiedUplink::decode(&message).is_ok());
}

#[test]
fn an_enrolment_that_was_not_used_can_be_revoked() {
    let (mut world, mut hand) = pending(symmetric());
    world.admin(admin::revoke).unwrap();
    let message = hand.enrol();
    assert_eq!(world.decide(&message).err().unwrap().culprit, Culprit::Peer);
}

#[test]
fn after_a_rotation_nobody_enrols_any_more() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let offer = world.rotate(crate::RotationReason::Operator).unwrap();
    let late = hand.enrol();
    hand.switch(&offer[0]);
    let status = hand.status();
    world.receive(&status).unwrap();
    assert_eq!(world.decide(&late).err().unwrap().culprit, Culprit::Peer);
}

#[test]
fn what_an_enrolment_may_not_be() {
    let mut world = World::new(1, Default::default());
    let good = EnrolmentRequest {
        label: String::new(),
        profile: symmetric(),
        valid_for_ms: MIN_VALID_MS,
        server: String::new(),
        msisdn: None,
    };
    let mut attempt = |request: EnrolmentRequest, suspended: bool| {
        let World { state, subscriber, keyring, now, rng, .. } = &mut world;
        subscriber.suspended = suspended;
        create(&state.realm, subscriber, request, keyring, *now, rng).map(|(_, enrolment)| enrolment.label)
    };
    assert_eq!(attempt(good.clone(), false).unwrap(), "alice", "an account without a label is called after its user");
    assert!(attempt(EnrolmentRequest { valid_for_ms: MAX_VALID_MS, ..good.clone() }, false).is_ok());
    assert!(attempt(EnrolmentRequest { server: "sms:+4912345678".into(), ..good.clone() }, false).is_ok());
    let bad = [
        (EnrolmentRequest { server: "sms:Bank".into(), ..good.clone() }, false),
        (EnrolmentRequest { server: "codes.example".into(), ..good.clone() }, false),
        (EnrolmentRequest { server: format!("https://{}", "x".repeat(250)), ..good.clone() }, false),
        (EnrolmentRequest { valid_for_ms: MIN_VALID_MS - 1, ..good.clone() }, false),
        (EnrolmentRequest { valid_for_ms: MAX_VALID_MS + 1, ..good.clone() }, false),
        (EnrolmentRequest { label: "x".repeat(65), ..good.clone() }, false),
        (EnrolmentRequest { label: "a\nb".into(), ..good.clone() }, false),
        (good, true),
    ];
    for (request, suspended) in bad {
        assert_eq!(attempt(request, suspended).unwrap_err().culprit, Culprit::Operator);
    }
}
