//! A store that is copied elsewhere takes no writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use matchbook_protocol::UnixMillis;
use matchbook_rules::{Changes, Write};
use matchbook_store::contract::fixtures::{commit, set, spend, with_device, with_set};
use matchbook_store::moving::{Kind, Movable};
use matchbook_store::{CommitError, NodeId, Store};
use matchbook_testbed::wait_until;
use tokio::task::JoinSet;

use super::fixture::{Database, accept};

#[tokio::test]
async fn a_store_that_is_moved_takes_no_writes() {
    let Some(database) = Database::fresh().await else { return };
    let store = database.open().await;
    with_set(&store).await;
    store.commit(accept(1, "op-1")).await.unwrap();
    store.set_read_only(true).await.unwrap();
    let refused = |result: Result<(), CommitError>| match result {
        Err(CommitError::ReadOnly(why)) => assert!(why.contains("is read-only: it is being moved"), "{why}"),
        other => panic!("{other:?}"),
    };
    refused(store.commit(accept(2, "op-2")).await);
    refused(commit(&store, vec![Write::Probe]).await);
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

/// What was let in before is waited for, however long it takes, by a batch or by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_that_are_under_way_are_waited_for() {
    let Some(database) = Database::fresh().await else { return };
    let store = Arc::new(database.open().await);
    with_set(&*store).await;
    database.sql(
        "CREATE TABLE held (); CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN WHILE EXISTS (SELECT 1 FROM information_schema.tables WHERE table_name = 'held') LOOP \
         PERFORM pg_sleep(0.01); END LOOP; RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER far AFTER INSERT ON spends DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let alone = Changes { guards: Vec::new(), writes: vec![Write::Spend(Box::new(spend("alpha", 1, 7)))] };
    let mut writers = JoinSet::new();
    for changes in [accept(1, "op-1"), alone] {
        let store = Arc::clone(&store);
        writers.spawn(async move { store.commit(changes).await });
    }
    let waits = |event: &str| {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event";
        database.sql(&format!("{sql} = '{event}'"))
    };
    wait_until("both are at their commit", || Ok(waits("PgSleep") == "2")).unwrap();
    let (other, late) = (database.open().await, database.open().await);
    let freezing = tokio::spawn(async move { other.set_read_only(true).await });
    wait_until("the copy waits for them", || Ok(waits("transactionid") == "1")).unwrap();
    // Who comes now is refused, and does not wait: at another node, as here it may share the connection of what waits.
    assert!(matches!(late.commit(accept(2, "op-2")).await, Err(CommitError::ReadOnly(_))));
    assert!(!freezing.is_finished());
    database.sql("DROP TABLE held");
    freezing.await.unwrap().unwrap();
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    database.assert_both_or_none_but(1);
}

/// No acceptance comes after the store was held still, whatever was under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_written_once_the_store_is_held_still() {
    const ROUNDS: u32 = 30;
    let Some(database) = Database::fresh().await else { return };
    let nodes = [Arc::new(database.open().await), Arc::new(database.open().await)];
    with_device(&*nodes[0]).await;
    let sets = (0..40).map(|at| Write::InsertSet(Box::new(set("alpha", 1, at * 250 + 1, 250))));
    commit(&*nodes[0], sets.collect()).await.unwrap();
    let mover = database.open().await;
    let index = Arc::new(AtomicU32::new(0));
    for _ in 0..ROUNDS {
        let mut writers = JoinSet::new();
        for caller in 0..24 {
            let (store, index) = (Arc::clone(&nodes[caller % 2]), Arc::clone(&index));
            writers.spawn(async move {
                loop {
                    let index = index.fetch_add(1, Ordering::Relaxed) + 1;
                    let changes = if caller % 4 == 0 {
                        Changes { guards: Vec::new(), writes: vec![Write::Spend(Box::new(spend("alpha", 1, index)))] }
                    } else {
                        accept(index, &format!("op-{index}"))
                    };
                    match store.commit(changes).await {
                        Ok(()) => {}
                        Err(CommitError::ReadOnly(_)) => return,
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
        let began = index.load(Ordering::Relaxed);
        while index.load(Ordering::Relaxed) < began + 40 {
            tokio::task::yield_now().await;
        }
        mover.set_read_only(true).await.unwrap();
        let then = mover.count(Kind::Spend).await.unwrap();
        writers.join_all().await;
        assert_eq!(mover.count(Kind::Spend).await.unwrap(), then);
        mover.set_read_only(false).await.unwrap();
    }
}

/// Who lets a store be written again while it is about to be held still comes before that or after, and leaves no gate
/// shut.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_is_let_go_meanwhile_takes_writes() {
    let Some(database) = Database::fresh().await else { return };
    let store = Arc::new(database.open().await);
    assert!(matches!(store.hold().await, Err(CommitError::Conflict(_))));
    for _ in 0..40 {
        let other = Arc::clone(&store);
        let freezing = tokio::spawn(async move { other.set_read_only(true).await });
        store.set_read_only(false).await.unwrap();
        let frozen = freezing.await.unwrap();
        assert!(matches!(frozen, Ok(()) | Err(CommitError::Conflict(_))), "{frozen:?}");
        assert_eq!(store.frozen().await.unwrap().is_none(), store.probe().await.is_ok());
    }
    store.set_read_only(false).await.unwrap();
    store.probe().await.unwrap();
}
