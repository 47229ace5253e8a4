//! Both rotations: no moment without a shared key, and the old one dies when the new one is proven.

use matchbook_protocol::{Epoch, EpochKeys, PeerError, Phase, Reason, Secret, Suite};

use crate::world::{HANDLE, SUITES, World, profile};

#[test]
fn the_server_rotates() {
    for suite in SUITES {
        let mut world = World::enrolled(profile(suite));
        let old_key = world.server.key;
        let push = world.server.push_rotation();
        world.deliver(&push).unwrap();
        world.settle();
        assert_eq!(world.account().epoch(), Epoch(1), "{suite:?}");
        assert_ne!(world.server.key, old_key);
        assert_eq!(world.events(), ["KeyReplaced { epoch: Epoch(1) }"]);
        world.assert_settled();
    }
}

/// MB-ROT-6.
#[test]
fn the_device_rotates_and_every_later_time_with_a_fresh_key() {
    for suite in SUITES {
        let mut world = World::enrolled(profile(suite));
        for epoch in 1..=3 {
            world.request_rotation();
            world.request_rotation();
            world.settle();
            assert_eq!(world.account().epoch(), Epoch(epoch));
        }
        let rotations = world.server.requests.iter().filter(|(_, request)| request.reason == Reason::Rotate);
        let mut keys: Vec<_> = rotations.map(|(_, request)| request.ephemeral.clone()).collect();
        assert_eq!(keys.len(), 3);
        keys.dedup();
        assert_eq!(keys.len(), if suite == Suite::Symmetric { 1 } else { 3 });
        assert_eq!(world.account().history().rotations, 3);
        world.assert_settled();
    }
}

/// MB-ROT-10.
#[test]
fn the_next_set_is_opened_with_the_new_key_and_the_old_key_is_dead() {
    for suite in SUITES {
        let mut world = World::enrolled(profile(suite));
        let old = EpochKeys::derive(&Secret::new(world.server.key), &world.server.party, Epoch(0));
        world.request_rotation();
        world.settle();
        world.request_set();
        world.settle();
        assert_eq!(world.unused(), (1..=10).collect::<Vec<_>>());
        let set = world.server.draw(11, 5, false);
        let under_old = old.seal_set(HANDLE, &set, &mut world.chance).unwrap();
        assert_eq!(world.deliver(&under_old), Err(PeerError::UnknownKey));
        let mut relabelled = under_old;
        relabelled[2] = 1;
        assert_eq!(world.deliver(&relabelled), Err(PeerError::Forged));
        assert_eq!(world.account().remaining(), 10);
        world.assert_settled();
    }
}

/// A device that has the next key and whose first request under it is lost.
fn switching(suite: Suite) -> (World, Vec<u8>) {
    let mut world = World::enrolled(profile(suite));
    world.request_rotation();
    let request = world.last_uplink();
    let offer = world.server.receive(&request).remove(0);
    world.deliver(&offer).unwrap();
    assert_eq!(world.account().phase(), Phase::Switching);
    (world, offer)
}

/// MB-ROT-3, MB-ROT-8.
#[test]
fn the_device_sends_under_the_new_key_and_keeps_the_old_one_until_the_server_does_too() {
    for suite in SUITES {
        let (mut world, offer) = switching(suite);
        let report = world.last_uplink();
        assert_eq!(report[9], 1, "the epoch in clear");
        world.deliver(&offer).unwrap();
        assert!(world.uplinks.is_empty(), "not within five seconds");
        world.tick(5_000);
        assert_eq!(world.last_uplink(), report, "the same bytes");
        world.deliver(&offer).unwrap();
        world.tick(5_000);
        assert_eq!(world.last_uplink(), report);
        world.recover();
        assert_eq!(world.account().epoch(), Epoch(1));
        world.assert_settled();
    }
}

/// MB-ROT-4.
#[test]
fn nothing_under_the_old_key_is_taken_once_the_device_has_sent_under_the_new_one() {
    for suite in SUITES {
        let (mut world, _) = switching(suite);
        let report = world.last_uplink();
        let set = world.server.push();
        let sync = world.server.sync(false);
        world.now = world.now.plus(5_000);
        assert_eq!(world.deliver(&set), Err(PeerError::OldKey));
        assert_eq!(world.last_uplink(), report, "the server has not seen it");
        assert_eq!(world.deliver(&sync), Err(PeerError::OldKey));
        assert_eq!(world.account().remaining(), 5);
        assert_eq!(world.account().phase(), Phase::Switching);
        // The server voids the set that it sent under the old key, and issues another under the new one.
        for reply in world.server.receive(&report) {
            world.deliver(&reply).unwrap();
        }
        world.settle();
        assert_eq!(world.unused(), [1, 2, 3, 4, 5, 11, 12, 13, 14, 15]);
        world.assert_settled();
        assert_eq!(world.deliver(&set), Err(PeerError::UnknownKey));
    }
}

/// MB-ROT-3.
#[test]
fn a_set_under_the_new_key_completes_the_rotation() {
    let (mut world, _) = switching(Suite::X25519);
    let report = world.last_uplink();
    drop(world.server.receive(&report));
    let set = world.server.push();
    world.deliver(&set).unwrap();
    assert_eq!(world.account().phase(), Phase::Steady);
    assert!(world.events().contains(&"KeyReplaced { epoch: Epoch(1) }".into()));
    assert_eq!(world.account().remaining(), 10);
    world.recover();
    world.assert_settled();
}

/// MB-ROT-8.
#[test]
fn another_key_while_one_is_under_way_is_refused_and_reported() {
    for suite in SUITES {
        let (mut world, _) = switching(suite);
        let offer = world.server.offer.take().unwrap();
        let (keys, key) = (world.server.keys(), Secret::new([4; 32]));
        let other = match &offer.ephemeral {
            Some(to) => keys.seal_rotation_to(HANDLE, to, &key, &mut world.chance).unwrap(),
            None => keys.seal_rotation(HANDLE, &key, &mut world.chance).unwrap(),
        };
        assert_eq!(world.deliver(&other), Err(PeerError::KeyConflict));
        assert_eq!(world.events().last().unwrap(), "KeyConflict");
        assert_eq!(world.account().history().conflicts, 1);
        world.server.offer = Some(offer);
        world.recover();
        world.assert_settled();
    }
}

#[test]
fn an_offer_to_a_key_that_is_not_the_devices_is_refused() {
    for suite in [Suite::X25519, Suite::P256] {
        let mut world = World::enrolled(profile(suite));
        let stranger = matchbook_protocol::KeyPair::generate(suite, &mut world.chance).unwrap();
        let keys = world.server.keys();
        let to_stranger =
            keys.seal_rotation_to(HANDLE, stranger.public(), &Secret::new([4; 32]), &mut world.chance).unwrap();
        assert_eq!(world.deliver(&to_stranger), Err(PeerError::UnknownKey), "none was asked for");
        world.request_rotation();
        assert_eq!(world.deliver(&to_stranger), Err(PeerError::Forged));
        world.settle();
        world.assert_settled();
    }
}

#[test]
fn two_rotations_in_a_row_need_no_answer_between() {
    let mut world = World::enrolled(profile(Suite::Symmetric));
    let first = world.server.push_rotation();
    world.deliver(&first).unwrap();
    let report = world.last_uplink();
    drop(world.server.receive(&report));
    let second = world.server.push_rotation();
    world.deliver(&second).unwrap();
    assert_eq!(world.account().phase(), Phase::Switching);
    world.settle();
    assert_eq!(world.account().epoch(), Epoch(2));
    world.assert_settled();
}

#[test]
fn a_wish_for_a_set_survives_the_rotation() {
    for suite in SUITES {
        let mut world = World::enrolled(profile(suite));
        world.server.set_size = 5;
        world.request_rotation();
        let request = world.last_uplink();
        let offer = world.server.receive(&request).remove(0);
        world.request_set();
        world.uplinks.clear();
        world.deliver(&offer).unwrap();
        world.settle();
        assert_eq!(world.account().remaining(), 10);
        world.assert_settled();
    }
}

/// MB-ROT-6.
#[test]
fn a_server_that_keeps_asking_for_a_rotation_is_not_answered_for_ever() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let push = world.server.sync(true);
    world.deliver(&push).unwrap();
    let request = world.last_uplink();
    drop(world.server.receive(&request));
    let answer = world.server.sync(true);
    world.deliver(&answer).unwrap();
    assert!(world.uplinks.is_empty());
    assert!(!world.account().awaits_answer());
    let later = world.server.sync(true);
    world.deliver(&later).unwrap();
    world.settle();
    assert_eq!(world.account().epoch(), Epoch(1));
    let ephemerals: Vec<_> =
        world.server.requests.iter().filter_map(|(_, request)| request.ephemeral.as_ref()).collect();
    assert_eq!(ephemerals.len(), 2);
    assert_eq!(ephemerals[0], ephemerals[1], "never two ephemeral keys for one rotation");
}

#[test]
fn asking_for_a_rotation_while_one_is_under_way_sends_the_report_again() {
    let (mut world, _) = switching(Suite::X25519);
    let report = world.last_uplink();
    world.request_rotation();
    assert_eq!(world.last_uplink(), report);
}

/// MB-ROT-3, MB-ROT-6.
#[test]
fn a_stored_account_without_its_rotation_still_opens_the_offer_that_comes_again() {
    for suite in SUITES {
        let mut world = World::enrolled(profile(suite));
        world.request_rotation();
        let request = world.last_uplink();
        let offer = world.server.receive(&request).remove(0);
        world.crash();
        world.deliver(&offer).unwrap();
        world.settle();
        assert_eq!(world.account().epoch(), Epoch(1));
        world.assert_settled();
    }
}
