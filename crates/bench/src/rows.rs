//! The measurements, one file a subject.

pub mod disk;
pub mod growth;
pub mod hpke;
pub mod plain;
pub mod radius;
pub mod sets;
pub mod sizes;
pub mod store;
pub mod verify;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::load::Spell;
use crate::site::{Servers, Site};
use sets::Work;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    is_quick: bool,
    /// Turns of floor and subject.
    pub rounds: usize,
    /// Verifies at these connections alone.
    pub only_connections: Option<usize>,
    /// This alone of what is done for devices.
    pub only_work: Option<&'static Work>,
    /// Each turn.
    pub spell: Spell,
    /// Devices that have codes to verify.
    pub devices: u32,
    /// Devices that get sets or keys, each once: the spells end early when they have all had theirs.
    set_devices: u32,
    /// Devices of the sites whose growth is measured, at the least.
    pub growth_devices: u32,
    /// Devices of the sizes that are weighed, killed and started.
    sizes: &'static [u32],
}

impl Scale {
    /// For docs/performance.md: about an hour.
    pub const FULL: Self = Self {
        is_quick: false,
        rounds: 3,
        only_connections: None,
        only_work: None,
        spell: Spell { warm_up: Duration::from_millis(700), measured: Duration::from_secs(3) },
        devices: 100_000,
        set_devices: 200_000,
        growth_devices: 20_000,
        sizes: &[100_000, 1_000_000],
    };

    /// For CI: under two minutes. It shows that all is measured, and its figures are coarse.
    pub const QUICK: Self = Self {
        is_quick: true,
        rounds: 1,
        only_connections: None,
        only_work: None,
        spell: Spell { warm_up: Duration::from_millis(150), measured: Duration::from_millis(350) },
        devices: 4_000,
        set_devices: 10_000,
        growth_devices: 600,
        sizes: &[2_000],
    };

    /// Connections at once of a site's verifies.
    #[must_use]
    pub const fn connections(&self, site: Site) -> &'static [usize] {
        match site {
            // Between one and three.
            Site::Postgres(cluster) if self.is_quick && cluster.nodes == 2 && cluster.has_standby => &[],
            Site::Postgres(cluster) if self.is_quick && cluster.nodes > 1 => &[64],
            Site::Postgres(_) if self.is_quick => &[1, 64],
            Site::Sqlite | Site::Postgres(_) => &[1, 16, 64, 256],
        }
    }

    /// What a site does for devices.
    #[must_use]
    pub const fn works(&self, site: Site) -> &'static [Work] {
        if let Some(work) = self.only_work {
            return std::slice::from_ref(work);
        }
        match site {
            Site::Postgres(cluster) if self.is_quick && cluster.nodes == 1 && !cluster.has_standby => {
                &[Work::Issue, Work::Push, Work::Rotation]
            }
            // Two nodes are between one and three.
            Site::Postgres(cluster) if self.is_quick || cluster.nodes == 2 => &[],
            Site::Sqlite | Site::Postgres(_) => sets::WORKS,
        }
    }

    /// Devices that a site's works have.
    #[must_use]
    pub const fn set_devices(&self, site: Site) -> u32 {
        match site {
            Site::Sqlite => self.set_devices,
            // Filled more slowly, and used up more slowly.
            Site::Postgres(_) => self.set_devices / 4,
        }
    }

    /// Of the devices that have codes to verify, those that a site's servers are to remember.
    #[must_use]
    pub const fn known_devices(&self, site: Site) -> u32 {
        match site {
            Site::Sqlite => self.devices,
            // The rest are those that it has never seen: each is verified once, and a round wants some thousands.
            Site::Postgres(_) => self.devices / 5 * 2,
        }
    }

    /// Whether a site also verifies codes of devices that it does not remember.
    #[must_use]
    pub const fn has_strangers(&self, site: Site) -> bool {
        match site {
            Site::Postgres(cluster) => !self.is_quick || (cluster.nodes == 1 && !cluster.has_standby),
            Site::Sqlite => true,
        }
    }

    /// Turns of what PostgreSQL does by itself.
    #[must_use]
    pub const fn plain_rounds(&self) -> usize {
        if self.is_quick { 1 } else { self.rounds }
    }

    /// Devices of a site's sizes.
    #[must_use]
    pub const fn sizes(&self, site: Site) -> &'static [u32] {
        match site {
            Site::Postgres(cluster) if cluster.nodes > 1 || cluster.has_standby => &[],
            Site::Sqlite | Site::Postgres(_) => self.sizes,
        }
    }
}

/// Whether the servers remember the devices whose codes are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Devices {
    /// Each was verified before, by the same server.
    Remembered,
    /// None was verified before: each has to be loaded.
    NotRemembered,
    /// Each was verified before, by a server that may remember as little as can be asked for.
    LeastMemory,
}

impl Devices {
    /// For tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Remembered => "remembered",
            Self::NotRemembered => "not remembered",
            Self::LeastMemory => "the least memory",
        }
    }
}

/// What every measurement is given.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// How much.
    pub scale: Scale,
    /// A folder on the disk that is to be measured.
    pub place: &'a Path,
    /// PostgreSQL's, started when they are wanted.
    pub servers: &'a Servers,
}

/// MiB for what is remembered of all devices of a site.
pub const AMPLE_MEMORY_MB: u32 = 320;

/// Says how far the run is.
pub(crate) fn tell(what: &str) {
    eprintln!("  {what}");
}
