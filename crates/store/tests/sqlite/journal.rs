//! The journal of acceptances: whatever ends a process, each acceptance that was answered is there, whole and once.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{VerifyTarget, Write};
use matchbook_store::contract::fixtures::*;
use matchbook_store::contract::{agree, generate};
use matchbook_store::sqlite;
use matchbook_store::{EventFilter, MemoryStore, OpenError, OpenOptions, SqliteStore, Store, VerifyLookup};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::child::{Worker, acknowledged, shim};
use crate::{open, refused, tamper};

const KILLS: u64 = 12;
const CUTS: u64 = 6;

/// What a kill at this moment would leave: the files as they are.
fn crashed(path: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("store.db");
    fs::copy(path, &copy).unwrap();
    let log = path.with_file_name("store.db-wal");
    if log.exists() {
        fs::copy(log, folder.path().join("store.db-wal")).unwrap();
    }
    (folder, copy)
}

/// Rows of the journal in the database, as another process sees them.
fn rows(path: &Path) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("SELECT count(*) FROM journal", [], |row| row.get(0)).unwrap()
}

/// A store that remembers device 1 with a set of 40 codes.
async fn remembering(path: &Path) -> SqliteStore {
    let store = open(path).unwrap();
    with_set(&store).await;
    store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    store
}

async fn spent(store: &dyn Store) -> Vec<u32> {
    store.load_device(&id(1)).await.unwrap().unwrap().spent.iter().map(|code| code.0).collect()
}

fn of_operation(index: u32) -> VerifyLookup {
    let operation = Some(operation_id(&format!("accept-{index}")));
    VerifyLookup { operation, ..lookup("alpha", VerifyTarget::Authenticator(id(1))) }
}

/// Each of them is spent, was answered, and is told once; none can be spent again.
async fn check(path: &Path, acknowledged: &[u32]) {
    let store = open(path).unwrap();
    store.check().await.unwrap();
    if acknowledged.is_empty() {
        return;
    }
    for folded in [false, true] {
        let device = store.load_device(&id(1)).await.unwrap().unwrap();
        for index in acknowledged {
            assert!(device.spent.binary_search(&CodeIndex(*index)).is_ok(), "{index}, folded: {folded}");
            let answered = store.load_verify(&of_operation(*index)).await.unwrap().operation;
            assert_eq!(answered.map(|it| it.id), of_operation(*index).operation, "folded: {folded}");
            assert_conflict(store.commit(acceptance(*index)).await);
        }
        assert!(device.spent.is_sorted() && device.spent.windows(2).all(|pair| pair[0] != pair[1]));
        // This folds.
        let mut page = whole();
        let mut told = Vec::new();
        loop {
            let events = store.events(&realm_id("alpha"), &EventFilter::default(), page).await.unwrap();
            let Some(last) = events.last() else { break };
            page = matchbook_store::Page { after: Some(last.id), limit: 1_000 };
            told.extend(events.into_iter().map(|it| it.detail));
        }
        for index in acknowledged {
            let detail = format!("code {index} accepted");
            assert_eq!(told.iter().filter(|it| **it == detail).count(), 1, "{index}");
        }
    }
    drop(store);
    assert_eq!(rows(path), 0, "a store that was closed well has no journal");
}

/// Lets the child accept for a while, kills it, and returns what it had acknowledged.
fn accept_and_kill(mut worker: Worker, round: u64) -> Vec<u32> {
    let chance = RandomState::new().hash_one(round);
    let mut accepted = Vec::new();
    while u64::try_from(accepted.len()).unwrap() < chance % 400 {
        let line = worker.next().expect("the child goes on until it is killed");
        accepted.push(acknowledged(&line).expect(&line));
    }
    // Up to the length of its pauses, in which it folds.
    thread::sleep(Duration::from_micros(chance % 39_119));
    worker.kill();
    while let Some(line) = worker.next() {
        accepted.extend(acknowledged(&line));
    }
    accepted
}

// MB-VER-2
#[tokio::test]
async fn a_kill_loses_no_acknowledged_acceptance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (mut all, mut left) = (Vec::new(), 0);
    for round in 0..KILLS {
        all.extend(accept_and_kill(Worker::start(Worker::command("accept", &path)), round));
        if path.exists() && !all.is_empty() {
            left += rows(&crashed(&path).1);
        }
        // Every other time the next child begins with what this one left.
        if round % 2 == 1 {
            check(&path, &all).await;
        }
    }
    assert!(all.len() > 100 && left > 0, "{} acceptances, {left} rows left by kills", all.len());
}

#[tokio::test]
async fn a_power_cut_loses_no_acknowledged_acceptance() {
    let Some(shim) = shim() else { return };
    let mut accepted = 0;
    for round in 0..CUTS {
        let (folder, durable) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut command = Worker::command("accept", &folder.path().join("store.db"));
        command.env("LD_PRELOAD", &shim).env("SHIM_DURABLE", durable.path());
        let acknowledged = accept_and_kill(Worker::start(command), round);
        accepted += acknowledged.len();
        if !acknowledged.is_empty() {
            check(&durable.path().join("store.db"), &acknowledged).await;
        }
    }
    assert!(accepted > 50, "only {accepted} acceptances were acknowledged");
}

#[tokio::test]
async fn an_acceptance_is_read_before_it_is_folded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = remembering(&path).await;
    store.commit(acceptance(3)).await.unwrap();
    let (_kept, copy) = crashed(&path);
    assert_eq!(rows(&copy), 1, "it went another way than by the journal");
    assert_eq!(spent(&store).await, [3]);
    let found = store.load_verify(&of_operation(3)).await.unwrap();
    assert_eq!(found.operation.unwrap().id, operation_id("accept-3"));
    assert_eq!((found.candidates[0].spent.len(), found.candidates[0].highest_spent), (1, CodeIndex(3)));
    for again in [3, 4] {
        // The same code, or the same operation.
        let mut changes = acceptance(again);
        if again == 4 {
            changes.writes[0] = acceptance(3).writes[0].clone();
        }
        assert_conflict(store.commit(changes).await);
    }
    assert_conflict(spend_one(&store, 3).await);
    assert_eq!(spent(&store).await, [3]);
    store.commit(acceptance(4)).await.unwrap();
    assert_eq!(spent(&store).await, [3, 4]);
}

/// The entry that a deletion has folded first lies in the journal still; to fold it again spends nothing.
#[tokio::test]
async fn a_voided_set_stays_void_when_its_entries_are_folded_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = remembering(&path).await;
    store.commit(acceptance(5)).await.unwrap();
    let delete = Write::DeleteSet { realm: realm_id("alpha"), id: id(1), first: CodeIndex(1) };
    commit(&store, vec![delete, Write::InsertSet(Box::new(set("alpha", 1, 6, 40)))]).await.unwrap();
    let (_kept, copy) = crashed(&path);
    assert_eq!(rows(&copy), 1, "it was folded by the clock: this shows nothing");
    for store in [store, open(&copy).unwrap()] {
        for _folded in [false, true] {
            let device = store.load_device(&id(1)).await.unwrap().unwrap();
            assert_eq!((device.spent.len(), device.highest_spent), (0, CodeIndex(5)));
            assert_conflict(commit(&store, vec![Write::InsertSet(Box::new(set("alpha", 1, 1, 5)))]).await);
            assert_conflict(store.commit(acceptance(5)).await);
            let told = store.events(&realm_id("alpha"), &EventFilter::default(), whole()).await.unwrap();
            assert_eq!(told.len(), 1);
        }
        spend_one(&store, 6).await.unwrap();
        assert_eq!(spent(&store).await, [6]);
    }
}

#[tokio::test]
async fn a_backup_holds_the_journal_and_a_restore_voids_it() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy, back] = ["store.db", "copy.db", "back.db"].map(|name| folder.path().join(name));
    let store = remembering(&path).await;
    store.commit(acceptance(7)).await.unwrap();
    store.backup_to(&copy, |_| ()).await.unwrap();
    assert_eq!(rows(&copy), 1, "it was folded by the clock: this shows nothing");
    let (restored, marked) = sqlite::restore(&copy, &back, OpenOptions::default(), UnixMillis(9_000)).await.unwrap();
    let device = restored.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!((marked, device.sets.len(), device.spent.len(), device.highest_spent), (1, 0, 0, CodeIndex(7)));
    assert_conflict(commit(&restored, vec![Write::InsertSet(Box::new(set("alpha", 1, 7, 1)))]).await);
    let answered = restored.load_verify(&of_operation(7)).await.unwrap().operation;
    assert!(answered.is_some());
}

/// Who copies a read-only store reads its tables, and knows of no journal.
#[tokio::test]
async fn a_store_that_is_made_read_only_has_no_journal() {
    let folder = tempfile::tempdir().unwrap();
    let store = remembering(&folder.path().join("store.db")).await;
    store.commit(acceptance(5)).await.unwrap();
    let (_kept, copy) = crashed(store.path());
    assert_eq!(rows(&copy), 1, "it was folded by the clock: this shows nothing");
    sqlite::freeze(&copy, OpenOptions::default(), "it is copied").unwrap();
    assert_eq!(rows(&copy), 0);
    let frozen = SqliteStore::open(&copy, OpenOptions { read_only: true, ..OpenOptions::default() }).unwrap();
    assert_eq!(spent(&frozen).await, [5]);
    // So it is when a move that was cut off has marked it: a server that opens it folds before anybody copies on.
    store.commit(acceptance(6)).await.unwrap();
    let (_kept, copy) = crashed(store.path());
    tamper(&copy, "INSERT INTO meta (name, value) VALUES ('read_only', 'it is being copied')");
    assert_ne!(rows(&copy), 0, "it was folded by the clock: this shows nothing");
    let frozen = SqliteStore::open(&copy, OpenOptions { read_only: true, ..OpenOptions::default() }).unwrap();
    assert_eq!(rows(&copy), 0);
    assert_eq!(spent(&frozen).await, [5, 6]);
}

/// A lock file that somebody took for a left-over lets in a second server. The commit says all the same who has a code.
#[tokio::test]
async fn two_writers_on_one_file_accept_no_code_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let first = remembering(&path).await;
    first.commit(acceptance(1)).await.unwrap();
    fs::remove_file(path.with_file_name("store.db.lock")).unwrap();
    let second = open(&path).unwrap();
    second.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    for index in [4, 2, 6] {
        first.commit(acceptance(index)).await.unwrap();
        if index != 2 {
            // This folds.
            first.events(&realm_id("alpha"), &EventFilter::default(), whole()).await.unwrap();
        }
        assert_conflict(second.commit(acceptance(index)).await);
        second.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
        second.commit(acceptance(index + 1)).await.unwrap();
        assert_conflict(first.commit(acceptance(index + 1)).await);
        assert_eq!(spent(&first).await, spent(&second).await);
        first.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    }
    assert_conflict(spend_one(&first, 7).await);
    assert_conflict(spend_one(&second, 6).await);
    drop((first, second));
    assert_eq!(spent(&open(&path).unwrap()).await, [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_journal_that_makes_no_sense_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(remembering(&path).await);
    for entries in ["x''", "x'02'", "x'0100'", "x'01ff0000000000000000000000000000000000000000000000000000'"] {
        tamper(&path, &format!("DELETE FROM journal; INSERT INTO journal VALUES (7, {entries})"));
        let error = refused(&path, OpenOptions::default());
        assert!(matches!(&error, OpenError::Damaged(why) if why.contains("row (7) of table journal")), "{error}");
    }
    for numbers in
        ["(7, x'01'), (9, x'01')", "(1, x'01'), (9223372036854775806, x'01')", "(9223372036854775807, x'01')"]
    {
        tamper(&path, &format!("DELETE FROM journal; INSERT INTO journal VALUES {numbers}"));
        let error = refused(&path, OpenOptions::default());
        assert!(matches!(&error, OpenError::Damaged(why) if why.contains("table journal are missing")), "{error}");
    }
    tamper(&path, "DELETE FROM journal; INSERT INTO journal VALUES (7, x'01')");
    open(&path).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// A kill after any change leaves what a store that was never killed has; so does one while that is tidied up.
    #[test]
    fn a_kill_after_any_change_leaves_all_of_it(steps in generate::steps(12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("store.db");
            let (store, memory) = (open(&path).unwrap(), MemoryStore::new());
            for step in steps {
                agree::agree(&store, &memory, vec![step]).await;
                let (_kept, copy) = crashed(&path);
                let copy = open(&copy).unwrap();
                // The second time it is folded.
                for with_events in [true, false] {
                    let (here, there) = (agree::view(&memory, with_events).await, agree::view(&copy, with_events).await);
                    assert_eq!(here, there);
                }
            }
        });
    }
}
