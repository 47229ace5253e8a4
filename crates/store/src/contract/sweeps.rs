//! Pruning, the mark after a restore, and the probe.

use std::sync::Arc;

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{Authenticator, BucketKey, EventKind, Operation, Status, Version, Write};

use super::fixtures::*;
use crate::{EventFilter, Store};

const NOTHING: UnixMillis = UnixMillis(0);
const EVERYTHING: UnixMillis = UnixMillis(u64::MAX);

pub async fn pruning_forgets_by_time(store: Arc<dyn Store>) {
    let alpha = realm_id("alpha");
    let mut writes = Vec::new();
    for at in [10, 20, 30] {
        let old = Operation { at: UnixMillis(at), ..operation("alpha", "vpn", &format!("op-{at}")) };
        writes.push(Write::InsertOperation(Box::new(old)));
        let byte = u8::try_from(at).unwrap();
        writes.push(Write::CountFailure {
            realm: alpha.clone(),
            bucket: BucketKey([byte; 16]),
            at: UnixMillis(at),
            window_ms: 5,
        });
        writes.push(Write::Audit(Box::new(event("alpha", at, 0))));
        writes.push(Write::Audit(Box::new(event("beta", at, 0))));
    }
    commit(&*store, writes).await.unwrap();
    let kept = async || {
        let mut operations = Vec::new();
        let mut buckets = Vec::new();
        for at in [10, 20, 30] {
            let mut lookup = lookup_user("alpha", "ada");
            lookup.operation = Some(operation_id(&format!("op-{at}")));
            lookup.source_bucket = BucketKey([at; 16]);
            let found = store.load_verify(&lookup).await.unwrap();
            operations.push(found.operation.is_some());
            buckets.push(found.throttle.source.failures == 1);
        }
        let mut events = 0;
        for realm in ["alpha", "beta"] {
            events += store.events(&realm_id(realm), &EventFilter::default(), whole()).await.unwrap().len();
        }
        (operations, buckets, events)
    };
    assert_eq!(store.prune(NOTHING, NOTHING, NOTHING).await.unwrap(), 0);
    assert_eq!(store.prune(UnixMillis(20), NOTHING, NOTHING).await.unwrap(), 1);
    assert_eq!(kept().await, (vec![false, true, true], vec![true, true, true], 6));
    assert_eq!(store.prune(NOTHING, UnixMillis(21), NOTHING).await.unwrap(), 2);
    assert_eq!(kept().await, (vec![false, true, true], vec![false, false, true], 6));
    assert_eq!(store.prune(NOTHING, NOTHING, UnixMillis(20)).await.unwrap(), 2);
    assert_eq!(kept().await, (vec![false, true, true], vec![false, false, true], 4));
    assert_eq!(store.prune(EVERYTHING, EVERYTHING, EVERYTHING).await.unwrap(), 2 + 1 + 4);
    assert_eq!(kept().await, (vec![false; 3], vec![false; 3], 0));
}

pub async fn pruning_forgets_sets_that_are_spent_whole(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let writes = vec![
        Write::InsertSet(Box::new(set("alpha", 1, 1, 3))),
        Write::InsertSet(Box::new(set("alpha", 1, 4, 3))),
        Write::InsertSet(Box::new(set("alpha", 1, 7, 3))),
    ];
    commit(&*store, writes).await.unwrap();
    for index in [1, 2, 3, 4, 6, 7, 8, 9] {
        spend_one(&*store, index).await.unwrap();
    }
    assert_eq!(store.prune(NOTHING, NOTHING, NOTHING).await.unwrap(), 2);
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!(after.sets, [set("alpha", 1, 4, 3)]);
    assert_eq!((after.spent, after.highest_spent), (vec![CodeIndex(4), CodeIndex(6)], CodeIndex(9)));
    // What was forgotten stays spent.
    for index in [1, 3, 7, 9, 4] {
        assert_conflict(spend_one(&*store, index).await);
    }
    assert_conflict(commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, 1, 3)))]).await);
    spend_one(&*store, 5).await.unwrap();
    assert_eq!(store.prune(NOTHING, NOTHING, NOTHING).await.unwrap(), 1);
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!((after.sets.len(), after.spent.len(), after.highest_spent), (0, 0, CodeIndex(9)));
}

pub async fn pruning_goes_on_over_many_rows(store: Arc<dyn Store>) {
    const ROWS: u32 = 5_000;
    with_device(&*store).await;
    let mut writes = Vec::new();
    for row in 0..ROWS {
        let at = UnixMillis(row.into());
        let old = Operation { at, ..operation("alpha", "vpn", &format!("op-{row}")) };
        writes.push(Write::InsertOperation(Box::new(old)));
        let mut bucket = [0; 16];
        bucket[..4].copy_from_slice(&row.to_be_bytes());
        writes.push(Write::CountFailure { realm: realm_id("alpha"), bucket: BucketKey(bucket), at, window_ms: 5 });
        writes.push(Write::Audit(Box::new(event("alpha", row.into(), 0))));
        writes.push(Write::InsertSet(Box::new(set("alpha", 1, row + 1, 1))));
        // Every tenth stays.
        if row % 10 != 0 {
            writes.push(Write::Spend(Box::new(spend("alpha", 1, row + 1))));
        }
    }
    commit(&*store, writes).await.unwrap();
    let half = UnixMillis(2_500);
    assert_eq!(store.prune(half, half, half).await.unwrap(), 3 * 2_500 + 4_500);
    assert_eq!(store.prune(half, half, half).await.unwrap(), 0);
    assert_eq!(store.prune(EVERYTHING, EVERYTHING, EVERYTHING).await.unwrap(), 3 * 2_500);
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!((after.sets.len(), after.spent.len(), after.highest_spent), (500, 0, CodeIndex(ROWS)));
}

pub async fn a_restored_store_accepts_nothing(store: Arc<dyn Store>) {
    with_set(&*store).await;
    let revoked = Authenticator { status: Status::Revoked, ..authenticator("beta", 2, "ada") };
    let writes = vec![
        Write::PutRealm(Box::new(realm("beta"))),
        Write::PutRealm(Box::new(realm("gamma"))),
        Write::PutSubscriber(Box::new(subscriber("beta", "ada"))),
        Write::InsertAuthenticator(Box::new(revoked)),
        Write::InsertOutbox(Box::new(outbox("alpha", 1, 1))),
        Write::SetFailures { realm: realm_id("alpha"), id: id(1), count: 3 },
        Write::InsertOperation(Box::new(operation("alpha", "vpn", "op"))),
    ];
    commit(&*store, writes).await.unwrap();
    spend_one(&*store, 12).await.unwrap();
    assert_eq!(store.mark_restored(UnixMillis(8_000)).await.unwrap(), 2);
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert!(after.authenticator.restored && after.sets.is_empty() && after.spent.is_empty());
    assert!(after.outbox.is_empty() && store.outbox_due(EVERYTHING, 9).await.unwrap().is_empty());
    // What was read before the mark is not written after it.
    assert_eq!(after.authenticator.version, Version(2));
    assert_conflict(spend_one(&*store, 13).await);
    // What was counted and answered stays.
    assert_eq!((after.failures, after.highest_spent), (3, CodeIndex(12)));
    let found = store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    assert!(found.operation.is_some() && found.candidates[0].authenticator.restored);
    assert!(store.load_device(&id(2)).await.unwrap().unwrap().authenticator.restored);
    for (realm, events) in [("alpha", 1), ("beta", 1), ("gamma", 0)] {
        let found = store.events(&realm_id(realm), &EventFilter::default(), whole()).await.unwrap();
        assert_eq!(found.len(), events, "{realm}");
        let told =
            |it: &matchbook_rules::AuditEvent| it.kind == EventKind::DeviceRestored && it.at == UnixMillis(8_000);
        assert!(found.iter().all(told));
    }
}

pub async fn marking_twice_is_harmless(store: Arc<dyn Store>) {
    assert_eq!(store.mark_restored(UnixMillis(1)).await.unwrap(), 0);
    with_set(&*store).await;
    spend_one(&*store, 12).await.unwrap();
    for _ in 0..2 {
        assert_eq!(store.mark_restored(UnixMillis(8_000)).await.unwrap(), 1);
    }
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!((after.authenticator.version, after.highest_spent), (Version(3), CodeIndex(12)));
    // Serving goes on with indices above all that were spent.
    let resume = Authenticator { version: Version(3), ..authenticator("alpha", 1, "ada") };
    let writes = vec![Write::PutAuthenticator(Box::new(resume)), Write::InsertSet(Box::new(set("alpha", 1, 41, 40)))];
    commit(&*store, writes).await.unwrap();
    spend_one(&*store, 41).await.unwrap();
}

pub async fn a_probe_can_be_repeated(store: Arc<dyn Store>) {
    for _ in 0..3 {
        store.probe().await.unwrap();
    }
    assert!(store.realms().await.unwrap().is_empty());
}
