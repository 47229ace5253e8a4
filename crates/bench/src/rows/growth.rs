//! How a verify's cost grows with what is there: codes outstanding, devices, history. In each family the first is what the
//! others are compared with; all take turns.
//!
//! The larger a site, the fewer of its devices would a server remember after the same load, so that a row would show what a
//! load costs and not what size does. So two things are measured apart: as many devices in each member of a family, which
//! the server remembers; and as many that it has never seen, each verified once.

use std::ops::Range;
use std::time::Duration;

use matchbook_rules::{AuditEvent, Changes, EventKind, Mode, Operation, OperationId, Policy, Verdict, Write};
use matchbook_store::DEFAULT_MEMORY_MB;
use serde::Serialize;

use super::verify::{self, Shares};
use super::{AMPLE_MEMORY_MB, Devices, Setting, tell};
use crate::load::Spell;
use crate::population::{Population, now, realm, relying_party, scatter};
use crate::site::{self, Ground, Nodes, Site};
use crate::stats::{Measured, median, ratio};
use crate::trouble::{Result, Trouble};

/// Connections at once.
pub const CONNECTIONS: usize = 16;

/// A spell ends when its devices have had their turn; this is for a machine that is very slow.
const SPELL: Spell = Spell { warm_up: Duration::ZERO, measured: Duration::from_secs(20) };

/// How often a spell verifies each device that is remembered. With 10 codes it lasts for four rounds.
const WALKS: u32 = 2;

/// One size of one family.
#[derive(Clone, Debug, Serialize)]
pub struct GrowthRow {
    /// The kind of site.
    pub site: &'static str,
    /// What grows.
    pub family: &'static str,
    /// How much of it there is.
    pub size: u32,
    /// Whether the server remembers the devices.
    pub devices: Devices,
    /// It is what the others of its family are compared with.
    pub is_base: bool,
    /// Each code that is outstanding has to be looked at, so that the cost grows with them.
    pub may_grow: bool,
    /// Verifies.
    pub measured: Measured,
    /// Processor time of the server for a verify that it put off until it was quiet, in µs.
    pub later_cpu_us: f64,
    /// The median of the rounds' processor time of the server, with what it put off, by that of the family's first.
    pub cpu_ratio: f64,
    /// The same of the median time.
    pub p50_ratio: f64,
}

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Indexed,
    AnyUnused,
    Devices,
    History,
}

const FAMILIES: &[Family] = &[Family::Indexed, Family::AnyUnused, Family::Devices, Family::History];

impl Family {
    const fn name(self) -> &'static str {
        match self {
            Self::Indexed => "codes outstanding, indexed",
            Self::AnyUnused => "codes outstanding, any unused",
            Self::Devices => "devices",
            Self::History => "operations and events kept from before",
        }
    }

    /// What is measured of it. Any unused grows with the codes, whatever a load costs.
    const fn kinds(self) -> &'static [Devices] {
        match self {
            Self::AnyUnused => &[Devices::Remembered],
            Self::Indexed | Self::Devices | Self::History => &[Devices::Remembered, Devices::NotRemembered],
        }
    }

    /// So much of it, for sites that have at least `devices`.
    fn sizes(self, devices: u32) -> [u32; 3] {
        match self {
            Self::Indexed | Self::AnyUnused => [10, 50, 250],
            Self::Devices => [devices, devices * 5, devices * 10],
            Self::History => [0, devices * 5 / 2, devices * 25],
        }
    }

    fn population(self, size: u32, devices: u32) -> Result<Population> {
        let base = Population::of(devices)?;
        let codes = u8::try_from(size).unwrap_or(u8::MAX);
        Ok(match self {
            Self::Indexed => Population { codes, ..base },
            Self::AnyUnused => {
                let policy = Policy { mode: Mode::AnyUnused, digits: 8, ..base.policy.clone() };
                Population { codes, policy, ..base }
            }
            Self::Devices => Population { devices: size, ..base },
            Self::History => base,
        })
    }
}

/// The devices of a site that are remembered, and those that are met once each: as many whatever the site's size is.
struct Halves {
    known: u32,
    strange: Range<u32>,
}

impl Halves {
    const fn of(devices: u32) -> Self {
        Self { known: devices / 2, strange: devices / 2..devices }
    }
}

/// A site of one size.
struct Stage {
    size: u32,
    ground: Ground,
    nodes: Nodes,
    met: Shares,
    /// For each round.
    strangers: Vec<Shares>,
}

/// What one round saw.
#[derive(Clone, Copy)]
struct Seen {
    measured: Measured,
    later_cpu_us: f64,
}

/// Measures a site.
///
/// # Errors
/// A server fails, or a good code is not accepted.
pub fn measure(setting: &Setting<'_>, site: Site) -> Result<Vec<GrowthRow>> {
    // PostgreSQL has the same keys and indices.
    let Site::Sqlite = site else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for family in FAMILIES {
        tell(&format!("{}: a verify's cost by {}", site.name(), family.name()));
        rows.extend(one(setting, site, *family)?);
    }
    Ok(rows)
}

fn one(setting: &Setting<'_>, site: Site, family: Family) -> Result<Vec<GrowthRow>> {
    let devices = setting.scale.growth_devices;
    let stages = family.sizes(devices).into_iter().map(|size| Stage::prepare(setting, site, family, size));
    let stages = stages.collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for kind in family.kinds() {
        let mut rounds: Vec<Vec<Seen>> = stages.iter().map(|_| Vec::new()).collect();
        for round in 0..setting.scale.rounds {
            for (stage, seen) in stages.iter().zip(&mut rounds) {
                seen.push(stage.round(*kind, round)?);
            }
        }
        let sizes: Vec<u32> = stages.iter().map(|stage| stage.size).collect();
        rows.extend(compared(site, family, *kind, &sizes, &rounds));
    }
    Ok(rows)
}

fn compared(site: Site, family: Family, devices: Devices, sizes: &[u32], rounds: &[Vec<Seen>]) -> Vec<GrowthRow> {
    let first = rounds.first().map(Vec::as_slice).unwrap_or_default();
    let row = |(place, (size, seen)): (usize, (&u32, &Vec<Seen>))| {
        let by_first = |figure: fn(&Seen) -> f64| {
            let both = seen.iter().zip(first).filter(|(it, first)| it.measured.done > 0 && first.measured.done > 0);
            median(&both.map(|(it, first)| ratio(figure(it), figure(first))).collect::<Vec<_>>())
        };
        GrowthRow {
            site: site.name(),
            family: family.name(),
            size: *size,
            devices,
            is_base: place == 0,
            may_grow: family == Family::AnyUnused,
            measured: Measured::median(&seen.iter().map(|seen| seen.measured).collect::<Vec<_>>()),
            later_cpu_us: median(&seen.iter().map(|seen| seen.later_cpu_us).collect::<Vec<_>>()),
            cpu_ratio: by_first(|it| it.measured.server_cpu_us + it.later_cpu_us),
            p50_ratio: by_first(|it| it.measured.p50_us),
        }
    };
    sizes.iter().zip(rounds).enumerate().map(row).collect()
}

impl Stage {
    fn prepare(setting: &Setting<'_>, site: Site, family: Family, size: u32) -> Result<Self> {
        let least = setting.scale.growth_devices;
        let ground = Ground::prepare(setting, site, family.population(size, least)?)?;
        if family == Family::History {
            site::runtime()?.block_on(remember(&ground, size))?;
        }
        let (nodes, halves) = (ground.start(AMPLE_MEMORY_MB)?, Halves::of(least));
        let met = verify::meet(&ground, &nodes, halves.known)?;
        let strangers = verify::strangers(&ground.population, halves.strange, setting.scale.rounds);
        // What it put off does not fall into another's spell.
        let _before = nodes.target().rest();
        Ok(Self { size, ground, nodes, met, strangers })
    }

    fn round(&self, devices: Devices, round: usize) -> Result<Seen> {
        let number = u32::try_from(round).unwrap_or(u32::MAX).saturating_mul(WALKS);
        let shares = match devices {
            Devices::Remembered | Devices::LeastMemory => self.met.walks(&(number..number.saturating_add(WALKS))),
            Devices::NotRemembered => {
                let shares = self.strangers.get(round).cloned();
                shares.ok_or_else(|| Trouble::new("there are no devices left for a round"))?
            }
        };
        let (measured, later_cpu_us) = verify::rested(&self.ground, &self.nodes, &shares, CONNECTIONS, SPELL)?;
        Ok(Seen { measured, later_cpu_us })
    }
}

/// Rows in a commit.
const BATCH: u32 = 5_000;

/// Leaves so many operations and events behind, as verifies of the hours before would have.
async fn remember(ground: &Ground, rows: u32) -> Result<()> {
    let store = site::open(&ground.database(), false, DEFAULT_MEMORY_MB).await?;
    for first in (0..rows).step_by(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
        let numbers = first..rows.min(first + BATCH);
        let writes = numbers.map(past).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        let committed = store.commit(Changes { guards: Vec::new(), writes }).await;
        committed.map_err(Trouble::because("the store was not filled"))?;
    }
    Ok(())
}

fn past(number: u32) -> Result<[Write; 2]> {
    // An hour ago, one a millisecond: younger than what is pruned.
    let at = matchbook_protocol::UnixMillis(now().0.saturating_sub(3_600_000) + u64::from(number) % 3_000_000);
    let chance = scatter(u64::from(number) | 1 << 60);
    let operation = Operation {
        realm: realm()?,
        relying_party: relying_party()?,
        id: OperationId::new(format!("{chance:016x}-past-{number:08x}")).map_err(Trouble::because("no id"))?,
        fingerprint: [5; 16],
        verdict: Verdict::Accepted,
        at,
    };
    let event = AuditEvent {
        realm: realm()?,
        id: ((u128::from(at.0) << 80) | (u128::from(chance) << 16)).to_be_bytes(),
        at,
        kind: EventKind::CodeAccepted,
        authenticator: None,
        subscriber: None,
        relying_party: Some(relying_party()?),
        detail: "code 1 accepted".to_owned(),
    };
    Ok([Write::InsertOperation(Box::new(operation)), Write::Audit(Box::new(event))])
}

#[cfg(test)]
mod tests;
