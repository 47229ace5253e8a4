//! Durable acceptances a second on PostgreSQL, from callers that each wait for theirs: in batches, as the store does, and
//! by one conditional statement each, which is what plain code would do. Both in one run, on a database of their own.
//!
//! `cargo run --release -p matchbook-store --features contract --example postgres_accepts -- postgres://…/empty_database`;
//! the database has to be empty. `--seconds 4` and `--devices 10000` unless told otherwise; `--callers 256` measures the
//! batches with so many callers and nothing else; `--verifies 64`, `--loads 64` and `--issues 64` measure loads of a verify,
//! loads of a device and sets that are issued, each with so many callers and nothing else. With `--filled` the database is
//! one that such a run has left behind: then the server's processor time is that of what is measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use matchbook_protocol::{AuthenticatorId, CodeIndex, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, BucketKey, Changes, Guard, IssuedSet, Operation, OutboxItem, Spend, Subscriber, Version,
    Write,
};
use matchbook_store::contract::fixtures::{self, realm_id, relying_party, subscriber_id};
use matchbook_store::{PostgresOptions, PostgresStore, Store};
use tokio::task::JoinSet;

const CALLERS: [u32; 4] = [1, 16, 64, 256];
/// Codes of each device.
const CODES: u8 = 50;
/// Changes that fill the store, in one commit.
const FILL: u32 = 500;
/// Connections of the plain code.
const PLAIN: usize = 16;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, usual: u32| {
        words.iter().position(|word| word == name).map_or(usual, |at| words[at + 1].parse().unwrap())
    };
    let (devices, spell) = (number("--devices", 10_000), Duration::from_secs(number("--seconds", 4).into()));
    let url = words.first().expect("which database?");
    let options = PostgresOptions { migrate: true, allow_loss_at_failover: true, ..PostgresOptions::default() };
    let store = Arc::new(PostgresStore::connect(url, options).await.unwrap());
    let began = Instant::now();
    if !words.iter().any(|word| word == "--filled") {
        fill(&store, devices).await;
    }
    println!(
        "{devices} devices of {CODES} codes in {:.1?}, {} bytes",
        began.elapsed(),
        store.stats().await.unwrap().bytes
    );
    for (name, what) in [("--verifies", What::Verify), ("--loads", What::Load), ("--issues", What::Issue)] {
        let callers = number(name, 0);
        if callers > 0 {
            return others(&store, what, devices, callers, spell).await;
        }
    }
    let next = Arc::new(AtomicU32::new(0));
    let only = number("--callers", 0);
    for callers in CALLERS.into_iter().filter(|callers| [0, *callers].contains(&only)) {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        let batched = measure(callers, spell, move || {
            let (store, next) = (Arc::clone(&store), Arc::clone(&next));
            async move {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let (index, device) = (number / devices + 1, number % devices);
                assert!(index <= u32::from(CODES), "all codes are spent: measure with more devices");
                store.commit(accepted(device, index, number)).await.unwrap();
            }
        });
        report(&format!("accepts, {callers} callers"), batched.await);
    }
    println!("{} acceptances, {} batches were tried again", next.load(Ordering::Relaxed), store.retries());
    if only == 0 {
        plain(url, devices, spell).await;
    }
}

/// What is measured beside acceptances.
#[derive(Clone, Copy, Debug)]
enum What {
    Verify,
    Load,
    Issue,
}

/// Each caller has devices of its own.
async fn others(store: &Arc<PostgresStore>, what: What, devices: u32, callers: u32, spell: Duration) {
    let (store, next) = (Arc::clone(store), Arc::new(AtomicU32::new(0)));
    let done = measure(callers, spell, move || {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        async move {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let device = number % devices;
            match what {
                What::Verify => {
                    let found = store.load_verify(&fixtures::lookup_user("alpha", &user(device))).await.unwrap();
                    assert_eq!(found.candidates.len(), 1);
                }
                What::Load => assert!(store.load_device(&id(device)).await.unwrap().is_some()),
                What::Issue => store.commit(issued(device, number / devices)).await.unwrap(),
            }
        }
    });
    report(&format!("{what:?}, {callers} callers"), done.await);
}

/// What a set that is issued is guarded by and writes.
fn issued(device: u32, before: u32) -> Changes {
    let (realm, user) = (realm_id("alpha"), subscriber_id(&user(device)));
    let version = Version(u64::from(before) + 1);
    let first = u32::from(CODES) * (before + 1) + 1;
    let authenticator = fixtures::authenticator("alpha", 0, "ada");
    let put = Authenticator { id: id(device), subscriber: user.clone(), version, ..authenticator };
    let set = IssuedSet { authenticator: id(device), ..fixtures::set("alpha", 0, first, CODES) };
    let mut message = [0; 16];
    message[..4].copy_from_slice(&before.to_be_bytes());
    let item = OutboxItem { authenticator: id(device), message, ..fixtures::outbox("alpha", 0, 1) };
    let mut event = AuditEvent { authenticator: Some(id(device)), ..fixtures::event("alpha", 5_000, 0) };
    event.id[..4].copy_from_slice(&before.to_be_bytes());
    event.id[4..12].copy_from_slice(&scatter(device).to_be_bytes());
    Changes {
        guards: vec![
            Guard::Authenticator { realm: realm.clone(), id: id(device), version },
            Guard::Subscriber { realm, id: user, version: Version(1) },
        ],
        writes: vec![
            Write::PutAuthenticator(Box::new(put)),
            Write::InsertSet(Box::new(set)),
            Write::InsertOutbox(Box::new(item)),
            Write::Audit(Box::new(event)),
        ],
    }
}

/// One conditional UPDATE a verify, in autocommit: what the batches have to beat.
async fn plain(url: &str, devices: u32, spell: Duration) {
    let mut clients = Vec::new();
    for _ in 0..PLAIN {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        clients.push(client);
    }
    let sql = "CREATE TABLE plain (realm TEXT, id BYTEA, used BIGINT NOT NULL, PRIMARY KEY (realm, id))";
    clients[0].batch_execute(sql).await.unwrap();
    for device in 0..devices {
        let key = id(device).0;
        clients[0].execute("INSERT INTO plain VALUES ('alpha', $1, 0)", &[&&key[..]]).await.unwrap();
    }
    let sql = "UPDATE plain SET used = used | $3 WHERE realm = $1 AND id = $2 AND used & $3 = 0";
    let mut ready = Vec::new();
    for client in clients {
        let statement = client.prepare(sql).await.unwrap();
        ready.push(tokio::sync::Mutex::new((client, statement)));
    }
    let (ready, next) = (Arc::new(ready), Arc::new(AtomicU32::new(0)));
    for callers in CALLERS {
        let (ready, next) = (Arc::clone(&ready), Arc::clone(&next));
        let plain = measure(callers, spell, move || {
            let (ready, next) = (Arc::clone(&ready), Arc::clone(&next));
            async move {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let (index, device) = (number / devices, number % devices);
                let pair = ready[usize::try_from(number).unwrap() % PLAIN].lock().await;
                let (key, bit) = (id(device).0, 1_i64 << index);
                let changed = pair.0.execute(&pair.1, &[&"alpha", &&key[..], &bit]).await.unwrap();
                assert_eq!(changed, 1);
            }
        });
        report(&format!("one statement each, {callers} callers"), plain.await);
    }
}

async fn measure<F, W>(callers: u32, spell: Duration, work: F) -> (Vec<Duration>, Duration)
where
    F: Fn() -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let work = work.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < spell {
                let at = Instant::now();
                work().await;
                times.push(at.elapsed());
            }
            times
        });
    }
    let times = tasks.join_all().await.into_iter().flatten().collect();
    (times, began.elapsed())
}

fn report(what: &str, (mut times, took): (Vec<Duration>, Duration)) {
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100 - usize::from(share == 100)];
    #[allow(clippy::cast_precision_loss)]
    let rate = times.len() as f64 / took.as_secs_f64();
    println!("{what:36} {rate:9.0} a second   p50 {:8.2?}   p99 {:8.2?}   max {:8.2?}", at(50), at(99), at(100));
}

async fn fill(store: &PostgresStore, devices: u32) {
    let realm = Write::PutRealm(Box::new(fixtures::realm("alpha")));
    store.commit(Changes { guards: Vec::new(), writes: vec![realm] }).await.unwrap();
    for first in (0..devices).step_by(usize::try_from(FILL).unwrap()) {
        let mut writes = Vec::new();
        for device in first..devices.min(first + FILL) {
            let user = subscriber_id(&user(device));
            let it = Subscriber { id: user.clone(), ..fixtures::subscriber("alpha", "ada") };
            writes.push(Write::PutSubscriber(Box::new(it)));
            let it = Authenticator { id: id(device), subscriber: user, ..fixtures::authenticator("alpha", 0, "ada") };
            writes.push(Write::InsertAuthenticator(Box::new(it)));
            let it = IssuedSet { authenticator: id(device), ..fixtures::set("alpha", 0, 1, CODES) };
            writes.push(Write::InsertSet(Box::new(it)));
        }
        store.commit(Changes { guards: Vec::new(), writes }).await.unwrap();
    }
}

/// What an accepted verify is guarded by and writes.
fn accepted(device: u32, index: u32, number: u32) -> Changes {
    let (realm, at) = (realm_id("alpha"), UnixMillis(5_000 + u64::from(number)));
    let operation = fixtures::operation_id(&format!("{:016x}-{number}", scatter(number)));
    let user = subscriber_id(&user(device));
    let bucket = |kind: u8| {
        let mut key = [kind; 16];
        if kind == 1 {
            key[..8].copy_from_slice(&scatter(device).to_be_bytes());
        }
        Guard::Calm { realm: realm.clone(), bucket: BucketKey(key), below: 5, since: UnixMillis(at.0 - 5_000) }
    };
    let mut event = fixtures::event("alpha", at.0, 0);
    event.id[6..14].copy_from_slice(&scatter(number).to_be_bytes());
    let told = AuditEvent {
        authenticator: Some(id(device)),
        subscriber: Some(user.clone()),
        relying_party: Some(relying_party("vpn")),
        detail: format!("from 192.0.2.1: code {index} accepted"),
        ..event
    };
    let spend = Spend {
        authenticator: id(device),
        index: CodeIndex(index),
        operation: operation.clone(),
        at,
        ..fixtures::spend("alpha", 0, 1)
    };
    let result = Operation { id: operation, at, ..fixtures::operation("alpha", "vpn", "op") };
    Changes {
        guards: vec![
            Guard::Authenticator { realm: realm.clone(), id: id(device), version: Version(1) },
            Guard::Subscriber { realm: realm.clone(), id: user, version: Version(1) },
            Guard::Realm { id: realm.clone(), version: Version(1) },
            Guard::Failures { realm: realm.clone(), id: id(device), count: 0 },
            bucket(1),
            bucket(2),
            bucket(3),
            bucket(4),
        ],
        writes: vec![
            Write::InsertOperation(Box::new(result)),
            Write::Spend(Box::new(spend)),
            Write::Audit(Box::new(told)),
        ],
    }
}

fn user(device: u32) -> String {
    format!("user-{device:06}")
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
