//! Writers of the same rows on two nodes.

use std::sync::Arc;

use matchbook_rules::{Changes, Guard, IssuedSet, Write};
use matchbook_store::contract::fixtures::{commit, id, realm_id, set, with_device, with_set};
use matchbook_store::{CommitError, PostgresStore, Store};
use tokio::task::JoinSet;

use super::fixture::{Database, accept};

/// Does something on both nodes many times at once; how many won.
async fn winners(nodes: &[Arc<PostgresStore>], changes: impl Fn(u32) -> Changes) -> usize {
    let mut all = JoinSet::new();
    for racer in 0..12 {
        for store in nodes {
            let (store, changes) = (Arc::clone(store), changes(racer));
            all.spawn(async move { store.commit(changes).await });
        }
    }
    let mut won = 0;
    while let Some(result) = all.join_next().await {
        match result.unwrap() {
            Ok(()) => won += 1,
            Err(CommitError::Conflict(_)) => {}
            Err(other) => panic!("only a conflict is a reason to lose: {other}"),
        }
    }
    won
}

async fn nodes(database: &Database) -> [Arc<PostgresStore>; 2] {
    [Arc::new(database.open().await), Arc::new(database.open().await)]
}

/// Sets that overlap without a key in common: also of a device that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sets_that_overlap_are_inserted_once() {
    let Some(database) = Database::fresh().await else { return };
    let nodes = nodes(&database).await;
    with_device(&*nodes[0]).await;
    for device in [1, 2] {
        for round in 0..10_u32 {
            let overlapping = |racer: u32| {
                let it = IssuedSet { ..set("alpha", device, round * 100 + 1 + racer, 40) };
                Changes { guards: Vec::new(), writes: vec![Write::InsertSet(Box::new(it))] }
            };
            assert_eq!(winners(&nodes, overlapping).await, 1, "device {device}, round {round}");
        }
    }
}

/// Two failures side by side are two: who saw none writes the first, and the other has to look again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_failure_is_lost() {
    let Some(database) = Database::fresh().await else { return };
    let nodes = nodes(&database).await;
    with_device(&*nodes[0]).await;
    for seen in 0..10_u32 {
        let another = |_| {
            let (realm, id) = (realm_id("alpha"), id(1));
            let guards = vec![Guard::Failures { realm: realm.clone(), id, count: seen }];
            Changes { guards, writes: vec![Write::SetFailures { realm, id, count: seen + 1 }] }
        };
        assert_eq!(winners(&nodes, another).await, 1, "after {seen}");
    }
    assert_eq!(database.sql("SELECT count FROM failures"), "10");
}

/// No spend lands in a set that goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_set_that_is_voided_takes_all_its_spends_along() {
    let Some(database) = Database::fresh().await else { return };
    let nodes = nodes(&database).await;
    with_set(&*nodes[0]).await;
    for round in 0..5_u32 {
        let (first, node) = (round * 40 + 1, usize::from(round % 2 == 0));
        if round > 0 {
            let next = Write::InsertSet(Box::new(set("alpha", 1, first, 40)));
            commit(&*nodes[0], vec![next]).await.unwrap();
        }
        let mut all = JoinSet::new();
        for index in first..first + 40 {
            let store = Arc::clone(&nodes[usize::from(index % 2 == 0)]);
            all.spawn(async move { store.commit(accept(index, &format!("op-{index}"))).await });
        }
        let void = Write::DeleteSet { realm: realm_id("alpha"), id: id(1), first: set("alpha", 1, first, 1).first };
        commit(&*nodes[node], vec![void]).await.unwrap();
        let (mut spent, mut highest) = (0, 0);
        while let Some(result) = all.join_next().await {
            match result.unwrap() {
                Ok(()) => spent += 1,
                Err(CommitError::Conflict(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(database.sql("SELECT count(*) FROM spends"), "0", "round {round}: {spent} were spent");
        highest = highest.max(database.sql("SELECT coalesce(max(highest), 0) FROM forgotten").parse().unwrap());
        assert!(highest < first + 40);
    }
}
