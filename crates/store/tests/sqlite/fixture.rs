//! The stored state of each layout that was in a release, frozen: it opens, and says what it said.
//!
//! A new migration needs a new file: `cargo test -p matchbook-store --all-features --test sqlite -- --ignored freeze`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use matchbook_protocol::{CodeIndex, Epoch, UnixMillis};
use matchbook_rules::{
    Authenticator, CachedReply, NextKey, RefillReason, Role, RotationReason, SealedKey, Version, Write,
};
use matchbook_store::contract::fixtures::*;
use matchbook_store::{EventFilter, Store};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::open;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn layouts() -> usize {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "sql")).count()
}

#[test]
fn every_layout_has_its_fixture() {
    for layout in 1..=layouts() {
        let path = fixtures().join(format!("v{layout}.sql"));
        assert!(path.exists(), "{} is missing: see the head of this file", path.display());
    }
}

#[tokio::test]
async fn every_fixture_opens_and_says_what_it_said() {
    for layout in 1..=layouts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let dump = fs::read_to_string(fixtures().join(format!("v{layout}.sql"))).unwrap();
        crate::tamper(&path, &dump);
        let store = open(&path).unwrap();
        store.check().await.unwrap();
        expect(&store).await;
    }
}

async fn expect(store: &dyn Store) {
    let alpha = realm_id("alpha");
    assert_eq!(store.realms().await.unwrap(), [matchbook_rules::Realm { version: Version(1), ..realm("alpha") }]);
    let device = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!(device.authenticator, Authenticator { version: Version(2), ..rotating() });
    assert_eq!(device.sets, [set("alpha", 1, 1, 40)]);
    assert_eq!((device.spent, device.highest_spent), (vec![CodeIndex(2), CodeIndex(9)], CodeIndex(42)));
    assert_eq!((device.failures, device.subscriber_suspended), (3, false));
    assert_eq!(device.outbox, [outbox("alpha", 1, 1)]);
    let found = store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    assert_eq!(found.operation, Some(operation("alpha", "vpn", "op")));
    assert_eq!((found.throttle.source.failures, found.throttle.source.window_started_at), (1, UnixMillis(5_000)));
    let full = matchbook_rules::AuditEvent { authenticator: Some(id(1)), ..event("alpha", 5_000, 1) };
    assert_eq!(store.events(&alpha, &EventFilter { authenticator: Some(id(1)) }, whole()).await.unwrap(), [full]);
    let party = Role::RelyingParty { realm: alpha, name: relying_party("vpn") };
    assert_eq!(store.tokens().await.unwrap(), [matchbook_rules::TokenRecord { role: party, ..token(1) }]);
    assert_conflict(spend_one(store, 9).await);
    spend_one(store, 10).await.unwrap();
}

/// An authenticator in the middle of everything.
fn rotating() -> Authenticator {
    let mut it = Authenticator {
        version: Version(1),
        last_reply: Some(CachedReply { counter: 4, bytes: vec![6; 36], at: UnixMillis(0) }),
        rotation_wanted: Some(RotationReason::Operator),
        refill_due: Some(RefillReason::ServerCount),
        next_index: CodeIndex(81),
        acknowledged: CodeIndex(40),
        reported_unused: Some(38),
        last_seen_at: Some(UnixMillis(5_000)),
        ..authenticator("alpha", 1, "ada")
    };
    it.keys.next =
        Some(NextKey { epoch: Epoch(1), sealed: SealedKey(vec![8; 60]), ephemeral: vec![2; 32], counter: 4 });
    it
}

async fn fill(store: &dyn Store) {
    with_set(store).await;
    let alpha = realm_id("alpha");
    let party = Role::RelyingParty { realm: alpha.clone(), name: relying_party("vpn") };
    let writes = vec![
        Write::PutAuthenticator(Box::new(rotating())),
        Write::InsertSet(Box::new(set("alpha", 1, 41, 40))),
        Write::Spend(Box::new(spend("alpha", 1, 42))),
        Write::DeleteSet { realm: alpha.clone(), id: id(1), first: CodeIndex(41) },
        Write::Spend(Box::new(spend("alpha", 1, 2))),
        Write::Spend(Box::new(spend("alpha", 1, 9))),
        Write::SetFailures { realm: alpha.clone(), id: id(1), count: 3 },
        Write::InsertOperation(Box::new(operation("alpha", "vpn", "op"))),
        Write::CountFailure { realm: alpha, bucket: bucket(1), at: UnixMillis(5_000), window_ms: 10 },
        Write::InsertOutbox(Box::new(outbox("alpha", 1, 1))),
        Write::Audit(Box::new(matchbook_rules::AuditEvent { authenticator: Some(id(1)), ..event("alpha", 5_000, 1) })),
        Write::InsertToken(Box::new(matchbook_rules::TokenRecord { role: party, ..token(1) })),
    ];
    commit(store, writes).await.unwrap();
}

#[tokio::test]
#[ignore = "writes the fixture of the newest layout; existing ones are never overwritten"]
async fn freeze() {
    let target = fixtures().join(format!("v{}.sql", layouts()));
    assert!(!target.exists(), "{} is frozen", target.display());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).unwrap();
    fill(&store).await;
    drop(store);
    fs::write(target, dump(&path)).unwrap();
}

fn dump(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
    let mut dump = format!(
        "-- A store as it was kept; never changed. See tests/sqlite/fixture.rs.\nPRAGMA application_id = {id};\n"
    );
    let mut objects = connection.prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
    let mut objects = objects.query([]).unwrap();
    while let Some(row) = objects.next().unwrap() {
        let (kind, name, sql): (String, String, String) =
            (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        writeln!(dump, "{sql};").unwrap();
        if kind == "table" {
            dump_rows(&connection, &name, &mut dump);
        }
    }
    dump
}

fn dump_rows(connection: &Connection, table: &str, dump: &mut String) {
    let mut rows = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = rows.column_count();
    let mut rows = rows.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<String> = (0..columns).map(|at| quoted(row.get_ref(at).unwrap())).collect();
        writeln!(dump, "INSERT INTO {table} VALUES ({});", values.join(", ")).unwrap();
    }
}

fn quoted(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(_) => panic!("no column holds a real"),
        ValueRef::Text(text) => format!("'{}'", str::from_utf8(text).unwrap().replace('\'', "''")),
        ValueRef::Blob(bytes) => {
            format!("x'{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}
