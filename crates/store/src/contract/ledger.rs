//! Sets, and the ledger of spends: each index once, ever.

use std::sync::Arc;

use matchbook_protocol::codes::{Alphabet, CodeFormat};
use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{CodeTag, IssuedSet, Spend, SpendKind, Write};

use super::fixtures::*;
use crate::{CommitError, Store};

pub async fn an_index_is_spent_once(store: Arc<dyn Store>) {
    with_set(&*store).await;
    spend_one(&*store, 7).await.unwrap();
    assert_conflict(spend_one(&*store, 7).await);
    let skipped = Spend {
        kind: SpendKind::Skipped,
        operation: operation_id("other"),
        relying_party: relying_party("mail"),
        at: UnixMillis(9),
        ..spend("alpha", 1, 7)
    };
    assert_conflict(commit(&*store, vec![Write::Spend(Box::new(skipped))]).await);
    let twice = vec![Write::Spend(Box::new(spend("alpha", 1, 8))), Write::Spend(Box::new(spend("alpha", 1, 8)))];
    assert_conflict(commit(&*store, twice).await);
    spend_one(&*store, 8).await.unwrap();
}

pub async fn a_code_without_a_set_is_not_spent(store: Arc<dyn Store>) {
    with_device(&*store).await;
    assert_conflict(spend_one(&*store, 1).await);
    commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, 11, 10)))]).await.unwrap();
    for outside in [0, 1, 10, 21, u32::MAX] {
        assert_conflict(spend_one(&*store, outside).await);
    }
    for inside in [11, 20] {
        spend_one(&*store, inside).await.unwrap();
    }
    // Between two sets is outside of both.
    commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, 31, 10)))]).await.unwrap();
    assert_conflict(spend_one(&*store, 25).await);
    spend_one(&*store, 31).await.unwrap();
}

pub async fn sets_never_overlap(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let insert =
        async |first, count| commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, first, count)))]).await;
    insert(11, 10).await.unwrap();
    for (first, count) in [(11, 10), (1, 11), (20, 1), (12, 2), (1, 40), (15, 40)] {
        assert_conflict(insert(first, count).await);
    }
    insert(21, 10).await.unwrap();
    insert(1, 10).await.unwrap();
    let firsts: Vec<u32> =
        store.load_device(&id(1)).await.unwrap().unwrap().sets.iter().map(|set| set.first.0).collect();
    assert_eq!(firsts, [1, 11, 21]);
}

pub async fn sets_that_make_no_sense_are_refused(store: Arc<dyn Store>) {
    with_device(&*store).await;
    for (first, count) in [(1, 0), (1, 251), (0, 10), (u32::MAX, 2)] {
        let result = commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, first, count)))]).await;
        assert!(matches!(result, Err(CommitError::Unavailable(_))), "{first}, {count}: {result:?}");
    }
    for (first, count) in [(1, 250), (u32::MAX, 1)] {
        commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, first, count)))]).await.unwrap();
    }
}

pub async fn every_field_of_a_set_is_kept(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let full = IssuedSet {
        format: CodeFormat::new(Alphabet::Base32, 12).unwrap(),
        tags: (0..250).map(|tag| CodeTag([tag; CodeTag::LEN])).collect(),
        pepper_version: 255,
        issued_at: UnixMillis(77),
        ..set("alpha", 1, 41, 1)
    };
    commit(&*store, vec![Write::InsertSet(Box::new(full.clone()))]).await.unwrap();
    assert_eq!(store.load_device(&id(1)).await.unwrap().unwrap().sets, [full]);
}

pub async fn a_voided_set_takes_its_spends_along(store: Arc<dyn Store>) {
    with_set(&*store).await;
    commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, 41, 40)))]).await.unwrap();
    for index in [3, 45, 44] {
        spend_one(&*store, index).await.unwrap();
    }
    let void = |first| vec![Write::DeleteSet { realm: realm_id("alpha"), id: id(1), first: CodeIndex(first) }];
    commit(&*store, void(41)).await.unwrap();
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!((after.sets.len(), after.spent, after.highest_spent), (1, vec![CodeIndex(3)], CodeIndex(45)));
    // Its codes never verify again, spent or not.
    for index in [44, 46] {
        assert_conflict(spend_one(&*store, index).await);
    }
    // Idempotent, and a first index that is none is nothing.
    commit(&*store, void(41)).await.unwrap();
    commit(&*store, void(2)).await.unwrap();
    assert_eq!(store.load_device(&id(1)).await.unwrap().unwrap().sets.len(), 1);
    commit(&*store, void(1)).await.unwrap();
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!((after.sets.len(), after.spent.len(), after.highest_spent), (0, 0, CodeIndex(45)));
}

pub async fn a_spent_index_never_comes_back(store: Arc<dyn Store>) {
    with_set(&*store).await;
    spend_one(&*store, 20).await.unwrap();
    let void = Write::DeleteSet { realm: realm_id("alpha"), id: id(1), first: CodeIndex(1) };
    commit(&*store, vec![void]).await.unwrap();
    let insert =
        async |first, count| commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, first, count)))]).await;
    assert_conflict(insert(1, 40).await);
    assert_conflict(insert(20, 1).await);
    assert_conflict(insert(1, 5).await);
    insert(21, 20).await.unwrap();
    assert_conflict(spend_one(&*store, 20).await);
    spend_one(&*store, 21).await.unwrap();
}

pub async fn spends_are_told_in_order(store: Arc<dyn Store>) {
    with_set(&*store).await;
    for index in [30, 2, 17, 9] {
        spend_one(&*store, index).await.unwrap();
    }
    let device = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!(device.spent, [2, 9, 17, 30].map(CodeIndex));
    assert_eq!(device.highest_spent, CodeIndex(30));
}

pub async fn keys_are_apart_in_each_realm(store: Arc<dyn Store>) {
    with_set(&*store).await;
    let writes = vec![
        Write::PutRealm(Box::new(realm("beta"))),
        Write::PutSubscriber(Box::new(subscriber("beta", "ada"))),
        Write::InsertAuthenticator(Box::new(authenticator("beta", 2, "ada"))),
        Write::InsertSet(Box::new(set("beta", 2, 1, 40))),
        // The same code in another realm, where there is no such device: rows of no account.
        Write::InsertSet(Box::new(set("beta", 1, 1, 40))),
        Write::Spend(Box::new(spend("beta", 1, 5))),
        Write::SetFailures { realm: realm_id("beta"), id: id(1), count: 9 },
    ];
    commit(&*store, writes).await.unwrap();
    spend_one(&*store, 5).await.unwrap();
    commit(&*store, vec![Write::Spend(Box::new(spend("beta", 2, 5)))]).await.unwrap();
    let (one, two) =
        (store.load_device(&id(1)).await.unwrap().unwrap(), store.load_device(&id(2)).await.unwrap().unwrap());
    assert_eq!((one.realm.id, one.spent, one.failures), (realm_id("alpha"), vec![CodeIndex(5)], 0));
    assert_eq!((two.realm.id, two.spent, two.failures), (realm_id("beta"), vec![CodeIndex(5)], 0));
}
