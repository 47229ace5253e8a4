//! A store that is copied elsewhere takes no writes.

use matchbook_protocol::UnixMillis;
use matchbook_store::contract::fixtures::{commit, with_set};
use matchbook_store::{CommitError, NodeId, Store};

use super::fixture::{Database, accept};

#[tokio::test]
async fn a_store_that_is_moved_takes_no_writes() {
    let Some(database) = Database::fresh().await else { return };
    let store = database.open().await;
    with_set(&store).await;
    store.commit(accept(1, "op-1")).await.unwrap();
    store.set_read_only(true).await.unwrap();
    let refused = |result: Result<(), CommitError>| match result {
        Err(CommitError::Unavailable(why)) => assert!(why.contains("is read-only: it is being moved"), "{why}"),
        other => panic!("{other:?}"),
    };
    refused(store.commit(accept(2, "op-2")).await);
    refused(commit(&store, vec![matchbook_rules::Write::Probe]).await);
    refused(store.probe().await);
    refused(store.prune(UnixMillis(9), UnixMillis(9), UnixMillis(9)).await.map(drop));
    refused(store.mark_restored(UnixMillis(9)).await.map(drop));
    assert!(store.take_due(UnixMillis(9), 9, NodeId([1; 16]), 9).await.is_err());
    // Reads go on, and another node sees the same.
    assert_eq!(store.realms().await.unwrap().len(), 1);
    let other = database.open().await;
    refused(other.probe().await);
    assert!(other.frozen().await.unwrap().unwrap().contains("it is being moved"));
    store.set_read_only(false).await.unwrap();
    assert_eq!(other.frozen().await.unwrap(), None);
    store.commit(accept(2, "op-2")).await.unwrap();
    database.assert_both_or_none();
}
