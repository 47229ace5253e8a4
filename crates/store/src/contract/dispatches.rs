//! What became of short messages, and which message goes first.

use std::sync::Arc;

use matchbook_protocol::UnixMillis;
use matchbook_rules::{Bucket, BucketKey, Content, Dispatch, DispatchId, DispatchState, OutboxItem, Priority, Write};

use super::fixtures::{commit, dispatch, id, outbox, realm_id, with_device};
use crate::{CommitError, Store};

pub async fn prompt_messages_are_due_before_bulk(store: Arc<dyn Store>) {
    with_device(&*store).await;
    for (message, priority, due) in
        [(1, Priority::Bulk, 10), (2, Priority::Prompt, 30), (3, Priority::Bulk, 20), (4, Priority::Prompt, 90)]
    {
        let item = OutboxItem { priority, next_attempt_at: UnixMillis(due), ..outbox("alpha", 1, message) };
        write(&store, Write::InsertOutbox(Box::new(item))).await.unwrap();
    }
    let due = async |limit| {
        let found = store.outbox_due(UnixMillis(50), limit).await.unwrap();
        found.into_iter().map(|item| item.message[0]).collect::<Vec<_>>()
    };
    assert_eq!(due(9).await, [2, 1, 3]);
    assert_eq!(due(2).await, [2, 1]);
    assert_eq!(due(1).await, [2]);
}

pub async fn a_message_is_due_later_without_a_sending(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let item = outbox("alpha", 1, 1);
    let (realm, id, message) = (item.realm.clone(), item.authenticator, item.message);
    write(&store, Write::InsertOutbox(Box::new(item.clone()))).await.unwrap();
    let later = |message| Write::OutboxDue { realm: realm.clone(), id, message, next_attempt_at: UnixMillis(7_000) };
    write(&store, later(message)).await.unwrap();
    write(&store, later([9; 16])).await.unwrap();
    assert!(store.outbox_due(UnixMillis(6_999), 9).await.unwrap().is_empty());
    let found = store.outbox_due(UnixMillis(7_000), 9).await.unwrap();
    assert_eq!(found, [OutboxItem { next_attempt_at: UnixMillis(7_000), ..item }], "attempts and sent_at stay");
}

pub async fn every_field_of_a_dispatch_is_kept(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let full = Dispatch {
        parts: 255,
        content: Content::Rotation,
        bytes: u16::MAX,
        centre_id: None,
        state: DispatchState::Failed,
        settled_at: Some(UnixMillis(77)),
        error: "0x0000000b".to_owned(),
        ..dispatch("alpha", 1, 1, 70)
    };
    write(&store, Write::InsertDispatch(Box::new(full.clone()))).await.unwrap();
    assert_eq!(store.dispatches(&realm_id("alpha"), &id(1), 9).await.unwrap(), std::slice::from_ref(&full));
    let again = write(&store, Write::InsertDispatch(Box::new(full))).await;
    assert!(matches!(again, Err(CommitError::Conflict(_))), "{again:?}");
}

pub async fn dispatches_come_newest_first(store: Arc<dyn Store>) {
    with_device(&*store).await;
    for (byte, message, at) in [(1, 1, 10), (1, 2, 30), (2, 3, 40), (1, 4, 20)] {
        write(&store, Write::InsertDispatch(Box::new(dispatch("alpha", byte, message, at)))).await.unwrap();
    }
    let of = async |byte, limit| {
        let found = store.dispatches(&realm_id("alpha"), &id(byte), limit).await.unwrap();
        found.into_iter().map(|it| it.id.message[0]).collect::<Vec<_>>()
    };
    assert_eq!(of(1, 9).await, [2, 4, 1]);
    assert_eq!(of(1, 2).await, [2, 4]);
    assert_eq!(of(2, 9).await, [3]);
    assert!(of(3, 9).await.is_empty());
    assert!(store.dispatches(&realm_id("beta"), &id(1), 9).await.unwrap().is_empty());
}

pub async fn a_receipt_means_the_newest_of_its_name(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let named = |message, at| Dispatch { centre_id: Some("7f".to_owned()), ..dispatch("alpha", 1, message, at) };
    for it in [named(1, 10), named(2, 30), named(3, 20), Dispatch { centre: "south".to_owned(), ..named(4, 90) }] {
        write(&store, Write::InsertDispatch(Box::new(it))).await.unwrap();
    }
    let found = store.dispatch_of("north", "7f").await.unwrap().unwrap();
    assert_eq!(found, named(2, 30));
    assert!(store.dispatch_of("north", "7F").await.unwrap().is_none(), "names are compared byte by byte");
    assert!(store.dispatch_of("west", "7f").await.unwrap().is_none());
    let settle = |id: DispatchId| Write::SettleDispatch {
        id,
        state: DispatchState::Delivered,
        at: UnixMillis(95),
        error: "000".to_owned(),
    };
    write(&store, settle(DispatchId { part: 2, ..found.id.clone() })).await.unwrap();
    assert_eq!(store.dispatch_of("north", "7f").await.unwrap().unwrap(), found, "another part was settled");
    write(&store, settle(found.id.clone())).await.unwrap();
    let settled = Dispatch {
        state: DispatchState::Delivered,
        settled_at: Some(UnixMillis(95)),
        error: "000".to_owned(),
        ..found
    };
    assert_eq!(store.dispatch_of("north", "7f").await.unwrap().unwrap(), settled);
}

pub async fn buckets_come_in_the_order_of_their_keys(store: Arc<dyn Store>) {
    let keys = [BucketKey([3; 16]), BucketKey([1; 16]), BucketKey([2; 16])];
    for (key, times) in [(keys[0], 2), (keys[1], 1)] {
        for at in 0..times {
            let (realm, at) = (realm_id("alpha"), UnixMillis(at));
            write(&store, Write::CountFailure { realm, bucket: key, at, window_ms: 100 }).await.unwrap();
        }
    }
    let counts = async |realm| {
        let found = store.buckets(&realm_id(realm), &keys).await.unwrap();
        found.into_iter().map(|bucket: Bucket| bucket.failures).collect::<Vec<_>>()
    };
    assert_eq!(counts("alpha").await, [2, 1, 0]);
    assert_eq!(counts("beta").await, [0, 0, 0]);
    assert!(store.buckets(&realm_id("alpha"), &[]).await.unwrap().is_empty());
}

pub async fn pruning_forgets_old_dispatches(store: Arc<dyn Store>) {
    with_device(&*store).await;
    for message in 0..=255 {
        for attempt in 1..3 {
            let mut it = dispatch("alpha", 1, message, u64::from(message));
            it.id.attempt = attempt;
            write(&store, Write::InsertDispatch(Box::new(it))).await.unwrap();
        }
    }
    let pruned = store.prune(UnixMillis(0), UnixMillis(0), UnixMillis(200)).await.unwrap();
    assert!(pruned >= 400, "{pruned}");
    let left = store.dispatches(&realm_id("alpha"), &id(1), 1_000).await.unwrap();
    assert_eq!(left.len(), 112);
    assert!(left.iter().all(|it| it.at >= UnixMillis(200)));
}

async fn write(store: &Arc<dyn Store>, write: Write) -> Result<(), CommitError> {
    commit(&**store, vec![write]).await
}
