//! An exhaustive check of rotation: every state that a device and a server can reach over a wire that loses, repeats and
//! reorders, with power lost after any store. A plain breadth-first search; keys, messages and sets are small numbers, and
//! nothing is encrypted: who holds the key reads the message.
//!
//! The wire is a set of everything that was ever sent. A message in it can arrive at any time, again and again, or never.
//! A party that loses power between storing and sending has the state, and the wire has not got the message.
//!
//! Properties, in every reachable state:
//! - **shared key**: each side holds the key that the other sends under, and so it is after any crash;
//! - **nothing stranded**: if all that is in flight is lost, the retransmissions alone bring both to rest with one key;
//! - **one set**: at most one set is outstanding, and no code that the device holds was voided;
//! - **no conflict**: an honest server is never refused for a conflict.
//!
//! Each mutant breaks one rule, and has to be caught; so the model sees what it is there to see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "rotation_model/device.rs"]
mod device;
#[path = "rotation_model/search.rs"]
mod search;
#[path = "rotation_model/server.rs"]
mod server;

use search::{Broken, Left, explore};

/// How the next key is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// ROT-SYM: the server starts, under the present key alone.
    Symmetric,
    /// ROT-PK: the device starts with an ephemeral key.
    PublicKey,
}

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
    /// The device erases K_e when it sends under K_e+1.
    DeviceSwitchesOnSend,
    /// The server erases K_e when it sends K_e+1.
    ServerSwitchesOnSend,
    /// The device opens an offer that was made to another ephemeral key.
    OfferNotBound,
    /// The server keeps its offer when the device comes with another ephemeral key.
    OfferNotReplaced,
    /// The server replaces its offer for an ephemeral key from a request that was overtaken.
    OfferFromOldCounter,
    /// The device takes a set under K_e after it has sent under K_e+1.
    SetUnderOldKey,
    /// The server keeps a set outstanding that it sealed under the key that it erased.
    SetNotVoided,
    /// The server issues a set for every request.
    SetPerRequest,
}

/// What the parties may do of their own accord, in the runs that take seconds: two rotations across one set, or one
/// rotation across two.
const SMALL: [(Mode, Left); 3] = [
    (Mode::Symmetric, Left { sets_asked: 1, sets_pushed: 1, rotations: 2, ephemerals_lost: 0 }),
    (Mode::PublicKey, Left { sets_asked: 0, sets_pushed: 1, rotations: 2, ephemerals_lost: 1 }),
    (Mode::PublicKey, Left { sets_asked: 1, sets_pushed: 1, rotations: 1, ephemerals_lost: 0 }),
];

#[test]
fn both_rotations_hold_in_every_state() {
    for (mode, left) in SMALL {
        holds(mode, left);
    }
}

#[test]
#[ignore = "386,000 states take three minutes without optimisation"]
fn both_rotations_hold_in_every_state_of_the_large_model() {
    holds(Mode::Symmetric, Left { sets_asked: 1, sets_pushed: 1, rotations: 3, ephemerals_lost: 0 });
    holds(Mode::PublicKey, Left { sets_asked: 1, sets_pushed: 1, rotations: 2, ephemerals_lost: 1 });
}

fn holds(mode: Mode, left: Left) {
    let explored = explore(mode, left.clone(), None, None);
    println!("{mode:?} {left:?}: {} states", explored.states);
    assert!(explored.broken.is_empty(), "{mode:?} {left:?}: {:?}", explored.broken);
    assert!(explored.rotations >= left.rotations, "the search gets through {} rotations", explored.rotations);
}

/// MB-ROT-2, MB-ROT-3.
#[test]
fn switching_on_send_is_caught_on_either_side() {
    for mode in [Mode::Symmetric, Mode::PublicKey] {
        is_caught(mode, Mutant::DeviceSwitchesOnSend, Broken::NoSharedKey);
        is_caught(mode, Mutant::ServerSwitchesOnSend, Broken::NoSharedKey);
    }
}

/// MB-ROT-7.
#[test]
fn offers_that_are_not_bound_to_the_ephemeral_key_are_caught() {
    is_caught(Mode::PublicKey, Mutant::OfferNotBound, Broken::NoSharedKey);
    is_caught(Mode::PublicKey, Mutant::OfferFromOldCounter, Broken::NoSharedKey);
    is_caught(Mode::PublicKey, Mutant::OfferNotReplaced, Broken::Stranded);
}

/// MB-SET-4, MB-ROT-4, MB-ROT-5.
#[test]
fn carelessness_with_sets_is_caught_on_either_side() {
    for mode in [Mode::Symmetric, Mode::PublicKey] {
        is_caught(mode, Mutant::SetUnderOldKey, Broken::VoidCode);
        is_caught(mode, Mutant::SetNotVoided, Broken::Stranded);
        is_caught(mode, Mutant::SetPerRequest, Broken::TwoSets);
    }
}

fn is_caught(mode: Mode, mutant: Mutant, as_broken: Broken) {
    let caught = SMALL
        .into_iter()
        .filter(|(of, _)| *of == mode)
        .any(|(mode, left)| explore(mode, left, Some(mutant), Some(as_broken)).broken.contains(&as_broken));
    assert!(caught, "{mode:?} {mutant:?}");
}
