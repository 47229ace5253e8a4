//! How a verify's cost grows with what is there: codes outstanding, devices, history. In each family the first is what the
//! others are compared with; all take turns.

use std::sync::Arc;

use matchbook_rules::{AuditEvent, Changes, EventKind, Mode, Operation, OperationId, Policy, Verdict, Write};
use matchbook_store::DEFAULT_MEMORY_MB;
use serde::Serialize;

use super::verify::{self, Codes};
use super::{AMPLE_MEMORY_MB, Setting, tell};
use crate::population::{Population, now, realm, relying_party, scatter};
use crate::site::{self, Ground, Nodes, Site};
use crate::stats::{Measured, median, ratio};
use crate::trouble::{Result, Trouble};

/// Connections at once.
pub const CONNECTIONS: usize = 16;

/// One size of one family.
#[derive(Clone, Debug, Serialize)]
pub struct GrowthRow {
    /// The kind of site.
    pub site: &'static str,
    /// What grows.
    pub family: &'static str,
    /// How much of it there is.
    pub size: u32,
    /// It is what the others of its family are compared with.
    pub is_base: bool,
    /// Each code that is outstanding has to be looked at, so that the cost grows with them.
    pub may_grow: bool,
    /// Verifies.
    pub measured: Measured,
    /// The median of the rounds' processor time of the server, by that of the family's first.
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

    /// So much of it, for a site that is to have `devices`.
    fn sizes(self, devices: u32) -> [u32; 3] {
        match self {
            Self::Indexed | Self::AnyUnused => [10, 50, 250],
            Self::Devices => [devices / 10, devices / 2, devices],
            Self::History => [0, devices, devices * 10],
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

/// A site of one size.
struct Stage {
    size: u32,
    ground: Ground,
    nodes: Nodes,
    codes: Arc<Codes>,
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
    let stages = family.sizes(devices).into_iter().map(|size| stage(setting, site, family, size));
    let stages = stages.collect::<Result<Vec<_>>>()?;
    let mut rounds: Vec<Vec<Measured>> = stages.iter().map(|_| Vec::new()).collect();
    for _ in 0..setting.scale.rounds {
        for (stage, measured) in stages.iter().zip(&mut rounds) {
            measured.push(verify::spell(setting, &stage.ground, &stage.nodes, &stage.codes, CONNECTIONS)?);
        }
    }
    let first = rounds.first().cloned().unwrap_or_default();
    let rows = stages.iter().zip(&rounds).enumerate().map(|(place, (stage, measured))| {
        let by_first = |figure: fn(&Measured) -> f64| {
            let each = measured.iter().zip(&first).map(|(it, first)| ratio(figure(it), figure(first)));
            median(&each.collect::<Vec<_>>())
        };
        GrowthRow {
            site: site.name(),
            family: family.name(),
            size: stage.size,
            is_base: place == 0,
            may_grow: family == Family::AnyUnused,
            measured: Measured::median(measured),
            cpu_ratio: by_first(|it| it.server_cpu_us),
            p50_ratio: by_first(|it| it.p50_us),
        }
    });
    Ok(rows.collect())
}

fn stage(setting: &Setting<'_>, site: Site, family: Family, size: u32) -> Result<Stage> {
    let population = family.population(size, setting.scale.growth_devices)?;
    let ground = Ground::prepare(setting, site, population)?;
    if family == Family::History {
        site::runtime()?.block_on(remember(&ground, size))?;
    }
    let (nodes, codes) = (ground.start(AMPLE_MEMORY_MB)?, Arc::new(Codes::of(&ground.population)));
    Ok(Stage { size, ground, nodes, codes })
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
