#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{CodeIndex, Delivery, Profile, Suite};

use super::*;
use crate::model::{Mode, RotationReason};
use crate::refusal::Culprit;
use crate::testing::TestRng;
use crate::testing::hand::Hand;
use crate::testing::world::{START, World, profile};

fn x25519() -> Profile {
    profile(Suite::X25519, Delivery::Shared)
}

fn realm() -> Realm {
    World::new(1, Policy::default()).state.realm
}

#[test]
fn a_realm_is_made_once_and_with_a_good_policy() {
    let id = RealmId::new("ship").unwrap();
    let changes = create_realm(&id, "The ship".into(), Policy::default(), START, &mut TestRng::new(1)).unwrap();
    assert_eq!(changes.guards, [Guard::Realm { id: id.clone(), version: Version(0) }]);
    assert!(matches!(&changes.writes[0], Write::PutRealm(realm) if realm.version == Version(0)));
    let guessable = Policy { mode: Mode::AnyUnused, ..Policy::default() };
    let refusal = create_realm(&id, String::new(), guessable.clone(), START, &mut TestRng::new(1)).unwrap_err();
    assert_eq!(refusal.culprit, Culprit::Operator);
    assert!(create_realm(&id, "x".repeat(129), Policy::default(), START, &mut TestRng::new(1)).is_err());
    assert!(set_policy(&realm(), guessable, START, &mut TestRng::new(1)).is_err());
}

#[test]
fn a_policy_replaces_the_one_that_was_seen() {
    let changes = set_policy(&realm(), Policy { digits: 8, ..Policy::default() }, START, &mut TestRng::new(1)).unwrap();
    assert_eq!(changes.guards, [Guard::Realm { id: realm().id, version: Version(1) }]);
    assert!(matches!(&changes.writes[0], Write::PutRealm(realm) if realm.policy.digits == 8));
}

#[test]
fn a_subscriber_is_suspended_and_resumed_once_each() {
    let id = SubscriberId::new("bob").unwrap();
    let mut rng = TestRng::new(1);
    let changes = create_subscriber(&realm(), &id, String::new(), START, &mut rng).unwrap();
    let Write::PutSubscriber(bob) = &changes.writes[0] else { panic!("not a subscriber") };
    assert!(set_subscriber_suspended(bob, false, START, &mut rng).is_err());
    let changes = set_subscriber_suspended(bob, true, START, &mut rng).unwrap();
    let Write::PutSubscriber(suspended) = &changes.writes[0] else { panic!("not a subscriber") };
    assert!(suspended.suspended && set_subscriber_suspended(suspended, true, START, &mut rng).is_err());
    assert!(set_subscriber_suspended(suspended, false, START, &mut rng).is_ok());
    assert!(create_subscriber(&realm(), &id, "a\u{7}b".into(), START, &mut rng).is_err());
}

#[test]
fn revoking_erases_keys_sets_and_messages() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    hand.fill(&mut world);
    let request = hand.want_key();
    world.receive(&request).unwrap();
    world.push(RefillReason::Operator).unwrap();
    world.admin(revoke).unwrap();
    let device = world.device();
    assert_eq!(device.status, Status::Revoked);
    assert!(device.keys.current.sealed.0.is_empty() && device.keys.next.is_none() && device.public_key.is_empty());
    assert!(device.last_reply.is_none() && device.rotation_wanted.is_none() && device.refill_due.is_none());
    assert!(world.state.sets.is_empty() && world.state.outbox.is_empty());
    assert_eq!(world.admin(revoke).unwrap_err().culprit, Culprit::Operator);
    assert!(world.admin(suspend).is_err() && world.admin(resume).is_err() && world.admin(unlock).is_err());
}

#[test]
fn what_is_suspended_waits_and_goes_on_when_it_is_resumed() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    hand.fill(&mut world);
    world.state.spent.extend((1..=35).map(CodeIndex));
    assert!(world.admin(resume).is_err());
    world.admin(suspend).unwrap();
    assert!(world.admin(suspend).is_err());
    world.admin(resume).unwrap();
    assert_eq!(world.device().refill_due, Some(RefillReason::ServerCount));
    assert_eq!(world.push(RefillReason::ServerCount).unwrap().len(), 1, "few codes are left");
    let mut world = World::new(1, Policy::default());
    world.enrolment(x25519());
    assert!(world.admin(suspend).is_err() && world.admin(resume).is_err(), "a pending one is revoked instead");
}

#[test]
fn nothing_but_unlocking_clears_the_failures() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    assert!(world.admin(unlock).is_err());
    world.state.failures = 100;
    hand.fill(&mut world);
    world.rotate(RotationReason::Operator).unwrap();
    world.admin(suspend).unwrap();
    world.admin(resume).unwrap();
    assert_eq!(world.state.failures, 100);
    world.admin(unlock).unwrap();
    assert_eq!((world.state.failures, world.events(EventKind::DeviceUnlocked)), (0, 1));
}

#[test]
fn unlocking_is_guarded_by_the_count_that_was_seen() {
    let (mut world, _) = Hand::enrolled(x25519());
    world.state.failures = 100;
    let changes = unlock(&world.snapshot(), world.now, &mut world.rng).unwrap();
    world.state.failures = 101;
    assert!(world.apply(changes).is_err());
}

#[test]
fn a_decision_on_an_old_snapshot_is_a_conflict() {
    let (mut world, _) = Hand::enrolled(x25519());
    let snapshot = world.snapshot();
    let slower = revoke(&snapshot, world.now, &mut world.rng).unwrap();
    world.admin(suspend).unwrap();
    assert!(world.apply(slower).is_err());
}

#[test]
fn a_new_number_makes_what_waits_due() {
    let (mut world, mut hand) = Hand::enrolled(profile(Suite::Symmetric, Delivery::Shared));
    let request = hand.want();
    world.receive(&request).unwrap();
    assert!(world.state.outbox[0].next_attempt_at > world.now);
    let number: matchbook_protocol::sms::Address = "+491701234567".parse().unwrap();
    let changes = set_number(&world.snapshot(), Some(number.clone()), world.now, &mut world.rng).unwrap();
    world.apply(changes).unwrap();
    assert_eq!((world.device().msisdn.as_ref(), world.state.outbox[0].next_attempt_at), (Some(&number), world.now));
    world.admin(suspend).unwrap();
    let changes = set_number(&world.snapshot(), None, world.now, &mut world.rng).unwrap();
    world.apply(changes).unwrap();
    assert_eq!(world.state.outbox[0].next_attempt_at, HELD_BACK_UNTIL, "a suspended device gets nothing");
    let name = "MATCHBOOK".parse().unwrap();
    let refused = set_number(&world.snapshot(), Some(name), world.now, &mut world.rng).unwrap_err();
    assert!(refused.inward.contains("+491701234567"), "{refused:?}");
}
