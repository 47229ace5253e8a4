//! Rows and their versions, guards, uniqueness.

use std::sync::Arc;

use matchbook_protocol::{CodeIndex, Delivery, Epoch, Handle, Profile, Suite, UnixMillis};
use matchbook_rules::{
    Authenticator, AuthenticatorKeys, CachedReply, Changes, DayCount, EpochKey, Guard, Mode, NextKey, Operation,
    Policy, RefillReason, RequestWindow, Role, RotationReason, SealedKey, Status, TokenId, Verdict, VerifyTarget,
    Version, Write,
};

use super::fixtures::*;
use crate::{AuthenticatorFilter, EventFilter, Store, StoreStats};

pub async fn an_empty_store_answers_nothing(store: Arc<dyn Store>) {
    let alpha = realm_id("alpha");
    assert!(store.load_device(&id(1)).await.unwrap().is_none());
    assert!(store.realms().await.unwrap().is_empty());
    assert!(store.realm(&alpha).await.unwrap().is_none());
    assert!(store.subscribers(&alpha, whole()).await.unwrap().is_empty());
    assert!(store.subscriber(&alpha, &subscriber_id("ada")).await.unwrap().is_none());
    assert!(store.authenticators(&alpha, &AuthenticatorFilter::default(), whole()).await.unwrap().is_empty());
    assert!(store.events(&alpha, &EventFilter::default(), whole()).await.unwrap().is_empty());
    assert!(store.tokens().await.unwrap().is_empty());
    assert!(store.token_by_hash(&[1; 32]).await.unwrap().is_none());
    assert!(store.outbox_due(UnixMillis(u64::MAX), 10).await.unwrap().is_empty());
    assert!(store.work_due(None, 10).await.unwrap().is_empty());
    let stats = store.stats().await.unwrap();
    assert_eq!(StoreStats { bytes: 0, ..stats }, StoreStats::default());
    let snapshot = store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    assert!(snapshot.realm.is_none() && snapshot.subscriber.is_none() && snapshot.candidates.is_empty());
    assert!(snapshot.operation.is_none());
    assert_eq!(snapshot.throttle.source.failures, 0);
}

pub async fn realms_are_rewritten_by_version(store: Arc<dyn Store>) {
    let put = async |version, name: &str| {
        let realm =
            matchbook_rules::Realm { version: Version(version), display_name: name.to_owned(), ..realm("alpha") };
        commit(&*store, vec![Write::PutRealm(Box::new(realm))]).await
    };
    assert_conflict(put(1, "not there yet").await);
    put(0, "first").await.unwrap();
    assert_conflict(put(0, "there already").await);
    put(1, "second").await.unwrap();
    assert_conflict(put(1, "late").await);
    let kept = store.realm(&realm_id("alpha")).await.unwrap().unwrap();
    assert_eq!((kept.version, kept.display_name.as_str()), (Version(2), "second"));
}

pub async fn subscribers_are_rewritten_by_version(store: Arc<dyn Store>) {
    let put = async |version, suspended| {
        let subscriber =
            matchbook_rules::Subscriber { version: Version(version), suspended, ..subscriber("alpha", "ada") };
        commit(&*store, vec![Write::PutSubscriber(Box::new(subscriber))]).await
    };
    assert_conflict(put(1, false).await);
    put(0, false).await.unwrap();
    assert_conflict(put(0, true).await);
    put(1, true).await.unwrap();
    let kept = store.subscriber(&realm_id("alpha"), &subscriber_id("ada")).await.unwrap().unwrap();
    assert_eq!(
        kept,
        matchbook_rules::Subscriber { version: Version(2), suspended: true, ..subscriber("alpha", "ada") }
    );
}

pub async fn authenticators_are_rewritten_by_version(store: Arc<dyn Store>) {
    let put = async |version| {
        let it = Authenticator { version: Version(version), ..authenticator("alpha", 1, "ada") };
        commit(&*store, vec![Write::PutAuthenticator(Box::new(it))]).await
    };
    assert_conflict(put(0).await);
    with_device(&*store).await;
    assert_conflict(put(0).await);
    put(1).await.unwrap();
    assert_conflict(put(1).await);
    let kept = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!(kept.authenticator.version, Version(2));
}

pub async fn guards_hold_for_what_was_seen(store: Arc<dyn Store>) {
    let alpha = realm_id("alpha");
    let device = |version| Guard::Authenticator { realm: realm_id("alpha"), id: id(1), version: Version(version) };
    let user = |name, version| {
        let (realm, id) = (realm_id("alpha"), subscriber_id(name));
        Guard::Subscriber { realm, id, version: Version(version) }
    };
    let realm = |version| Guard::Realm { id: realm_id("alpha"), version: Version(version) };
    let failures = |count| Guard::Failures { realm: realm_id("alpha"), id: id(1), count };
    for guard in [device(0), realm(0), failures(0)] {
        commit_if(&*store, guard, Vec::new()).await.unwrap();
    }
    with_device(&*store).await;
    commit(&*store, vec![Write::SetFailures { realm: alpha, id: id(1), count: 3 }]).await.unwrap();
    commit_if(&*store, user("ada", 1), Vec::new()).await.unwrap();
    commit_if(&*store, user("eve", 0), Vec::new()).await.unwrap();
    assert_conflict(commit_if(&*store, user("ada", 0), Vec::new()).await);
    assert_conflict(commit_if(&*store, user("ada", 2), Vec::new()).await);
    assert_conflict(commit_if(&*store, user("eve", 1), Vec::new()).await);
    for guard in [device(1), realm(1), failures(3)] {
        commit_if(&*store, guard, Vec::new()).await.unwrap();
    }
    for guard in [device(0), device(2), realm(0), realm(2), failures(0), failures(2), failures(4)] {
        assert_conflict(commit_if(&*store, guard, Vec::new()).await);
    }
}

pub async fn guards_are_checked_before_the_writes(store: Arc<dyn Store>) {
    // The write makes the guard's row, which must not make the guard fail, nor hold.
    let guard = Guard::Realm { id: realm_id("alpha"), version: Version(0) };
    commit_if(&*store, guard, vec![Write::PutRealm(Box::new(realm("alpha")))]).await.unwrap();
    let guard = Guard::Realm { id: realm_id("beta"), version: Version(1) };
    assert_conflict(commit_if(&*store, guard, vec![Write::PutRealm(Box::new(realm("beta")))]).await);
}

pub async fn a_conflict_writes_nothing(store: Arc<dyn Store>) {
    with_set(&*store).await;
    spend_one(&*store, 2).await.unwrap();
    let before = store.load_device(&id(1)).await.unwrap().unwrap();
    let alpha = realm_id("alpha");
    let writes = vec![
        Write::PutRealm(Box::new(realm("beta"))),
        Write::Audit(Box::new(event("alpha", 1, 1))),
        Write::SetFailures { realm: alpha.clone(), id: id(1), count: 9 },
        Write::CountFailure { realm: alpha.clone(), bucket: bucket(1), at: UnixMillis(1), window_ms: 10 },
        Write::InsertOutbox(Box::new(outbox("alpha", 1, 1))),
        Write::InsertSet(Box::new(set("alpha", 1, 41, 40))),
        Write::DeleteSet { realm: alpha.clone(), id: id(1), first: CodeIndex(1) },
        Write::InsertToken(Box::new(token(1))),
        Write::InsertOperation(Box::new(operation("alpha", "vpn", "op"))),
        Write::PutAuthenticator(Box::new(Authenticator { version: Version(1), ..authenticator("alpha", 1, "ada") })),
        // 2 went with its set, so this is what fails.
        Write::Spend(Box::new(spend("alpha", 1, 2))),
    ];
    assert_conflict(commit(&*store, writes).await);
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    assert!(store.realm(&realm_id("beta")).await.unwrap().is_none());
    assert!(store.events(&alpha, &EventFilter::default(), whole()).await.unwrap().is_empty());
    assert!(store.tokens().await.unwrap().is_empty());
    let snapshot = store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    assert!(snapshot.operation.is_none());
    assert_eq!(snapshot.throttle.source.failures, 0);
}

pub async fn writes_are_made_in_their_order(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let (insert, spend_it) =
        (|| Write::InsertSet(Box::new(set("alpha", 1, 1, 2))), || Write::Spend(Box::new(spend("alpha", 1, 1))));
    assert_conflict(commit(&*store, vec![spend_it(), insert()]).await);
    commit(&*store, vec![insert(), spend_it()]).await.unwrap();
}

pub async fn identification_codes_are_unique_across_realms(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let writes = vec![
        Write::PutRealm(Box::new(realm("beta"))),
        Write::PutSubscriber(Box::new(subscriber("beta", "ada"))),
        Write::InsertAuthenticator(Box::new(authenticator("beta", 1, "ada"))),
    ];
    assert_conflict(commit(&*store, writes).await);
    assert_conflict(
        commit(&*store, vec![Write::InsertAuthenticator(Box::new(authenticator("alpha", 1, "ada")))]).await,
    );
    assert_eq!(store.load_device(&id(1)).await.unwrap().unwrap().realm.id, realm_id("alpha"));
}

pub async fn every_field_of_an_authenticator_is_kept(store: Arc<dyn Store>) {
    with_device(&*store).await;
    let full = Authenticator {
        label: "gate house ü".to_owned(),
        profile: Profile::new(Suite::P256, Delivery::PublicKey).unwrap(),
        handle: Handle(255),
        status: Status::Pending { expires_at: UnixMillis(99) },
        keys: AuthenticatorKeys {
            current: EpochKey {
                epoch: Epoch(u32::MAX),
                sealed: SealedKey(Vec::new()),
                since: UnixMillis(i64::MAX.cast_unsigned()),
                messages: u32::MAX,
            },
            next: Some(NextKey {
                epoch: Epoch(8),
                sealed: SealedKey(vec![4; 60]),
                ephemeral: Vec::new(),
                counter: u32::MAX,
            }),
        },
        public_key: vec![5; 1_216],
        requests: RequestWindow { highest: u32::MAX, seen: u64::MAX },
        last_reply: Some(CachedReply { counter: 6, bytes: vec![7; 133], at: UnixMillis(11) }),
        msisdn: Some("+491701234567".parse().unwrap()),
        sync_sequence: u32::MAX,
        next_index: CodeIndex(u32::MAX),
        acknowledged: CodeIndex(40),
        restored: true,
        rotation_wanted: Some(RotationReason::Device),
        refill_due: Some(RefillReason::Operator),
        day: DayCount { day: u32::MAX, sets: u16::MAX },
        reported_unused: Some(255),
        created_at: UnixMillis(0),
        last_seen_at: Some(UnixMillis(12)),
        version: Version(1),
        ..authenticator("alpha", 1, "ada")
    };
    commit(&*store, vec![Write::PutAuthenticator(Box::new(full.clone()))]).await.unwrap();
    let kept = store.load_device(&id(1)).await.unwrap().unwrap().authenticator;
    assert_eq!(kept, Authenticator { version: Version(2), ..full });
}

pub async fn every_field_of_a_policy_is_kept(store: Arc<dyn Store>) {
    let modes = [Mode::Indexed, Mode::NextInOrder { look_ahead: 10 }, Mode::AnyUnused];
    for (version, mode) in (0..).zip(modes) {
        let policy = Policy {
            mode,
            digits: 12,
            base32: true,
            set_size: Some(250),
            threshold: 63,
            max_failures: 20,
            sets_per_day: 100,
            skips_per_day: 0,
            rotate_after_days: 3_650,
            accept_guessable_codes: true,
        };
        let put = matchbook_rules::Realm { policy, version: Version(version), ..realm("alpha") };
        commit(&*store, vec![Write::PutRealm(Box::new(put.clone()))]).await.unwrap();
        let kept = store.realm(&realm_id("alpha")).await.unwrap().unwrap();
        assert_eq!(kept, matchbook_rules::Realm { version: Version(version + 1), ..put });
    }
}

pub async fn tokens_are_unique_by_id_and_hash(store: Arc<dyn Store>) {
    let insert = async |token| commit(&*store, vec![Write::InsertToken(Box::new(token))]).await;
    let party = Role::RelyingParty { realm: realm_id("alpha"), name: relying_party("vpn") };
    let first = matchbook_rules::TokenRecord { role: party, expires_at: Some(UnixMillis(9)), ..token(1) };
    insert(first.clone()).await.unwrap();
    assert_conflict(insert(matchbook_rules::TokenRecord { id: TokenId([2; 8]), ..token(1) }).await);
    assert_conflict(insert(matchbook_rules::TokenRecord { hash: [2; 32], ..token(1) }).await);
    let second = matchbook_rules::TokenRecord { role: Role::RealmOperator(realm_id("beta")), ..token(2) };
    insert(second.clone()).await.unwrap();
    assert_eq!(store.token_by_hash(&[1; 32]).await.unwrap(), Some(first));
    assert_eq!(store.token_by_hash(&[2; 32]).await.unwrap(), Some(second));
    commit(&*store, vec![Write::DeleteToken(TokenId([1; 8]))]).await.unwrap();
    assert_eq!(store.token_by_hash(&[1; 32]).await.unwrap(), None);
    assert_conflict(commit(&*store, vec![Write::DeleteToken(TokenId([1; 8]))]).await);
}

pub async fn operations_are_unique_in_their_relying_party(store: Arc<dyn Store>) {
    let insert = async |operation| commit(&*store, vec![Write::InsertOperation(Box::new(operation))]).await;
    insert(operation("alpha", "vpn", "op")).await.unwrap();
    assert_conflict(insert(operation("alpha", "vpn", "op")).await);
    let other = matchbook_rules::Operation { verdict: Verdict::Rejected, ..operation("alpha", "mail", "op") };
    insert(other.clone()).await.unwrap();
    insert(operation("beta", "vpn", "op")).await.unwrap();
    let found = store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    assert_eq!(found.operation, Some(operation("alpha", "vpn", "op")));
    let lookup = crate::VerifyLookup { relying_party: relying_party("mail"), ..lookup_user("alpha", "ada") };
    assert_eq!(store.load_verify(&lookup).await.unwrap().operation, Some(other));
    let challenge = crate::VerifyLookup { operation: None, ..lookup_user("alpha", "ada") };
    assert_eq!(store.load_verify(&challenge).await.unwrap().operation, None);
}

pub async fn a_verify_loads_who_may_answer_it(store: Arc<dyn Store>) {
    with_set(&*store).await;
    let suspended = Authenticator { status: Status::Suspended, ..authenticator("alpha", 3, "ada") };
    let revoked = Authenticator { status: Status::Revoked, ..authenticator("alpha", 2, "ada") };
    let writes = vec![
        Write::PutSubscriber(Box::new(subscriber("alpha", "bob"))),
        Write::InsertAuthenticator(Box::new(suspended)),
        Write::InsertAuthenticator(Box::new(revoked)),
        Write::InsertAuthenticator(Box::new(authenticator("alpha", 4, "bob"))),
        Write::InsertOutbox(Box::new(outbox("alpha", 1, 1))),
        Write::SetFailures { realm: realm_id("alpha"), id: id(3), count: 2 },
    ];
    commit(&*store, writes).await.unwrap();
    spend_one(&*store, 5).await.unwrap();
    let found = store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
    assert_eq!(found.realm.unwrap().id, realm_id("alpha"));
    assert_eq!(found.subscriber.unwrap().id, subscriber_id("ada"));
    let [first, second] = found.candidates.try_into().unwrap();
    assert_eq!((first.authenticator.id, first.failures, first.set_outstanding), (id(1), 0, true));
    assert_eq!((first.sets.len(), first.spent, first.highest_spent), (1, vec![CodeIndex(5)], CodeIndex(5)));
    assert_eq!((second.authenticator.id, second.failures, second.set_outstanding), (id(3), 2, false));

    let by_code = async |realm: &str, byte| {
        let found = store.load_verify(&lookup(realm, VerifyTarget::Authenticator(id(byte)))).await.unwrap();
        (found.realm.is_some(), found.subscriber.map(|it| it.id.clone()), found.candidates.len())
    };
    assert_eq!(by_code("alpha", 4).await, (true, Some(subscriber_id("bob")), 1));
    assert_eq!(by_code("alpha", 2).await, (true, Some(subscriber_id("ada")), 0));
    assert_eq!(by_code("alpha", 9).await, (true, None, 0));
    // Another realm's code is nobody's here.
    assert_eq!(by_code("beta", 4).await, (false, None, 0));
    let nobody = store.load_verify(&lookup_user("alpha", "eve")).await.unwrap();
    assert!(nobody.realm.is_some() && nobody.subscriber.is_none() && nobody.candidates.is_empty());
    assert_eq!(store.load_device(&id(2)).await.unwrap().unwrap().authenticator.status, Status::Revoked);
    // An empty change is made when its guards hold: there are none.
    store.commit(Changes::default()).await.unwrap();
}

pub async fn an_answer_is_guarded_by_what_was_answered(store: Arc<dyn Store>) {
    with_set(&*store).await;
    let seen = operation("alpha", "vpn", "op-1");
    let guard = |seen: &Operation| Guard::Operation(Box::new(seen.clone()));
    assert_conflict(commit_if(&*store, guard(&seen), vec![Write::Probe]).await);
    commit(&*store, vec![Write::InsertOperation(Box::new(seen.clone()))]).await.unwrap();
    commit_if(&*store, guard(&seen), vec![Write::Probe]).await.unwrap();
    // When it was answered is of no account; what, is.
    commit_if(&*store, guard(&Operation { at: UnixMillis(1), ..seen.clone() }), vec![Write::Probe]).await.unwrap();
    let verdict = match seen.verdict {
        Verdict::Accepted => Verdict::Rejected,
        Verdict::Rejected => Verdict::Accepted,
    };
    let others = [
        Operation { verdict, ..seen.clone() },
        Operation { fingerprint: [0xEE; 16], ..seen.clone() },
        Operation { relying_party: relying_party("mail"), ..seen.clone() },
        Operation { realm: realm_id("beta"), ..seen.clone() },
        Operation { id: operation_id("op-2"), ..seen },
    ];
    for other in others {
        assert_conflict(commit_if(&*store, guard(&other), vec![Write::Probe]).await);
    }
}
