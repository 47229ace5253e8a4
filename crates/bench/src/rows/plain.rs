//! What PostgreSQL does by itself: one conditional statement a verify, as plain code would do it, and a commit with nothing
//! in it. Each client has a connection of its own, and waits for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use super::{Setting, tell};
use crate::cpu::Snapshot;
use crate::load::Spell;
use crate::site::{Cluster, Database, Site};
use crate::stats::{Compared, Measured};
use crate::trouble::{Result, Trouble};

/// Clients at once.
pub const CLIENTS: &[usize] = &[1, 16, 64];

/// So many clients.
#[derive(Clone, Debug, Serialize)]
pub struct PlainRow {
    /// The kind of site whose floor it is.
    pub site: &'static str,
    /// Whether every commit waits for a synchronous standby.
    pub has_standby: bool,
    /// Clients at once.
    pub clients: usize,
    /// A conditional INSERT a verify.
    pub statements: Measured,
    /// Commits that are as empty as can be and are flushed nevertheless.
    pub commits: Measured,
}

/// Measures a site's database, once for all numbers of nodes.
///
/// # Errors
/// PostgreSQL refuses, or a good code is not accepted.
pub fn measure(setting: &Setting<'_>, site: Site) -> Result<Vec<PlainRow>> {
    let Site::Postgres(Cluster { nodes: 1, has_standby, .. }) = site else { return Ok(Vec::new()) };
    tell(&format!("{}: plain statements", site.name()));
    let plain = Plain::prepare(setting, has_standby)?;
    let row = |clients: &usize| {
        let (mut statements, mut commits) = (Vec::new(), Vec::new());
        for _ in 0..setting.scale.plain_rounds() {
            commits.push(spell(setting, &plain.database, *clients, Work::Empty)?);
            statements.push(plain.spell(setting, *clients)?);
        }
        let (statements, commits) = (Measured::median(&statements), Measured::median(&commits));
        Ok(PlainRow { site: site.name(), has_standby, clients: *clients, statements, commits })
    };
    CLIENTS.iter().map(row).collect()
}

/// A database for plain statements, with as many devices as the sites have.
pub struct Plain {
    database: Database,
    /// Whether every commit waits for a synchronous standby.
    pub has_standby: bool,
    next: Arc<AtomicU64>,
}

impl Plain {
    /// In the same database server as the sites' databases.
    ///
    /// # Errors
    /// PostgreSQL refuses.
    pub fn prepare(setting: &Setting<'_>, has_standby: bool) -> Result<Self> {
        let database = setting.servers.database(setting.place, has_standby)?;
        let devices = setting.scale.devices;
        database.sql("CREATE TABLE plain_devices (id BIGINT PRIMARY KEY, active BOOLEAN NOT NULL)")?;
        database.sql(
            "CREATE TABLE plain_spends (device BIGINT NOT NULL, code BIGINT NOT NULL, at BIGINT NOT NULL, \
             PRIMARY KEY (device, code))",
        )?;
        database.sql(&format!(
            "INSERT INTO plain_devices SELECT number, TRUE FROM generate_series(0, {devices} - 1) AS number"
        ))?;
        database.settle()?;
        Ok(Self { database, has_standby, next: Arc::new(AtomicU64::new(0)) })
    }

    /// A spell by each of [`BESIDE`].
    ///
    /// # Errors
    /// As [`measure`].
    pub fn turn(&self, setting: &Setting<'_>) -> Result<[Measured; 2]> {
        let [few, many] = BESIDE;
        Ok([self.spell(setting, few)?, self.spell(setting, many)?])
    }

    fn spell(&self, setting: &Setting<'_>, clients: usize) -> Result<Measured> {
        spell(setting, &self.database, clients, Work::Spend(Arc::clone(&self.next)))
    }
}

/// Clients whose plain statements take turns with the verifies: the most that such code gets is at one of them.
pub const BESIDE: [usize; 2] = [16, 64];

/// Plain statements that took turns with verifies.
#[derive(Clone, Debug, Serialize)]
pub struct Beside {
    /// Whether every commit waits for a synchronous standby.
    pub has_standby: bool,
    /// By so many clients as [`BESIDE`] says.
    pub plain: [Measured; 2],
    /// Those that did most in their round.
    pub best: Measured,
    /// The median of the rounds' verifies a second, by those of the plain statements that did most in the same round.
    pub rate_ratio: f64,
}

impl Beside {
    /// Of the rounds' verifies and plain statements.
    #[must_use]
    pub fn of(has_standby: bool, rounds: &[(Measured, [Measured; 2])]) -> Self {
        let best = |[few, many]: [Measured; 2]| if few.per_second > many.per_second { few } else { many };
        let beside: Vec<_> = rounds.iter().map(|(verifies, plain)| (best(*plain), *verifies)).collect();
        let Compared { floor, rate_ratio, .. } = Compared::of(&beside);
        let (few, many): (Vec<_>, Vec<_>) = rounds.iter().map(|(_, [few, many])| (*few, *many)).unzip();
        Self { has_standby, plain: [Measured::median(&few), Measured::median(&many)], best: floor, rate_ratio }
    }
}

#[derive(Clone)]
enum Work {
    /// A code of its own each time.
    Spend(Arc<AtomicU64>),
    Empty,
}

impl Work {
    const fn sql(&self) -> &'static str {
        match self {
            Self::Spend(_) => {
                "INSERT INTO plain_spends SELECT id, $2, $3 FROM plain_devices WHERE id = $1 AND active \
                 ON CONFLICT DO NOTHING"
            }
            // A commit that wrote nothing is not flushed; this is the least that is.
            Self::Empty => "SELECT pg_logical_emit_message(true, '', '')",
        }
    }

    async fn one(&self, client: &Client, statement: &Statement, devices: u64) -> Result<()> {
        let changed = match self {
            Self::Spend(next) => {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let values = [number * 7_919 % devices, number / devices, number].map(u64::cast_signed);
                let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
                client.execute(statement, &values).await
            }
            Self::Empty => client.execute(statement, &[]).await,
        };
        match changed.map_err(Trouble::because("PostgreSQL refused"))? {
            1 => Ok(()),
            _ => Err(Trouble::new("a good code was not accepted")),
        }
    }
}

fn spell(setting: &Setting<'_>, database: &Database, clients: usize, work: Work) -> Result<Measured> {
    // One thread, as the generator of the other measurements has.
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Trouble::because("the clients have no runtime"))?;
    runtime.block_on(drive(setting, database, clients, work))
}

async fn drive(setting: &Setting<'_>, database: &Database, clients: usize, work: Work) -> Result<Measured> {
    let Spell { warm_up, measured } = setting.scale.spell;
    let devices = u64::from(setting.scale.devices);
    let mut ready = Vec::new();
    for _ in 0..clients {
        ready.push(connect(&database.url(), work.sql()).await?);
    }
    let (warm, end) = (Instant::now() + warm_up, Instant::now() + warm_up + measured);
    let mut tasks = JoinSet::new();
    for (client, statement) in ready {
        let work = work.clone();
        tasks.spawn(async move {
            let mut times: Vec<Duration> = Vec::new();
            loop {
                let asked = Instant::now();
                work.one(&client, &statement, devices).await?;
                let now = Instant::now();
                if now >= end {
                    return Ok::<_, Trouble>(times);
                }
                if now >= warm {
                    times.push(now - asked);
                }
            }
        });
    }
    let own = std::process::id();
    let clocks = || [Snapshot::of(own), Snapshot::of_families(&database.pids())];
    tokio::time::sleep_until(warm.into()).await;
    let [own_before, database_before] = clocks();
    tokio::time::sleep_until(end.into()).await;
    let [own_after, database_after] = clocks();
    let mut times = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        times.extend(joined.map_err(Trouble::because("a client ended badly"))??);
    }
    let it = Measured::of(times, measured, Duration::ZERO, own_after.since(&own_before));
    Ok(it.with_database(database_after.since(&database_before)))
}

async fn connect(url: &str, sql: &str) -> Result<(Client, Statement)> {
    let failed = |error| Trouble::because("PostgreSQL was not reached")(error);
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(failed)?;
    tokio::spawn(connection);
    let statement = client.prepare(sql).await.map_err(failed)?;
    Ok((client, statement))
}

#[cfg(test)]
mod tests;
