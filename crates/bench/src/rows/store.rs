//! The store alone: what an accepted code writes, by so many callers at once, beside a bare log with as many records a
//! commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use matchbook_protocol::UnixMillis;
use matchbook_rules::verify::{self as rule, VerifyDecision, VerifyRequest};
use matchbook_rules::{Changes, Guard, OperationId, SubscriberId, VerifySnapshot, VerifyTarget, Write};
use matchbook_store::{Store, VerifyLookup};
use serde::Serialize;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::verify::{Codes, Good};
use super::{AMPLE_MEMORY_MB, Setting, disk, tell};
use crate::cpu::Snapshot;
use crate::population::{Population, id, keyring, now, realm, relying_party, rng, scatter, user};
use crate::site::{self, Ground, Site};
use crate::stats::{Compared, Measured};
use crate::trouble::{Result, Trouble};

/// Callers that wait for their commit at once, which is what a commit then holds at most.
pub const AT_ONCE: &[usize] = &[1, 16, 64, 256];

/// What the thread is called that writes, so that its processor time is told apart from the callers'.
const WRITER: &str = "matchbook-store";

/// Spends by so many callers.
#[derive(Clone, Debug, Serialize)]
pub struct StoreRow {
    /// The kind of site.
    pub site: &'static str,
    /// Callers, and records of the log in one commit.
    pub at_once: usize,
    /// The store, and the log. `server_cpu_us` is the writing thread's, `generator_cpu_us` that of the callers.
    pub compared: Compared,
}

/// Measures a site's store in this process.
///
/// # Errors
/// The store refuses a spend.
pub fn measure(setting: &Setting<'_>, site: Site) -> Result<Vec<StoreRow>> {
    // What PostgreSQL's store is to be compared with is PostgreSQL itself, by whole verifies.
    let Site::Sqlite = site else { return Ok(Vec::new()) };
    tell(&format!("{}: the store alone", site.name()));
    let population = Population::of(setting.scale.devices.max(LEAST_DEVICES))?;
    let ground = Ground::prepare(setting, site, population)?;
    let runtime = site::runtime()?;
    let store = runtime.block_on(site::open(&ground.database(), false, AMPLE_MEMORY_MB))?;
    let codes = Arc::new(Codes::of(&ground.population));
    let sample = codes.take().ok_or_else(|| Trouble::new("there are no codes"))?;
    let accepted = Arc::new(runtime.block_on(accepted(&*store, &ground.population, sample))?);
    runtime.block_on(remember(&store, &ground.population))?;
    let rows = AT_ONCE.iter().map(|at_once| {
        let mut rounds = Vec::new();
        for _ in 0..setting.scale.rounds {
            let log = disk::log(setting, *at_once, setting.scale.spell.measured)?;
            rounds.push((log, runtime.block_on(spell(setting, &store, &codes, &accepted, *at_once))?));
        }
        Ok(StoreRow { site: site.name(), at_once: *at_once, compared: Compared::of(&rounds) })
    });
    rows.collect()
}

/// A store spends more than 100,000 codes a second, and each is good once.
const LEAST_DEVICES: u32 = 30_000;

/// Has every device loaded once, as the verify before this one has.
async fn remember(store: &Arc<dyn Store>, population: &Population) -> Result<()> {
    let mut loads = JoinSet::new();
    for device in 0..population.devices {
        let (store, request) = (Arc::clone(store), request(user(device)?, u64::from(device), "")?);
        if loads.len() >= LOADS
            && let Some(loaded) = loads.join_next().await
        {
            loaded.map_err(Trouble::because("a load ended badly"))??;
        }
        loads.spawn(async move { load(&*store, &request).await.map(drop) });
    }
    while let Some(loaded) = loads.join_next().await {
        loaded.map_err(Trouble::because("a load ended badly"))??;
    }
    Ok(())
}

/// Loads at once while devices are remembered.
const LOADS: usize = 16;

fn request(user: SubscriberId, number: u64, code: &str) -> Result<VerifyRequest> {
    Ok(VerifyRequest {
        home: realm()?,
        realm: realm()?,
        target: VerifyTarget::Subscriber(user),
        relying_party: relying_party()?,
        operation: operation(number)?,
        source: None,
        code: Zeroizing::new(code.to_owned()),
    })
}

async fn load(store: &dyn Store, request: &VerifyRequest) -> Result<VerifySnapshot> {
    let buckets = rule::lookup_buckets(request, &keyring());
    let lookup = VerifyLookup {
        realm: request.home.clone(),
        target: request.target.clone(),
        relying_party: request.relying_party.clone(),
        operation: Some(request.operation.clone()),
        source_bucket: buckets.source,
        place_bucket: buckets.place,
        relying_party_bucket: buckets.relying_party,
        global_bucket: buckets.global,
        skips_bucket: buckets.skips,
    };
    store.load_verify(&lookup).await.map_err(Trouble::because("nothing was loaded"))
}

/// What the rules want written for a good code.
async fn accepted(store: &dyn Store, population: &Population, good: Good) -> Result<Changes> {
    let code = population.code(good.device, matchbook_protocol::CodeIndex(1))?;
    let request = request(user(good.device)?, good.number, &code.reveal())?;
    let buckets = rule::lookup_buckets(&request, &keyring());
    let snapshot = load(store, &request).await?;
    let decided = rule::decide(&request, &buckets, &snapshot, &keyring(), now(), &mut rng());
    match decided.map_err(Trouble::because("a good code was refused"))? {
        VerifyDecision::Commit { changes, verdict: matchbook_rules::Verdict::Accepted, .. } => Ok(changes),
        VerifyDecision::Commit { .. } | VerifyDecision::Answered { .. } => {
            Err(Trouble::new("a good code was not accepted"))
        }
    }
}

/// The same for another good code.
fn for_code(accepted: &Changes, good: Good) -> Result<Changes> {
    let (device, name, done, at) = (id(good.device), user(good.device)?, operation(good.number)?, now());
    let mut changes = accepted.clone();
    let mut is_source = true;
    for guard in &mut changes.guards {
        match guard {
            Guard::Authenticator { id, .. } | Guard::Failures { id, .. } => *id = device,
            Guard::Subscriber { id, .. } => *id = name.clone(),
            // The first count is of the name and its source; the others are of many names.
            Guard::Calm { bucket, .. } if std::mem::take(&mut is_source) => {
                bucket.0 = u128::from(scatter(good.device.into())).to_be_bytes();
            }
            Guard::Realm { .. } | Guard::Calm { .. } | Guard::Operation(_) => {}
        }
    }
    for write in &mut changes.writes {
        if let Write::Spend(spend) = write {
            (spend.authenticator, spend.index, spend.operation, spend.at) = (device, good.index, done.clone(), at);
        } else if let Write::InsertOperation(operation) = write {
            (operation.id, operation.at) = (done.clone(), at);
        } else if let Write::Audit(event) = write {
            (event.authenticator, event.subscriber, event.at) = (Some(device), Some(name.clone()), at);
            event.id = event_id(at, good);
        }
    }
    Ok(changes)
}

/// The time, then chance, as the rules make it.
fn event_id(at: UnixMillis, good: Good) -> [u8; 16] {
    let word = (u128::from(at.0) << 80) | (u128::from(scatter(good.number)) << 16);
    word.to_be_bytes()
}

async fn spell(
    setting: &Setting<'_>,
    store: &Arc<dyn Store>,
    codes: &Arc<Codes>,
    accepted: &Arc<Changes>,
    at_once: usize,
) -> Result<Measured> {
    let spell = setting.scale.spell;
    let (warm, end) = (Instant::now() + spell.warm_up, Instant::now() + spell.warm_up + spell.measured);
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (store, codes, accepted) = (Arc::clone(store), Arc::clone(codes), Arc::clone(accepted));
        tasks.spawn(async move {
            let mut times: Vec<Duration> = Vec::new();
            loop {
                let good =
                    codes.take().ok_or_else(|| Trouble::new("all codes are spent: measure with more devices"))?;
                let changes = for_code(&accepted, good)?;
                let asked = Instant::now();
                store.commit(changes).await.map_err(Trouble::because("a spend was refused"))?;
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
    tokio::time::sleep_until(warm.into()).await;
    let before = Snapshot::of(own);
    tokio::time::sleep_until(end.into()).await;
    let after = Snapshot::of(own);
    let mut times = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        times.extend(joined.map_err(Trouble::because("a caller ended badly"))??);
    }
    let writer = after.since_named(&before, WRITER);
    Ok(Measured::of(times, spell.measured, writer, after.since(&before).saturating_sub(writer)))
}

fn operation(number: u64) -> Result<OperationId> {
    let text = format!("{:016x}{number:016x}", scatter(number));
    OperationId::new(text).map_err(Trouble::because("an operation id is none"))
}
