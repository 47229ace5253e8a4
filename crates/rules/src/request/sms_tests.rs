//! Requests by short message: what is answered at once, and how it leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{Delivery, Profile, Suite};

use super::BearerLimits;
use crate::draft::RESEND_AFTER_MS;
use crate::model::{OutboxItem, OutboxKind};
use crate::testing::hand::Hand;
use crate::testing::world::{World, profile};

fn symmetric() -> Profile {
    profile(Suite::Symmetric, Delivery::Shared)
}

#[test]
fn on_sms_only_what_asks_is_answered_at_once() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.limits = BearerLimits::SMS;
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    hand.hold(&reply[0]);
    let status = hand.status();
    assert_eq!(world.receive(&status).unwrap(), Vec::<Vec<u8>>::new());
    let reply = world.receive(&status).unwrap();
    assert_eq!(
        hand.sync(&reply[0]).last_request,
        hand.counter,
        "the device wants an answer, or it would not repeat it"
    );
    assert!(world.receive(&status).unwrap().is_empty(), "a copy that the network made brings no second answer");
    world.now = world.now.plus(RESEND_AFTER_MS);
    assert_eq!(world.receive(&status).unwrap(), reply);
    assert_eq!(answers(&world), [reply[0].clone()], "one answer waits, in place of the older");
}

#[test]
fn on_sms_everything_leaves_by_the_outbox_and_repetitions_wait() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.limits = BearerLimits::SMS;
    let request = hand.want();
    let reply = world.receive(&request).unwrap();
    let set = world.state.outbox[0].clone();
    assert_eq!((&set.bytes, set.attempts, set.next_attempt_at), (&reply[0], 0, world.now), "due at once, not sent");
    world.state.outbox[0] =
        OutboxItem { attempts: 1, sent_at: Some(world.now), next_attempt_at: world.now.plus(300_000), ..set.clone() };
    world.now = world.now.plus(RESEND_AFTER_MS - 1);
    assert!(world.decide(&request).unwrap().changes.writes.is_empty(), "it went out a moment ago");
    world.now = world.now.plus(1);
    world.receive(&request).unwrap();
    assert_eq!(world.state.outbox[0].next_attempt_at, world.now);
    assert_eq!(world.state.outbox.len(), 1);
}

#[test]
fn on_sms_a_large_set_goes_in_parts_each_after_the_one_before() {
    let (mut world, mut hand) = Hand::enrolled(symmetric());
    world.limits = BearerLimits::SMS;
    world.state.realm.policy.set_size = Some(100);
    let mut sizes = Vec::new();
    let mut request = hand.want();
    loop {
        let reply = world.receive(&request).unwrap();
        let Some(set) = reply.first() else { break };
        assert!(set.len() <= 133);
        let before = hand.highest;
        hand.hold(set);
        sizes.push(hand.highest - before);
        request = hand.status();
    }
    assert_eq!(sizes, [40, 40, 20]);
    let status = hand.status();
    assert!(world.receive(&status).unwrap().is_empty(), "only the arrival of a set brings the next part");
}

fn answers(world: &World) -> Vec<Vec<u8>> {
    let answers = world.state.outbox.iter().filter(|item| item.kind == OutboxKind::Answer);
    answers.map(|item| item.bytes.clone()).collect()
}
