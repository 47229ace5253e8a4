//! Enrolment, and the three triggers that bring a set.

use matchbook_protocol::engine::{DEFAULT_THRESHOLD, MAX_HELD_CODES, Pace};
use matchbook_protocol::{
    Acknowledge, CodeIndex, Phase, Reason, RequestError, Selector, Suite, TakeError, WANTED_SERVERS_CHOICE,
};

use crate::world::{SUITES, World, profile};

/// MB-ENR-6.
#[test]
fn enrolment_is_confirmed_and_the_first_set_is_asked_for_without_being_told() {
    for suite in SUITES {
        let mut world = World::new(profile(suite));
        assert_eq!(world.account().phase(), Phase::Enrolling);
        assert_eq!(world.account().threshold(), DEFAULT_THRESHOLD);
        world.settle();
        assert_eq!(world.events()[0], "Enrolled");
        let (counter, first) = &world.server.requests[0];
        assert_eq!((*counter, first.reason, first.wanted), (2, Reason::First, WANTED_SERVERS_CHOICE));
        assert_eq!((first.highest, first.unused), (CodeIndex::NONE, 0));
        assert_eq!(world.unused(), [1, 2, 3, 4, 5]);
        assert_eq!(world.account().threshold(), 2);
        world.assert_settled();
    }
}

/// MB-SET-11.
#[test]
fn a_set_is_acknowledged_at_once() {
    let world = World::enrolled(profile(Suite::X25519));
    let (_, ack) = world.server.requests.last().unwrap();
    assert_eq!((ack.reason, ack.wanted, ack.highest, ack.unused), (Reason::Status, 0, CodeIndex(5), 5));
}

/// MB-DEV-5.
#[test]
fn the_device_asks_when_the_threshold_is_reached_and_only_once() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.take_next();
    world.take_next();
    assert!(world.uplinks.is_empty());
    world.take_next();
    assert_eq!(world.uplinks.len(), 1);
    world.take_next();
    assert_eq!(world.uplinks.len(), 1, "a set is asked for already");
    assert_eq!(world.events().iter().filter(|event| event.starts_with("RunningLow")).count(), 2);
    world.settle();
    assert_eq!(world.server.requests.iter().filter(|(_, request)| request.reason == Reason::Low).count(), 1);
    assert_eq!(world.unused(), [5, 6, 7, 8, 9, 10], "the old set's last code is still good");
    world.assert_settled();
}

/// MB-DEV-5.
#[test]
fn the_user_asks_by_hand() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_set();
    world.request_set();
    world.settle();
    let manual = world.server.requests.iter().filter(|(_, request)| request.reason == Reason::Manual);
    assert_eq!(manual.count(), 1, "the second time sends the same bytes");
    assert_eq!(world.server.sets_issued, 2);
    assert_eq!(world.account().remaining(), 10);
    world.assert_settled();
}

/// MB-SET-4, on the device's side.
#[test]
fn a_push_that_races_a_pull_yields_one_set() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let pushed = world.server.push();
    world.request_set();
    world.deliver(&pushed).unwrap();
    world.settle();
    assert_eq!(world.server.sets_issued, 2);
    assert_eq!(world.account().remaining(), 10);
    world.assert_settled();
}

/// MB-SET-4, on the device's side.
#[test]
fn a_pull_that_races_a_push_yields_one_set_whatever_the_order() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_set();
    let pull = world.last_uplink();
    let pushed = world.server.push();
    let replies = world.server.receive(&pull);
    assert_eq!(replies, std::slice::from_ref(&pushed));
    world.deliver(&replies[0]).unwrap();
    world.deliver(&pushed).unwrap();
    world.settle();
    assert_eq!(world.server.sets_issued, 2);
    world.assert_settled();
}

#[test]
fn a_small_set_is_followed_by_another_until_the_threshold_is_passed() {
    let mut world = World::new(profile(Suite::X25519));
    world.server.set_size = 1;
    world.settle();
    assert_eq!(world.account().remaining(), 3);
    world.assert_settled();
}

#[test]
fn a_device_that_gets_no_set_asks_again_after_an_hour_and_not_before() {
    let mut world = World::new(profile(Suite::X25519));
    world.server.generous = false;
    world.settle();
    assert!(!world.account().awaits_answer());
    assert_eq!(world.engine.refill_if_low(world.now, &mut world.chance), Ok(false));
    let push = world.server.sync(false);
    world.deliver(&push).unwrap();
    assert!(world.uplinks.is_empty(), "an answer without a set is no reason to ask at once");
    world.now = world.now.plus(Pace::DATA.refill_ms);
    world.server.generous = true;
    assert_eq!(world.engine.refill_if_low(world.now, &mut world.chance), Ok(true));
    world.pump();
    world.settle();
    assert_eq!(world.account().remaining(), 5);
    assert_eq!(world.server.requests.iter().filter(|(_, request)| request.reason == Reason::First).count(), 2);
}

/// MB-SYN-3.
#[test]
fn a_threshold_that_the_server_raises_brings_a_set() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.now = world.now.plus(Pace::DATA.refill_ms);
    world.server.threshold = 6;
    let push = world.server.sync(false);
    world.deliver(&push).unwrap();
    world.settle();
    assert_eq!(world.account().remaining(), 10);
}

/// MB-SYN-3.
#[test]
fn suspended_devices_keep_their_codes_and_ask_for_none() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.server.suspended = true;
    let push = world.server.sync(false);
    world.deliver(&push).unwrap();
    assert_eq!(world.events(), ["Suspended"]);
    for _ in 0..5 {
        world.take_next();
    }
    assert!(world.uplinks.is_empty());
    assert_eq!(world.take(Selector::Next), Err(TakeError::Empty));
    world.server.suspended = false;
    world.now = world.now.plus(Pace::DATA.refill_ms);
    let push = world.server.sync(false);
    world.deliver(&push).unwrap();
    assert!(world.events().contains(&"Resumed".into()));
    world.settle();
    assert_eq!(world.account().remaining(), 5);
}

/// MB-SET-7, MB-SET-11.
#[test]
fn acknowledging_later_saves_messages_and_loses_nothing() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.engine.set_acknowledge(Acknowledge::WithNextRequest);
    let set = world.server.push();
    world.deliver(&set).unwrap();
    assert!(world.uplinks.is_empty());
    assert!(!world.account().awaits_answer());
    world.deliver(&set).unwrap();
    world.settle();
    assert!(world.server.outstanding.is_none(), "the set that came again is acknowledged");
    world.request_set();
    world.settle();
    assert_eq!(world.account().remaining(), 15);
}

/// MB-ENR-6.
#[test]
fn nothing_is_asked_for_before_the_enrolment_is_confirmed() {
    let mut world = World::new(profile(Suite::X25519));
    let (now, chance) = (world.now, &mut world.chance);
    assert_eq!(world.engine.request_set(now, chance), Err(RequestError::NotEnrolled));
    assert_eq!(world.engine.request_status(now, chance), Err(RequestError::NotEnrolled));
    assert_eq!(world.engine.request_rotation(now, chance), Err(RequestError::NotEnrolled));
    assert_eq!(world.engine.refill_if_low(now, chance), Ok(false));
    assert_eq!(world.engine.take_code(Selector::Next, now, chance), Err(TakeError::Empty));
    assert_eq!(world.engine.poll_output().map(drop), None);
}

#[test]
fn no_more_codes_than_the_device_keeps() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.server.set_size = MAX_HELD_CODES as u64 - 5;
    world.request_set();
    world.settle();
    assert_eq!(world.account().remaining(), MAX_HELD_CODES);
    assert_eq!(world.engine.request_set(world.now, &mut world.chance), Err(RequestError::HoldsEnough));
}

/// MB-DEV-2.
#[test]
fn codes_are_listed_without_being_shown_and_taken_once() {
    let mut world = World::enrolled(profile(Suite::X25519));
    assert_eq!(world.take(Selector::Index(CodeIndex(4))), Ok(CodeIndex(4)));
    assert_eq!(world.take_next(), CodeIndex(1));
    let marks: Vec<_> = world.account().codes().map(|mark| (mark.index.0, mark.used)).collect();
    assert_eq!(marks, [(1, true), (2, false), (3, false), (4, true), (5, false)]);
    assert_eq!(world.take(Selector::Index(CodeIndex(4))), Err(TakeError::AlreadyTaken));
    assert_eq!(world.take(Selector::Index(CodeIndex(6))), Err(TakeError::NotHeld));
    assert_eq!(world.take(Selector::Index(CodeIndex(0))), Err(TakeError::NotHeld));
    assert_eq!(world.server.issued[&4], world.shown[&CodeIndex(4)]);
    assert_eq!(world.account().history().codes_taken, 2);
}

#[test]
fn printing_shows_no_code_and_no_key() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.engine.take_code(Selector::Next, world.now, &mut world.chance).unwrap();
    let printed = format!("{:?} {:?}", world.engine, world.engine.account());
    let code = format!("{:06}", world.server.issued[&1]);
    let key = format!("{}, {}", world.server.key[0], world.server.key[1]);
    assert!(!printed.contains(&code) && !printed.contains(&key), "{printed}");
}
