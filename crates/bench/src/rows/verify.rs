//! Durable verifies of good codes beside the empty handler, at one connection beside the handler and one fdatasync, and at
//! the most connections beside plain statements in the same database server.

mod talk;

use std::time::Duration;

use matchbook_store::MIN_MEMORY_MB;
use serde::Serialize;

use super::plain::{Beside, Plain};
use super::{AMPLE_MEMORY_MB, Devices, Setting, disk, tell};
use crate::load::{self, Spell};
use crate::population::Population;
use crate::serve::Served;
use crate::site::{Cluster, Ground, Nodes, Site};
use crate::stats::{Compared, Measured, count, median, micros, ratio};
use crate::trouble::Result;

pub use talk::{Codes, Good, Shares, Verifies};

/// Verifies at so many connections.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyRow {
    /// The kind of site.
    pub site: &'static str,
    /// Whether the servers remember the devices.
    pub devices: Devices,
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
    /// Plain statements that took turns with the verifies.
    pub beside: Option<Beside>,
}

/// What takes turns.
struct Turns<'a> {
    setting: &'a Setting<'a>,
    ground: &'a Ground,
    floor: &'a Nodes,
    plain: Option<&'a Plain>,
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
    let Some(most) = connections.last().copied() else { return Ok(Vec::new()) };
    let (all, known) = (setting.scale.devices, setting.scale.known_devices(site));
    tell(&format!("{}: {all} devices are made, {known} of them met", site.name()));
    let ground = Ground::prepare(setting, site, Population::of(all)?)?;
    let plain = match site {
        Site::Postgres(Cluster { nodes: 1, has_standby, .. }) => Some(Plain::prepare(setting, has_standby)?),
        Site::Postgres(_) | Site::Sqlite => None,
    };
    let floor = Nodes::floor(&Served::Empty)?;
    let nodes = ground.start(AMPLE_MEMORY_MB)?;
    let met = meet(&ground, &nodes, known)?;
    let each_round: Vec<Shares> = (0..setting.scale.rounds).map(|_| met.clone()).collect();
    let turns = Turns { setting, ground: &ground, floor: &floor, plain: None };
    let mut rows = Vec::new();
    for connections in connections {
        tell(&format!("{}: verifies at {connections}", site.name()));
        let plain = plain.as_ref().filter(|_| *connections == most);
        rows.push(Turns { plain, ..turns }.rows(&nodes, Devices::Remembered, &each_round, *connections)?);
    }
    if !setting.scale.has_strangers(site) {
        return Ok(rows);
    }
    let last = |devices: Devices| tell(&format!("{}: verifies at {most}, devices: {}", site.name(), devices.name()));
    rows.push(match site {
        Site::Sqlite => {
            last(Devices::LeastMemory);
            drop(nodes);
            let nodes = ground.start(MIN_MEMORY_MB)?;
            turns.rows(&nodes, Devices::LeastMemory, &each_round, most)?
        }
        Site::Postgres(_) => {
            last(Devices::NotRemembered);
            let strangers = strangers(&ground.population, known..all, setting.scale.rounds);
            turns.rows(&nodes, Devices::NotRemembered, &strangers, most)?
        }
    });
    Ok(rows)
}

/// Meets each of so many devices once: what is remembered is not what is read from the database. Each node gets devices of
/// its own, for one that does not know what was spent at another has to load. Gives what those that were met have left.
///
/// # Errors
/// As [`measure`].
pub fn meet(ground: &Ground, nodes: &Nodes, known: u32) -> Result<Shares> {
    let first = Shares::each(&ground.population, 0..known, &(0..1), nodes.servers.len());
    spell(ground, nodes, &first, MEETING_CONNECTIONS, Spell { warm_up: Duration::ZERO, measured: MEETING })?;
    Ok(first.met())
}

/// How long devices are met at most, and by how many connections. It ends when all have been met; should the time be up
/// before, those that were have to do.
const MEETING: Duration = Duration::from_secs(120);
const MEETING_CONNECTIONS: usize = 64;

/// For each round, devices that were never seen before, with one code each.
#[must_use]
pub fn strangers(population: &Population, places: std::ops::Range<u32>, rounds: usize) -> Vec<Shares> {
    let rounds = u32::try_from(rounds).unwrap_or(u32::MAX).max(1);
    let part = places.end.saturating_sub(places.start) / rounds;
    let first = |round: u32| places.start + part * round;
    (0..rounds).map(|round| Shares::one(Codes::part(population, first(round)..first(round + 1), 0..1))).collect()
}

impl Turns<'_> {
    /// A round for each of the shares.
    fn rows(&self, nodes: &Nodes, devices: Devices, each: &[Shares], connections: usize) -> Result<VerifyRow> {
        let Self { setting, ground, floor, plain } = self;
        let (mut rounds, mut syncs, mut p50_ratios, mut later) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut beside = Vec::new();
        let _before = nodes.target().rest();
        for shares in each {
            let sync = disk::fdatasync_p50(setting)?;
            let endless = Shares::one(Codes::endless(&ground.population));
            let below = spell(ground, floor, &endless, connections, setting.scale.spell)?;
            let statements = plain.map(|plain| plain.turn(setting)).transpose()?;
            let _before = nodes.target().rest();
            let (it, put_off) = rested(ground, nodes, shares, connections, setting.scale.spell)?;
            p50_ratios.push(ratio(it.p50_us, below.p50_us + sync));
            syncs.push(sync);
            later.push(put_off);
            beside.extend(statements.map(|statements| (it, statements)));
            rounds.push((below, it));
        }
        Ok(VerifyRow {
            site: ground.site().name(),
            devices,
            connections,
            compared: Compared::of(&rounds),
            fdatasync_p50_us: median(&syncs),
            p50_ratio: median(&p50_ratios),
            later_cpu_us: median(&later),
            beside: plain.map(|plain| Beside::of(plain.has_standby, &beside)),
        })
    }
}

/// One spell of verifies.
///
/// # Errors
/// As [`measure`].
pub fn spell(ground: &Ground, nodes: &Nodes, shares: &Shares, connections: usize, spell: Spell) -> Result<Measured> {
    load::run(&nodes.target(), shares.talks(connections, &ground.tokens), spell)
}

/// One spell, and the time to rest after it. Gives besides the processor time for a verify that was put off, in µs.
///
/// # Errors
/// As [`measure`].
pub fn rested(
    ground: &Ground,
    nodes: &Nodes,
    shares: &Shares,
    connections: usize,
    of: Spell,
) -> Result<(Measured, f64)> {
    let before = shares.given();
    let it = spell(ground, nodes, shares, connections, of)?;
    // Those of the warm-up left some of it too.
    let given = usize::try_from(shares.given() - before).unwrap_or(usize::MAX);
    Ok((it, ratio(micros(nodes.target().rest()), count(given))))
}
