//! Failures and buckets.

use std::sync::Arc;

use matchbook_protocol::UnixMillis;
use matchbook_rules::{Bucket, Guard, Write};

use super::fixtures::*;
use crate::Store;

pub async fn failures_are_set_and_cleared(store: Arc<dyn Store>) {
    with_device(&*store).await;
    for count in [1, 100, u32::MAX, 2, 0, 0] {
        commit(&*store, vec![Write::SetFailures { realm: realm_id("alpha"), id: id(1), count }]).await.unwrap();
        assert_eq!(store.load_device(&id(1)).await.unwrap().unwrap().failures, count);
    }
}

pub async fn a_bucket_counts_in_its_window(store: Arc<dyn Store>) {
    assert_eq!(count(&*store, 100).await, bucket_of(1, 100, 100));
    assert_eq!(count(&*store, 105).await, bucket_of(2, 100, 105));
    // The window of 10 ms that began at 100 holds 109, and 110 begins a new one.
    assert_eq!(count(&*store, 109).await, bucket_of(3, 100, 109));
    assert_eq!(count(&*store, 110).await, bucket_of(1, 110, 110));
    assert_eq!(count(&*store, 500).await, bucket_of(1, 500, 500));
    let clear = Write::ClearBucket { realm: realm_id("alpha"), bucket: bucket(1) };
    commit(&*store, vec![clear.clone()]).await.unwrap();
    assert_eq!(load(&*store).await, Bucket::default());
    commit(&*store, vec![clear]).await.unwrap();
    let other = Write::CountFailure { realm: realm_id("alpha"), bucket: bucket(2), at: UnixMillis(7), window_ms: 10 };
    commit(&*store, vec![other]).await.unwrap();
    assert_eq!(load(&*store).await, Bucket::default());
    assert_eq!(count(&*store, 501).await, bucket_of(1, 501, 501));
}

pub async fn a_buckets_last_failure_is_the_one_counted_last(store: Arc<dyn Store>) {
    count(&*store, 100).await;
    count(&*store, 108).await;
    // A clock that was set back: what was counted after that makes its source wait, and not only once 108 has come.
    assert_eq!(count(&*store, 104).await, bucket_of(3, 100, 104));
}

pub async fn a_window_of_the_future_begins_anew_and_keeps_its_count(store: Arc<dyn Store>) {
    count(&*store, 100).await;
    count(&*store, 108).await;
    assert_eq!(count(&*store, 1).await, bucket_of(3, 1, 1));
    assert_eq!(count(&*store, 11).await, bucket_of(1, 11, 11));
}

pub async fn buckets_of_realms_that_do_not_exist_count_too(store: Arc<dyn Store>) {
    assert!(store.realm(&realm_id("alpha")).await.unwrap().is_none());
    assert_eq!(count(&*store, 100).await, bucket_of(1, 100, 100));
    with_device(&*store).await;
    assert_eq!(load(&*store).await, bucket_of(1, 100, 100));
}

async fn count(store: &dyn Store, at: u64) -> Bucket {
    let write = Write::CountFailure { realm: realm_id("alpha"), bucket: bucket(1), at: UnixMillis(at), window_ms: 10 };
    commit(store, vec![write]).await.unwrap();
    load(store).await
}

async fn load(store: &dyn Store) -> Bucket {
    store.load_verify(&lookup_user("alpha", "ada")).await.unwrap().throttle.source
}

fn bucket_of(failures: u32, began: u64, last: u64) -> Bucket {
    Bucket { failures, window_started_at: UnixMillis(began), last_failure_at: UnixMillis(last) }
}

pub async fn a_bucket_is_calm_below_its_limit_and_after_its_window(store: Arc<dyn Store>) {
    let calm =
        |below, since| Guard::Calm { realm: realm_id("alpha"), bucket: bucket(1), below, since: UnixMillis(since) };
    commit_if(&*store, calm(1, 0), Vec::new()).await.unwrap();
    for at in [100, 101, 102] {
        let counted =
            Write::CountFailure { realm: realm_id("alpha"), bucket: bucket(1), at: UnixMillis(at), window_ms: 50 };
        commit(&*store, vec![counted]).await.unwrap();
    }
    // Three in a window that began at 100.
    for (below, since) in [(4, 0), (4, 99), (1, 100), (3, 100), (1, 5_000)] {
        commit_if(&*store, calm(below, since), vec![Write::Probe]).await.unwrap();
    }
    for (below, since) in [(1, 0), (3, 0), (3, 99), (1, 99)] {
        assert_conflict(commit_if(&*store, calm(below, since), vec![Write::Probe]).await);
    }
    // Another realm's bucket of that name is another bucket.
    let elsewhere = Guard::Calm { realm: realm_id("beta"), bucket: bucket(1), below: 1, since: UnixMillis(0) };
    commit_if(&*store, elsewhere, vec![Write::Probe]).await.unwrap();
}
