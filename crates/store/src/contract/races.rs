//! Many callers at once.

use std::sync::Arc;

use matchbook_protocol::UnixMillis;
use matchbook_rules::{Authenticator, Changes, Guard, Spend, Version, Write};
use tokio::task::JoinSet;

use super::fixtures::*;
use crate::{CommitError, Store};

/// Rounds of the race for one code.
const ROUNDS: u32 = 50;
/// Racers in each.
const RACERS: u32 = 200;

pub async fn one_of_two_hundred_spends_wins(store: Arc<dyn Store>) {
    with_device(&*store).await;
    commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, 1, 50)))]).await.unwrap();
    for round in 1..=ROUNDS {
        let mut racers = JoinSet::new();
        for racer in 0..RACERS {
            let store = Arc::clone(&store);
            racers.spawn(async move {
                let spend = Spend { operation: operation_id(&format!("op-{racer}")), ..spend("alpha", 1, round) };
                commit(&*store, vec![Write::Spend(Box::new(spend))]).await
            });
        }
        assert_eq!(winners(racers).await, 1, "round {round}");
    }
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!(u32::try_from(after.spent.len()).unwrap(), ROUNDS);
}

pub async fn one_of_many_rewrites_wins(store: Arc<dyn Store>) {
    with_device(&*store).await;
    for round in 1..=10 {
        let mut racers = JoinSet::new();
        for racer in 0..50 {
            let store = Arc::clone(&store);
            racers.spawn(async move {
                let it =
                    Authenticator { version: Version(round), sync_sequence: racer, ..authenticator("alpha", 1, "ada") };
                commit(&*store, vec![Write::PutAuthenticator(Box::new(it))]).await
            });
        }
        assert_eq!(winners(racers).await, 1, "round {round}");
    }
    let after = store.load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!(after.authenticator.version, Version(11));
}

/// A spend and a failure are always written together: no read sees one without the other.
pub async fn reads_see_whole_commits(store: Arc<dyn Store>) {
    with_set(&*store).await;
    let writing = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for index in 1..=40 {
                let (realm, id) = (realm_id("alpha"), id(1));
                let guard = Guard::Failures { realm: realm.clone(), id, count: index - 1 };
                let writes = vec![
                    Write::Spend(Box::new(spend("alpha", 1, index))),
                    Write::SetFailures { realm, id, count: index },
                ];
                store.commit(Changes { guards: vec![guard], writes }).await.unwrap();
                // What was answered is there for a read that begins now.
                let spent = store.load_device(&id).await.unwrap().unwrap().spent.len();
                assert_eq!(u32::try_from(spent).unwrap(), index);
            }
        }
    });
    while !writing.is_finished() {
        let device = store.load_device(&id(1)).await.unwrap().unwrap();
        assert_eq!(u32::try_from(device.spent.len()).unwrap(), device.failures);
        let found = store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
        let [candidate] = found.candidates.try_into().unwrap();
        assert_eq!(u32::try_from(candidate.spent.len()).unwrap(), candidate.failures);
    }
    writing.await.unwrap();
}

/// The same operation from many connections: one result is stored, for all of them to read.
pub async fn an_operation_is_answered_once(store: Arc<dyn Store>) {
    with_set(&*store).await;
    for round in 1..=10_u32 {
        let mut racers = JoinSet::new();
        for racer in 0..50 {
            let store = Arc::clone(&store);
            racers.spawn(async move {
                let mut operation = operation("alpha", "vpn", &format!("op-{round}"));
                operation.at = UnixMillis(racer);
                let writes =
                    vec![Write::Spend(Box::new(spend("alpha", 1, round))), Write::InsertOperation(Box::new(operation))];
                commit(&*store, writes).await
            });
        }
        assert_eq!(winners(racers).await, 1, "round {round}");
    }
}

async fn winners(mut racers: JoinSet<Result<(), CommitError>>) -> u32 {
    let mut winners = 0;
    while let Some(result) = racers.join_next().await {
        match result.unwrap() {
            Ok(()) => winners += 1,
            Err(CommitError::Conflict(_)) => {}
            Err(other) => panic!("only a conflict is a reason to lose: {other}"),
        }
    }
    winners
}
