//! Durable acceptances a second against the floor: a bare log that is appended to and flushed by fdatasync, as many
//! entries at a time as there are callers, on the same disk, before and after. Then the slow way, a spend without guards.
//!
//! `cargo bench -p matchbook-store --features contract -- [devices]`; 10,000 devices of 50 codes unless told otherwise,
//! so that a million of them can be tried. TMPDIR says which disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::File;
use std::io::{Seek, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use matchbook_protocol::AuthenticatorId;
use matchbook_rules::{AuditEvent, Authenticator, Changes, Guard, IssuedSet, VerifyTarget, Write};
use matchbook_store::contract::fixtures;
use matchbook_store::{OpenOptions, SqliteStore, Store};
use tokio::task::JoinSet;

/// Codes of each device.
const CODES: u8 = 50;
/// Bytes of an entry of the bare log: what an acceptance takes in the journal.
const ENTRY: usize = 150;
/// How long each figure is measured.
const SPELL: Duration = Duration::from_secs(4);
/// Callers that wait for their commit at once, which is what a commit then holds at most.
const CALLERS: [u32; 4] = [1, 16, 64, 256];
/// Devices that are loaded before; those beyond are loaded when their turn comes.
const WARM: u32 = 20_000;
/// Changes that fill the store, in one commit.
const FILL: u32 = 2_000;

fn main() {
    let devices: u32 = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10_000);
    let folder = tempfile::tempdir().unwrap();
    println!("{devices} devices of {CODES} codes, on {}", folder.path().display());
    floor(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let path = folder.path().join("store.db");
    let open = || SqliteStore::open(&path, OpenOptions { create: true, ..OpenOptions::default() }).unwrap();
    let began = Instant::now();
    runtime.block_on(fill(&open(), devices));
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("filled in {:.1?}, {} bytes a device", began.elapsed(), bytes / u64::from(devices));
    let store = Arc::new(open());
    runtime.block_on(async {
        let next = Arc::new(AtomicU32::new(0));
        warm(&store, devices).await;
        for callers in CALLERS {
            spends(&store, devices, callers, &next, accepted).await;
        }
        for callers in CALLERS {
            spends(&store, devices, callers, &next, spent).await;
        }
        loads(&store, devices).await;
    });
    floor(folder.path());
}

/// How often a second a log takes so many entries at once, alone.
fn floor(folder: &Path) {
    for entries in CALLERS {
        let mut file = File::create(folder.join("floor")).unwrap();
        file.write_all(&vec![1; 16 << 20]).unwrap();
        file.sync_all().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let bytes = vec![2; ENTRY * usize::try_from(entries).unwrap()];
        let (began, mut times) = (Instant::now(), Vec::new());
        while began.elapsed() < SPELL / 4 {
            let at = Instant::now();
            if file.stream_position().unwrap() > 15 << 20 {
                file.seek(SeekFrom::Start(0)).unwrap();
            }
            file.write_all(&bytes).unwrap();
            file.sync_data().unwrap();
            times.extend((0..entries).map(|_| at.elapsed()));
        }
        report(&format!("a bare log, {entries} at once"), times, began.elapsed());
    }
}

async fn fill(store: &dyn Store, devices: u32) {
    fixtures::with_device(store).await;
    for first in (0..devices).step_by(usize::try_from(FILL).unwrap()) {
        let mut writes = Vec::new();
        for device in first..devices.min(first + FILL) {
            let it = Authenticator { id: id(device), ..fixtures::authenticator("alpha", 0, "ada") };
            writes.push(Write::InsertAuthenticator(Box::new(it)));
            let it = IssuedSet { authenticator: id(device), ..fixtures::set("alpha", 0, 1, CODES) };
            writes.push(Write::InsertSet(Box::new(it)));
        }
        store.commit(Changes { guards: Vec::new(), writes }).await.unwrap();
    }
}

/// Loads each device once, as its first verify does.
async fn warm(store: &SqliteStore, devices: u32) {
    let began = Instant::now();
    for device in 0..devices.min(WARM) {
        let target = VerifyTarget::Authenticator(id(device));
        store.load_verify(&fixtures::lookup("alpha", target)).await.unwrap();
    }
    println!("{} devices remembered in {:.1?}", devices.min(WARM), began.elapsed());
}

async fn spends(
    store: &Arc<SqliteStore>,
    devices: u32,
    callers: u32,
    next: &Arc<AtomicU32>,
    changes: fn(u32, u32, u32) -> Changes,
) {
    let (began, cpu) = (Instant::now(), writers_cpu());
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (store, next) = (Arc::clone(store), Arc::clone(next));
        tasks.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < SPELL {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let (index, device) = (number / devices + 1, number % devices);
                assert!(index <= u32::from(CODES), "all codes are spent: measure with more devices");
                let lookup = fixtures::lookup("alpha", VerifyTarget::Authenticator(id(device)));
                let at = Instant::now();
                if store.remembered(&lookup).is_none() {
                    store.load_verify(&lookup).await.unwrap();
                }
                store.commit(changes(device, index, number)).await.unwrap();
                times.push(at.elapsed());
            }
            times
        });
    }
    let times: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let each = (writers_cpu() - cpu) / u32::try_from(times.len()).unwrap();
    report(&format!("spends, {callers} at once"), times, began.elapsed());
    println!("{:32} {each:.1?} of the writer's processor time each", "");
}

/// What an accepted verify commits.
fn accepted(device: u32, index: u32, number: u32) -> Changes {
    let operation = fixtures::operation_id(&format!("{:016x}-{number}", scatter(number)));
    let mut changes = fixtures::acceptance(index);
    for guard in &mut changes.guards {
        match guard {
            Guard::Authenticator { id: device_id, .. } | Guard::Failures { id: device_id, .. } => {
                *device_id = id(device)
            }
            _ => {}
        }
    }
    for write in &mut changes.writes {
        match write {
            Write::InsertOperation(it) => it.id = operation.clone(),
            Write::Spend(it) => (it.authenticator, it.operation) = (id(device), operation.clone()),
            Write::Audit(it) => {
                let AuditEvent { authenticator, id: event, .. } = it.as_mut();
                *authenticator = Some(id(device));
                event[8..].copy_from_slice(&scatter(number).to_be_bytes());
            }
            _ => {}
        }
    }
    changes
}

/// The same code and operation as any other change writes them.
fn spent(device: u32, index: u32, number: u32) -> Changes {
    let writes = accepted(device, index, number).writes;
    Changes { guards: Vec::new(), writes: writes.into_iter().take(2).collect() }
}

async fn loads(store: &Arc<SqliteStore>, devices: u32) {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..16 {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let (mut times, mut number) = (Vec::new(), caller);
            while began.elapsed() < SPELL {
                let target = VerifyTarget::Authenticator(id(number % devices));
                let at = Instant::now();
                store.load_verify(&fixtures::lookup("alpha", target)).await.unwrap();
                times.push(at.elapsed());
                number += 16;
            }
            times
        });
    }
    let times: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    report("loads for a verify, 16 at once", times, began.elapsed());
}

/// Devices in no order, as random identification codes are.
fn id(device: u32) -> AuthenticatorId {
    AuthenticatorId(scatter(device).to_be_bytes())
}

fn scatter(number: u32) -> u64 {
    let mut word = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ (word >> 31)
}

/// Processor time of the store's writing thread so far, which a busy machine changes less than the clock's; 0 where the
/// system does not tell.
fn writers_cpu() -> Duration {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let named = |task: &Path| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "matchbook-store\n");
    let writer = tasks.filter_map(Result::ok).map(|task| task.path()).find(|task| named(task));
    let told = writer.and_then(|task| std::fs::read_to_string(task.join("schedstat")).ok());
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn report(what: &str, mut times: Vec<Duration>, took: Duration) {
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100 - usize::from(share == 100)];
    #[allow(clippy::cast_precision_loss)]
    let rate = times.len() as f64 / took.as_secs_f64();
    println!("{what:32} {rate:9.0} a second   p50 {:8.2?}   p99 {:8.2?}   max {:8.2?}", at(50), at(99), at(100));
}
