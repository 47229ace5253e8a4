//! What many devices cost: bytes on disk, memory, the start, the start after kill -9, and the time of a verify.

mod remember;

use std::sync::Arc;
use std::time::{Duration, Instant};

use matchbook_store::MIN_MEMORY_MB;
use serde::Serialize;

use self::remember::{Remembered, Remembers, Repeats};
use super::verify::{self, Codes, Shares};
use super::{Setting, tell};
use crate::cpu::Memory;
use crate::load::{self, Spell};
use crate::population::Population;
use crate::site::{Ground, Nodes, Site};
use crate::stats::{Measured, count};
use crate::trouble::{Result, Trouble};

/// Connections while the server is killed, and while its memory is weighed.
const CONNECTIONS: usize = 64;

/// How long the server works before it is killed.
const BEFORE_KILL: Duration = Duration::from_secs(2);

/// How long asking again may take; it takes as long as the work did.
const REPEATING: Duration = Duration::from_secs(120);

/// A site with so many devices of 50 codes.
#[derive(Clone, Debug, Serialize)]
pub struct SizeRow {
    /// The kind of site.
    pub site: &'static str,
    /// How many.
    pub devices: u32,
    /// Devices a second while the store was filled.
    pub filled_per_second: f64,
    /// Bytes on disk of all, by devices.
    pub bytes_per_device: f64,
    /// The same table by table, the largest first.
    pub tables: Vec<(String, f64)>,
    /// From the start of the process to its listening, in ms.
    pub start_ms: f64,
    /// Memory then, in MiB.
    pub idle_mib: f64,
    /// Memory after the load, in MiB.
    pub loaded_mib: f64,
    /// The most that it ever had, in MiB.
    pub peak_mib: f64,
    /// Verifies at one connection.
    pub one: Measured,
    /// Verifies at 64 connections.
    pub many: Measured,
    /// From the start of the process after kill -9 to its listening, in ms.
    pub recovery_ms: f64,
    /// Bytes of the write-ahead log that the start had to read (SQLite alone), in MiB.
    pub log_mib: f64,
    /// Verifies that were answered before the kill.
    pub acknowledged: usize,
}

/// Measures a site at each size.
///
/// # Errors
/// A server fails, or an acceptance that was answered before the kill does not stand after it.
pub fn measure(setting: &Setting<'_>, site: Site) -> Result<Vec<SizeRow>> {
    setting.scale.sizes(site).iter().map(|devices| at(setting, site, *devices)).collect()
}

fn at(setting: &Setting<'_>, site: Site, devices: u32) -> Result<SizeRow> {
    tell(&format!("{}: {devices} devices are made, weighed, killed", site.name()));
    let began = Instant::now();
    let ground = Ground::prepare(setting, site, Population::of(devices)?)?;
    let filled_in = began.elapsed().as_secs_f64();
    let all = f64::from(devices);
    let (bytes, tables) = (ground.bytes()?, ground.weigh()?);
    let nodes = ground.start(MIN_MEMORY_MB)?;
    let (start_ms, idle) = (slowest_start_ms(&nodes), memory(&nodes));
    let codes = Arc::new(Codes::of(&ground.population));
    let shares = Shares::one(Arc::clone(&codes));
    let one = verify::spell(&ground, &nodes, &shares, 1, setting.scale.spell)?;
    let many = verify::spell(&ground, &nodes, &shares, CONNECTIONS, setting.scale.spell)?;
    let loaded = memory(&nodes);
    let remembered = killed(&ground, nodes, &codes)?;
    let log_mib = mib(ground.log_bytes());
    let nodes = ground.start(MIN_MEMORY_MB)?;
    let acknowledged = repeat(&ground, &nodes, &remembered)?;
    Ok(SizeRow {
        site: site.name(),
        devices,
        filled_per_second: all / filled_in,
        bytes_per_device: to_figure(bytes) / all,
        tables: tables.into_iter().map(|(name, bytes)| (name, to_figure(bytes) / all)).collect(),
        start_ms,
        idle_mib: mib(idle.resident),
        loaded_mib: mib(loaded.resident),
        peak_mib: mib(loaded.peak),
        one,
        many,
        recovery_ms: slowest_start_ms(&nodes),
        log_mib,
        acknowledged,
    })
}

/// Puts load on and kills the servers in the midst of it. Gives what was answered.
fn killed(ground: &Ground, nodes: Nodes, codes: &Arc<Codes>) -> Result<Remembered> {
    let remembered = Remembered::default();
    let talks = (0..CONNECTIONS).map(|_| Remembers::boxed(codes, &ground.tokens, &remembered)).collect();
    let Nodes { servers, addresses, pids, databases } = nodes;
    let spell = Spell { warm_up: Duration::ZERO, measured: BEFORE_KILL * 10 };
    std::thread::scope(|scope| {
        let target = load::Target { addresses: &addresses, pids: &pids, databases: &databases };
        let load = scope.spawn(move || load::run(&target, talks, spell));
        std::thread::sleep(BEFORE_KILL);
        servers.into_iter().try_for_each(|server| server.kill())?;
        // It ends with the connections that the kill cut.
        load.join().map(drop).map_err(|_| Trouble::new("the load ended badly"))
    })?;
    Ok(remembered)
}

/// Asks again, with the same operation ids, for all that was answered: each has to be accepted still.
fn repeat(ground: &Ground, nodes: &Nodes, remembered: &Remembered) -> Result<usize> {
    let (all, confirmed) = (remembered.count(), Remembered::default());
    let codes = Arc::new(Codes::of(&ground.population));
    let talks = (0..CONNECTIONS).map(|_| Repeats::boxed(&codes, &ground.tokens, remembered, &confirmed));
    load::run(&nodes.target(), talks.collect(), Spell { warm_up: Duration::ZERO, measured: REPEATING })?;
    match confirmed.count() {
        count if count == all => Ok(all),
        count => Err(Trouble::new(format!("{count} of {all} acceptances stood after the kill, and the time was up"))),
    }
}

fn slowest_start_ms(nodes: &Nodes) -> f64 {
    nodes.servers.iter().map(|server| server.started_in().as_secs_f64() * 1e3).fold(0.0, f64::max)
}

/// Of the largest of them.
fn memory(nodes: &Nodes) -> Memory {
    let each = nodes.pids.iter().map(|pid| Memory::of(*pid));
    each.max_by_key(|memory| memory.resident).unwrap_or_default()
}

fn mib(bytes: u64) -> f64 {
    to_figure(bytes) / 1_048_576.0
}

fn to_figure(bytes: u64) -> f64 {
    count(usize::try_from(bytes).unwrap_or(usize::MAX))
}
