//! Two stores that get the same changes have to give the same answers.

use std::fmt::Write as _;

use matchbook_protocol::UnixMillis;
use matchbook_rules::{Changes, Guard, RealmId, ThrottleSnapshot, VerifySnapshot, VerifyTarget, Version, Write};

use super::fixtures::{bucket, id, lookup, operation_id, realm_id, relying_party, subscriber_id, whole};
use super::generate::{DEVICES, LATE, OPERATIONS, PARTIES, REALMS, SMALL, Step, USERS};
use crate::{AuthenticatorFilter, CommitError, EventFilter, LoadError, Page, Store, StoreStats, VerifyLookup};

/// Operations that acceptances have, some of them.
const ACCEPTED: [&str; 3] = ["op-1", "op-4", "op-5"];

/// Does all steps to both stores; panics at the first answer that differs.
pub async fn agree(left: &dyn Store, right: &dyn Store, steps: Vec<Step>) {
    for (number, step) in steps.into_iter().enumerate() {
        let step = match step {
            Step::Commit { changes, fresh: true } => {
                Step::Commit { changes: freshen(left, changes).await, fresh: false }
            }
            other => other,
        };
        let (answer, other) = (take(left, &step).await, take(right, &step).await);
        assert_eq!(answer, other, "the answers to step {number} differ: {step:?}");
        // A refused change that left something behind shows here too.
        // Reading the events may tidy up what a store has put off, so that is not done at each step.
        let with_events = number % EVENTS_EVERY == EVENTS_EVERY - 1;
        let (view, other) = (view(left, with_events).await, view(right, with_events).await);
        for (line, other) in view.lines().zip(other.lines()) {
            assert_eq!(line, other, "after step {number}: {step:?}");
        }
    }
}

async fn take(store: &dyn Store, step: &Step) -> Result<u64, &'static str> {
    let result = match step.clone() {
        Step::Commit { changes, .. } => store.commit(changes).await.map(|()| 0),
        Step::Prune(operations, buckets, events) => store.prune(operations, buckets, events).await,
        Step::MarkRestored(at) => store.mark_restored(at).await,
        Step::Probe => store.probe().await.map(|()| 0),
    };
    result.map_err(|error| match error {
        CommitError::Conflict(_) => "conflict",
        CommitError::Unavailable(_) => "unavailable",
        CommitError::ReadOnly(_) => "read-only",
        CommitError::InDoubt(_) => "in doubt",
    })
}

/// Gives guards and rewrites the versions and counts that the store has now.
async fn freshen(store: &dyn Store, mut changes: Changes) -> Changes {
    for guard in &mut changes.guards {
        match guard {
            Guard::Authenticator { realm, id, version } => *version = device_version(store, realm, id).await,
            Guard::Realm { id, version } => *version = realm_version(store, id).await,
            Guard::Subscriber { realm, id, version } => {
                *version = store.subscriber(realm, id).await.unwrap().map_or(Version(0), |it| it.version);
            }
            Guard::Failures { realm, id, count } => {
                let lookup = lookup(realm.as_str(), VerifyTarget::Authenticator(*id));
                let found = store.load_verify(&lookup).await.unwrap().candidates;
                *count = found.first().map_or(0, |it| it.failures);
            }
            Guard::Calm { .. } | Guard::Operation(_) => {}
        }
    }
    for write in &mut changes.writes {
        match write {
            Write::PutRealm(it) => it.version = realm_version(store, &it.id).await,
            Write::PutSubscriber(it) => {
                let found = store.subscriber(&it.realm, &it.id).await.unwrap();
                it.version = found.map_or(Version(0), |found| found.version);
            }
            Write::PutAuthenticator(it) => it.version = device_version(store, &it.realm, &it.id).await,
            _ => {}
        }
    }
    changes
}

async fn realm_version(store: &dyn Store, id: &RealmId) -> Version {
    store.realm(id).await.unwrap().map_or(Version(0), |it| it.version)
}

async fn device_version(store: &dyn Store, realm: &RealmId, id: &matchbook_protocol::AuthenticatorId) -> Version {
    let found = store.authenticators(realm, &AuthenticatorFilter::default(), whole()).await.unwrap();
    found.iter().find(|it| it.id == *id).map_or(Version(0), |it| it.version)
}

/// Steps between two looks at the events.
const EVENTS_EVERY: usize = 4;

/// Every read, as text; the events only when they are asked for.
pub async fn view(store: &dyn Store, with_events: bool) -> String {
    let mut view = String::new();
    for device in DEVICES {
        let found = store.load_device(&id(device)).await.map_err(|error| match error {
            LoadError::Damaged(_) => "damaged",
            LoadError::Unavailable(_) => "unavailable",
        });
        writeln!(view, "device {device}: {found:?}").unwrap();
    }
    for realm in REALMS {
        realm_view(store, realm, &mut view).await;
        if with_events {
            events_view(store, realm, &mut view).await;
        }
    }
    writeln!(view, "realms {:?}", store.realms().await.unwrap()).unwrap();
    writeln!(view, "tokens {:?}", store.tokens().await.unwrap()).unwrap();
    for byte in SMALL {
        writeln!(view, "token {byte}: {:?}", store.token_by_hash(&[byte; 32]).await.unwrap()).unwrap();
    }
    for (now, limit) in [(LATE / 2, 2), (LATE, 100), (i64::MAX.cast_unsigned(), 100)] {
        writeln!(view, "due {:?}", store.outbox_due(UnixMillis(now), limit).await.unwrap()).unwrap();
    }
    for (after, limit) in [(None, 1), (None, 100), (Some(id(DEVICES[0])), 100)] {
        writeln!(view, "work {:?}", store.work_due(after, limit).await.unwrap()).unwrap();
    }
    writeln!(view, "{:?}", StoreStats { bytes: 0, ..store.stats().await.unwrap() }).unwrap();
    view
}

/// What is remembered is what a load says. That holds for a store that no other process writes to.
fn assert_remembered(remembered: Option<VerifySnapshot>, found: &VerifySnapshot) {
    let Some(remembered) = remembered else { return };
    let view = |it: &VerifySnapshot| format!("{:?} {:?} {:?}", it.realm, it.subscriber, it.candidates);
    assert_eq!(view(&remembered), view(found));
    assert_eq!(format!("{:?}", remembered.throttle), format!("{:?}", ThrottleSnapshot::default()));
    assert!(remembered.operation.is_none());
}

async fn realm_view(store: &dyn Store, name: &str, view: &mut String) {
    let realm = realm_id(name);
    for user in USERS {
        let target = VerifyTarget::Subscriber(subscriber_id(user));
        let lookup = lookup(name, target);
        let remembered = store.remembered(&lookup);
        let found = store.load_verify(&lookup).await.unwrap();
        assert_remembered(remembered, &found);
        writeln!(view, "verify {user}@{name}: {found:?}").unwrap();
        let filter = AuthenticatorFilter { subscriber: Some(subscriber_id(user)) };
        writeln!(view, "{:?}", store.authenticators(&realm, &filter, whole()).await.unwrap()).unwrap();
    }
    let operations = OPERATIONS.iter().chain(&ACCEPTED);
    for (party, operation) in PARTIES.iter().flat_map(|party| operations.clone().map(move |it| (party, it))) {
        let lookup = VerifyLookup {
            relying_party: relying_party(party),
            operation: Some(operation_id(operation)),
            source_bucket: bucket(9),
            ..lookup(name, VerifyTarget::Authenticator(id(DEVICES[0])))
        };
        let remembered = store.remembered(&lookup);
        let found = store.load_verify(&lookup).await.unwrap();
        assert_remembered(remembered, &found);
        writeln!(view, "{party} {operation}: {:?} {:?}", found.operation, found.candidates).unwrap();
    }
    for device in DEVICES {
        writeln!(view, "sent {:?}", store.dispatches(&realm, &id(device), 9).await.unwrap()).unwrap();
    }
    for (centre, name) in [("north", "0"), ("north", "1"), ("south", "0")] {
        let found = store.dispatch_of(centre, name).await.unwrap().map(|it| (it.centre, it.centre_id, it.at));
        writeln!(view, "receipt {found:?}").unwrap();
    }
    writeln!(view, "{:?}", store.buckets(&realm, &[bucket(9), bucket(1)]).await.unwrap()).unwrap();
    let filter = AuthenticatorFilter::default();
    let page = Page { after: Some(id(DEVICES[0])), limit: 1 };
    writeln!(view, "{:?}", store.authenticators(&realm, &filter, page).await.unwrap()).unwrap();
    writeln!(view, "{:?}", store.subscribers(&realm, whole()).await.unwrap()).unwrap();
    let page = Page { after: Some(subscriber_id(USERS[0])), limit: 1 };
    writeln!(view, "{:?}", store.subscribers(&realm, page).await.unwrap()).unwrap();
}

async fn events_view(store: &dyn Store, name: &str, view: &mut String) {
    let realm = realm_id(name);
    for authenticator in [None, Some(id(DEVICES[1]))] {
        let filter = EventFilter { authenticator };
        let all = store.events(&realm, &filter, whole()).await.unwrap();
        let page = Page { after: all.first().map(|it| it.id), limit: 2 };
        writeln!(view, "{all:?} {:?}", store.events(&realm, &filter, page).await.unwrap()).unwrap();
    }
}
