#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{CodeIndex, Delivery, Epoch, Profile, Suite};

use super::{MAX_KEY_MESSAGES, is_due};
use crate::admin;
use crate::draft::RESEND_AFTER_MS;
use crate::keyring::KeyPlace;
use crate::model::{EventKind, OutboxKind, RefillReason, RotationReason, SealedKey};
use crate::refusal::Culprit;
use crate::request::BearerLimits;
use crate::testing::hand::Hand;
use crate::testing::world::{DAY_MS, World, profile, profiles};

fn symmetric() -> Profile {
    profile(Suite::Symmetric, Delivery::Shared)
}

fn x25519() -> Profile {
    profile(Suite::X25519, Delivery::Shared)
}

fn offers(world: &World) -> usize {
    world.state.outbox.iter().filter(|item| item.kind == OutboxKind::Rotation).count()
}

/// Offers a key, as the profile has it; the offer.
fn offer(world: &mut World, hand: &mut Hand) -> Vec<u8> {
    let pushed = world.rotate(RotationReason::Operator).unwrap();
    assert_eq!(pushed.len(), 1);
    if hand.party.profile.suite() == Suite::Symmetric {
        return pushed[0].clone();
    }
    assert!(hand.sync(&pushed[0]).rotate);
    let request = hand.want_key();
    let reply = world.receive(&request).unwrap();
    reply.last().unwrap().clone()
}

// MB-KEY-2, MB-ROT-2
#[test]
fn a_key_is_replaced_and_the_old_one_is_dead() {
    for profile in profiles() {
        let (mut world, mut hand) = Hand::enrolled(profile);
        hand.fill(&mut world);
        let under_old_key = hand.status();
        let offer = offer(&mut world, &mut hand);
        assert_eq!(offers(&world), 1);
        assert_eq!(world.device().keys.current.epoch, Epoch(0), "the server goes on under the old key");
        let still_old = hand.want();
        world.receive(&still_old).unwrap();
        hand.switch(&offer);
        let first = hand.status();
        let reply = world.receive(&first).unwrap();
        assert!(!reply.is_empty() && reply.iter().all(|bytes| hand.open(bytes).is_ok()), "it confirms the key");
        assert!(world.decide(&under_old_key).is_err());
        let device = world.device();
        assert_eq!((device.keys.current.epoch, device.keys.next.is_none()), (Epoch(1), true));
        assert_eq!((world.events(EventKind::RotationOffered), world.events(EventKind::RotationCompleted)), (1, 1));
        let place = KeyPlace { realm: &device.realm, id: device.id, epoch: Epoch(1) };
        assert_eq!(world.keyring.open_key(&place, &device.keys.current.sealed).unwrap(), hand.key);
        assert!(world.state.outbox.iter().all(|item| item.epoch == Epoch(1)));
        hand.fill(&mut world);
    }
}

#[test]
fn a_switch_voids_what_the_device_did_not_get_and_issues_it_anew() {
    for profile in profiles() {
        let (mut world, mut hand) = Hand::enrolled(profile);
        let held = hand.fill(&mut world);
        world.push(RefillReason::Operator).unwrap();
        let offer = offer(&mut world, &mut hand);
        hand.switch(&offer);
        let first = hand.status();
        let reply = world.receive(&first).unwrap();
        let set = hand.hold(&reply[0]);
        assert_eq!((set.first, set.reset), (CodeIndex(81), false), "41 to 80 never live");
        assert!(held.indexed().chain(set.indexed()).all(|(index, code)| world.knows(index, code)));
        assert_eq!((world.state.sets.len(), world.events(EventKind::SetVoided)), (2, 1));
        assert_eq!(world.state.outbox.len(), 1);
    }
}

#[test]
fn a_switch_keeps_the_set_that_the_device_got() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    let offer = offer(&mut world, &mut hand);
    hand.hold(&reply[0]);
    hand.switch(&offer);
    let first = hand.status();
    let reply = world.receive(&first).unwrap();
    hand.sync(&reply[0]);
    assert_eq!((world.unspent(), world.events(EventKind::SetAcknowledged)), (40, 1));
    assert!(world.state.outbox.is_empty());
}

// MB-ROT-1
#[test]
fn a_repetition_of_the_request_gets_the_same_offer() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    let request = hand.want_key();
    let reply = world.receive(&request).unwrap();
    let again = world.decide(&request).unwrap();
    assert_eq!(again.reply, reply);
    assert!(again.changes.writes.is_empty());
    let newer = hand.want_key_again();
    assert_eq!(world.receive(&newer).unwrap(), reply, "the same ephemeral key: the same offer");
    assert_eq!(world.events(EventKind::RotationOffered), 1);
}

#[test]
fn a_newer_ephemeral_key_replaces_the_offer_and_an_older_one_does_not() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    let overtaken = hand.want_key();
    let first = hand.want_key();
    let first = world.receive(&first).unwrap();
    let sealed = world.device().keys.next.clone().unwrap();
    let late = world.receive(&overtaken).unwrap();
    assert_eq!(late.last(), first.last(), "an overtaken request changes nothing");
    assert_eq!(world.device().keys.next.as_ref(), Some(&sealed));
    let second = hand.want_key();
    let second = world.receive(&second).unwrap();
    assert_ne!(second.last(), first.last());
    assert_eq!((offers(&world), world.device().keys.next.as_ref().unwrap().counter), (1, hand.counter));
    hand.switch(second.last().unwrap());
    let status = hand.status();
    world.receive(&status).unwrap();
    assert_eq!(world.device().keys.current.epoch, Epoch(1));
}

#[test]
fn what_was_begun_is_not_begun_again() {
    for profile in profiles() {
        let (mut world, mut hand) = Hand::enrolled(profile);
        let first = world.rotate(RotationReason::Operator).unwrap();
        let version = world.device().version;
        for reason in [RotationReason::Scheduled, RotationReason::Device] {
            assert_eq!(world.rotate(reason).unwrap(), first);
        }
        let snapshot = world.snapshot();
        let again =
            super::begin(&snapshot, RotationReason::Scheduled, &world.keyring, world.now, &mut world.rng).unwrap();
        assert!(again.changes.writes.is_empty(), "a sweep writes nothing");
        assert_eq!(world.device().version, version);
        assert_eq!(world.state.outbox.len(), 1);
        drop(hand.status());
    }
}

#[test]
fn an_operator_makes_an_offer_that_waits_due_again() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    hand.fill(&mut world);
    let offer = offer(&mut world, &mut hand);
    assert!(world.state.outbox[0].next_attempt_at > world.now);
    assert_eq!(world.rotate(RotationReason::Operator).unwrap(), [offer]);
    assert_eq!(world.state.outbox[0].next_attempt_at, world.now);
}

// MB-ROT-9
#[test]
fn use_age_and_the_devices_word_make_a_rotation_due() {
    for profile in profiles() {
        for cause in 0..3 {
            let (mut world, mut hand) = Hand::enrolled(profile);
            hand.fill(&mut world);
            assert!(!is_due(world.device(), &world.state.realm.policy, world.now));
            match cause {
                0 => world.device_mut().keys.current.messages = MAX_KEY_MESSAGES,
                1 => world.now = world.now.plus(90 * DAY_MS),
                _ => {}
            }
            let request = if cause < 2 { hand.status() } else { hand.want_key_again() };
            let reply = world.receive(&request).unwrap();
            let message = reply.last().unwrap().clone();
            if profile.suite() == Suite::Symmetric {
                hand.switch(&message);
                let first = hand.status();
                world.receive(&first).unwrap();
                assert_eq!(world.device().keys.current.epoch, Epoch(1));
            } else {
                assert!(hand.sync(&message).rotate);
                assert!(world.device().rotation_wanted.is_some());
            }
        }
    }
}

#[test]
fn a_set_comes_before_the_key_in_a_reply() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.device_mut().keys.current.messages = MAX_KEY_MESSAGES;
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    assert_eq!(reply.len(), 2);
    assert_eq!(world.decide(&request).unwrap().reply, reply);
    let held = hand.hold(&reply[0]);
    hand.switch(&reply[1]);
    let first = hand.status();
    world.receive(&first).unwrap();
    assert!(held.indexed().all(|(index, code)| world.knows(index, code)));
}

#[test]
fn a_set_and_the_wish_for_a_key_go_in_one_reply() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    world.limits = BearerLimits::SMS;
    world.rotate(RotationReason::Operator).unwrap();
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    assert_eq!(reply.len(), 2);
    hand.hold(&reply[0]);
    assert!(hand.sync(&reply[1]).rotate);
    assert!(world.decide(&request).unwrap().reply.is_empty());
    world.now = world.now.plus(RESEND_AFTER_MS);
    assert_eq!(world.decide(&request).unwrap().reply, reply[1..], "the set is due again by the outbox");
}

#[test]
fn an_offer_whose_message_is_lost_with_a_backup_is_made_again_with_the_same_key() {
    for profile in [symmetric(), x25519()] {
        let (mut world, mut hand) = Hand::enrolled(profile);
        let lost = offer(&mut world, &mut hand);
        let next = world.device().keys.next.clone().unwrap();
        world.restore(world.state.clone());
        let status = hand.status();
        let reply = world.receive(&status).unwrap();
        let offer = if profile.suite() == Suite::Symmetric {
            reply.last().unwrap().clone()
        } else {
            assert!(hand.sync(reply.last().unwrap()).rotate);
            let request = hand.want_key_again();
            world.receive(&request).unwrap().last().unwrap().clone()
        };
        assert_ne!(offer, lost);
        assert_eq!(world.device().keys.next.as_ref().unwrap().ephemeral, next.ephemeral);
        let mut other = Hand { key: hand.key.duplicate(), rng: crate::testing::TestRng::new(9), ..copy(&hand) };
        other.ephemeral = hand.ephemeral.take();
        other.switch(&lost);
        let taken = other.key.duplicate();
        (other.epoch, other.key) = (hand.epoch, hand.key.duplicate());
        other.switch(&offer);
        assert_eq!(other.key, taken, "whichever of the two arrives, the key is the same");
        let first = other.status();
        world.receive(&first).unwrap();
        assert_eq!(world.device().keys.current.epoch, Epoch(1));
    }
}

fn copy(hand: &Hand) -> Hand {
    Hand {
        party: hand.party,
        key: hand.key.duplicate(),
        epoch: hand.epoch,
        counter: hand.counter,
        highest: hand.highest,
        unused: hand.unused,
        pair: None,
        ephemeral: None,
        rng: crate::testing::TestRng::new(9),
    }
}

#[test]
fn a_restored_device_is_asked_when_it_has_called() {
    for profile in [symmetric(), x25519()] {
        let (mut world, mut hand) = Hand::enrolled(profile);
        hand.fill(&mut world);
        world.restore(world.state.clone());
        assert!(world.rotate(RotationReason::Operator).unwrap().is_empty());
        assert!(world.rotate(RotationReason::Operator).unwrap().is_empty());
        let status = hand.status();
        let reply = world.receive(&status).unwrap();
        assert_eq!(reply.len(), 2);
        hand.hold(&reply[0]);
    }
}

#[test]
fn only_a_device_in_use_gets_a_key() {
    let (mut world, _) = Hand::enrolled(x25519());
    world.admin(admin::suspend).unwrap();
    assert_eq!(world.rotate(RotationReason::Operator).unwrap_err().culprit, Culprit::Operator);
    world.device_mut().rotation_wanted = Some(RotationReason::Operator);
    assert!(world.rotate(RotationReason::Operator).unwrap().is_empty(), "a sweep does not stumble");
    world.admin(admin::revoke).unwrap();
    assert_eq!(world.rotate(RotationReason::Operator).unwrap_err().culprit, Culprit::Operator);
    let mut world = World::new(1, Default::default());
    world.enrolment(x25519());
    assert_eq!(world.rotate(RotationReason::Operator).unwrap_err().culprit, Culprit::Operator);
}

#[test]
fn a_suspended_device_completes_a_rotation_and_gets_no_new_one() {
    let (mut world, mut hand) = Hand::enrolled(x25519());
    let offer = offer(&mut world, &mut hand);
    world.admin(admin::suspend).unwrap();
    let refused = hand.want_key_again();
    let reply = world.receive(&refused).unwrap();
    assert!(hand.sync(&reply[0]).suspended && reply.len() == 1);
    hand.switch(&offer);
    let first = hand.status();
    let reply = world.receive(&first).unwrap();
    assert!(hand.sync(&reply[0]).suspended, "the answer confirms the new key");
    assert_eq!(world.device().keys.current.epoch, Epoch(1));
}

#[test]
fn the_last_key_stays() {
    let (mut world, _) = Hand::enrolled(x25519());
    let key = world.device().keys.current.sealed.clone();
    let place = |epoch| KeyPlace { realm: &world.state.realm.id, id: world.device().id, epoch };
    let opened = world.keyring.open_key(&place(Epoch(0)), &key).unwrap();
    let mut rng = crate::testing::TestRng::new(3);
    let sealed: SealedKey = world.keyring.seal_key(&place(Epoch(u32::MAX)), &opened, &mut rng).unwrap();
    world.device_mut().keys.current.sealed = sealed;
    world.device_mut().keys.current.epoch = Epoch(u32::MAX);
    world.device_mut().keys.current.messages = MAX_KEY_MESSAGES;
    assert!(!is_due(world.device(), &world.state.realm.policy, world.now));
    assert_eq!(world.rotate(RotationReason::Operator).unwrap_err().culprit, Culprit::Operator);
}
