//! `kill -9` at any moment, and a power cut after any flush: what was acknowledged is there.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::Path;
use std::thread;
use std::time::Duration;

use matchbook_protocol::CodeIndex;
use matchbook_store::Store;
use matchbook_store::contract::fixtures::{assert_conflict, id, spend_one};

use crate::child::{Worker, acknowledged, shim};
use crate::open;

/// Kills of the first test.
const KILLS: u32 = 15;
/// Kills while a store is made, each 97 µs later.
const BIRTHS: u64 = 60;
/// Power cuts.
const CUTS: u32 = 8;

// MB-VER-2
#[tokio::test]
async fn a_kill_loses_no_acknowledged_spend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut all = Vec::new();
    for round in 0..KILLS {
        all.extend(spend_and_kill(Worker::start(Worker::command("spend", &path)), round));
        check(&path, &all).await;
    }
    assert!(all.len() > 100, "only {} spends were acknowledged", all.len());
}

/// Wherever the making of a store is cut, the next start makes it whole.
#[test]
fn a_kill_while_the_store_is_made_is_mended_by_the_next_start() {
    for round in 0..BIRTHS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut worker = Worker::start(Worker::command("hold", &path));
        // It has begun once its lock is there.
        while !path.with_file_name("store.db.lock").exists() {
            thread::yield_now();
        }
        thread::sleep(Duration::from_micros(round * 97));
        worker.kill();
        open(&path).unwrap();
    }
}

/// A kill leaves the system's memory as it is; here only what was flushed is left.
#[tokio::test]
async fn a_power_cut_loses_no_acknowledged_spend() {
    let Some(shim) = shim() else { return };
    let mut spends = 0;
    for round in 0..CUTS {
        let (folder, durable) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join("store.db");
        let mut command = Worker::command("spend", &path);
        command.env("LD_PRELOAD", &shim).env("SHIM_DURABLE", durable.path());
        let acknowledged = spend_and_kill(Worker::start(command), round);
        spends += acknowledged.len();
        if !acknowledged.is_empty() {
            check(&durable.path().join("store.db"), &acknowledged).await;
        }
    }
    assert!(spends > 50, "only {spends} spends were acknowledged");
}

/// A commit that was written and never flushed is there after a kill, and would be answered "accepted" from then on. So
/// it has to be flushed before anybody reads it.
#[tokio::test]
async fn what_is_read_after_a_kill_survives_a_power_cut() {
    let Some(shim) = shim() else { return };
    let (folder, durable) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, mode) = (folder.path().join("store.db"), folder.path().join("mode"));
    let start = |role| {
        let mut command = Worker::command(role, &path);
        command.env("LD_PRELOAD", &shim).env("SHIM_DURABLE", durable.path()).env("SHIM_MODE", &mode);
        Worker::start(command)
    };
    let mut first = start("doubt");
    assert_eq!(first.next().as_deref(), Some("left"));
    first.kill();
    fs::write(&mode, "").unwrap();
    let mut second = start("look");
    let mut seen = Vec::new();
    while let Some(line) = second.next().filter(|line| line != "looked") {
        seen.push(acknowledged(&line).expect(&line));
    }
    second.kill();
    // The doubt was resolved for it: without that, this test would show nothing.
    assert_eq!(seen, [1, 2]);
    check(&durable.path().join("store.db"), &seen).await;
}

/// Lets the child spend for a while, kills it, and returns what it had acknowledged.
fn spend_and_kill(mut worker: Worker, round: u32) -> Vec<u32> {
    let chance = RandomState::new().hash_one(round);
    let mut spent = Vec::new();
    // The first round ends before anything, some in the middle of making the store.
    let lines = if round.is_multiple_of(5) { 0 } else { chance % 600 };
    while u64::try_from(spent.len()).unwrap() < lines {
        let line = worker.next().expect("the child goes on until it is killed");
        spent.push(acknowledged(&line).expect(&line));
    }
    thread::sleep(Duration::from_micros(chance % 7_919));
    worker.kill();
    while let Some(line) = worker.next() {
        spent.extend(acknowledged(&line));
    }
    spent
}

async fn check(path: &Path, acknowledged: &[u32]) {
    let store = open(path).unwrap();
    store.check().await.unwrap();
    let Some(device) = store.load_device(&id(1)).await.unwrap() else {
        assert!(acknowledged.is_empty());
        return;
    };
    for index in acknowledged {
        assert!(device.spent.binary_search(&CodeIndex(*index)).is_ok(), "code {index} is unused again");
        assert_conflict(spend_one(&store, *index).await);
    }
    // The lock went with the process, the log into the database.
    drop(store);
    assert!(!fs::exists(path.with_file_name("store.db-wal")).unwrap());
}
