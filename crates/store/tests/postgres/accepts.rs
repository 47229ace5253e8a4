//! Plain acceptances, which go many in one statement.

use std::sync::Arc;

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{Changes, Guard, Subscriber, Version, Write};
use matchbook_store::contract::fixtures::{
    assert_conflict, bucket, commit, id, lookup_user, operation_id, realm, realm_id, spend_one, subscriber, whole,
    with_device, with_set,
};
use matchbook_store::{CommitError, EventFilter, PostgresStore, Store, VerifyLookup};
use matchbook_testbed::wait_until;
use tokio::task::JoinSet;

use super::fixture::{Database, accept};

#[tokio::test]
async fn all_of_an_acceptance_is_written() {
    let Some(database) = Database::fresh().await else { return };
    let store = database.open().await;
    with_set(&store).await;
    store.commit(accept(7, "op-7")).await.unwrap();
    let found = store.load_verify(&of_operation("op-7")).await.unwrap();
    let Write::InsertOperation(answered) = &accept(7, "op-7").writes[0] else { panic!() };
    assert_eq!(found.operation.as_ref(), Some(&**answered));
    assert_eq!(found.candidates[0].spent, [CodeIndex(7)]);
    let Write::Audit(told) = &accept(7, "op-7").writes[2] else { panic!() };
    let events = store.events(&realm_id("alpha"), &EventFilter::default(), whole()).await.unwrap();
    assert_eq!(events, std::slice::from_ref(&**told));
    // It went by the statement, which is the only one that says so.
    assert_eq!(database.sql("SELECT kind, operation FROM spends"), "0|op-7");
    database.assert_both_or_none();
}

/// Who keeps the changes, to write them again when the outcome is in doubt, shares them with the batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_that_is_kept_is_not_copied() {
    let Some(database) = Database::fresh().await else { return };
    let store = Arc::new(database.open().await);
    with_set(&*store).await;
    // It comes to an end only after the test has looked.
    database.sql(
        "CREATE TABLE hold (); CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN WHILE EXISTS (SELECT 1 FROM information_schema.tables WHERE table_name = 'hold') LOOP \
         PERFORM pg_sleep(0.01); END LOOP; RETURN NULL; END $$; \
         CREATE TRIGGER far AFTER INSERT ON spends FOR EACH STATEMENT EXECUTE FUNCTION wait()",
    );
    let changes = Arc::new(accept(1, "op-1"));
    let (node, shared) = (Arc::clone(&store), Arc::clone(&changes));
    let committing = tokio::spawn(async move { node.commit_shared(&shared).await });
    // The test's, the caller's, and the batch's.
    wait_until("the batch has them", || Ok(Arc::strong_count(&changes) == 3)).unwrap();
    database.sql("DROP TABLE hold");
    committing.await.unwrap().unwrap();
}

#[tokio::test]
async fn each_guard_of_an_acceptance_is_checked() {
    let Some(database) = Database::fresh().await else { return };
    let store = database.open().await;
    with_set(&store).await;
    spend_one(&store, 9).await.unwrap();
    let count = |bucket, at| Write::CountFailure { realm: realm_id("alpha"), bucket, at: UnixMillis(at), window_ms: 9 };
    commit(&store, (0..5).map(|_| count(bucket(1), 1_001)).collect()).await.unwrap();
    let before = database.sql("SELECT count(*) FROM spends");
    // The first bucket is full.
    assert_conflict(store.commit(accept(1, "op-1")).await);
    commit(&store, vec![Write::ClearBucket { realm: realm_id("alpha"), bucket: bucket(1) }]).await.unwrap();
    let changed: [fn(&mut Changes); 8] = [
        |it| it.guards[0] = Guard::Authenticator { realm: realm_id("alpha"), id: id(1), version: Version(2) },
        |it| {
            it.guards[1] =
                Guard::Subscriber { realm: realm_id("alpha"), id: subscriber("alpha", "ada").id, version: Version(2) }
        },
        |it| it.guards[2] = Guard::Realm { id: realm_id("alpha"), version: Version(2) },
        |it| it.guards[3] = Guard::Failures { realm: realm_id("alpha"), id: id(1), count: 1 },
        |it| *it = accept(9, "op-9"),
        |it| *it = accept(41, "op-41"),
        |it| *it = accept(0, "op-0"),
        |it| it.guards[0] = Guard::Authenticator { realm: realm_id("alpha"), id: id(1), version: Version(0) },
    ];
    for change in changed {
        let mut changes = accept(1, "op-1");
        change(&mut changes);
        assert_conflict(store.commit(changes).await);
    }
    assert_eq!(database.sql("SELECT count(*) FROM spends"), before);
    assert_eq!(database.sql("SELECT count(*) FROM operations"), "0");
    store.commit(accept(1, "op-1")).await.unwrap();
    assert_conflict(store.commit(accept(2, "op-1")).await);
    store.commit(accept(2, "op-2")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_that_loses_does_no_harm_to_the_others() {
    let Some(database) = Database::fresh().await else { return };
    let store = Arc::new(database.open().await);
    with_set(&*store).await;
    for index in [3, 13, 23] {
        spend_one(&*store, index).await.unwrap();
    }
    database.sql("DELETE FROM operations");
    let mut all = JoinSet::new();
    for index in 1..=40 {
        for again in 0..3 {
            // The same code with other operations, and the same operation twice.
            let store = Arc::clone(&store);
            all.spawn(async move { (index, store.commit(accept(index, &format!("op-{index}-{}", again / 2))).await) });
        }
    }
    let mut won: Vec<u32> = Vec::new();
    while let Some(result) = all.join_next().await {
        match result.unwrap() {
            (index, Ok(())) => won.push(index),
            (_, Err(CommitError::Conflict(_))) => {}
            (index, Err(other)) => panic!("{index}: {other}"),
        }
    }
    won.sort_unstable();
    let free: Vec<u32> = (1..=40).filter(|index| ![3, 13, 23].contains(index)).collect();
    assert_eq!(won, free);
    assert_eq!(database.sql("SELECT count(*) FROM operations"), "37");
}

/// Nor does one that the database refuses for a reason that we do not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_that_is_refused_does_no_harm_to_the_others() {
    let Some(database) = Database::fresh().await else { return };
    let store = Arc::new(database.open().await);
    with_set(&*store).await;
    database.sql("ALTER TABLE spends ADD CHECK (code <> 13)");
    let mut all = JoinSet::new();
    for index in 1..=40 {
        let store = Arc::clone(&store);
        all.spawn(async move { (index, store.commit(accept(index, &format!("op-{index}"))).await) });
    }
    while let Some(result) = all.join_next().await {
        match result.unwrap() {
            (13, Err(CommitError::Unavailable(why))) => assert!(why.contains("please report this"), "{why}"),
            (index, result) => assert!(result.is_ok(), "{index}: {result:?}"),
        }
    }
    database.assert_both_or_none();
}

/// Two nodes that get the same operations, and two that get other operations for the same codes: each code and each
/// operation has one winner, and no spend is without its operation.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_race_for_codes_and_operations() {
    let Some(database) = Database::fresh().await else { return };
    let nodes = [Arc::new(database.open().await), Arc::new(database.open().await)];
    with_set(&*nodes[0]).await;
    let mut all = JoinSet::new();
    for index in 1..=40_u32 {
        for (node, store) in nodes.iter().enumerate() {
            for (code, operation) in [(index, index), (index, index + 100), (41 - index, index)] {
                let store = Arc::clone(store);
                all.spawn(async move {
                    let result = store.commit(accept(code, &format!("op-{operation}"))).await;
                    (code, operation, node, result)
                });
            }
        }
    }
    let (mut codes, mut operations) = (Vec::new(), Vec::new());
    while let Some(result) = all.join_next().await {
        match result.unwrap() {
            (code, operation, _, Ok(())) => {
                codes.push(code);
                operations.push(operation);
            }
            (_, _, _, Err(CommitError::Conflict(_))) => {}
            (code, operation, node, Err(other)) => panic!("{code} {operation} at {node}: {other}"),
        }
    }
    let count = codes.len();
    assert_eq!(count, 40, "each code is there for somebody");
    codes.sort_unstable();
    codes.dedup();
    operations.sort_unstable();
    operations.dedup();
    assert_eq!((codes.len(), operations.len()), (count, count));
    assert_eq!(database.sql("SELECT count(*) FROM spends"), "40");
    database.assert_both_or_none();
    println!("races tried again: {}", nodes.iter().map(|node| node.retries()).sum::<u64>());
}

/// What is answered as suspended accepts nothing any more, however many acceptances are under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_acceptance_follows_a_suspension() {
    let Some(database) = Database::fresh().await else { return };
    let nodes = [Arc::new(database.open().await), Arc::new(database.open().await)];
    with_set(&*nodes[0]).await;
    let mut all = JoinSet::new();
    for index in 1..=40_u32 {
        let store = Arc::clone(&nodes[usize::from(index % 2 == 0)]);
        all.spawn(async move { store.commit(accept(index, &format!("op-{index}"))).await });
    }
    let suspended = Subscriber { suspended: true, version: Version(1), ..subscriber("alpha", "ada") };
    commit(&*nodes[0], vec![Write::PutSubscriber(Box::new(suspended))]).await.unwrap();
    let then = database.sql("SELECT count(*) FROM spends");
    while let Some(result) = all.join_next().await {
        assert!(matches!(result.unwrap(), Ok(()) | Err(CommitError::Conflict(_))));
    }
    assert_eq!(database.sql("SELECT count(*) FROM spends"), then);
    database.assert_both_or_none();
}

/// A policy is changed while acceptances of its realm go on without a pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_busy_realm_can_be_changed() {
    let Some(database) = Database::fresh().await else { return };
    let store: Arc<PostgresStore> = Arc::new(database.open().await);
    with_device(&*store).await;
    let sets = (0..40).map(|set| {
        let set = matchbook_store::contract::fixtures::set("alpha", 1, set * 250 + 1, 250);
        Write::InsertSet(Box::new(set))
    });
    commit(&*store, sets.collect()).await.unwrap();
    let mut all = JoinSet::new();
    for caller in 0..64_u32 {
        let store = Arc::clone(&store);
        all.spawn(async move {
            for turn in 0..150 {
                let index = turn * 64 + caller + 1;
                match store.commit(accept(index, &format!("op-{index}"))).await {
                    Ok(()) => {}
                    Err(CommitError::Conflict(_)) => return turn,
                    Err(other) => panic!("{other}"),
                }
            }
            150
        });
    }
    while database.sql("SELECT count(*) FROM spends").parse::<u32>().unwrap() < 200 {}
    let changed = matchbook_rules::Realm { display_name: "Other".to_owned(), version: Version(1), ..realm("alpha") };
    commit(&*store, vec![Write::PutRealm(Box::new(changed))]).await.unwrap();
    let turns = all.join_all().await;
    println!("acceptances before the change: {}", turns.iter().sum::<u32>());
    database.assert_both_or_none();
}

/// Likewise when other nodes keep the realm busy, which share locks of its row without a moment in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_realm_that_other_nodes_keep_busy_can_be_changed() {
    const CALLERS: u32 = 192;
    const TURNS: u32 = 500;
    let Some(database) = Database::fresh().await else { return };
    let (node, mut nodes) = (database.open().await, Vec::new());
    for _ in 0..3 {
        nodes.push(Arc::new(database.open().await));
    }
    with_device(&node).await;
    let sets = (0..CALLERS * TURNS / 250).map(|at| {
        let set = matchbook_store::contract::fixtures::set("alpha", 1, at * 250 + 1, 250);
        Write::InsertSet(Box::new(set))
    });
    commit(&node, sets.collect()).await.unwrap();
    // They are far away, so that their transactions take long and end one by one.
    database.sql(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(0.005 + 0.02 * random()); RETURN NULL; END $$",
    );
    database.sql("CREATE TRIGGER far AFTER INSERT ON spends FOR EACH STATEMENT EXECUTE FUNCTION wait()");
    let mut all = JoinSet::new();
    for (caller, store) in (0..CALLERS).zip(nodes.iter().cycle()) {
        let store = Arc::clone(store);
        all.spawn(async move {
            for turn in 0..TURNS {
                let index = turn * CALLERS + caller + 1;
                match store.commit(accept(index, &format!("op-{index}"))).await {
                    Ok(()) => {}
                    Err(CommitError::Conflict(_)) => return turn,
                    Err(other) => panic!("{other}"),
                }
            }
            TURNS
        });
    }
    while database.sql("SELECT count(*) FROM spends").parse::<u32>().unwrap() < 1_000 {}
    let changed = matchbook_rules::Realm { display_name: "Other".to_owned(), version: Version(1), ..realm("alpha") };
    commit(&node, vec![Write::PutRealm(Box::new(changed))]).await.unwrap();
    let turns = all.join_all().await;
    assert!(turns.iter().any(|turns| *turns < TURNS), "it was changed while they were busy");
    println!("acceptances before the change: {}", turns.iter().sum::<u32>());
    database.assert_both_or_none();
}

fn of_operation(name: &str) -> VerifyLookup {
    VerifyLookup { operation: Some(operation_id(name)), ..lookup_user("alpha", "ada") }
}
