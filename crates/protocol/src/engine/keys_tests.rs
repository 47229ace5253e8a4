//! The key states and their transitions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

const OFFER: Digest = [7; 16];

fn key(byte: u8) -> Secret<32> {
    Secret::new([byte; 32])
}

fn steady(epoch: u32) -> KeyState {
    KeyState::Steady { key: key(1), epoch: Epoch(epoch) }
}

fn switching(next: u32) -> KeyState {
    steady(next - 1).offered(Epoch(next), key(2), OFFER)
}

#[test]
fn a_key_is_found_by_the_low_byte_of_its_epoch_only() {
    let state = switching(0x1_0100);
    assert_eq!(state.named(0x00), Some((&key(2), Epoch(0x1_0100), Role::Sending)));
    assert_eq!(state.named(0xff), Some((&key(1), Epoch(0x1_00ff), Role::Replaced)));
    assert_eq!(state.named(0x01), None);
    assert_eq!(steady(5).named(4), None);
    assert_eq!(steady(5).named(6), None);
}

#[test]
fn the_old_key_stays_until_the_new_one_is_confirmed() {
    let state = switching(1);
    assert!(state.named(0).is_some());
    let state = state.confirmed();
    assert_eq!(state, KeyState::Steady { key: key(2), epoch: Epoch(1) });
    assert!(state.named(0).is_none());
}

#[test]
fn only_a_steady_state_takes_an_offer_and_only_for_the_next_epoch() {
    assert_eq!(steady(3).offered(Epoch(5), key(2), OFFER), steady(3));
    assert_eq!(steady(3).offered(Epoch(3), key(2), OFFER), steady(3));
    assert_eq!(steady(u32::MAX).offered(Epoch(0), key(2), OFFER), steady(u32::MAX));
    assert_eq!(switching(4).offered(Epoch(5), key(3), OFFER), switching(4));
    let enrolling = KeyState::Enrolling { activation: key(9) };
    assert_eq!(enrolling.offered(Epoch(1), key(3), OFFER), KeyState::Enrolling { activation: key(9) });
}

#[test]
fn enrolment_is_confirmed_at_epoch_0() {
    let state = KeyState::Enrolling { activation: key(9) }.confirmed();
    assert_eq!(state, KeyState::Steady { key: key(9), epoch: Epoch(0) });
    assert_eq!(state.sending(), (&key(9), Epoch(0)));
}
