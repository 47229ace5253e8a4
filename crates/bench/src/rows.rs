//! The measurements, one file a subject.

pub mod disk;
pub mod growth;
pub mod hpke;
pub mod radius;
pub mod sets;
pub mod sizes;
pub mod store;
pub mod verify;

use std::path::Path;
use std::time::Duration;

use crate::load::Spell;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Turns of floor and subject.
    pub rounds: usize,
    /// Each turn.
    pub spell: Spell,
    /// Devices that have codes to verify.
    pub devices: u32,
    /// Devices that get sets or keys, each once: the spells end early when they have all had theirs.
    pub set_devices: u32,
    /// Devices of the sites whose growth is measured.
    pub growth_devices: u32,
    /// Devices of the sizes that are weighed, killed and started.
    pub sizes: &'static [u32],
}

impl Scale {
    /// For docs/performance.md: about half an hour.
    pub const FULL: Self = Self {
        rounds: 5,
        spell: Spell { warm_up: Duration::from_millis(700), measured: Duration::from_secs(3) },
        devices: 100_000,
        set_devices: 200_000,
        growth_devices: 50_000,
        sizes: &[100_000, 1_000_000],
    };

    /// For CI: under two minutes. It shows that all is measured, and its figures are coarse.
    pub const QUICK: Self = Self {
        rounds: 2,
        spell: Spell { warm_up: Duration::from_millis(150), measured: Duration::from_millis(350) },
        devices: 4_000,
        set_devices: 10_000,
        growth_devices: 3_000,
        sizes: &[2_000],
    };
}

/// What every measurement is given.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// How much.
    pub scale: Scale,
    /// A folder on the disk that is to be measured.
    pub place: &'a Path,
}

/// Says how far the run is.
pub(crate) fn tell(what: &str) {
    eprintln!("  {what}");
}
