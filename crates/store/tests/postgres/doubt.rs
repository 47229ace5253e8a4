//! Commits whose outcome is not known: never an acceptance, and always resolved by the same write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use matchbook_rules::Changes;
use matchbook_store::contract::fixtures::{lookup_user, spend, with_set};
use matchbook_store::{CommitError, PostgresOptions, PostgresStore, Store};
use matchbook_testbed::{Fault, Postgres, Proxy, When, wait_until};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::fixture::{Database, accept, options};

/// A change that has a transaction of its own.
fn slow(index: u32) -> Changes {
    let writes = vec![matchbook_rules::Write::Spend(Box::new(spend("alpha", 1, index)))];
    Changes { guards: Vec::new(), writes }
}

fn assert_doubt(result: Result<(), CommitError>) -> String {
    match result {
        Err(CommitError::InDoubt(why)) => why,
        other => panic!("doubt was due: {other:?}"),
    }
}

fn assert_conflict_or_done(result: &Result<(), CommitError>, was_written: bool) {
    match result {
        Ok(()) => assert!(!was_written),
        Err(CommitError::Conflict(_)) => assert!(was_written),
        other => panic!("the same write tells: {other:?}"),
    }
}

/// The answer to a COMMIT is lost, once with the commit done and once without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_in_doubt() {
    let Some(database) = Database::fresh().await else { return };
    with_set(&database.open().await).await;
    let (proxy, url) = database.by_proxy();
    let store = PostgresStore::connect(&url, options()).await.unwrap();
    let faults = [(Fault::LoseAnswer { until: b"COMMIT\0".to_vec() }, true), (Fault::CutBefore, false)];
    for ((fault, is_written), index) in faults.into_iter().zip([5, 6]) {
        proxy.plan(When::Text(b"COMMIT\0".to_vec()), fault, 1);
        assert_doubt(store.commit(slow(index)).await);
        proxy.forget_plan();
        assert_conflict_or_done(&store.commit(slow(index)).await, is_written);
    }
    assert_eq!((store.doubts(), store.counts().doubts), (2, 2));
    assert_eq!(database.sql("SELECT count(*) FROM spends"), "2");
}

/// Likewise of a statement with many acceptances: all of them are in doubt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_answer_is_lost_is_in_doubt() {
    let Some(database) = Database::fresh().await else { return };
    with_set(&database.open().await).await;
    let (proxy, url) = database.by_proxy();
    let store = PostgresStore::connect(&url, options()).await.unwrap();
    let faults = [(Fault::LoseAnswer { until: b"SELECT 1\0".to_vec() }, true), (Fault::CutBefore, false)];
    for ((fault, is_written), index) in faults.into_iter().zip([5, 6]) {
        let name = format!("op-{index}");
        proxy.plan(When::Text(name.clone().into_bytes()), fault, 1);
        assert_doubt(store.commit(accept(index, &name)).await);
        proxy.forget_plan();
        // A commit goes on for a moment after its client has gone.
        let written = || Ok(database.sql("SELECT count(*) FROM spends") == if is_written { "1" } else { "2" });
        if is_written {
            wait_until("the commit is done", written).unwrap();
        }
        assert_conflict_or_done(&store.commit(accept(index, &name)).await, is_written);
    }
    database.assert_both_or_none();
}

/// A primary whose synchronous standby is held up, and a store with a set on it.
struct Held {
    primary: Arc<Postgres>,
    _standby: Postgres,
    store: Arc<PostgresStore>,
}

impl Held {
    async fn start() -> Option<Self> {
        if !Postgres::is_installed() {
            return None;
        }
        let servers = tokio::task::spawn_blocking(|| {
            let primary = Postgres::start().unwrap();
            let standby = primary.standby("one").unwrap();
            primary.require_standby("one").unwrap();
            let url = primary.database("codes").unwrap();
            (primary, standby, url)
        });
        let (primary, standby, url) = servers.await.unwrap();
        let store = PostgresStore::connect(&url, options()).await.unwrap();
        with_set(&store).await;
        // Both ways have their connections.
        store.commit(accept(1, "op-1")).await.unwrap();
        primary.pause_walsenders().unwrap();
        Some(Self { primary: Arc::new(primary), _standby: standby, store: Arc::new(store) })
    }

    /// Begins a commit, and returns when it waits for the standby.
    fn begin(&self, changes: Changes) -> JoinHandle<Result<(), CommitError>> {
        let (before, store) = (self.primary.waiting_commits().unwrap(), Arc::clone(&self.store));
        let committing = tokio::spawn(async move { store.commit(changes).await });
        let hangs = || Ok(!self.primary.waiting_commits()?.is_subset(&before));
        wait_until("a commit waits for the standby", hangs).unwrap();
        committing
    }
}

/// Cancelled, a commit that waits for its standby says success, with a warning: never believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_warning_at_the_commit_is_doubt() {
    let Some(held) = Held::start().await else { return };
    for changes in [slow(2), accept(3, "op-3")] {
        let committing = held.begin(changes.clone());
        held.primary.cancel_waiting_commits().unwrap();
        let why = assert_doubt(committing.await.unwrap());
        assert!(why.contains("synchronous replication"), "{why}");
        // It shows to those who read, and the same write still tells, once the standby is back.
        assert_eq!(held.store.doubts(), if matches!(changes.guards.len(), 0) { 1 } else { 2 });
    }
    held.primary.resume_walsenders();
    for changes in [slow(2), accept(3, "op-3")] {
        assert!(matches!(held.store.commit(changes).await, Err(CommitError::Conflict(_))));
    }
    held.store.commit(accept(4, "op-4")).await.unwrap();
}

/// Ended by the operator, a commit that waits is in doubt.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backend_that_is_ended_in_its_commit_is_doubt() {
    let Some(held) = Held::start().await else { return };
    for changes in [slow(2), accept(3, "op-3")] {
        let committing = held.begin(changes);
        held.primary.terminate_waiting_commits().unwrap();
        assert_doubt(committing.await.unwrap());
    }
    held.primary.resume_walsenders();
    held.store.commit(accept(4, "op-4")).await.unwrap();
}

/// Not answered at all, it is in doubt after a while, and the ones after it too, until the standby is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_is_never_answered_is_doubt() {
    let Some(held) = Held::start().await else { return };
    let all = [held.begin(slow(2)), held.begin(accept(3, "op-3"))];
    for committing in all {
        let why = assert_doubt(tokio::time::timeout(Duration::from_secs(60), committing).await.unwrap().unwrap());
        assert!(why.contains("standby"), "{why}");
    }
    // The rows that it has locked are not to be had meanwhile, and nobody is told that it was accepted.
    let again = held.store.commit(accept(3, "op-3")).await;
    assert!(matches!(again, Err(CommitError::Unavailable(_) | CommitError::InDoubt(_))), "{again:?}");
    held.primary.resume_walsenders();
    let settled = || Ok(held.primary.waiting_commits()?.is_empty());
    wait_until("the commits are through", settled).unwrap();
    for changes in [slow(2), accept(3, "op-3")] {
        assert!(matches!(held.store.commit(changes).await, Err(CommitError::Conflict(_))));
    }
}

/// Idle connections that the server ended are not noticed by callers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_ended_while_idle_harm_nobody() {
    let Some(database) = Database::fresh().await else { return };
    let store = database.open().await;
    with_set(&store).await;
    store.commit(accept(1, "op-1")).await.unwrap();
    let end = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_ne!(database.sql(end), "0");
    store.commit(slow(2)).await.unwrap();
    assert_eq!(store.realms().await.unwrap().len(), 1);
    // A batch by a connection that ended a moment ago may be in doubt; the same write settles it.
    for name in ["op-3", "op-4", "op-5", "op-6"] {
        let index = name[3..].parse().unwrap();
        match store.commit(accept(index, name)).await {
            Ok(()) => {}
            Err(CommitError::InDoubt(_)) => store.commit(accept(index, name)).await.unwrap(),
            Err(other) => panic!("{other}"),
        }
    }
    database.assert_both_or_none_but(1);
}

/// When the database cannot be reached, who waits is told with the first who could not be written, and not each in turn.
#[tokio::test]
async fn all_that_wait_hear_at_once_that_the_database_is_not_there() {
    const CALLERS: u64 = 200;
    let Some(database) = Database::fresh().await else { return };
    with_set(&database.open().await).await;
    let (proxy, url) = database.by_proxy();
    let store = Arc::new(PostgresStore::connect(&url, options()).await.unwrap());
    proxy.plan(When::Text(b"client_encoding".to_vec()), Fault::CutBefore, u64::MAX);
    // The same code, so that each would have a batch of its own.
    let callers = (0..CALLERS).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(accept(1, "op-1")).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        let result = caller.await.unwrap();
        assert!(matches!(result, Err(CommitError::Unavailable(_))), "{result:?}");
    }
    let tried = proxy.struck();
    assert!(tried < CALLERS / 4, "{tried} connections were tried");
    proxy.forget_plan();
    store.commit(accept(1, "op-1")).await.unwrap();
    assert_eq!(store.doubts(), 0);
    database.assert_both_or_none();
}

/// Who goes away in the middle, as devices do all the time, costs no connection, and leaves nothing on it for the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_cost_no_connections() {
    const TURNS: u32 = 60;
    let Some(database) = Database::fresh().await else { return };
    with_set(&database.open().await).await;
    let (proxy, url) = database.by_proxy();
    let store = PostgresStore::connect(&url, PostgresOptions { connections: 1, ..options() }).await.unwrap();
    let lookup = lookup_user("alpha", "ada");
    let soon = Duration::from_millis(1);
    let connections = || {
        let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        database.sql(sql).lines().map(str::to_owned).collect::<BTreeSet<String>>()
    };
    store.load_verify(&lookup).await.unwrap();
    let before = connections();
    for turn in 0..TURNS {
        // Nothing is answered before they go away.
        proxy.hold(true);
        if turn % 2 == 0 {
            assert!(timeout(soon, store.commit(slow(9))).await.is_err());
        } else {
            assert!(timeout(soon, store.load_verify(&lookup)).await.is_err());
        }
        proxy.hold(false);
        assert_eq!(store.load_verify(&lookup).await.unwrap().candidates[0].spent, []);
        // And these go away at any step.
        let mut gone = std::pin::pin!(store.load_verify(&lookup));
        for _ in 0..turn {
            let polled = std::future::poll_fn(|context| Poll::Ready(gone.as_mut().poll(context))).await;
            if polled.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    store.load_verify(&lookup).await.unwrap();
    assert!(connections().is_subset(&before), "{before:?} became {:?}", connections());
}

impl Database {
    pub(crate) fn by_proxy(&self) -> (Proxy, String) {
        let proxy = Proxy::new(([127, 0, 0, 1], self.port()).into()).unwrap();
        let url = self.url_by(&proxy);
        (proxy, url)
    }
}
