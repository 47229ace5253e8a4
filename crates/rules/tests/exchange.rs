//! Both halves against each other: the engine of a device, the decisions of the server, and between them a network that
//! loses, repeats, delays and reorders. Every run is told by its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod simulation;
#[path = "../src/testing/mod.rs"]
mod testing;

use matchbook_protocol::{CodeIndex, Delivery, Epoch, Phase, Profile, Suite};
use matchbook_rules::{EventKind, Mode, Policy, RefillReason, RotationReason, admin};
use simulation::{Simulation, Weather};
use testing::world::{DAY_MS, profile, profiles};

const SEEDS: u64 = 12;
const STEPS: usize = 250;

fn enrolled(profile: Profile, seed: u64) -> Simulation {
    let mut simulation = Simulation::new(profile, Policy { sets_per_day: 100, ..Policy::default() }, seed);
    simulation.settle();
    assert_eq!(simulation.engine.account().phase(), Phase::Steady);
    simulation
}

#[test]
fn a_device_enrols_and_is_filled_by_itself() {
    for profile in profiles() {
        let simulation = enrolled(profile, 1);
        assert_eq!(simulation.engine.remaining(), 40);
        assert_eq!(simulation.world.unspent(), 40);
        assert!(simulation.world.state.outbox.is_empty());
    }
}

#[test]
fn the_devices_threshold_refills_it() {
    for profile in profiles() {
        let mut simulation = enrolled(profile, 2);
        for _ in 0..29 {
            assert_eq!(simulation.take_and_verify(), Some(true));
        }
        simulation.settle();
        assert_eq!((simulation.engine.remaining(), simulation.world.unspent()), (11, 11));
        assert!(simulation.take().is_some());
        simulation.settle();
        assert_eq!(simulation.engine.remaining(), 50, "ten left, and a set");
    }
}

#[test]
fn the_servers_count_refills_it() {
    for profile in profiles() {
        let mut simulation = enrolled(profile, 3);
        // A device that keeps still, but for what it receives.
        let spent: Vec<CodeIndex> = (1..=30).map(CodeIndex).collect();
        simulation.world.state.spent.extend(spent);
        simulation.world.device_mut().refill_due = Some(RefillReason::ServerCount);
        simulation.settle();
        assert_eq!(simulation.engine.remaining(), 80);
        assert_eq!(simulation.world.unspent(), 50);
    }
}

#[test]
fn the_user_refills_it() {
    for profile in profiles() {
        let mut simulation = enrolled(profile, 4);
        simulation.user_wants_a_set();
        simulation.user_wants_a_set();
        simulation.settle();
        assert_eq!(simulation.engine.remaining(), 80);
    }
}

#[test]
fn three_triggers_at_once_make_one_set() {
    for profile in profiles() {
        let mut simulation = enrolled(profile, 5);
        simulation.world.state.spent.extend((1..=30).map(CodeIndex));
        simulation.world.device_mut().refill_due = Some(RefillReason::ServerCount);
        (0..30).for_each(|_| drop(simulation.take()));
        simulation.user_wants_a_set();
        simulation.operator_pushes();
        simulation.settle();
        assert_eq!(simulation.world.events(EventKind::SetIssued), 2);
        assert_eq!(simulation.engine.remaining(), 50);
    }
}

#[test]
fn keys_are_replaced_again_and_again() {
    for profile in profiles() {
        let mut simulation = enrolled(profile, 6);
        for epoch in 1..=5 {
            if epoch % 2 == 0 {
                simulation.operator_rotates();
            } else {
                simulation.user_wants_a_key();
            }
            simulation.settle();
            assert_eq!(simulation.engine.account().epoch(), Epoch(epoch));
            assert_eq!(simulation.world.device().keys.current.epoch, Epoch(epoch));
            assert_eq!(simulation.take_and_verify(), Some(true));
        }
    }
}

#[test]
fn a_key_is_replaced_by_its_age_without_anybody_asking() {
    for profile in profiles() {
        let mut simulation = enrolled(profile, 7);
        simulation.world.now = simulation.world.now.plus(91 * DAY_MS);
        simulation.user_asks_for_news();
        simulation.settle();
        assert_eq!(simulation.engine.account().epoch(), Epoch(1));
    }
}

#[test]
fn a_suspended_device_keeps_its_codes_and_goes_on_when_it_is_resumed() {
    for profile in profiles() {
        let mut simulation = enrolled(profile, 8);
        simulation.world.admin(admin::suspend).unwrap();
        simulation.user_wants_a_set();
        simulation.settle();
        assert!(simulation.engine.account().is_suspended());
        assert_eq!(simulation.engine.remaining(), 40);
        simulation.world.admin(admin::resume).unwrap();
        simulation.user_wants_a_set();
        simulation.settle();
        assert!(!simulation.engine.account().is_suspended());
        assert_eq!(simulation.engine.remaining(), 80);
        assert_eq!(simulation.take_and_verify(), Some(true));
    }
}

#[test]
fn a_restored_server_goes_on_with_new_codes_and_revives_none() {
    for profile in profiles() {
        let mut simulation = enrolled(profile, 9);
        simulation.back_up();
        let used: Vec<_> = (0..35).map(|_| simulation.take().unwrap()).collect();
        assert!(used.iter().all(|(index, code)| simulation.verify(*index, code)));
        simulation.settle();
        assert!(simulation.restore());
        assert!(used.iter().all(|(index, code)| !simulation.verify(*index, code)));
        let (index, code) = simulation.take().unwrap();
        assert!(!simulation.verify(index, &code), "nothing counts before the device has called");
        simulation.settle();
        assert_eq!((simulation.engine.remaining(), simulation.world.unspent()), (40, 40));
        assert!(used.iter().all(|(index, code)| !simulation.verify(*index, code)));
        assert_eq!(simulation.take_and_verify(), Some(true));
    }
}

#[test]
fn a_revoked_device_hears_nothing_any_more() {
    let mut simulation = enrolled(profile(Suite::X25519, Delivery::Shared), 10);
    simulation.world.admin(admin::revoke).unwrap();
    simulation.user_asks_for_news();
    simulation.deliver_all();
    assert!(simulation.down.is_empty() && simulation.engine.account().awaits_answer());
    assert_eq!(simulation.take_and_verify(), Some(false));
}

#[test]
fn a_device_that_burns_codes_without_using_them_is_never_left_without() {
    for mode in [Mode::Indexed, Mode::NextInOrder { look_ahead: 3 }, Mode::AnyUnused] {
        let policy = Policy { mode, digits: 8, sets_per_day: 100, ..Policy::default() };
        let mut simulation = Simulation::new(profile(Suite::Symmetric, Delivery::Shared), policy, 11);
        simulation.settle();
        for _ in 0..400 {
            assert!(simulation.take().is_some());
            simulation.settle();
        }
        let (index, code) = simulation.take().unwrap();
        assert!(simulation.verify(index, &code));
    }
}

#[test]
fn nothing_is_lost_in_foul_weather() {
    for profile in profiles() {
        for seed in 100..100 + SEEDS {
            println!("{profile:?}, seed {seed}");
            let policy = Policy { sets_per_day: 100, threshold: 10, ..Policy::default() };
            let mut simulation = Simulation::new(profile, policy, seed);
            for _ in 0..STEPS {
                simulation.step(Weather::FOUL);
            }
            simulation.clear_up();
        }
    }
}

#[test]
fn nothing_is_lost_when_the_server_is_put_back_from_backups() {
    for profile in profiles() {
        for seed in 200..200 + SEEDS {
            println!("{profile:?}, seed {seed}");
            let policy = Policy { sets_per_day: 100, set_size: Some(7), threshold: 3, ..Policy::default() };
            let mut simulation = Simulation::new(profile, policy, seed);
            for _ in 0..STEPS {
                simulation.step(Weather { with_backups: true, ..Weather::FOUL });
            }
            simulation.clear_up();
        }
    }
}

#[test]
fn rotations_come_through_foul_weather() {
    let mut simulation = enrolled(profile(Suite::P256, Delivery::PublicKey), 12);
    for epoch in 1..=8 {
        simulation.world.rotate(RotationReason::Operator).unwrap();
        for _ in 0..60 {
            simulation.step(Weather { with_wishes: false, ..Weather::FOUL });
        }
        simulation.clear_up();
        assert!(simulation.engine.account().epoch() >= Epoch(epoch));
    }
}
