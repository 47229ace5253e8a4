//! A thousand devices over a network that loses a fifth of the short messages, doubles a fifth, reorders them and delays
//! each by up to two seconds; every trigger of refills, and rotations; and the same with the server killed meanwhile.
//!
//! The server is the real binary on its durable store, alone or with others on one database, the centre speaks SMPP on loopback, each device is the protocol's
//! engine with a phone. Nothing is asserted of time: the storm goes on until every device has what it should, and fails
//! when that takes far longer than it can. MATCHBOOK_STORM_SEED and MATCHBOOK_STORM_DEVICES repeat or change a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod device;
mod site;
mod storm;

use matchbook_testbed::Postgres;
use site::Ground;
use storm::Storm;

#[test]
fn a_thousand_devices_in_a_bad_network() {
    Storm::of_the_environment().rage();
}

#[test]
fn a_thousand_devices_and_a_server_that_is_killed_twenty_times() {
    Storm { kills: 20, ..Storm::of_the_environment() }.rage();
}

/// A killed server's lease goes on for some seconds, in which the one that follows has no session with the centre.
#[test]
fn a_server_on_postgres_that_is_killed() {
    on_postgres(&Storm { ground: Ground::Postgres(1), kills: 3, ..few() });
}

#[test]
fn two_servers_on_postgres_that_take_over_from_each_other() {
    on_postgres(&Storm { ground: Ground::Postgres(2), kills: 2, ..few() });
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_devices_and_a_server_on_postgres_that_is_killed_twenty_times() {
    on_postgres(&Storm { ground: Ground::Postgres(1), kills: 20, ..Storm::of_the_environment() });
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_devices_and_three_servers_on_postgres_that_take_over_from_each_other() {
    on_postgres(&Storm { ground: Ground::Postgres(3), kills: 10, ..Storm::of_the_environment() });
}

/// What fits beside the other tests: with it the waits of the protocol are what takes its time.
fn few() -> Storm {
    Storm { devices: 60, codes: 6, ..Storm::of_the_environment() }
}

fn on_postgres(storm: &Storm) {
    if Postgres::is_installed() {
        storm.rage();
    }
}
