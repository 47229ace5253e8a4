//! Lists: their order, their pages, and what is due.

use std::sync::Arc;

use matchbook_protocol::{Epoch, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, EventKind, NextKey, OutboxItem, OutboxKind, RefillReason, RotationReason, SealedKey,
    Status, TokenRecord, Version, Write,
};

use super::fixtures::*;
use crate::{AuthenticatorFilter, EventFilter, MAX_PAGE, NodeId, Page, Store, StoreStats};

pub async fn lists_come_in_pages(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let alpha = realm_id("alpha");
    let mut writes = vec![
        Write::PutRealm(Box::new(realm("beta"))),
        Write::PutSubscriber(Box::new(subscriber("beta", "zoe"))),
        Write::PutSubscriber(Box::new(subscriber("alpha", "bob"))),
        Write::InsertAuthenticator(Box::new(authenticator("beta", 50, "zoe"))),
    ];
    for byte in [5, 4, 3, 2] {
        writes.push(Write::PutSubscriber(Box::new(subscriber("alpha", &format!("u{byte}")))));
        let owner = if byte % 2 == 0 { "bob" } else { "ada" };
        writes.push(Write::InsertAuthenticator(Box::new(authenticator("alpha", byte, owner))));
        writes.push(Write::Audit(Box::new(event("alpha", byte.into(), 0))));
    }
    commit(&*store, writes).await.unwrap();

    let mut names = Vec::new();
    loop {
        let after = names.last().map(|name: &String| subscriber_id(name));
        let page = store.subscribers(&alpha, Page { after, limit: 4 }).await.unwrap();
        names.extend(page.iter().map(|it| it.id.to_string()));
        if page.len() < 4 {
            break;
        }
    }
    assert_eq!(names, ["ada", "bob", "u2", "u3", "u4", "u5"]);

    let of = async |who: Option<&str>, after: Option<u8>, limit| {
        let filter = AuthenticatorFilter { subscriber: who.map(subscriber_id) };
        let page = Page { after: after.map(id), limit };
        let found = store.authenticators(&alpha, &filter, page).await.unwrap();
        found.iter().map(|it| it.id.0[0]).collect::<Vec<u8>>()
    };
    assert_eq!(of(None, None, 3).await, [1, 2, 3]);
    assert_eq!(of(None, Some(3), 3).await, [4, 5]);
    assert_eq!(of(Some("ada"), None, 2).await, [1, 3]);
    assert_eq!(of(Some("ada"), Some(3), 2).await, [5]);
    assert_eq!(of(Some("bob"), None, 9).await, [2, 4]);
    assert!(of(Some("eve"), None, 9).await.is_empty());

    let first = store.events(&alpha, &EventFilter::default(), Page { after: None, limit: 3 }).await.unwrap();
    let rest = Page { after: first.last().map(|it| it.id), limit: 3 };
    let rest = store.events(&alpha, &EventFilter::default(), rest).await.unwrap();
    let times = |found: &[AuditEvent]| found.iter().map(|it| it.at.0).collect::<Vec<u64>>();
    assert_eq!((times(&first), times(&rest)), (vec![5, 4, 3], vec![2]));
}

pub async fn names_are_ordered_byte_by_byte(store: Arc<dyn Store>) {
    let names = ["Zoë", "a b", "ab", "ß", "zz", "élan", "a", "Ada", "ada"];
    let mut writes = Vec::new();
    for name in names {
        writes.push(Write::PutSubscriber(Box::new(subscriber("alpha", name))));
    }
    for name in ["b", "a-1", "a", "1"] {
        writes.push(Write::PutRealm(Box::new(realm(name))));
    }
    commit(&*store, writes).await.unwrap();
    let mut sorted = names.map(str::to_owned);
    sorted.sort_unstable();
    let found = store.subscribers(&realm_id("alpha"), whole()).await.unwrap();
    assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), sorted);
    let found = store.realms().await.unwrap();
    assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["1", "a", "a-1", "b"]);
}

pub async fn limits_are_taken_to_their_range(store: Arc<dyn Store>) {
    let mut writes = Vec::new();
    for at in 0..u64::from(MAX_PAGE) + 5 {
        writes.push(Write::Audit(Box::new(event("alpha", at, 0))));
        let mut message = [0; 16];
        message[..8].copy_from_slice(&at.to_be_bytes());
        writes.push(Write::InsertOutbox(Box::new(OutboxItem { message, ..outbox("alpha", 1, 0) })));
    }
    commit(&*store, writes).await.unwrap();
    let events = async |limit| {
        let page = Page { after: None, limit };
        store.events(&realm_id("alpha"), &EventFilter::default(), page).await.unwrap().len()
    };
    assert_eq!((events(0).await, events(1).await), (1, 1));
    assert_eq!((events(MAX_PAGE).await, events(u32::MAX).await), (1_000, 1_000));
    let due = async |limit| store.outbox_due(UnixMillis(9_000), limit).await.unwrap().len();
    assert_eq!((due(0).await, due(3).await, due(u32::MAX).await), (0, 3, 1_000));
}

pub async fn events_come_newest_first(store: Arc<dyn Store>) {
    let mine = |at, chance| Box::new(AuditEvent { authenticator: Some(id(1)), ..event("alpha", at, chance) });
    let writes = vec![
        Write::Audit(mine(20, 1)),
        Write::Audit(Box::new(event("alpha", 30, 1))),
        Write::Audit(mine(10, 1)),
        Write::Audit(mine(20, 2)),
        Write::Audit(Box::new(event("beta", 40, 1))),
        Write::Audit(Box::new(event("alpha", (1 << 48) - 1, 0xff))),
    ];
    commit(&*store, writes).await.unwrap();
    assert_conflict(commit(&*store, vec![Write::Audit(mine(20, 1))]).await);
    let found = async |authenticator, after| {
        let filter = EventFilter { authenticator };
        let found = store.events(&realm_id("alpha"), &filter, Page { after, limit: 10 }).await.unwrap();
        found.iter().map(|it| (it.at.0, it.id[15])).collect::<Vec<_>>()
    };
    let newest = ((1 << 48) - 1, 0xff);
    assert_eq!(found(None, None).await, [newest, (30, 1), (20, 2), (20, 1), (10, 1)]);
    assert_eq!(found(Some(id(1)), None).await, [(20, 2), (20, 1), (10, 1)]);
    assert_eq!(found(Some(id(1)), Some(event("alpha", 20, 1).id)).await, [(10, 1)]);
    assert!(found(Some(id(2)), None).await.is_empty());
}

pub async fn every_field_of_an_event_is_kept(store: Arc<dyn Store>) {
    let full = AuditEvent {
        kind: EventKind::RotationCompleted,
        authenticator: Some(id(1)),
        subscriber: Some(subscriber_id("ada ü")),
        relying_party: Some(relying_party("vpn")),
        detail: "because; it's \"so\"".to_owned(),
        ..event("alpha", 77, 3)
    };
    commit(&*store, vec![Write::Audit(Box::new(full.clone()))]).await.unwrap();
    assert_eq!(store.events(&realm_id("alpha"), &EventFilter::default(), whole()).await.unwrap(), [full]);
}

pub async fn tokens_come_oldest_first(store: Arc<dyn Store>) {
    let mut writes = Vec::new();
    for (byte, created_at) in [(1, 30), (2, 10), (4, 20), (3, 20)] {
        let record = TokenRecord { created_at: UnixMillis(created_at), ..token(byte) };
        writes.push(Write::InsertToken(Box::new(record)));
    }
    commit(&*store, writes).await.unwrap();
    let order: Vec<u8> = store.tokens().await.unwrap().iter().map(|it| it.id.0[0]).collect();
    assert_eq!(order, [2, 3, 4, 1]);
}

pub async fn the_outbox_tells_what_is_due(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let mut writes = vec![Write::InsertAuthenticator(Box::new(authenticator("alpha", 2, "ada")))];
    for (device, message, next) in [(2, 1, 50), (1, 2, 50), (1, 3, 20), (1, 4, 51)] {
        let item = OutboxItem { next_attempt_at: UnixMillis(next), ..outbox("alpha", device, message) };
        writes.push(Write::InsertOutbox(Box::new(item)));
    }
    commit(&*store, writes).await.unwrap();
    let due = async |now, limit| {
        let found = store.outbox_due(UnixMillis(now), limit).await.unwrap();
        found.iter().map(|it| it.message[0]).collect::<Vec<u8>>()
    };
    assert_eq!(due(50, 10).await, [3, 2, 1]);
    assert_eq!(due(50, 2).await, [3, 2]);
    assert!(due(19, 10).await.is_empty());
    let key = |message: u8| (realm_id("alpha"), id(1), [message; 16]);
    let (realm, id, message) = key(3);
    let attempt = Write::OutboxAttempt { realm, id, message, at: UnixMillis(50), next_attempt_at: UnixMillis(60) };
    commit(&*store, vec![attempt]).await.unwrap();
    assert_eq!(due(60, 10).await, [2, 1, 4, 3]);
    let found = store.outbox_due(UnixMillis(60), 10).await.unwrap();
    let tried = OutboxItem {
        attempts: 1,
        sent_at: Some(UnixMillis(50)),
        next_attempt_at: UnixMillis(60),
        ..outbox("alpha", 1, 3)
    };
    assert_eq!(found.last(), Some(&tried));
    let (realm, id, message) = key(3);
    commit(&*store, vec![Write::DeleteOutbox { realm, id, message }]).await.unwrap();
    assert_eq!(due(60, 10).await, [2, 1, 4]);
    assert_conflict(commit(&*store, vec![Write::InsertOutbox(Box::new(outbox("alpha", 1, 2)))]).await);
}

pub async fn the_outbox_of_a_device_comes_oldest_first(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let mut items = Vec::new();
    for (message, created_at, kind) in [
        (1, 30, OutboxKind::Sync),
        (2, 10, OutboxKind::Rotation),
        (4, 20, OutboxKind::Sync),
        (3, 20, OutboxKind::Set { first: matchbook_protocol::CodeIndex(41), last: matchbook_protocol::CodeIndex(80) }),
    ] {
        let item = OutboxItem {
            created_at: UnixMillis(created_at),
            kind,
            epoch: Epoch(u32::MAX),
            attempts: u32::MAX,
            ..outbox("alpha", 1, message)
        };
        commit(&*store, vec![Write::InsertOutbox(Box::new(item.clone()))]).await.unwrap();
        items.push(item);
    }
    items.sort_by_key(|item| (item.created_at, item.message));
    assert_eq!(store.load_device(&id(1)).await.unwrap().unwrap().outbox, items);
}

pub async fn the_outbox_tells_what_came_since(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let mut writes = Vec::new();
    for (message, created_at) in [(1, 30), (2, 10), (3, 20), (4, 20)] {
        let it = OutboxItem { created_at: UnixMillis(created_at), ..outbox("alpha", 1, message) };
        writes.push(Write::InsertOutbox(Box::new(it)));
    }
    commit(&*store, writes).await.unwrap();
    let since = async |at, limit| {
        let found = store.outbox_since(UnixMillis(at), limit).await.unwrap();
        assert!(found.iter().all(|(made, device, _)| *device == id(1) && made.0 >= at));
        found.iter().map(|(_, _, message)| message[0]).collect::<Vec<u8>>()
    };
    assert_eq!(since(0, 10).await, [2, 3, 4, 1]);
    assert_eq!(since(20, 2).await, [3, 4]);
    assert_eq!(since(30, 10).await, [1]);
    assert!(since(31, 10).await.is_empty());
}

/// One sender is given what is due; where senders share the store, each message goes to one of them.
pub async fn a_sender_takes_what_is_due(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let item = OutboxItem { next_attempt_at: UnixMillis(50), ..outbox("alpha", 1, 1) };
    commit(&*store, vec![Write::InsertOutbox(Box::new(item.clone()))]).await.unwrap();
    let (one, two) = (NodeId([1; 16]), NodeId([2; 16]));
    let take = async |node, now| store.take_due(UnixMillis(now), 9, node, 3_600_000).await.unwrap();
    assert!(take(one, 49).await.is_empty());
    assert_eq!(take(one, 50).await, std::slice::from_ref(&item));
    if store.is_shared() {
        assert!(take(two, 50).await.is_empty());
    }
    // Given back, it is anybody's.
    let due = Write::OutboxDue {
        realm: item.realm.clone(),
        id: item.authenticator,
        message: item.message,
        next_attempt_at: UnixMillis(50),
    };
    commit(&*store, vec![due]).await.unwrap();
    assert_eq!(take(two, 50).await.len(), 1);
    let sent = Write::OutboxAttempt {
        realm: item.realm.clone(),
        id: item.authenticator,
        message: item.message,
        at: UnixMillis(50),
        next_attempt_at: UnixMillis(60),
    };
    commit(&*store, vec![sent]).await.unwrap();
    assert!(take(two, 59).await.is_empty());
    assert_eq!(take(one, 60).await.len(), 1);
}

pub async fn a_lease_is_one_nodes_at_a_time(store: Arc<dyn Store>) {
    let (one, two) = (NodeId([1; 16]), NodeId([2; 16]));
    let take = async |node, hold_ms| store.take_lease("centres", node, hold_ms).await.unwrap();
    assert!(take(one, 3_600_000).await);
    assert!(take(one, 3_600_000).await);
    assert_eq!(take(two, 3_600_000).await, !store.is_shared());
    assert!(store.take_lease("sweeps", two, 3_600_000).await.unwrap());
    // Only who has it gives it back.
    store.give_lease("centres", two).await.unwrap();
    assert!(take(one, 3_600_000).await);
    store.give_lease("centres", one).await.unwrap();
    assert!(take(two, 0).await);
    // It has ended.
    assert!(take(one, 3_600_000).await);
}

pub async fn outbox_writes_do_nothing_when_the_message_is_gone(store: Arc<dyn Store>) {
    let (realm, id, message) = (realm_id("alpha"), id(1), [1; 16]);
    let attempt =
        Write::OutboxAttempt { realm: realm.clone(), id, message, at: UnixMillis(1), next_attempt_at: UnixMillis(1) };
    commit(&*store, vec![attempt, Write::DeleteOutbox { realm, id, message }]).await.unwrap();
    assert!(store.outbox_due(UnixMillis(9), 9).await.unwrap().is_empty());
}

pub async fn work_is_due_until_it_is_begun(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let version = std::cell::Cell::new(1);
    let due_with = async |change: &dyn Fn(&mut Authenticator)| {
        let mut it = Authenticator { version: Version(version.get()), ..authenticator("alpha", 1, "ada") };
        version.set(version.get() + 1);
        change(&mut it);
        commit(&*store, vec![Write::PutAuthenticator(Box::new(it))]).await.unwrap();
        !store.work_due(None, 10).await.unwrap().is_empty()
    };
    let next = || NextKey { epoch: Epoch(1), sealed: SealedKey(vec![1]), ephemeral: Vec::new(), counter: 0 };
    assert!(!due_with(&|_| {}).await);
    assert!(due_with(&|it| it.refill_due = Some(RefillReason::ServerCount)).await);
    assert!(due_with(&|it| it.rotation_wanted = Some(RotationReason::Scheduled)).await);
    let rotating = |it: &mut Authenticator| {
        it.rotation_wanted = Some(RotationReason::Operator);
        it.keys.next = Some(next());
    };
    assert!(!due_with(&rotating).await);
    assert!(
        due_with(&|it| {
            rotating(it);
            it.refill_due = Some(RefillReason::Operator);
        })
        .await
    );
    for status in [Status::Suspended, Status::Revoked, Status::Pending { expires_at: UnixMillis(1) }] {
        assert!(
            !due_with(&|it| {
                it.refill_due = Some(RefillReason::Operator);
                it.status = status;
            })
            .await
        );
    }
    assert!(
        !due_with(&|it| {
            it.refill_due = Some(RefillReason::Operator);
            it.restored = true;
        })
        .await
    );
    // A SYNC that asks the device for its ephemeral key has begun the rotation; a set has not.
    for (kind, begun) in [(OutboxKind::Sync, true), (OutboxKind::Rotation, true), (outbox("alpha", 1, 1).kind, false)] {
        let (realm, id, message) = (realm_id("alpha"), id(1), [1; 16]);
        let item = OutboxItem { kind, ..outbox("alpha", 1, 1) };
        commit(&*store, vec![Write::InsertOutbox(Box::new(item))]).await.unwrap();
        assert_eq!(due_with(&|it| it.rotation_wanted = Some(RotationReason::Scheduled)).await, !begun);
        commit(&*store, vec![Write::DeleteOutbox { realm, id, message }]).await.unwrap();
    }
    let mut writes = Vec::new();
    for byte in [4, 3, 2] {
        let it = Authenticator { refill_due: Some(RefillReason::Operator), ..authenticator("alpha", byte, "ada") };
        writes.push(Write::InsertAuthenticator(Box::new(it)));
    }
    commit(&*store, writes).await.unwrap();
    assert_eq!(store.work_due(None, 3).await.unwrap(), [id(1), id(2), id(3)]);
    assert_eq!(store.work_due(None, 0).await.unwrap(), []);
}

pub async fn due_work_comes_in_pages_and_not_for_the_suspended(store: Arc<dyn Store>) {
    let due = |realm: &str, byte, user: &str| {
        let it = Authenticator { refill_due: Some(RefillReason::Operator), ..authenticator(realm, byte, user) };
        Write::InsertAuthenticator(Box::new(it))
    };
    // In the order of realms, and of identification codes within each.
    let writes = vec![
        Write::PutRealm(Box::new(realm("alpha"))),
        Write::PutRealm(Box::new(realm("beta"))),
        Write::PutSubscriber(Box::new(subscriber("alpha", "ada"))),
        Write::PutSubscriber(Box::new(subscriber("alpha", "eve"))),
        Write::PutSubscriber(Box::new(subscriber("beta", "ada"))),
        due("alpha", 3, "ada"),
        due("alpha", 5, "eve"),
        due("alpha", 7, "ada"),
        due("beta", 2, "ada"),
        due("beta", 4, "ada"),
    ];
    commit(&*store, writes).await.unwrap();
    assert_eq!(store.work_due(None, 10).await.unwrap(), [id(3), id(5), id(7), id(2), id(4)]);
    let suspend = async |version, suspended| {
        let eve = matchbook_rules::Subscriber { version: Version(version), suspended, ..subscriber("alpha", "eve") };
        commit(&*store, vec![Write::PutSubscriber(Box::new(eve))]).await.unwrap();
    };
    suspend(1, true).await;
    assert_eq!(store.work_due(None, 2).await.unwrap(), [id(3), id(7)]);
    assert_eq!(store.work_due(Some(id(5)), 2).await.unwrap(), [id(7), id(2)]);
    assert_eq!(store.work_due(Some(id(2)), 2).await.unwrap(), [id(4)]);
    assert_eq!(store.work_due(Some(id(4)), 2).await.unwrap(), []);
    assert_eq!(store.work_due(Some(id(9)), 2).await.unwrap(), [], "nobody's");
    suspend(2, false).await;
    assert_eq!(store.work_due(Some(id(3)), 1).await.unwrap(), [id(5)]);
}

pub async fn stats_count(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let revoked = Authenticator { status: Status::Revoked, ..authenticator("alpha", 2, "ada") };
    let writes = vec![
        Write::PutRealm(Box::new(realm("beta"))),
        Write::InsertAuthenticator(Box::new(revoked)),
        Write::InsertAuthenticator(Box::new(authenticator("beta", 3, "ada"))),
        Write::InsertOutbox(Box::new(OutboxItem { created_at: UnixMillis(70), ..outbox("alpha", 1, 1) })),
        Write::InsertOutbox(Box::new(OutboxItem { created_at: UnixMillis(60), ..outbox("alpha", 1, 2) })),
    ];
    commit(&*store, writes).await.unwrap();
    let expected = StoreStats {
        realms: 2,
        authenticators: 2,
        outbox: 2,
        oldest_outbox: Some(UnixMillis(60)),
        unsent: 2,
        oldest_unsent: Some(UnixMillis(60)),
        bytes: 0,
    };
    assert_eq!(StoreStats { bytes: 0, ..store.stats().await.unwrap() }, expected);
}
