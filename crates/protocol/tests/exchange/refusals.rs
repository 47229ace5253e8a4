//! What the device refuses: forged, replayed, conflicting, not for it. None of it changes what it holds.

use matchbook_protocol::{
    CodeIndex, CodeSet, Enrolment, Epoch, EpochKeys, Fault, Handle, Party, PeerError, Secret, Suite, Sync,
};

use crate::world::{HANDLE, SUITES, World, profile};

#[test]
fn a_forged_message_is_refused_whatever_its_type() {
    for suite in SUITES {
        let mut world = World::enrolled(profile(suite));
        world.request_rotation();
        let before = world.account().encode();
        let keys = EpochKeys::derive(&Secret::new([9; 32]), &world.server.party, Epoch(0));
        let set = world.server.draw(6, 5, false);
        let sync = Sync { last_request: 1, rotate: true, suspended: true, threshold: 9 };
        let chance = &mut world.chance;
        let mut forged =
            vec![keys.seal_set(HANDLE, &set, chance).unwrap(), keys.seal_sync(HANDLE, 900, &sync, chance).unwrap()];
        if suite == Suite::Symmetric {
            forged.push(keys.seal_rotation(HANDLE, &Secret::new([1; 32]), chance).unwrap());
        }
        for message in forged {
            assert_eq!(world.deliver(&message), Err(PeerError::Forged));
            assert_eq!(PeerError::Forged.fault(), Fault::Network);
        }
        assert_eq!(world.account().encode(), before);
    }
}

#[test]
fn every_altered_bit_is_noticed() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let set = world.server.push();
    let before = world.account().encode();
    for bit in 0..set.len() * 8 {
        let mut altered = set.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(world.deliver(&altered).is_err(), "bit {bit}");
    }
    assert_eq!(world.account().encode(), before);
    assert!(world.uplinks.is_empty());
    world.deliver(&set).unwrap();
}

#[test]
fn a_message_for_another_authenticator_or_slot_is_refused() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let set = world.server.draw(6, 5, false);
    let mut other = world.server.party;
    other.id.0[0] ^= 1;
    let keys = EpochKeys::derive(&Secret::new(world.server.key), &other, Epoch(0));
    let message = keys.seal_set(HANDLE, &set, &mut world.chance).unwrap();
    assert_eq!(world.deliver(&message), Err(PeerError::Forged));
    let message = world.server.keys().seal_set(Handle(4), &set, &mut world.chance).unwrap();
    assert_eq!(world.deliver(&message), Err(PeerError::NotOurs));
}

#[test]
fn what_the_profile_does_not_have_is_refused_even_under_the_right_key() {
    let mut world = World::enrolled(profile(Suite::X25519));
    // The party with the same key in suite 1: the profile is bound, so that even this cannot talk the device down.
    let party = Party { id: world.server.party.id, profile: profile(Suite::Symmetric) };
    let keys = EpochKeys::derive(&Secret::new(world.server.key), &party, Epoch(0));
    let rotation = keys.seal_rotation(HANDLE, &Secret::new([1; 32]), &mut world.chance).unwrap();
    assert_eq!(world.deliver(&rotation), Err(PeerError::WrongKind));
    let set = world.server.draw(6, 5, false);
    let message = keys.seal_set(HANDLE, &set, &mut world.chance).unwrap();
    assert_eq!(world.deliver(&message), Err(PeerError::Forged));
}

/// MB-SET-7.
#[test]
fn a_replayed_set_changes_nothing_even_when_its_codes_are_used() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let replayed = world.sent_down.iter().find(|message| message.len() > 36).unwrap().clone();
    while world.account().remaining() > 3 {
        world.take_next();
    }
    let unused = world.unused();
    world.deliver(&replayed).unwrap();
    world.settle();
    assert_eq!(world.unused(), unused);
    for _ in 0..6 {
        world.take_next();
        world.settle();
    }
    assert_eq!(world.deliver(&replayed), Err(PeerError::Stale), "its record is gone; the indexes are old");
    assert_eq!(world.server.sets_issued, 3);
    world.assert_settled();
}

/// MB-ROT-10.
#[test]
fn a_message_that_is_replayed_after_the_key_is_gone_finds_no_key() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.request_rotation();
    world.settle();
    let before = world.account().encode();
    for old in world.sent_down.clone() {
        match world.deliver(&old) {
            Err(PeerError::UnknownKey) => assert_eq!(old[2], 0),
            other => assert_eq!((other, old[2]), (Ok(()), 1)),
        }
    }
    world.settle();
    assert_eq!(world.account().encode(), before);
}

/// MB-SET-8.
#[test]
fn a_set_with_other_codes_under_held_indexes_is_refused_and_reported() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.take_next();
    for (first, count) in [(1, 5), (1, 4), (2, 3), (3, 10), (5, 1)] {
        let unused = world.unused();
        let set = world.server.draw(first, count, false);
        let message = world.server.seal(&set);
        assert_eq!(world.deliver(&message), Err(PeerError::SetConflict), "{first}+{count}");
        assert_eq!(PeerError::SetConflict.fault(), Fault::Server);
        let last = u64::from(first) + count - 1;
        let event = format!("SetConflict {{ first: CodeIndex({first}), last: CodeIndex({last}) }}");
        assert_eq!(world.events().last(), Some(&event));
        assert_eq!(world.unused(), unused);
    }
    assert!(world.uplinks.is_empty(), "an acknowledgement would be false");
    assert_eq!(world.account().history().conflicts, 5);
}

/// MB-SET-8, MB-SET-9.
#[test]
fn reset_cannot_bring_old_indexes_back() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let set = world.server.draw(1, 5, true);
    let message = world.server.seal(&set);
    assert_eq!(world.deliver(&message), Err(PeerError::SetConflict));
    assert_eq!(world.account().remaining(), 5);
}

/// MB-SET-9.
#[test]
fn reset_drops_every_code_below() {
    let mut world = World::enrolled(profile(Suite::X25519));
    world.take_next();
    let set = world.server.draw(20, 3, true);
    let message = world.server.seal(&set);
    world.deliver(&message).unwrap();
    assert_eq!(world.unused(), [20, 21, 22]);
    let event = "SetAccepted { first: CodeIndex(20), last: CodeIndex(22), count: 3, dropped: 4 }";
    assert_eq!(world.events().last().unwrap(), event);
    assert_eq!(world.account().history().codes_dropped, 4);
}

/// MB-SET-6.
#[test]
fn a_gap_is_fine_and_what_arrives_from_it_later_is_not() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let in_the_gap = world.server.draw(6, 5, false);
    let late = world.server.seal(&in_the_gap);
    let set = world.server.draw(11, 5, false);
    let message = world.server.seal(&set);
    world.deliver(&message).unwrap();
    assert_eq!(world.account().highest(), CodeIndex(15));
    assert_eq!(world.deliver(&late), Err(PeerError::Stale), "the server voided it before it issued the next");
    assert_eq!(world.account().remaining(), 10);
}

/// MB-SET-10.
#[test]
fn more_codes_than_the_device_keeps_are_refused_until_there_is_room() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let set = world.server.draw(6, 246, false);
    let message = world.server.seal(&set);
    assert_eq!(world.deliver(&message), Err(PeerError::TooManyCodes));
    world.take_next();
    world.deliver(&message).unwrap();
    assert_eq!(world.account().remaining(), 250);
}

/// MB-SYN-2.
#[test]
fn a_restored_device_is_told_to_enrol_again() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let backup = world.disk.clone();
    world.request_set();
    world.settle();
    world.disk = backup;
    world.crash();
    let sync = world.server.sync(false);
    assert_eq!(world.deliver(&sync), Err(PeerError::DeviceRestored));
    assert_eq!(PeerError::DeviceRestored.fault(), Fault::Device);
    assert_eq!(world.events().last().unwrap(), "ReenrolmentNeeded");
}

/// MB-SYN-1, MB-SET-9.
#[test]
fn a_restored_server_learns_the_highest_index_and_resets() {
    for suite in SUITES {
        let mut world = World::enrolled(profile(suite));
        let backup = world.server.clone();
        for _ in 0..8 {
            world.take_next();
            world.settle();
        }
        assert_eq!(world.account().highest(), CodeIndex(15));
        world.server = backup;
        world.server.restored = true;
        world.request_status();
        world.settle();
        assert_eq!(world.unused(), [16, 17, 18, 19, 20]);
        world.request_status();
        world.settle();
        world.assert_settled();
        world.request_set();
        world.settle();
        world.assert_settled();
    }
}

#[test]
fn arbitrary_enrolments_that_are_too_long_are_refused() {
    let enrolment = Enrolment {
        party: World::new(profile(Suite::X25519)).server.party,
        secret: Secret::new([1; 16]),
        server: "x".repeat(256),
        realm: String::new(),
        label: String::new(),
    };
    let refused = matchbook_protocol::Engine::enrol(&enrolment, HANDLE, &mut crate::chance::Chance(1)).unwrap_err();
    assert_eq!(refused.name(), "text-too-long");
}

#[test]
fn indexes_at_the_end_of_all_numbers_do_no_harm() {
    let mut world = World::enrolled(profile(Suite::X25519));
    let set: CodeSet = world.server.draw(u32::MAX - 1, 2, false);
    let message = world.server.seal(&set);
    world.deliver(&message).unwrap();
    assert_eq!(world.account().highest(), CodeIndex(u32::MAX));
    assert_eq!(world.unused(), [1, 2, 3, 4, 5, u32::MAX - 1, u32::MAX]);
    world.request_status();
}
