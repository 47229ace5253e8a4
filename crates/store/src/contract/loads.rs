//! What is loaded together, of devices that have several of everything and of names that are nobody's.

use std::sync::Arc;

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{Authenticator, Bucket, BucketKey, OutboxItem, OutboxKind, Spend, Status, VerifyTarget, Write};

use super::fixtures::{
    authenticator, bucket, commit, id, lookup, lookup_user, operation, outbox, realm, realm_id, set, spend, subscriber,
    subscriber_id,
};
use crate::{Store, VerifyLookup};

/// `ada` of `alpha` has the devices 1 to 4: 1 has two sets, 3 has three, 2 none, and 4 is revoked. `bob` has none.
async fn with_devices(store: &dyn Store) {
    let revoked = Authenticator { status: Status::Revoked, ..authenticator("alpha", 4, "ada") };
    let sets = [(3, 41), (1, 1), (3, 1), (3, 81), (4, 1), (1, 41)];
    let spends = [(3, 90), (3, 2), (1, 41), (3, 45), (3, 7), (4, 1)];
    let messages = [(3, 2, 9), (3, 1, 9), (3, 3, 1), (1, 1, 5)];
    let mut writes = vec![
        Write::PutRealm(Box::new(realm("alpha"))),
        Write::PutSubscriber(Box::new(subscriber("alpha", "ada"))),
        Write::PutSubscriber(Box::new(subscriber("alpha", "bob"))),
        Write::InsertAuthenticator(Box::new(revoked)),
    ];
    writes.extend([3, 1, 2].map(|it| Write::InsertAuthenticator(Box::new(authenticator("alpha", it, "ada")))));
    writes.extend(sets.map(|(device, first)| Write::InsertSet(Box::new(set("alpha", device, first, 40)))));
    writes.extend(spends.map(|(device, code)| Write::Spend(Box::new(spend("alpha", device, code)))));
    writes.extend(messages.map(|(device, message, at)| {
        let kind = if device == 1 { OutboxKind::Sync } else { outbox("alpha", device, message).kind };
        let it = OutboxItem { kind, created_at: UnixMillis(at), ..outbox("alpha", device, message) };
        Write::InsertOutbox(Box::new(it))
    }));
    writes.push(Write::SetFailures { realm: realm_id("alpha"), id: id(1), count: 3 });
    commit(store, writes).await.unwrap();
}

pub async fn a_verify_gives_each_device_its_own_sets_and_spends(store: Arc<dyn Store>) {
    with_devices(&*store).await;
    let firsts = |it: &matchbook_rules::Candidate| it.sets.iter().map(|set| set.first.0).collect::<Vec<_>>();
    let spent = |it: &matchbook_rules::Candidate| it.spent.iter().map(|code| code.0).collect::<Vec<_>>();
    let found = store.load_verify(&lookup_user("alpha", "ada")).await.unwrap().candidates;
    let [one, two, three] = &found[..] else { panic!("{found:?}") };
    assert_eq!([one, two, three].map(|it| it.authenticator.id), [id(1), id(2), id(3)]);
    assert_eq!([one, two, three].map(firsts), [vec![1, 41], Vec::new(), vec![1, 41, 81]]);
    assert_eq!([one, two, three].map(spent), [vec![41], Vec::new(), vec![2, 7, 45, 90]]);
    let highest = [one, two, three].map(|it| it.highest_spent);
    assert_eq!(highest, [CodeIndex(41), CodeIndex::NONE, CodeIndex(90)]);
    assert_eq!([one, two, three].map(|it| it.failures), [3, 0, 0]);
    // A SYNC is no set.
    assert_eq!([one, two, three].map(|it| it.set_outstanding), [false, false, true]);
    let by_code = store.load_verify(&lookup("alpha", VerifyTarget::Authenticator(id(3)))).await.unwrap();
    assert_eq!(format!("{:?}", by_code.candidates), format!("{:?}", [three]));
    assert_eq!(by_code.subscriber.unwrap().id, subscriber_id("ada"));
    let nothing = store.load_verify(&lookup_user("alpha", "bob")).await.unwrap();
    assert_eq!((nothing.subscriber.unwrap().id.clone(), nothing.candidates.len()), (subscriber_id("bob"), 0));
}

pub async fn a_device_is_loaded_with_all_its_sets_and_messages(store: Arc<dyn Store>) {
    with_devices(&*store).await;
    let three = store.load_device(&id(3)).await.unwrap().unwrap();
    assert_eq!(three.sets, [1, 41, 81].map(|first| set("alpha", 3, first, 40)));
    assert_eq!(three.spent, [2, 7, 45, 90].map(CodeIndex));
    assert_eq!((three.highest_spent, three.failures), (CodeIndex(90), 0));
    assert_eq!(three.outbox.iter().map(|it| it.message[0]).collect::<Vec<_>>(), [3, 1, 2]);
    let two = store.load_device(&id(2)).await.unwrap().unwrap();
    assert_eq!((two.sets.len(), two.spent.len(), two.outbox.len()), (0, 0, 0));
    assert_eq!((two.highest_spent, two.realm.id), (CodeIndex::NONE, realm_id("alpha")));
    let message = OutboxItem { kind: OutboxKind::Rotation, ..outbox("alpha", 2, 1) };
    commit(&*store, vec![Write::InsertOutbox(Box::new(message.clone()))]).await.unwrap();
    let two = store.load_device(&id(2)).await.unwrap().unwrap();
    assert_eq!((two.sets.len(), two.outbox), (0, vec![message]));
    let four = store.load_device(&id(4)).await.unwrap().unwrap();
    assert_eq!((four.sets.len(), four.spent, four.outbox.len()), (1, vec![CodeIndex(1)], 0));
    // The highest of what was forgotten counts on.
    let (realm, again) = (realm_id("alpha"), Spend { ..spend("alpha", 1, 42) });
    let gone = Write::DeleteSet { realm, id: id(1), first: CodeIndex(41) };
    commit(&*store, vec![Write::Spend(Box::new(again)), gone]).await.unwrap();
    let one = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!((one.sets.len(), one.spent.len(), one.highest_spent, one.failures), (1, 0, CodeIndex(42), 3));
}

/// Nobody's name, of a realm or in it: the counts and the operation are read all the same, each count in its place.
pub async fn counts_and_operations_are_loaded_for_nobody_too(store: Arc<dyn Store>) {
    let of = |target: VerifyTarget| VerifyLookup { place_bucket: BucketKey([0xFF; 16]), ..lookup("alpha", target) };
    let count = |byte: u8| Write::CountFailure {
        realm: realm_id("alpha"),
        bucket: bucket(byte),
        at: UnixMillis(u64::from(byte)),
        window_ms: 10,
    };
    let counted = |byte: u8| {
        let at = UnixMillis(u64::from(byte));
        Bucket { failures: u32::from(byte), window_started_at: at, last_failure_at: at }
    };
    let counts = [1_u8, 2, 3, 4].into_iter().flat_map(|byte| vec![byte; usize::from(byte)]);
    commit(&*store, counts.map(count).collect()).await.unwrap();
    let answer = operation("alpha", "vpn", "op");
    commit(&*store, vec![Write::InsertOperation(Box::new(answer.clone()))]).await.unwrap();
    let targets = [VerifyTarget::Subscriber(subscriber_id("ada")), VerifyTarget::Authenticator(id(1))];
    let assert_counted = async |target: &VerifyTarget| {
        let found = store.load_verify(&of(target.clone())).await.unwrap();
        let counts = found.throttle;
        let [source, relying_party, global, skips] = [1, 2, 3, 4].map(counted);
        assert_eq!([counts.source, counts.place, counts.relying_party], [source, Bucket::default(), relying_party]);
        assert_eq!([counts.global, counts.skips], [global, skips]);
        assert_eq!(found.operation.as_ref(), Some(&answer));
        let unasked = VerifyLookup { operation: None, ..of(target.clone()) };
        assert_eq!(store.load_verify(&unasked).await.unwrap().operation, None);
        (found.realm.is_some(), found.subscriber.is_some(), found.candidates.len())
    };
    for target in &targets {
        assert_eq!(assert_counted(target).await, (false, false, 0));
    }
    commit(&*store, vec![Write::PutRealm(Box::new(realm("alpha")))]).await.unwrap();
    for target in &targets {
        assert_eq!(assert_counted(target).await, (true, false, 0));
    }
    commit(&*store, vec![Write::PutSubscriber(Box::new(subscriber("alpha", "ada")))]).await.unwrap();
    assert_eq!(assert_counted(&targets[0]).await, (true, true, 0));
    let device = Write::InsertAuthenticator(Box::new(authenticator("alpha", 1, "ada")));
    commit(&*store, vec![device]).await.unwrap();
    for target in &targets {
        assert_eq!(assert_counted(target).await, (true, true, 1));
    }
    commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, 1, 40)))]).await.unwrap();
    for target in &targets {
        assert_eq!(assert_counted(target).await, (true, true, 1));
    }
}
