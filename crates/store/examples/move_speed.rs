//! How long a store takes to move: from a file to a PostgreSQL that is started for it, and back into another file.
//!
//! `cargo run --release -p matchbook-store --features contract --example move_speed`; `--devices 100000`, `--spent 1`
//! and `--page 2000` unless told otherwise: each device has 50 codes, and each spent one its operation and its event.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Instant;

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{AuditEvent, Authenticator, IssuedSet, Operation, Realm, Spend, Subscriber, Version};
use matchbook_store::contract::fixtures::{self, operation_id, subscriber_id};
use matchbook_store::moving::{CopyOptions, Entity, Movable, PAGE, Progress, copy};
use matchbook_store::sqlite::{Side, SqliteMover};
use matchbook_store::{PostgresOptions, PostgresStore};
use matchbook_testbed::Postgres;

/// Codes of each device.
const CODES: u8 = 50;
/// Rows that are written at once while the source is filled.
const FILL: usize = 5_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, usual: u32| {
        words.iter().position(|word| word == name).map_or(usual, |at| words[at + 1].parse().unwrap())
    };
    let (devices, spent, page) = (number("--devices", 100_000), number("--spent", 1), number("--page", PAGE));
    let folder = tempfile::tempdir().unwrap();
    let (first, last) = (folder.path().join("first.db"), folder.path().join("last.db"));
    let server = Postgres::start().unwrap();
    let url = server.database("moved").unwrap();
    let source = SqliteMover::open(&first, Side::Target { create: true }).unwrap();
    let began = Instant::now();
    fill(&source, devices, spent).await;
    println!("{devices} devices of {CODES} codes, {spent} of them spent: made in {:.1?}", began.elapsed());
    let options = PostgresOptions { migrate: true, ..PostgresOptions::default() };
    let between = PostgresStore::connect_to_move(&url, options).await.unwrap();
    measure("SQLite to PostgreSQL", &source, &between, (1, page)).await;
    let target = SqliteMover::open(&last, Side::Target { create: true }).unwrap();
    measure("PostgreSQL to SQLite", &between, &target, (2, page)).await;
    let other = SqliteMover::open(folder.path().join("other.db"), Side::Target { create: true }).unwrap();
    measure("SQLite to SQLite", &target, &other, (3, page)).await;
}

async fn measure(what: &str, from: &dyn Movable, to: &dyn Movable, (name, page): (u8, u32)) {
    let (began, mut rows) = (Instant::now(), 0);
    let options = CopyOptions { page, ..CopyOptions::new([name; 16], [!name; 16]) };
    let report = copy(from, to, options, &mut |progress: Progress| rows = progress.all).await.unwrap();
    assert_eq!(report.counts.iter().map(|count| count.target).sum::<u64>(), rows);
    println!(
        "{what}: {rows} rows in {:.1?}, {:.0} a second",
        began.elapsed(),
        rows as f64 / began.elapsed().as_secs_f64()
    );
}

async fn fill(store: &SqliteMover, devices: u32, spent: u32) {
    let realm = Realm { version: Version(1), ..fixtures::realm("alpha") };
    let mut rows = vec![Entity::Realm(realm)];
    for number in 0..devices {
        rows.extend(device(number, spent));
        if rows.len() >= FILL || number + 1 == devices {
            store.write(Vec::new(), std::mem::take(&mut rows)).await.unwrap();
        }
    }
}

fn device(number: u32, spent: u32) -> Vec<Entity> {
    // Codes of devices are random; this spreads them as well.
    let id = AuthenticatorId(u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    let name = format!("user-{number}");
    let user = Subscriber { version: Version(1), ..fixtures::subscriber("alpha", &name) };
    let device = Authenticator { id, version: Version(3), ..fixtures::authenticator("alpha", 1, &name) };
    let mut rows = vec![
        Entity::Subscriber(user),
        Entity::Authenticator(Box::new(device)),
        Entity::Set(IssuedSet { authenticator: id, ..fixtures::set("alpha", 1, 1, CODES) }),
    ];
    for index in 1..=spent {
        let operation = operation_id(&format!("{number}-{index}-operation"));
        let mut event = AuditEvent {
            authenticator: Some(id),
            subscriber: Some(subscriber_id(&name)),
            detail: format!("code {index} accepted"),
            ..fixtures::event("alpha", u64::from(index) * 1_000, 1)
        };
        event.id[8..].copy_from_slice(&id.0);
        rows.push(Entity::Spend(Spend {
            authenticator: id,
            index: CodeIndex(index),
            operation: operation.clone(),
            ..fixtures::spend("alpha", 1, 1)
        }));
        rows.push(Entity::Operation(Operation { id: operation, ..fixtures::operation("alpha", "vpn", "op") }));
        rows.push(Entity::Event(event));
    }
    rows
}
