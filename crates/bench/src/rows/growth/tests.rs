#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::rows::Scale;

fn seen(server_cpu_us: f64, later_cpu_us: f64) -> Seen {
    Seen { measured: Measured { done: 1, server_cpu_us, p50_us: server_cpu_us, ..Measured::default() }, later_cpu_us }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn what_was_put_off_is_part_of_the_cost_and_ratios_are_of_one_round() {
    // The machine was twice as slow in the second round. The second member did less within the spell and more later.
    let rounds = [vec![seen(60.0, 40.0), seen(120.0, 80.0)], vec![seen(50.0, 70.0), seen(100.0, 140.0)]];
    let rows = compared(Site::Sqlite, Family::Devices, Devices::Remembered, &[10, 100], &rounds);
    assert!(rows[0].is_base && !rows[1].is_base && !rows[1].may_grow);
    assert!(close(rows[0].cpu_ratio, 1.0) && close(rows[1].cpu_ratio, 1.2), "{rows:?}");
    assert!(close(rows[1].later_cpu_us, 105.0) && close(rows[1].p50_ratio, 50.0 / 60.0), "{rows:?}");
}

#[test]
fn a_round_that_did_nothing_does_not_count() {
    let none = Seen { measured: Measured::default(), later_cpu_us: 0.0 };
    let rounds = [vec![seen(60.0, 0.0), seen(60.0, 0.0)], vec![seen(90.0, 0.0), none]];
    let rows = compared(Site::Sqlite, Family::Indexed, Devices::NotRemembered, &[10, 50], &rounds);
    assert!(close(rows[1].cpu_ratio, 1.5), "{rows:?}");
}

/// Each member of a family has as many devices of either kind, and codes for all rounds.
#[test]
fn every_member_has_room_for_what_is_measured() {
    for scale in [Scale::FULL, Scale::QUICK] {
        let Halves { known, strange } = Halves::of(scale.growth_devices);
        assert!(known > 0 && known == strange.start && strange.len() >= scale.rounds);
        for family in FAMILIES {
            for size in family.sizes(scale.growth_devices) {
                let population = family.population(size, scale.growth_devices).unwrap();
                assert!(population.devices >= strange.end, "{family:?} {size}");
                let walks = 1 + u32::try_from(scale.rounds).unwrap() * WALKS;
                assert!(u32::from(population.codes) >= walks, "{family:?} {size}");
            }
        }
    }
}
