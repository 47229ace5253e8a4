//! Durable verifies of good codes beside the empty handler, and at one connection beside the handler and one fdatasync.

mod talk;

use std::sync::Arc;

use serde::Serialize;

use super::{Setting, disk, tell};
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
    let connections = setting.scale.connections(site);
    if connections.is_empty() {
        return Ok(Vec::new());
    }
    tell(&format!("{}: {} devices are made", site.name(), setting.scale.devices));
    let ground = Ground::prepare(setting, site, Population::of(setting.scale.devices)?)?;
    let (nodes, floor) = (ground.start()?, Nodes::floor(&Served::Empty)?);
    let codes = Arc::new(Codes::of(&ground.population));
    let rows = connections.iter().map(|connections| {
        tell(&format!("{}: verifies at {connections}", site.name()));
        at(setting, &ground, &codes, (&nodes, &floor), *connections)
    });
    rows.collect()
}

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
