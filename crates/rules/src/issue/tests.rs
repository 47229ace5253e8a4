#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use matchbook_protocol::{CodeIndex, Delivery, Profile, Reason, Request, Suite};
use rand_core::{TryCryptoRng, TryRng};

use super::push;
use crate::admin;
use crate::model::{EventKind, Mode, RefillReason, RotationReason};
use crate::refusal::Culprit;
use crate::testing::hand::{Hand, STATUS};
use crate::testing::world::{DAY_MS, World, profile, profiles};

fn symmetric() -> Profile {
    profile(Suite::Symmetric, Delivery::Shared)
}

/// A device that holds a set, of which so many codes are left at the server.
fn with_left(left: u32) -> (World, Hand) {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let set = hand.fill(&mut world);
    let spent = (1..=u32::from(set.count()) - left).map(CodeIndex);
    world.state.spent.extend(spent);
    (world, hand)
}

// MB-SRV-7
#[test]
fn the_servers_count_pushes_one_set_at_the_threshold() {
    for profile in profiles() {
        let (mut world, mut hand) = Hand::enrolled(profile);
        hand.fill(&mut world);
        world.state.spent.extend((1..=29).map(CodeIndex));
        world.device_mut().refill_due = Some(RefillReason::ServerCount);
        assert!(world.push(RefillReason::ServerCount).unwrap().is_empty(), "11 are left");
        assert_eq!(world.device().refill_due, None);
        world.state.spent.insert(CodeIndex(30));
        let pushed = world.push(RefillReason::ServerCount).unwrap();
        assert_eq!(world.push(RefillReason::ServerCount).unwrap(), pushed);
        let item = world.outstanding()[0];
        assert!(item.bytes == pushed[0] && item.next_attempt_at <= world.now);
        let set = hand.set(&pushed[0]);
        assert_eq!((set.first, set.reset), (CodeIndex(41), false));
        assert!(set.indexed().all(|(index, code)| world.knows(index, code)));
    }
}

// MB-SET-4, MB-SET-5
#[test]
fn an_outstanding_set_is_only_made_due_again() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    assert!(world.state.outbox[0].next_attempt_at > world.now);
    assert_eq!(world.push(RefillReason::Operator).unwrap(), reply);
    assert_eq!(world.state.outbox[0].next_attempt_at, world.now);
    assert_eq!(world.state.sets.len(), 1);
}

#[test]
fn only_a_device_in_use_is_issued_anything_and_a_sweep_never_stumbles() {
    let obstacles: [fn(&mut World); 4] = [
        |world| world.admin(admin::suspend).unwrap(),
        |world| world.admin(admin::revoke).unwrap(),
        |world| world.state.subscriber_suspended = true,
        |world| world.restore(world.state.clone()),
    ];
    for obstacle in obstacles {
        let (mut world, _) = with_left(0);
        obstacle(&mut world);
        let sets = world.state.sets.len();
        assert_eq!(world.push(RefillReason::Operator).unwrap_err().culprit, Culprit::Operator);
        world.device_mut().refill_due = Some(RefillReason::ServerCount);
        assert!(world.push(RefillReason::ServerCount).unwrap().is_empty());
        assert_eq!((world.device().refill_due, world.state.sets.len()), (None, sets));
    }
    let mut world = World::new(1, Default::default());
    world.enrolment(symmetric());
    assert_eq!(world.push(RefillReason::Operator).unwrap_err().culprit, Culprit::Operator);
}

#[test]
fn a_locked_device_is_refilled_all_the_same() {
    let (mut world, _) = with_left(0);
    world.state.failures = 100;
    assert_eq!(world.push(RefillReason::ServerCount).unwrap().len(), 1);
    assert_eq!(world.state.failures, 100, "and stays locked");
}

// MB-SRV-6
#[test]
fn a_day_has_so_many_sets_and_no_more() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.policy().sets_per_day = 3;
    world.policy().set_size = Some(5);
    for _ in 0..3 {
        hand.fill(&mut world);
    }
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    assert!(!hand.sync(&reply[0]).suspended);
    assert_eq!(world.events(EventKind::RefillCapped), 1);
    assert_eq!(world.push(RefillReason::Operator).unwrap_err().culprit, Culprit::Operator);
    world.now.0 -= DAY_MS;
    assert!(world.push(RefillReason::Operator).is_err(), "a clock that is set back makes no new day");
    world.now.0 += 2 * DAY_MS;
    assert_eq!(world.push(RefillReason::Operator).unwrap().len(), 1);
    assert_eq!(world.device().day.sets, 1);
}

#[test]
fn a_day_beyond_tomorrow_does_not_stop_the_sets_until_it_comes() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.policy().sets_per_day = 1;
    world.policy().set_size = Some(5);
    let today = world.now;
    world.now.0 += 400 * DAY_MS;
    hand.fill(&mut world);
    world.now = today;
    hand.fill(&mut world);
    assert_eq!(u64::from(world.device().day.day), today.0 / DAY_MS);
    assert_eq!(world.push(RefillReason::Operator).unwrap_err().culprit, Culprit::Operator);
}

#[test]
fn the_servers_own_trigger_notes_the_cap_and_is_done() {
    let (mut world, _) = with_left(0);
    world.policy().sets_per_day = 1;
    world.device_mut().refill_due = Some(RefillReason::ServerCount);
    assert!(world.push(RefillReason::ServerCount).unwrap().is_empty());
    assert_eq!((world.device().refill_due, world.events(EventKind::RefillCapped)), (None, 1));
}

// MB-SRV-6
#[test]
fn a_device_holds_250_codes_at_the_most() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.policy().sets_per_day = 100;
    let mut counts = Vec::new();
    for _ in 0..7 {
        counts.push(hand.fill(&mut world).count());
    }
    assert_eq!(counts, [40, 40, 40, 40, 40, 40, 10]);
    assert_eq!(world.push(RefillReason::Operator).unwrap_err().culprit, Culprit::Operator);
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    hand.sync(&reply[0]);
    assert_eq!(world.unspent(), 250);
}

#[test]
fn codes_that_the_device_did_not_drop_count_against_what_it_keeps() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    hand.unused = 230;
    let request = hand.request(Request { wanted: 255, reason: Reason::Manual, ..STATUS });
    let reply = world.receive(&request).unwrap();
    assert_eq!(hand.set(&reply[0]).count(), 20);
}

#[test]
fn any_unused_lets_no_more_codes_count_than_the_policy_check_says() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.policy().mode = Mode::AnyUnused;
    world.policy().digits = 8;
    let report = crate::policy::check(world.policy()).unwrap();
    assert_eq!(hand.fill(&mut world).count(), 30);
    assert_eq!(hand.fill(&mut world).count(), 10);
    assert_eq!(u32::try_from(world.unspent()).unwrap(), report.acceptable_at_once);
    assert!(world.push(RefillReason::Operator).is_err());
}

#[test]
fn a_cap_full_of_codes_that_the_device_has_shown_gives_way() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.policy().sets_per_day = 100;
    (0..7).for_each(|_| drop(hand.fill(&mut world)));
    hand.unused = 4;
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    let set = hand.hold(&reply[0]);
    assert_eq!((set.first, set.count(), set.reset), (CodeIndex(251), 40, true));
    assert_eq!((world.state.sets.len(), world.unspent()), (1, 40));
    assert_eq!(world.events(EventKind::SetVoided), 1);
}

#[test]
fn when_nothing_counts_any_more_the_device_drops_what_it_still_has() {
    let (mut world, mut hand) = with_left(0);
    let pushed = world.push(RefillReason::ServerCount).unwrap();
    assert!(hand.set(&pushed[0]).reset, "the device reported 40 unused codes, none of which counts");
    let (mut world, mut emptied) = with_left(0);
    emptied.unused = 0;
    let request = emptied.want();
    let reply = world.receive(&request).unwrap();
    assert!(!emptied.hold(&reply[0]).reset, "there is nothing to drop");
    hand.hold(&pushed[0]);
}

#[test]
fn in_order_a_code_that_was_passed_over_is_not_left() {
    let (mut world, _) = with_left(40);
    world.state.spent.insert(CodeIndex(30));
    assert!(world.push(RefillReason::ServerCount).unwrap().is_empty());
    world.policy().mode = Mode::NextInOrder { look_ahead: 3 };
    assert_eq!(world.push(RefillReason::ServerCount).unwrap().len(), 1);
}

// MB-COD-3
#[test]
fn codes_are_distinct_among_all_that_are_outstanding() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    *world.policy() = crate::Policy { digits: 4, set_size: Some(50), sets_per_day: 100, ..Default::default() };
    let mut codes = BTreeSet::new();
    for _ in 0..5 {
        for code in hand.fill(&mut world).codes() {
            assert!(codes.insert(code.value()), "a code is there twice");
        }
    }
    assert_eq!(codes.len(), 250);
}

#[test]
fn a_policy_with_another_format_holds_from_the_next_set() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    world.policy().digits = 8;
    let set = hand.fill(&mut world);
    assert_eq!((set.format.digits(), set.count()), (8, 30));
    assert!(set.indexed().all(|(index, code)| world.knows(index, code)));
}

#[test]
fn in_public_key_mode_the_set_is_as_large_and_the_message_longer() {
    let (mut world, mut hand) = Hand::enrolled(profile(Suite::X25519, Delivery::PublicKey));
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    assert_eq!(hand.set(&reply[0]).count(), 40);
    assert_eq!(reply[0].len(), 133 + 32 + 48);
    let pair = hand.pair.take();
    assert!(hand.open(&reply[0]).is_err(), "the shared key alone does not open it");
    hand.pair = pair;
}

#[test]
fn the_last_index_is_the_end() {
    let (mut world, _) = with_left(0);
    world.device_mut().next_index = CodeIndex(u32::MAX - 10);
    assert_eq!(world.push(RefillReason::Operator).unwrap_err().culprit, Culprit::Operator);
}

#[test]
fn a_push_notices_that_a_key_is_old() {
    let (mut world, _) = with_left(0);
    world.now = world.now.plus(90 * DAY_MS);
    world.push(RefillReason::ServerCount).unwrap();
    assert_eq!(world.device().rotation_wanted, Some(RotationReason::Scheduled));
}

// MB-VER-1
#[test]
fn no_changes_hold_a_code_or_a_key() {
    let (mut world, mut hand) = with_left(0);
    let snapshot = world.snapshot();
    let decision =
        push(&snapshot, &world.keyring, &world.limits, RefillReason::Operator, world.now, &mut world.rng).unwrap();
    let written = format!("{:?}", decision.changes);
    let set = hand.hold(&decision.reply[0]);
    for code in set.codes() {
        let text = code.reveal();
        assert!(!written.contains(&format!("\"{}\"", text.as_str())));
        assert!(!written.contains(&format!(" {}", code.value())) || code.value() < 100_000);
    }
    assert!(!written.contains(&format!("{:?}", hand.key.expose())));
}

#[test]
fn a_broken_random_source_is_told_and_issues_nothing() {
    let (world, _) = with_left(0);
    let snapshot = world.snapshot();
    let refusal =
        push(&snapshot, &world.keyring, &world.limits, RefillReason::Operator, world.now, &mut Broken).unwrap_err();
    assert_eq!(refusal.culprit, Culprit::Bug);
}

/// Always the same.
struct Broken;

impl TryRng for Broken {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
        to.fill(0);
        Ok(())
    }
}

impl TryCryptoRng for Broken {}
