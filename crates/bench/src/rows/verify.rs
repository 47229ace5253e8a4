//! Durable verifies of good codes beside the empty handler, and at one connection beside the handler and one fdatasync.

mod talk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use matchbook_store::MIN_MEMORY_MB;
use serde::Serialize;

use super::{AMPLE_MEMORY_MB, Setting, disk, tell};
use crate::load::{self, Spell};
use crate::population::Population;
use crate::serve::Served;
use crate::site::{Ground, Nodes, Site};
use crate::stats::{Compared, Measured, median, micros, ratio};
use crate::trouble::Result;

pub use talk::{Codes, Good, Verifies};

/// Verifies at so many connections.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyRow {
    /// The kind of site.
    pub site: &'static str,
    /// Connections at once.
    pub connections: usize,
    /// Verifies, and the empty handler.
    pub compared: Compared,
    /// The median of the rounds' fdatasync, in µs.
    pub fdatasync_p50_us: f64,
    /// The median of the rounds' verify p50 by handler p50 and fdatasync p50.
    pub p50_ratio: f64,
    /// Processor time of the servers and of the database for a verify that they put off until it was quiet, in µs.
    pub later_cpu_us: f64,
}

/// Measures a site at each number of connections.
///
/// # Errors
/// A server fails, or a good code is not accepted.
pub fn measure(setting: &Setting<'_>, site: Site) -> Result<Vec<VerifyRow>> {
    let connections = match &setting.scale.only_connections {
        Some(only) => std::slice::from_ref(only),
        None => setting.scale.connections(site),
    };
    if connections.is_empty() {
        return Ok(Vec::new());
    }
    tell(&format!("{}: {} devices are made", site.name(), setting.scale.devices));
    let ground = Ground::prepare(setting, site, Population::of(setting.scale.devices)?)?;
    let floor = Nodes::floor(&Served::Empty)?;
    let codes = Arc::new(Codes::of(&ground.population));
    let mut nodes = ground.start(AMPLE_MEMORY_MB)?;
    meet(setting, &ground, &nodes, &codes)?;
    let mut rows = Vec::new();
    for connections in connections {
        tell(&format!("{}: verifies at {connections}", site.name()));
        rows.push(at(setting, &ground, &codes, (&nodes, &floor), *connections)?);
    }
    if let (Site::Sqlite, Some(most)) = (site, connections.last()) {
        tell(&format!("{}: verifies at {most}, with the least memory", site.name()));
        drop(nodes);
        nodes = ground.start(MIN_MEMORY_MB)?;
        let row = at(setting, &ground, &codes, (&nodes, &floor), *most)?;
        rows.push(VerifyRow { site: LEAST_MEMORY, ..row });
    }
    Ok(rows)
}

/// For tables: a site whose devices are more than it may remember.
const LEAST_MEMORY: &str = "SQLite, 1 node, the least memory";

/// Until each device was met once: what is remembered is not what is read from the database.
fn meet(setting: &Setting<'_>, ground: &Ground, nodes: &Nodes, codes: &Arc<Codes>) -> Result<()> {
    let until = Instant::now() + MEETING;
    let mut met = 0;
    while met < u64::from(setting.scale.devices) * u64::try_from(nodes.servers.len()).unwrap_or(1)
        && Instant::now() < until
    {
        let Measured { done, .. } = spell(setting, ground, nodes, codes, MEETING_CONNECTIONS)?;
        met += done.max(1);
    }
    Ok(())
}

/// How long devices are met at most, and by how many connections.
const MEETING: Duration = Duration::from_secs(60);
const MEETING_CONNECTIONS: usize = 64;

fn at(
    setting: &Setting<'_>,
    ground: &Ground,
    codes: &Arc<Codes>,
    (nodes, floor): (&Nodes, &Nodes),
    connections: usize,
) -> Result<VerifyRow> {
    let (mut rounds, mut syncs, mut p50_ratios, mut later) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let _before = nodes.target().rest();
    for _ in 0..setting.scale.rounds {
        let sync = disk::fdatasync_p50(setting)?;
        let below = spell(setting, ground, floor, &Arc::new(Codes::endless(&ground.population)), connections)?;
        let it = spell(setting, ground, nodes, codes, connections)?;
        p50_ratios.push(ratio(it.p50_us, below.p50_us + sync));
        syncs.push(sync);
        // The warm-up left some of it.
        let Spell { warm_up, measured } = setting.scale.spell;
        let share = ratio(measured.as_secs_f64(), (warm_up + measured).as_secs_f64());
        later.push(ratio(micros(nodes.target().rest()) * share, it.per_second * measured.as_secs_f64()));
        rounds.push((below, it));
    }
    Ok(VerifyRow {
        site: ground.site().name(),
        connections,
        compared: Compared::of(&rounds),
        fdatasync_p50_us: median(&syncs),
        p50_ratio: median(&p50_ratios),
        later_cpu_us: median(&later),
    })
}

/// One spell of verifies.
///
/// # Errors
/// As [`measure`].
pub fn spell(
    setting: &Setting<'_>,
    ground: &Ground,
    nodes: &Nodes,
    codes: &Arc<Codes>,
    connections: usize,
) -> Result<Measured> {
    let talks = (0..connections).map(|_| Verifies::boxed(codes, &ground.tokens));
    load::run(&nodes.target(), talks.collect(), setting.scale.spell)
}
