#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{
    CodeIndex, Delivery, Epoch, Profile, Reason, Request, Secret, Suite, UnverifiedUplink, WANTED_SERVERS_CHOICE,
};
use proptest::prelude::*;

use super::fresh::Seen;
use super::{INDEX_GAP, authenticate, burn_equal_cost, decide, waiting};
use crate::admin;
use crate::model::{EventKind, OutboxKind, RefillReason, RequestWindow, Status};
use crate::refusal::{Culprit, Refusal};
use crate::testing::hand::{Hand, STATUS};
use crate::testing::world::{STRANGER, World, profile, profiles};

fn symmetric() -> Profile {
    profile(Suite::Symmetric, Delivery::Shared)
}

fn is_beyond(first: CodeIndex, index: u32) -> bool {
    (index + INDEX_GAP..index + 2 * INDEX_GAP).contains(&first.0)
}

fn culprit<T>(result: Result<T, Refusal>) -> Culprit {
    result.err().unwrap().culprit
}

// MB-SET-3
#[test]
fn a_first_request_gets_a_set_whose_codes_the_tags_know() {
    for profile in profiles() {
        let (mut world, mut hand) = Hand::enrolled(profile);
        let request = hand.want();
        let reply = world.receive(&request).unwrap();
        assert_eq!(reply.len(), 1);
        if profile.delivery() == Delivery::Shared {
            assert_eq!(reply[0].len(), 133);
        }
        let set = hand.set(&reply[0]);
        assert_eq!((set.first, set.count(), set.reset), (CodeIndex(1), 40, false));
        assert!(set.indexed().all(|(index, code)| world.knows(index, code)));
        assert_eq!(world.device().next_index, CodeIndex(41));
    }
}

// MB-IV-3, MB-SRV-1
#[test]
fn a_repetition_gets_identical_bytes_and_writes_nothing() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    for _ in 0..3 {
        let again = world.decide(&request).unwrap();
        assert_eq!(again.reply, reply);
        assert!(again.changes.writes.is_empty() && !again.fresh);
    }
    hand.hold(&reply[0]);
    let status = hand.status();
    let reply = world.receive(&status).unwrap();
    assert_eq!(hand.sync(&reply[0]).last_request, 3);
    let again = world.decide(&status).unwrap();
    assert_eq!(again.reply, reply);
    assert!(again.changes.writes.is_empty());
    // What answered the older one is acknowledged by now.
    assert_eq!(world.decide(&request).unwrap().reply, Vec::<Vec<u8>>::new());
}

// MB-SRV-4
#[test]
fn a_second_request_gets_the_outstanding_set_and_no_other() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let first = hand.want();
    let reply = world.receive(&first).unwrap();
    let second = hand.want();
    assert_eq!(world.receive(&second).unwrap(), reply);
    assert_eq!(world.push(RefillReason::Operator).unwrap(), reply);
    let status = hand.status();
    assert_eq!(world.receive(&status).unwrap(), reply, "a status request fetches what was pushed");
    assert_eq!(world.state.sets.len(), 1);
}

// MB-SET-5, MB-SRV-3
#[test]
fn an_acknowledgement_settles_the_set() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let set = hand.fill(&mut world);
    assert!(world.state.outbox.is_empty());
    assert_eq!(world.events(EventKind::SetAcknowledged), 1);
    assert_eq!((world.device().acknowledged, world.device().reported_unused), (set.last(), Some(40)));
    assert_eq!(world.unspent(), 40);
}

#[test]
fn a_device_that_reports_few_codes_gets_a_set_unasked() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    hand.unused = 11;
    let status = hand.status();
    hand.sync(&world.receive(&status).unwrap()[0]);
    hand.unused = 10;
    let status = hand.status();
    assert_eq!(hand.set(&world.receive(&status).unwrap()[0]).first, CodeIndex(41));
}

#[test]
fn racing_triggers_issue_one_set() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let request = hand.want();
    let snapshot = world.snapshot();
    let pulled = world.decide(&request).unwrap();
    let pushed = crate::issue::push(
        &snapshot,
        &world.keyring,
        &world.limits,
        RefillReason::ServerCount,
        world.now,
        &mut world.rng,
    )
    .unwrap();
    assert_ne!(pulled.reply, pushed.reply);
    world.apply(pushed.changes).unwrap();
    assert!(world.apply(pulled.changes).is_err(), "the slower one is decided again");
    assert_eq!(world.receive(&request).unwrap(), pushed.reply);
}

#[test]
fn the_device_may_want_fewer_codes_and_never_gets_more_than_the_policy_gives() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.policy().threshold = 2;
    for (wanted, count) in [(7, 7), (1, 1), (254, 40), (WANTED_SERVERS_CHOICE, 40)] {
        let request = hand.request(Request { wanted, reason: Reason::Manual, ..STATUS });
        let reply = world.receive(&request).unwrap();
        assert_eq!(hand.hold(&reply[0]).count(), count);
        let status = hand.status();
        world.receive(&status).unwrap();
    }
}

// MB-SRV-2
#[test]
fn whoever_has_no_key_gets_nothing() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let request = hand.want();
    for position in 0..request.len() {
        for flip in [1, 0x80] {
            let mut forged = request.clone();
            forged[position] ^= flip;
            if (1..9).contains(&position) {
                continue;
            }
            assert_eq!(culprit(world.decide(&forged)), Culprit::Peer, "byte {position}");
        }
    }
    for length in 0..request.len() {
        assert_eq!(culprit(world.decide(&request[..length])), Culprit::Peer);
    }
    let key = std::mem::replace(&mut hand.key, Secret::new([1; 32]));
    let forged = hand.want();
    assert_eq!(culprit(world.decide(&forged)), Culprit::Peer);
    hand.key = key;
    hand.epoch = Epoch(1);
    let other_epoch = hand.want();
    assert_eq!(culprit(world.decide(&other_epoch)), Culprit::Peer);
    assert_eq!(world.device().requests.highest, 1, "none of it left a trace");
}

#[test]
fn another_profile_does_not_open() {
    let (mut world, mut hand) = Hand::enrolled(profile(Suite::X25519, Delivery::PublicKey));
    hand.party.profile = profile(Suite::X25519, Delivery::Shared);
    let downgraded = hand.want();
    assert_eq!(culprit(world.decide(&downgraded)), Culprit::Peer);
}

#[test]
fn a_snapshot_of_another_device_is_a_bug() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.party.id = STRANGER;
    let request = hand.want();
    assert_eq!(culprit(world.decide(&request)), Culprit::Bug);
}

#[test]
fn a_key_that_does_not_open_is_the_stores_fault_and_named() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.device_mut().keys.current.sealed.0[20] ^= 1;
    let request = hand.want();
    let refusal = world.decide(&request).err().unwrap();
    assert_eq!(refusal.culprit, Culprit::Store);
    assert!(refusal.inward.contains(&hand.party.id.to_string()));
}

#[test]
fn requests_that_overtake_each_other_all_count_once() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let older = hand.want();
    let newer = hand.request(Request { wanted: 0, ..STATUS });
    world.policy().threshold = 0;
    hand.fill(&mut world);
    let late = world.take(&older).unwrap();
    assert!(late.fresh);
    assert_eq!(hand.hold(&late.reply[0]).first, CodeIndex(41));
    assert_eq!(world.device().reported_unused, Some(40), "what an overtaken request reports is old");
    assert!(world.take(&newer).unwrap().fresh);
    assert!(!world.take(&older).unwrap().fresh && !world.take(&newer).unwrap().fresh);
}

#[test]
fn an_overtaken_request_takes_no_answer_from_the_newest() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    let older = hand.status();
    let newest = hand.status();
    let reply = world.receive(&newest).unwrap();
    world.receive(&older).unwrap();
    assert_eq!(world.decide(&newest).unwrap().reply, reply);
}

// MB-SRV-1
#[test]
fn a_request_below_the_window_is_refused() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let old = hand.want();
    hand.counter += 63;
    let newest = hand.status();
    world.receive(&newest).unwrap();
    assert_eq!(culprit(world.decide(&old)), Culprit::Peer);
    let lowest = hand.request_as(hand.counter - 63, STATUS);
    assert!(world.take(&lowest).unwrap().fresh);
}

// MB-SRV-8
#[test]
fn a_suspended_device_or_user_gets_a_sync_that_says_so_and_no_set() {
    let suspend: [fn(&mut World); 2] =
        [|world| world.admin(admin::suspend).unwrap(), |world| world.state.subscriber_suspended = true];
    for suspend in suspend {
        let (mut world, mut hand) = Hand::enrolled(symmetric());
        let first = hand.want();
        world.receive(&first).unwrap();
        suspend(&mut world);
        let reply = world.receive(&first).unwrap();
        assert_eq!(reply.len(), 1, "a repetition gets no set either");
        assert!(hand.sync(&reply[0]).suspended);
        assert_eq!(world.receive(&first).unwrap(), reply, "and one SYNC, not one each time");
        let request = hand.want();
        let reply = world.receive(&request).unwrap();
        assert!(hand.sync(&reply[0]).suspended);
        assert_eq!(reply.len(), 1);
        assert!(waiting(&world.snapshot()).is_empty());
        assert_eq!(world.state.sets.len(), 1);
    }
}

#[test]
fn a_resumed_device_gets_the_set_that_waited() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let first = hand.want();
    let set = world.receive(&first).unwrap();
    world.admin(admin::suspend).unwrap();
    assert!(world.state.outbox.iter().all(|item| item.next_attempt_at == admin::HELD_BACK_UNTIL));
    world.admin(admin::resume).unwrap();
    assert!(world.state.outbox.iter().all(|item| item.next_attempt_at == world.now));
    let status = hand.status();
    assert_eq!(world.receive(&status).unwrap(), set);
}

// MB-SRV-2
#[test]
fn a_revoked_device_gets_silence() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    world.admin(admin::revoke).unwrap();
    let (request, enrol) = (hand.want(), hand.enrol());
    assert_eq!(culprit(world.decide(&request)), Culprit::Peer);
    assert_eq!(culprit(world.decide(&enrol)), Culprit::Peer);
}

#[test]
fn a_pending_device_may_only_enrol() {
    let mut world = World::new(1, Default::default());
    let enrolment = world.enrolment(symmetric());
    let mut hand = Hand::new(&enrolment, 2);
    let request = hand.want();
    assert_eq!(culprit(world.decide(&request)), Culprit::Peer);
    assert!(matches!(world.device().status, Status::Pending { .. }));
}

// MB-RES-1, MB-RES-2
#[test]
fn a_restored_server_learns_where_the_device_is_and_replaces_all() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    let backup = world.state.clone();
    world.policy().threshold = 50;
    hand.fill(&mut world);
    assert_eq!(hand.highest, 80);
    world.restore(backup);
    assert!(world.push(RefillReason::Operator).is_err(), "nothing is issued before the device has called");
    assert_eq!(world.push(RefillReason::ServerCount).unwrap(), Vec::<Vec<u8>>::new());
    let status = hand.status();
    let reply = world.receive(&status).unwrap();
    let set = hand.hold(&reply[0]);
    assert!(set.reset && is_beyond(set.first, 80));
    assert!(!world.device().restored);
    assert_eq!(world.unspent(), usize::from(set.count()));
    assert_eq!(world.events(EventKind::DeviceRestored), 1);
}

#[test]
fn a_restored_server_that_is_not_behind_replaces_all_too() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    world.restore(world.state.clone());
    let sequence = world.device().sync_sequence;
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    let set = hand.hold(&reply[0]);
    assert!(set.reset && set.count() == 40 && is_beyond(set.first, 41));
    assert!(world.device().sync_sequence >= sequence + (1 << 16), "what it pushes is not older than before");
}

// MB-RES-2
#[test]
fn a_server_that_is_behind_without_knowing_finds_out() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    hand.highest = 200;
    let status = hand.status();
    let reply = world.receive(&status).unwrap();
    let set = hand.hold(&reply[0]);
    assert!(set.reset && is_beyond(set.first, 200));
    assert_eq!(world.state.sets.len(), 1, "what was issued before is void");
}

#[test]
fn a_device_that_claims_the_last_of_all_indices_is_refused() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.highest = u32::MAX;
    let request = hand.want();
    assert_eq!(culprit(world.decide(&request)), Culprit::Peer);
    hand.highest = u32::MAX - INDEX_GAP;
    let request = hand.want();
    assert_eq!(culprit(world.decide(&request)), Culprit::Peer);
}

// MB-RES-3
#[test]
fn a_replayed_request_of_before_a_restored_backup_heals() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    hand.fill(&mut world);
    let backup = world.state.clone();
    let captured = hand.want();
    let reply = world.receive(&captured).unwrap();
    hand.hold(&reply[0]);
    let status = hand.status();
    world.receive(&status).unwrap();
    world.restore(backup);
    let reset = world.receive(&captured).unwrap();
    assert!(is_beyond(hand.set(&reset[0]).first, 41), "above all that the device may hold by now");
    let honest = hand.status();
    assert_eq!(world.receive(&honest).unwrap(), reset, "which is no acknowledgement of codes that it never got");
    assert!(hand.hold(&reset[0]).reset);
    assert_eq!(world.unspent(), 40);
}

#[test]
fn a_device_that_holds_other_codes_within_the_outstanding_set_gets_one_above_all() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let request = hand.want();
    world.receive(&request).unwrap();
    hand.highest = 17;
    let status = hand.status();
    let reply = world.receive(&status).unwrap();
    let set = hand.hold(&reply[0]);
    assert!(set.reset && is_beyond(set.first, 41));
    assert_eq!(world.state.sets.len(), 1);
}

#[test]
fn the_outbox_does_not_send_at_once_what_a_reply_brought() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    let request = hand.want();
    world.receive(&request).unwrap();
    let item = &world.state.outbox[0];
    assert!(item.attempts == 1 && item.next_attempt_at > world.now);
    world.now = world.now.plus(3_600_000);
    let status = hand.status();
    world.receive(&status).unwrap();
    let item = &world.state.outbox[0];
    assert!(item.attempts == 2 && item.next_attempt_at > world.now);
    assert!(matches!(item.kind, OutboxKind::Set { first: CodeIndex(1), last: CodeIndex(40) }));
}

#[test]
fn a_pushed_sync_is_settled_by_any_fresh_request() {
    let (mut world, mut hand) = Hand::enrolled(profile(Suite::X25519, Delivery::Shared));
    world.rotate(crate::RotationReason::Operator).unwrap();
    assert_eq!(world.state.outbox.len(), 1);
    let status = hand.status();
    let reply = world.receive(&status).unwrap();
    assert!(world.state.outbox.iter().all(|item| item.kind != OutboxKind::Sync));
    assert!(reply.iter().any(|bytes| {
        hand.open(bytes)
            .is_ok_and(|opened| matches!(opened, matchbook_protocol::Downlink::Sync { sync, .. } if sync.rotate))
    }));
}

#[test]
fn every_authentic_request_counts_as_use_of_the_key() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    assert_eq!(world.device().keys.current.messages, 2);
    hand.fill(&mut world);
    assert_eq!(world.device().keys.current.messages, 6);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in 0_u8..6) {
        let (world, _) = Hand::enrolled(symmetric());
        let mut bytes = bytes;
        // Half of the time, something that looks like one of this device's messages.
        if let (0..=2, Some(at)) = (head, bytes.get_mut(..10)) {
            at[0] = if head == 0 { 0x31 } else { 0x30 };
            at[1..9].copy_from_slice(&world.device().id.0);
            at[9] = 0;
            bytes.truncate([56, 45, 77][usize::from(head)]);
        }
        let mut rng = crate::testing::TestRng::new(1);
        prop_assert!(decide(&bytes, &world.snapshot(), &world.keyring, &world.limits, world.now, &mut rng).is_err());
        burn_equal_cost(&bytes, &world.keyring);
    }

    #[test]
    fn the_window_is_a_set_of_the_last_64(counters in proptest::collection::vec(1_u32..300, 1..200)) {
        let mut window = RequestWindow::default();
        let mut model = std::collections::BTreeSet::new();
        for counter in counters {
            let highest = model.last().copied().unwrap_or(0);
            let expected = match () {
                () if counter > highest => Seen::Newest,
                () if highest - counter >= 64 => Seen::Unknown,
                () if model.contains(&counter) => Seen::Before,
                () => Seen::Overtaken,
            };
            prop_assert_eq!(window.judge(counter), expected);
            if expected != Seen::Unknown {
                window.mark(counter);
                model.insert(counter);
            }
        }
    }
}

#[test]
fn the_window_holds_at_the_ends_of_its_range() {
    let mut window = RequestWindow::default();
    assert_eq!(window.judge(0), Seen::Unknown);
    window.mark(u32::MAX);
    assert_eq!(window.judge(u32::MAX), Seen::Before);
    assert_eq!(window.judge(u32::MAX - 63), Seen::Overtaken);
    assert_eq!(window.judge(u32::MAX - 64), Seen::Unknown);
    assert_eq!(window.judge(1), Seen::Unknown);
}

#[test]
fn the_steps_are_types() {
    let (world, mut hand) = Hand::enrolled(symmetric());
    let request = hand.want();
    let unverified = UnverifiedUplink::decode(&request).unwrap();
    let authentic = authenticate(&unverified, &world.snapshot(), &world.keyring).unwrap();
    let super::Authentic::Request(authentic) = authentic else { panic!("not a request") };
    assert!(matches!(authentic.freshen(&world.device().requests), super::Freshness::Fresh(_)));
}
