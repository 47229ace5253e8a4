//! A thousand devices over a network that loses a fifth of the short messages, doubles a fifth, reorders them and delays
//! each by up to two seconds; every trigger of refills, and rotations; and the same with the server killed meanwhile.
//!
//! The server is the real binary on its durable store, the centre speaks SMPP on loopback, each device is the protocol's
//! engine with a phone. Nothing is asserted of time: the storm goes on until every device has what it should, and fails
//! when that takes far longer than it can. MATCHBOOK_STORM_SEED and MATCHBOOK_STORM_DEVICES repeat or change a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod device;
mod site;
mod storm;

use storm::Storm;

#[test]
fn a_thousand_devices_in_a_bad_network() {
    Storm { kills: 0, ..Storm::of_the_environment() }.rage();
}

#[test]
fn a_thousand_devices_and_a_server_that_is_killed_twenty_times() {
    Storm { kills: 20, ..Storm::of_the_environment() }.rage();
}
