//! A code verifies once; an operation is answered once.

use matchbook_protocol::CodeIndex;

use crate::little_store::{Conflict, World, code, realm_id, user};
use crate::model::*;
use crate::verify::{VerifyDecision, VerifyRefusal};

fn changes(decision: VerifyDecision) -> Changes {
    match decision {
        VerifyDecision::Commit { changes, .. } => changes,
        VerifyDecision::Answered { .. } => panic!("it was answered before"),
    }
}

// MB-VER-2
#[test]
fn a_code_verifies_once() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Accepted));
    assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Rejected));
    let spend = &world.store.spends[&(id, CodeIndex(1))];
    assert_eq!((spend.kind, spend.relying_party.as_str()), (SpendKind::Accepted, "vpn"));
    assert_eq!(world.store.spends.len(), 1);
}

// MB-VER-2
#[test]
fn two_acceptances_of_one_code_conflict_at_the_ledger() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    let decisions = [(); 2].map(|()| {
        let request = world.attempt(user("alice"), &code(id, 1));
        let mut changes = changes(world.decide(&request).unwrap());
        changes.guards.clear();
        changes
    });
    assert_eq!(world.store.commit(&decisions[0]), Ok(()));
    assert_eq!(world.store.commit(&decisions[1]), Err(Conflict), "without any guard");
}

// MB-VER-3
#[test]
fn the_same_operation_gets_the_same_answer_and_counts_once() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    let good = world.attempt(user("alice"), &code(id, 1));
    let bad = world.attempt(user("alice"), "000000");
    for _ in 0..3 {
        assert_eq!(world.verify(&good), Ok(Verdict::Accepted));
        assert_eq!(world.verify(&bad), Ok(Verdict::Rejected));
    }
    assert_eq!(world.store.failures_of(id), 1);
    assert_eq!(world.store.spends.len(), 1);
    assert_eq!(world.store.events.len(), 2);
}

#[test]
fn an_operation_is_answered_even_while_its_source_has_to_wait() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    let good = world.attempt(user("alice"), &code(id, 1));
    assert_eq!(world.verify(&good), Ok(Verdict::Accepted));
    world.fail_from("alice", "192.0.2.1", 5);
    assert_eq!(world.verify(&good), Ok(Verdict::Accepted));
}

// MB-VER-3
#[test]
fn an_operation_stands_for_one_request_only() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    world.device("bob", 2, 40);
    let first = world.attempt(user("alice"), &code(id, 1));
    assert_eq!(world.verify(&first), Ok(Verdict::Accepted));
    let again = |change: &dyn Fn(&mut crate::verify::VerifyRequest)| {
        let mut world = world.clone();
        let mut request = world.attempt(user("alice"), &code(id, 1));
        request.operation = first.operation.clone();
        change(&mut request);
        world.verify(&request)
    };
    assert_eq!(again(&|_| {}), Ok(Verdict::Accepted));
    assert_eq!(again(&|request| request.source = None), Ok(Verdict::Accepted), "the user may have moved");
    let typed = format!(" {}-{} ", &code(id, 1)[..3], &code(id, 1)[3..]);
    assert_eq!(again(&|request| request.code = typed.clone().into()), Ok(Verdict::Accepted));
    let reused = Err(VerifyRefusal::OperationReused);
    assert_eq!(again(&|request| request.code = code(id, 2).into()), reused);
    assert_eq!(again(&|request| request.target = user("bob")), reused);
    assert_eq!(again(&|request| request.target = VerifyTarget::Authenticator(id)), reused);
    assert_eq!(again(&|request| request.realm = RealmId::new("mine-4").unwrap()), reused);
    let other = RelyingPartyId::new("ssh").unwrap();
    assert_eq!(again(&|request| request.relying_party = other.clone()), Ok(Verdict::Rejected), "an id of its own");
}

#[test]
fn an_acceptance_is_guarded_by_the_authenticator_and_the_count_that_it_saw() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    world.fail_from("alice", "192.0.2.9", 2);
    let request = world.attempt(user("alice"), &code(id, 1));
    let changes = changes(world.decide(&request).unwrap());
    let mut suspended = world.clone();
    suspended.authenticator(id).status = Status::Suspended;
    suspended.authenticator(id).version.0 += 1;
    assert_eq!(suspended.store.commit(&changes), Err(Conflict), "it was suspended meanwhile");
    let mut guessed = world.clone();
    guessed.fail_from("alice", "192.0.2.9", 1);
    assert_eq!(guessed.store.commit(&changes), Err(Conflict), "somebody guessed meanwhile");
    assert_eq!(world.store.commit(&changes), Ok(()));
}

// MB-VER-7
#[test]
fn failures_side_by_side_are_all_counted() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    let requests = [(); 2].map(|()| world.attempt(user("alice"), "000000"));
    let decisions = requests.each_ref().map(|request| changes(world.decide(request).unwrap()));
    assert_eq!(world.store.commit(&decisions[0]), Ok(()));
    assert_eq!(world.store.commit(&decisions[1]), Err(Conflict));
    assert_eq!(world.verify(&requests[1]), Ok(Verdict::Rejected));
    assert_eq!(world.store.failures_of(id), 2);
}

// MB-SRV-7
#[test]
fn a_set_falls_due_with_the_spend_that_reaches_the_threshold() {
    let mut world = World::new(Policy { threshold: 38, ..Policy::default() });
    let id = world.device("alice", 1, 40);
    assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Accepted));
    assert_eq!(world.authenticator(id).refill_due, None, "39 are left");
    let request = world.attempt(user("alice"), &code(id, 2));
    let VerifyDecision::Commit { changes, refill, .. } = world.decide(&request).unwrap() else { panic!() };
    assert_eq!(refill, Some(id));
    world.store.commit(&changes).unwrap();
    assert_eq!(world.authenticator(id).refill_due, Some(RefillReason::ServerCount));
    assert_eq!(world.authenticator(id).version, Version(2));
    let request = world.attempt(user("alice"), &code(id, 3));
    let VerifyDecision::Commit { refill, .. } = world.decide(&request).unwrap() else { panic!() };
    assert_eq!(refill, None, "it is due already");
}

#[test]
fn no_set_falls_due_while_one_is_on_its_way() {
    let mut world = World::new(Policy { threshold: 63, ..Policy::default() });
    let id = world.device("alice", 1, 40);
    world.store.outstanding.insert(id);
    assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Accepted));
    assert_eq!(world.authenticator(id).refill_due, None);
}

#[test]
fn the_refill_write_only_makes_others_decide_again() {
    let mut world = World::new(Policy { mode: Mode::AnyUnused, threshold: 39, ..Policy::default() });
    let id = world.device("alice", 1, 40);
    let requests = [1, 2].map(|index| world.attempt(user("alice"), &code(id, index)));
    let decisions = requests.each_ref().map(|request| changes(world.decide(request).unwrap()));
    assert_eq!(world.store.commit(&decisions[0]), Ok(()));
    assert_eq!(world.store.commit(&decisions[1]), Err(Conflict));
    assert_eq!(world.verify(&requests[1]), Ok(Verdict::Accepted));
}

#[test]
fn codes_of_a_set_that_is_not_acknowledged_count() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 0);
    world.issue(id, 1, (1..=40).map(|index| code(id, index)));
    world.store.outstanding.insert(id);
    assert_eq!(world.authenticator(id).acknowledged, CodeIndex::NONE);
    assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Accepted));
}

#[test]
fn every_write_names_the_relying_partys_realm() {
    let mut world = World::new(Policy { threshold: 63, ..Policy::default() });
    let id = world.device("alice", 1, 40);
    for typed in ["000000".to_owned(), code(id, 1)] {
        let request = world.attempt(user("alice"), &typed);
        for write in changes(world.decide(&request).unwrap()).writes {
            let realm = match write {
                Write::InsertOperation(done) => done.realm,
                Write::Spend(spend) => spend.realm,
                Write::Audit(event) => event.realm,
                Write::SetFailures { realm, .. } | Write::CountFailure { realm, .. } => realm,
                Write::PutAuthenticator(one) => one.realm,
                other => panic!("{other:?}"),
            };
            assert_eq!(realm, realm_id());
        }
    }
}

// MB-VER-1
#[test]
fn no_code_is_accepted_after_its_user_was_suspended_or_the_policy_changed() {
    let changes: [fn(&mut World); 2] = [
        |world| {
            let alice = world.store.subscribers.values_mut().next().unwrap();
            (alice.suspended, alice.version) = (true, Version(2));
        },
        |world| world.store.realm.as_mut().unwrap().version = Version(2),
    ];
    for change in changes {
        let mut world = World::new(Policy::default());
        let id = world.device("alice", 1, 40);
        let request = world.attempt(user("alice"), &code(id, 1));
        let VerifyDecision::Commit { changes, .. } = world.decide(&request).unwrap() else { panic!("not decided") };
        change(&mut world);
        assert!(world.store.commit(&changes).is_err());
        assert!(world.store.spends.is_empty());
    }
}
