//! The memory model fails when it is told to, and only then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::UnixMillis;
use matchbook_store::contract::fixtures::{assert_conflict, id, spend_one, with_set};
use matchbook_store::memory::Fault;
use matchbook_store::{CommitError, MemoryStore, Store};

#[tokio::test]
async fn faults_are_used_up_in_their_order() {
    let store = MemoryStore::new();
    with_set(&store).await;
    for fault in [Fault::Unavailable, Fault::InDoubtLost, Fault::InDoubtApplied] {
        store.fail_next(fault);
    }
    assert!(matches!(spend_one(&store, 1).await, Err(CommitError::Unavailable(_))));
    assert!(matches!(spend_one(&store, 2).await, Err(CommitError::InDoubt(_))));
    assert!(matches!(spend_one(&store, 3).await, Err(CommitError::InDoubt(_))));
    spend_one(&store, 4).await.unwrap();
    // The same write again is what tells.
    spend_one(&store, 1).await.unwrap();
    spend_one(&store, 2).await.unwrap();
    assert_conflict(spend_one(&store, 3).await);
}

#[tokio::test]
async fn a_conflict_uses_no_fault_up() {
    let store = MemoryStore::new();
    with_set(&store).await;
    spend_one(&store, 1).await.unwrap();
    store.fail_next(Fault::Unavailable);
    assert_conflict(spend_one(&store, 1).await);
    assert!(matches!(store.probe().await, Err(CommitError::Unavailable(_))));
    store.probe().await.unwrap();
}

#[tokio::test]
async fn sweeps_fail_too_and_are_undone() {
    let store = MemoryStore::new();
    with_set(&store).await;
    for index in 1..=40 {
        spend_one(&store, index).await.unwrap();
    }
    let before = format!("{:?}", store.load_device(&id(1)).await.unwrap());
    store.fail_next(Fault::Unavailable);
    assert!(store.mark_restored(UnixMillis(1)).await.is_err());
    store.fail_next(Fault::InDoubtLost);
    assert!(store.prune(UnixMillis(9), UnixMillis(9), UnixMillis(9)).await.is_err());
    assert_eq!(format!("{:?}", store.load_device(&id(1)).await.unwrap()), before);
}
