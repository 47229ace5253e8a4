//! Public-key mode: the set comes under a session key that is sealed to the device's own key pair.

use matchbook_protocol::{Delivery, DownlinkKind, Epoch, PeerError, Profile, Suite, UnverifiedDownlink};

use crate::world::{World, profile};

const SUITES: [Suite; 2] = [Suite::X25519, Suite::P256];

fn public_key(suite: Suite) -> Profile {
    Profile::new(suite, Delivery::PublicKey).unwrap()
}

#[test]
fn every_set_comes_sealed_to_the_devices_public_key() {
    for suite in SUITES {
        let mut world = World::enrolled(public_key(suite));
        world.request_set();
        world.settle();
        assert_eq!(world.account().remaining(), 10);
        let kinds = world.sent_down.iter().map(|message| UnverifiedDownlink::decode(message).unwrap().header().kind);
        assert_eq!(kinds.filter(|kind| *kind == DownlinkKind::SetPk).count(), 2);
        world.assert_settled();
    }
}

#[test]
fn the_key_pair_survives_a_restart_and_a_rotation() {
    for suite in SUITES {
        let mut world = World::enrolled(public_key(suite));
        world.request_rotation();
        world.settle();
        world.crash();
        world.request_set();
        world.settle();
        assert_eq!((world.account().epoch(), world.account().remaining()), (Epoch(1), 10));
        world.assert_settled();
    }
}

#[test]
fn a_set_sealed_to_another_public_key_is_refused() {
    for suite in SUITES {
        let mut world = World::enrolled(public_key(suite));
        let stranger = matchbook_protocol::KeyPair::generate(suite, &mut world.chance).unwrap();
        world.server.public_key = stranger.public().to_vec();
        let set = world.server.draw(6, 5, false);
        let message = world.server.seal(&set);
        assert_eq!(world.deliver(&message), Err(PeerError::Forged));
    }
}

#[test]
fn a_set_under_the_shared_key_is_refused() {
    let mut world = World::enrolled(public_key(Suite::X25519));
    let mut shared = World::enrolled(profile(Suite::X25519));
    let message = shared.server.push();
    assert_eq!(world.deliver(&message), Err(PeerError::WrongKind));
}

#[test]
fn a_conflicting_set_is_refused_in_this_mode_too() {
    let mut world = World::enrolled(public_key(Suite::X25519));
    let set = world.server.draw(1, 5, false);
    let message = world.server.seal(&set);
    assert_eq!(world.deliver(&message), Err(PeerError::SetConflict));
}
