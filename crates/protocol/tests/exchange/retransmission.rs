//! Loss, duplication, order: what is pending is sent again as the same bytes until it is answered.

use matchbook_protocol::engine::Pace;
use matchbook_protocol::{Phase, Reason, Suite};

use crate::world::{World, profile};

/// MB-DEV-3, MB-DEV-4, MB-ENR-6.
#[test]
fn enrolment_is_sent_again_as_the_same_bytes() {
    let mut world = World::new(profile(Suite::X25519));
    let first = world.last_uplink();
    world.tick(0);
    assert!(world.uplinks.is_empty(), "it was just sent");
    world.tick(Pace::DATA.first_ms);
    assert_eq!(world.last_uplink(), first);
    world.tick(Pace::DATA.first_ms);
    assert!(world.uplinks.is_empty(), "the second wait is twice as long");
    world.tick(Pace::DATA.first_ms);
    assert_eq!(world.last_uplink(), first);
    world.server.receive(&first);
    world.recover();
    world.assert_settled();
}

/// MB-DEV-3, MB-DEV-4.
#[test]
fn a_request_is_sent_again_as_the_same_bytes_until_it_is_answered() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_set();
    let first = world.last_uplink();
    for _ in 0..20 {
        let due = world.wait_until.unwrap();
        assert!(due.since(world.now) <= Pace::DATA.longest_ms);
        world.now = due;
        world.tick(0);
        assert_eq!(world.last_uplink(), first);
    }
    let replies = world.server.receive(&first);
    assert_eq!(world.server.receive(&first), replies, "a duplicate gets the same bytes");
    world.deliver(&replies[0]).unwrap();
    world.settle();
    world.tick(Pace::DATA.longest_ms);
    assert!(world.uplinks.is_empty(), "nothing is pending any more");
    world.assert_settled();
}

/// MB-DEV-3, MB-SET-7.
#[test]
fn a_lost_set_comes_again_and_a_lost_acknowledgement_too() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_set();
    let request = world.last_uplink();
    drop(world.server.receive(&request));
    world.recover();
    assert_eq!(world.account().remaining(), 10);
    let set = world.server.push();
    world.deliver(&set).unwrap();
    let acknowledgement = world.last_uplink();
    world.deliver(&set).unwrap();
    assert!(world.uplinks.is_empty(), "not twice within five seconds");
    world.tick(Pace::DATA.first_ms);
    assert_eq!(world.last_uplink(), acknowledgement);
    world.recover();
    world.assert_settled();
    assert_eq!(world.server.sets_issued, 3);
}

/// MB-DEV-4, MB-SET-7.
#[test]
fn a_set_that_comes_again_after_all_is_acknowledged_again_once_a_minute() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let set = world.sent_down.iter().find(|message| message.len() > 36).unwrap().clone();
    world.deliver(&set).unwrap();
    assert_eq!(world.uplinks.len(), 1);
    world.settle();
    world.deliver(&set).unwrap();
    assert!(world.uplinks.is_empty());
    world.now = world.now.plus(Pace::DATA.reacknowledge_ms);
    world.deliver(&set).unwrap();
    assert_eq!(world.uplinks.len(), 1);
    world.settle();
    assert_eq!(world.account().remaining(), 5, "it is held once");
}

/// MB-DEV-3.
#[test]
fn a_newer_request_asks_for_all_that_the_older_one_asked_for() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_set();
    world.request_rotation();
    let newest = world.last_uplink();
    let replies = world.server.receive(&newest);
    assert_eq!(replies.len(), 2, "a set and a key");
    let (_, request) = world.server.requests.last().unwrap();
    assert_eq!(request.reason, Reason::Rotate);
    for reply in replies {
        world.deliver(&reply).unwrap();
    }
    world.settle();
    assert_eq!(world.account().remaining(), 10);
    assert_eq!(world.account().epoch().0, 1);
    world.assert_settled();
}

#[test]
fn requests_that_overtake_each_other_yield_one_set() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_set();
    let older = world.last_uplink();
    world.request_rotation();
    let newer = world.last_uplink();
    let mut replies = world.server.receive(&newer);
    replies.extend(world.server.receive(&older));
    for reply in replies {
        world.deliver(&reply).ok();
    }
    world.settle();
    world.recover();
    assert_eq!(world.server.sets_issued, 2);
    world.assert_settled();
}

#[test]
fn only_the_newest_request_is_queued() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let set = world.server.push();
    world.engine.handle_input(&set, world.now, &mut world.chance).unwrap();
    world.engine.request_set(world.now, &mut world.chance).unwrap();
    world.engine.request_rotation(world.now, &mut world.chance).unwrap();
    world.pump();
    assert_eq!(world.uplinks.len(), 1);
    world.settle();
    world.assert_settled();
}

/// MB-DEV-4.
#[test]
fn a_sync_that_names_an_older_request_is_no_answer() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_status();
    let sync = world.server.sync(false);
    world.deliver(&sync).unwrap();
    assert!(world.account().awaits_answer());
    world.settle();
    assert!(!world.account().awaits_answer());
}

/// MB-SYN-1.
#[test]
fn syncs_that_overtake_each_other_leave_the_newest_state() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.server.suspended = true;
    let older = world.server.sync(false);
    world.server.suspended = false;
    world.server.threshold = 4;
    let newer = world.server.sync(false);
    world.deliver(&newer).unwrap();
    world.deliver(&older).unwrap();
    assert!(!world.account().is_suspended());
    assert_eq!(world.account().threshold(), 4);
    assert_eq!(world.events(), Vec::<String>::new());
}

/// MB-DEV-4, MB-ENR-6.
#[test]
fn any_message_under_the_first_key_confirms_the_enrolment() {
    let mut world = World::new(profile(Suite::Symmetric));
    let enrol = world.last_uplink();
    drop(world.server.receive(&enrol));
    let set = world.server.push();
    world.deliver(&set).unwrap();
    assert_eq!(world.account().phase(), Phase::Steady);
    assert_eq!(world.events()[0], "Enrolled");
    world.settle();
    assert_eq!(world.server.sets_issued, 1, "the set that came is the first one");
    world.assert_settled();

    let mut world = World::new(profile(Suite::Symmetric));
    let enrol = world.last_uplink();
    drop(world.server.receive(&enrol));
    let rotation = world.server.push_rotation();
    world.deliver(&rotation).unwrap();
    world.settle();
    assert_eq!((world.account().epoch().0, world.account().remaining()), (1, 5));
    world.assert_settled();
}

#[test]
fn a_clock_that_jumps_stops_nothing() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_set();
    world.uplinks.clear();
    world.now = matchbook_protocol::UnixMillis(5);
    world.tick(0);
    assert_eq!(world.uplinks.len(), 1);
    world.uplinks.clear();
    world.now = matchbook_protocol::UnixMillis(u64::MAX);
    world.tick(0);
    assert_eq!(world.uplinks.len(), 1);
    world.settle();
    world.assert_settled();
}

/// MB-SMS-8.
#[test]
fn by_sms_the_device_repeats_itself_seldom() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let pace = Pace::SHORT_MESSAGES;
    world.engine.set_pace(pace);
    world.request_set();
    let request = world.last_uplink();
    world.tick(pace.first_ms - 1);
    assert!(world.uplinks.is_empty(), "not before a minute has passed");
    world.tick(1);
    assert_eq!(world.last_uplink(), request);
    let mut longest = 0;
    for _ in 0..12 {
        let due = world.wait_until.unwrap();
        longest = due.since(world.now);
        world.now = due;
        world.tick(0);
        assert_eq!(world.last_uplink(), request);
    }
    assert_eq!(longest, pace.longest_ms);
    world.engine.set_pace(Pace::DATA);
    world.tick(0);
    assert_eq!(world.last_uplink(), request, "on a data bearer nobody waits for six hours");
    world.server.receive(&request);
    world.recover();
    world.assert_settled();
}

/// MB-SMS-8.
#[test]
fn whoever_replays_a_set_by_sms_makes_the_device_pay_once_an_hour() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let pace = Pace::SHORT_MESSAGES;
    world.engine.set_pace(pace);
    let set = world.sent_down.iter().find(|message| message.len() > 36).unwrap().clone();
    world.deliver(&set).unwrap();
    assert_eq!(world.uplinks.len(), 1);
    world.settle();
    for _ in 0..59 {
        world.now = world.now.plus(60_000);
        world.deliver(&set).unwrap();
        assert!(world.uplinks.is_empty());
    }
    world.now = world.now.plus(60_000);
    world.deliver(&set).unwrap();
    assert_eq!(world.uplinks.len(), 1);
    world.settle();
}

/// MB-SMS-9.
#[test]
fn by_sms_an_acknowledgement_goes_once_and_again_when_the_set_comes_again() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.engine.set_pace(Pace::SHORT_MESSAGES);
    world.request_set();
    let request = world.last_uplink();
    let replies = world.server.receive(&request);
    let set = replies.last().unwrap();
    world.deliver(set).unwrap();
    let lost = world.last_uplink();
    assert_ne!(lost, request);
    assert!(!world.account().awaits_answer());
    for _ in 0..30 {
        world.tick(Pace::SHORT_MESSAGES.longest_ms);
        assert!(world.uplinks.is_empty(), "nobody answers an acknowledgement, so it is not repeated for want of one");
    }
    world.deliver(set).unwrap();
    let acknowledgement = world.last_uplink();
    assert_ne!(acknowledgement, lost, "a request of its own, for the counter may be seen already");
    world.server.receive(&acknowledgement);
    world.recover();
    world.assert_settled();
}

/// MB-SMS-9.
#[test]
fn by_sms_a_request_that_shows_the_next_key_is_repeated_until_it_is_answered() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.engine.set_pace(Pace::SHORT_MESSAGES);
    world.request_rotation();
    let request = world.last_uplink();
    for reply in world.server.receive(&request) {
        world.deliver(&reply).unwrap();
    }
    assert_eq!(world.account().phase(), Phase::Switching);
    let proof = world.last_uplink();
    world.tick(Pace::SHORT_MESSAGES.first_ms);
    assert_eq!(world.last_uplink(), proof);
    world.recover();
    world.assert_settled();
    assert_eq!(world.account().epoch().0, 1);
}
