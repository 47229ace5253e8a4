//! Imports of devices with keys from a factory.

use std::sync::Arc;

use matchbook_protocol::UnixMillis;
use matchbook_rules::{Authenticator, GoLive, Import, ImportId, Imported, Staged, Subscriber, Version, Write};

use super::fixtures::*;
use crate::{AuthenticatorFilter, CommitError, Store};

const FIRST: ImportId = ImportId([1; 16]);
const SECOND: ImportId = ImportId([2; 16]);

fn part(import: ImportId, devices: &[u8], at: u64) -> Write {
    Write::Stage(Box::new(Staged {
        realm: realm_id("alpha"),
        import,
        at: UnixMillis(at),
        devices: devices.iter().map(|device| new(*device)).collect(),
        subscribers: vec![subscriber("alpha", "ada"), subscriber("alpha", "bob")],
    }))
}

fn new(device: u8) -> Authenticator {
    Authenticator { version: Version(0), ..authenticator("alpha", device, if device < 3 { "ada" } else { "bob" }) }
}

fn live(import: ImportId, devices: u32) -> Write {
    Write::GoLive(Box::new(GoLive { realm: realm_id("alpha"), import, devices, at: UnixMillis(9) }))
}

async fn devices(store: &dyn Store) -> Vec<Authenticator> {
    store.authenticators(&realm_id("alpha"), &AuthenticatorFilter::default(), whole()).await.unwrap()
}

async fn users(store: &dyn Store) -> Vec<Subscriber> {
    store.subscribers(&realm_id("alpha"), whole()).await.unwrap()
}

async fn with_realm(store: &dyn Store) {
    commit(store, vec![Write::PutRealm(Box::new(realm("alpha")))]).await.unwrap();
}

pub async fn what_is_put_aside_is_seen_by_nobody(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    let before = store.stats().await.unwrap().authenticators;
    commit(&*store, vec![part(FIRST, &[1, 2, 3], 5)]).await.unwrap();
    assert_eq!((devices(&*store).await, users(&*store).await), (vec![], vec![]));
    assert!(store.load_device(&id(1)).await.unwrap().is_none());
    assert!(store.load_verify(&lookup_user("alpha", "ada")).await.unwrap().candidates.is_empty());
    assert_eq!(store.stats().await.unwrap().authenticators, before);
    let import = Import { realm: realm_id("alpha"), id: FIRST, live: None, at: UnixMillis(5) };
    assert_eq!(store.import(&realm_id("alpha"), &FIRST).await.unwrap(), Some(import));
    assert_eq!(store.import(&realm_id("beta"), &FIRST).await.unwrap(), None);
}

pub async fn an_import_goes_live_whole(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    let ada = Subscriber { display_name: "Ada".to_owned(), ..subscriber("alpha", "ada") };
    commit(&*store, vec![Write::PutSubscriber(Box::new(ada.clone()))]).await.unwrap();
    commit(&*store, vec![part(FIRST, &[3, 1], 5)]).await.unwrap();
    commit(&*store, vec![part(FIRST, &[2], 6)]).await.unwrap();
    // Another one is not touched by it.
    commit(&*store, vec![part(SECOND, &[4], 7)]).await.unwrap();
    commit(&*store, vec![live(FIRST, 3)]).await.unwrap();
    let expected: Vec<_> = [1, 2, 3].map(|it| Authenticator { version: Version(1), ..new(it) }).into();
    assert_eq!(devices(&*store).await, expected);
    let known = [ada, subscriber("alpha", "bob")].map(|it| Subscriber { version: Version(1), ..it });
    assert_eq!(users(&*store).await, known);
    assert_eq!(store.load_device(&id(2)).await.unwrap().unwrap().authenticator, expected[1]);
    assert_eq!(store.load_verify(&lookup_user("alpha", "ada")).await.unwrap().candidates.len(), 2);
    let found = store.import(&realm_id("alpha"), &FIRST).await.unwrap().unwrap();
    assert_eq!((found.live, found.at), (Some(Imported { devices: 3, subscribers: 2 }), UnixMillis(9)));
    assert_conflict(commit(&*store, vec![Write::InsertAuthenticator(Box::new(new(3)))]).await);
}

pub async fn what_is_remembered_of_a_user_does_not_hide_an_imported_device(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let lookup = lookup_user("alpha", "ada");
    assert_eq!(store.load_verify(&lookup).await.unwrap().candidates.len(), 1);
    commit(&*store, vec![part(FIRST, &[2], 5)]).await.unwrap();
    commit(&*store, vec![live(FIRST, 1)]).await.unwrap();
    assert!(store.remembered(&lookup).is_none_or(|seen| seen.candidates.len() == 2));
    assert_eq!(store.load_verify(&lookup).await.unwrap().candidates.len(), 2);
}

pub async fn an_import_goes_live_once(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    commit(&*store, vec![part(FIRST, &[1, 2], 5)]).await.unwrap();
    for wrong in [0, 1, 3] {
        assert_conflict(commit(&*store, vec![live(FIRST, wrong)]).await);
    }
    assert_conflict(commit(&*store, vec![live(SECOND, 0)]).await);
    assert_eq!(devices(&*store).await, []);
    commit(&*store, vec![live(FIRST, 2)]).await.unwrap();
    let after = devices(&*store).await;
    // The answer was lost: the same again, and nothing comes of it.
    commit(&*store, vec![live(FIRST, 2), Write::Probe]).await.unwrap();
    assert_conflict(commit(&*store, vec![live(FIRST, 3)]).await);
    assert_conflict(commit(&*store, vec![part(FIRST, &[3], 6)]).await);
    assert_eq!(devices(&*store).await, after);
}

pub async fn a_part_again_changes_nothing(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    commit(&*store, vec![part(FIRST, &[1, 2], 5)]).await.unwrap();
    commit(&*store, vec![part(FIRST, &[2, 3], 6)]).await.unwrap();
    commit(&*store, vec![part(FIRST, &[2, 3], 6)]).await.unwrap();
    commit(&*store, vec![live(FIRST, 3)]).await.unwrap();
    assert_eq!(devices(&*store).await.len(), 3);
}

pub async fn an_import_whose_code_is_taken_makes_nothing(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    commit(&*store, vec![part(FIRST, &[1, 2, 3], 5)]).await.unwrap();
    let taken = Authenticator { version: Version(0), ..authenticator("beta", 2, "eve") };
    commit(&*store, vec![Write::InsertAuthenticator(Box::new(taken))]).await.unwrap();
    assert_conflict(commit(&*store, vec![live(FIRST, 3)]).await);
    assert_eq!((devices(&*store).await, users(&*store).await), (vec![], vec![]));
    let snapshot = store
        .import_snapshot(&realm_id("alpha"), &[id(1), id(2)], &[subscriber_id("ada"), subscriber_id("bob")])
        .await
        .unwrap();
    assert_eq!(snapshot.taken, [(id(2), realm_id("beta"))]);
    assert!(snapshot.devices.is_empty() && snapshot.subscribers.is_empty());
}

pub async fn a_snapshot_of_an_import_tells_what_is_there(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let snapshot = store
        .import_snapshot(&realm_id("alpha"), &[id(1), id(9)], &[subscriber_id("ada"), subscriber_id("zoe")])
        .await
        .unwrap();
    assert_eq!(snapshot.taken, [(id(1), realm_id("alpha"))]);
    assert_eq!(snapshot.devices, [store.load_device(&id(1)).await.unwrap().unwrap().authenticator]);
    let names: Vec<_> = snapshot.subscribers.iter().map(|it| it.id.clone()).collect();
    assert_eq!(names, [subscriber_id("ada")]);
    let nothing = store.import_snapshot(&realm_id("alpha"), &[], &[]).await.unwrap();
    assert!(nothing.taken.is_empty() && nothing.devices.is_empty() && nothing.subscribers.is_empty());
}

pub async fn a_cleared_import_blocks_nothing(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    commit(&*store, vec![part(FIRST, &[1, 2], 5)]).await.unwrap();
    assert_eq!(store.clear_import(&realm_id("alpha"), &FIRST).await.unwrap(), 4);
    assert_eq!(store.clear_import(&realm_id("alpha"), &FIRST).await.unwrap(), 0);
    assert_eq!(store.import(&realm_id("alpha"), &FIRST).await.unwrap(), None);
    assert_conflict(commit(&*store, vec![live(FIRST, 2)]).await);
    commit(&*store, vec![part(SECOND, &[1, 2], 6)]).await.unwrap();
    commit(&*store, vec![live(SECOND, 2)]).await.unwrap();
    // What is live stays, and only what was put aside for it goes.
    assert_eq!(store.clear_import(&realm_id("alpha"), &SECOND).await.unwrap(), 4);
    assert!(store.import(&realm_id("alpha"), &SECOND).await.unwrap().unwrap().live.is_some());
    assert_eq!(devices(&*store).await.len(), 2);
}

pub async fn an_import_that_was_left_is_found(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    let stale = async |before| store.stale_imports(UnixMillis(before)).await.unwrap();
    commit(&*store, vec![part(FIRST, &[1, 2], 5)]).await.unwrap();
    assert_eq!(stale(5).await, []);
    assert_eq!(stale(6).await, [(realm_id("alpha"), FIRST)]);
    commit(&*store, vec![part(FIRST, &[3], 8)]).await.unwrap();
    assert_eq!(stale(6).await, []);
    // A crash between the two leaves what was put aside.
    commit(&*store, vec![live(FIRST, 3)]).await.unwrap();
    assert_eq!(stale(10).await, [(realm_id("alpha"), FIRST)]);
    store.clear_import(&realm_id("alpha"), &FIRST).await.unwrap();
    assert_eq!(stale(10).await, []);
    let none = UnixMillis(0);
    assert_eq!(store.prune(UnixMillis(9), none, none).await.unwrap(), 0);
    assert_eq!(store.prune(UnixMillis(10), none, none).await.unwrap(), 1);
    assert_eq!(store.import(&realm_id("alpha"), &FIRST).await.unwrap(), None);
}

pub async fn one_of_many_that_go_live_makes_the_devices(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    for (import, at) in [(FIRST, 5), (SECOND, 6)] {
        commit(&*store, vec![part(import, &[1, 2, 3], at)]).await.unwrap();
    }
    let tasks: Vec<_> = (0..8)
        .map(|turn| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                commit(&*store, vec![live(if turn % 2 == 0 { FIRST } else { SECOND }, 3), Write::Probe]).await
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(CommitError::Conflict(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((won, devices(&*store).await.len()), (4, 3));
}

pub async fn an_import_that_is_cleared_meanwhile_goes_live_whole_or_not_at_all(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    for round in 0..20 {
        let (import, ids) = (ImportId([100 + round; 16]), [8, 9, 10, 11, 12, 13].map(|it| it + 6 * round));
        commit(&*store, vec![part(import, &ids, 5)]).await.unwrap();
        let before = devices(&*store).await.len();
        let (clearing, living) = (Arc::clone(&store), Arc::clone(&store));
        let cleared = tokio::spawn(async move { clearing.clear_import(&realm_id("alpha"), &import).await });
        let lived = tokio::spawn(async move { commit(&*living, vec![live(import, 6), Write::Probe]).await });
        cleared.await.unwrap().unwrap();
        let made = devices(&*store).await.len() - before;
        match lived.await.unwrap() {
            Ok(()) => assert_eq!(devices(&*store).await.len() - before, 6, "round {round}"),
            Err(CommitError::Conflict(_)) => assert_eq!((made, devices(&*store).await.len()), (0, before)),
            Err(error) => panic!("{error}"),
        }
    }
}

pub async fn what_was_put_aside_does_not_outlive_a_restored_backup(store: Arc<dyn Store>) {
    with_realm(&*store).await;
    commit(&*store, vec![part(FIRST, &[1, 2], 5), part(SECOND, &[3], 5)]).await.unwrap();
    commit(&*store, vec![live(SECOND, 1)]).await.unwrap();
    assert_eq!(store.mark_restored(UnixMillis(8_000)).await.unwrap(), 1);
    assert_conflict(commit(&*store, vec![live(FIRST, 2)]).await);
    assert_eq!(store.clear_import(&realm_id("alpha"), &FIRST).await.unwrap(), 0);
    assert!(devices(&*store).await.iter().all(|it| it.restored));
}
