//! A move whose commits are left in doubt: what a read shows may be gone after a failover.

use std::time::Duration;

use matchbook_store::CommitError;
use matchbook_store::moving::CopyError;
use matchbook_testbed::Postgres;

use crate::place::Place;
use crate::{copy, copy_as, options};

/// With its standby cut off, nothing that the source notes is durable: it could be written again after a failover. So the
/// target is not let go, however often the move is begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_target_is_not_let_go_by_a_source_that_may_come_back() {
    if !Postgres::is_installed() {
        return;
    }
    let servers = tokio::task::spawn_blocking(|| {
        let primary = Postgres::start().unwrap();
        let standby = primary.standby("one").unwrap();
        primary.require_standby("one").unwrap();
        let url = primary.database("codes").unwrap();
        (primary, standby, url)
    });
    let (primary, _standby, url) = servers.await.unwrap();
    let (from, to) = (Place::Postgres(url.clone()), Place::sqlite());
    from.fill().await;
    let target = to.mover(true).await;
    for round in 0..6 {
        let source = from.mover(false).await;
        // The first time all is there but the last notes; then the source itself is not sure to be held still.
        let mut tell = |_| primary.pause_walsenders().unwrap();
        let moving = matchbook_store::moving::copy(&*source, &*target, options(1), &mut tell);
        let cancelling = async {
            loop {
                // A commit that waits shows to all as done, with a warning for who made it.
                primary.cancel_waiting_commits().unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let done = tokio::select! {
            done = moving => done,
            () = cancelling => unreachable!(),
        };
        assert!(matches!(done, Err(CopyError::Commit(CommitError::InDoubt(_)))), "round {round}: {done:?}");
    }
    drop(target);
    assert!(!to.takes_writes().await);
    primary.resume_walsenders();
    assert!(!copy_as(&from, &to, options(2)).await.unwrap().was_done);
    assert!(to.takes_writes().await && !from.takes_writes().await);
    assert!(copy(&from, &to).await.unwrap().was_done);
}
