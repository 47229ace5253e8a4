#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::AuthenticatorId;

use super::*;
use crate::little_store::{World, code, user};
use crate::model::{Status, Verdict};

fn world() -> (World, AuthenticatorId) {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    (world, id)
}

fn skip(world: &mut World, name: &str, index: u32) -> Result<u32, VerifyRefusal> {
    let question = ChallengeRequest { unavailable: Some(CodeIndex(index)), ..world.question(user(name)) };
    world.challenge(&question)
}

fn ask(world: &mut World, name: &str) -> u32 {
    let question = world.question(user(name));
    world.challenge(&question).unwrap()
}

#[test]
fn the_question_stays_the_same_until_the_code_is_used() {
    let (mut world, id) = world();
    for _ in 0..5 {
        assert_eq!(ask(&mut world, "alice"), 1);
        world.now = world.now.plus(DAY_MS);
    }
    assert_eq!(world.try_code("alice", "000000"), Ok(Verdict::Rejected));
    assert_eq!(ask(&mut world, "alice"), 1);
    assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Accepted));
    assert_eq!(ask(&mut world, "alice"), 2);
    assert!(world.store.events_of(EventKind::CodeSkipped).is_empty());
}

#[test]
fn the_code_that_is_asked_for_is_the_code_that_counts() {
    for mode in [Mode::Indexed, Mode::NextInOrder { look_ahead: 4 }, Mode::AnyUnused] {
        let (mut world, id) = world();
        world.policy().mode = mode;
        for _ in 0..40 {
            let index = ask(&mut world, "alice");
            assert_eq!(world.try_code("alice", &code(id, index)), Ok(Verdict::Accepted), "{index}");
        }
    }
}

#[test]
fn a_code_that_is_gone_is_spent_as_skipped() {
    let (mut world, id) = world();
    assert_eq!(skip(&mut world, "alice", 1), Ok(2));
    assert_eq!(world.store.spends[&(id, CodeIndex(1))].kind, SpendKind::Skipped);
    assert_eq!(world.store.events_of(EventKind::CodeSkipped).len(), 1);
    assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Rejected));
    assert_eq!(world.try_code("alice", &code(id, 2)), Ok(Verdict::Accepted));
}

#[test]
fn a_repeated_skip_and_one_of_another_number_skip_nothing() {
    let (mut world, _) = world();
    assert_eq!(skip(&mut world, "alice", 1), Ok(2));
    assert_eq!(skip(&mut world, "alice", 1), Ok(2));
    assert_eq!(skip(&mut world, "alice", 17), Ok(2));
    assert_eq!(world.store.spends.len(), 1);
}

#[test]
fn skips_are_capped_by_the_day() {
    let (mut world, _) = world();
    for index in 1..=3 {
        assert_eq!(skip(&mut world, "alice", index), Ok(index + 1));
        world.now = world.now.plus(1_000);
    }
    let retry_after_ms = SKIPS_WINDOW_MS - 3_000;
    assert_eq!(skip(&mut world, "alice", 4), Err(VerifyRefusal::SlowDown { retry_after_ms }));
    assert_eq!(ask(&mut world, "alice"), 4, "the question itself is still answered");
    world.now = world.now.plus(retry_after_ms);
    assert_eq!(skip(&mut world, "alice", 4), Ok(5));
}

#[test]
fn a_policy_without_skips_allows_none() {
    let (mut world, _) = world();
    world.policy().skips_per_day = 0;
    let retry_after_ms = SKIPS_WINDOW_MS;
    assert_eq!(skip(&mut world, "alice", 1), Err(VerifyRefusal::SlowDown { retry_after_ms }));
}

#[test]
fn skips_are_heeded_in_indexed_mode_only() {
    for mode in [Mode::NextInOrder { look_ahead: 4 }, Mode::AnyUnused] {
        let (mut world, _) = world();
        world.policy().mode = mode;
        assert_eq!(skip(&mut world, "alice", 1), Ok(1));
        assert!(world.store.spends.is_empty());
    }
}

#[test]
fn two_skips_at_once_skip_one_code() {
    let (mut world, _) = world();
    let question = ChallengeRequest { unavailable: Some(CodeIndex(1)), ..world.question(user("alice")) };
    let decisions = [(); 2].map(|()| world.decide_challenge(&question).unwrap());
    assert!(world.store.commit(&decisions[0].changes).is_ok());
    assert!(world.store.commit(&decisions[1].changes).is_err());
    assert_eq!(world.challenge(&question), Ok(2));
    assert_eq!(world.store.spends.len(), 1);
}

#[test]
fn a_skip_makes_a_set_due_like_a_use() {
    let (mut world, id) = world();
    world.policy().threshold = 39;
    let question = ChallengeRequest { unavailable: Some(CodeIndex(1)), ..world.question(user("alice")) };
    let decision = world.decide_challenge(&question).unwrap();
    assert_eq!(decision.refill, Some(id));
    world.store.commit(&decision.changes).unwrap();
    assert_eq!(world.authenticator(id).refill_due, Some(RefillReason::ServerCount));
}

#[test]
fn a_skip_of_a_device_that_does_not_count_makes_no_set_due() {
    let (mut world, id) = world();
    world.policy().threshold = 39;
    world.authenticator(id).status = Status::Suspended;
    assert_eq!(skip(&mut world, "alice", 1), Ok(2));
    assert_eq!(world.authenticator(id).refill_due, None);
}

#[test]
fn a_source_that_has_to_wait_gets_no_question() {
    let (mut world, _) = world();
    world.fail_from("alice", "192.0.2.1", 5);
    let question = world.question(user("alice"));
    assert_eq!(world.challenge(&question), Err(VerifyRefusal::SlowDown { retry_after_ms: 30_000 }));
    let elsewhere = ChallengeRequest { source: Some("192.0.2.2".to_owned()), ..question };
    assert_eq!(world.challenge(&elsewhere), Ok(1));
}

#[test]
fn a_name_that_does_not_exist_is_given_a_steady_number() {
    let (mut world, _) = world();
    let numbers: Vec<u32> = (0..50).map(|number| ask(&mut world, &format!("nobody-{number}"))).collect();
    assert!(numbers.iter().all(|index| (1..=1 + 39 + 299 * 4).contains(index)));
    assert!(numbers.windows(2).any(|pair| pair[0] != pair[1]));
    assert_eq!(ask(&mut world, "nobody-0"), numbers[0]);
    let mut earlier = numbers[0];
    for _ in 0..100 {
        world.now = world.now.plus(DAY_MS);
        let index = ask(&mut world, "nobody-0");
        assert!(index == earlier + 4 || index < 50, "{earlier} {index}");
        earlier = index;
    }
}

#[test]
fn a_name_that_does_not_exist_skips_alike() {
    let (mut world, _) = world();
    let first = ask(&mut world, "nobody");
    for index in first..first + 3 {
        assert_eq!(skip(&mut world, "nobody", index), Ok(index + 1));
        assert_eq!(skip(&mut world, "nobody", index), Ok(index + 1), "again");
        assert_eq!(ask(&mut world, "nobody"), index + 1);
    }
    let retry_after_ms = SKIPS_WINDOW_MS;
    assert_eq!(skip(&mut world, "nobody", first + 3), Err(VerifyRefusal::SlowDown { retry_after_ms }));
    assert_eq!(world.store.events[0].subscriber, None);
}

#[test]
fn a_skip_writes_as_much_for_a_name_that_does_not_exist() {
    let (mut world, _) = world();
    let writes = |world: &mut World, name| {
        let index = ask(world, name);
        let question = ChallengeRequest { unavailable: Some(CodeIndex(index)), ..world.question(user(name)) };
        world.decide_challenge(&question).unwrap().changes.writes.len()
    };
    assert_eq!(writes(&mut world, "alice"), writes(&mut world, "nobody"));
}

#[test]
fn a_lock_or_a_suspension_does_not_show_in_the_number() {
    let (world, id) = world();
    let after = |change: &dyn Fn(&mut World)| {
        let mut world = world.clone();
        assert_eq!(skip(&mut world, "alice", 1), Ok(2));
        change(&mut world);
        let asked = ask(&mut world, "alice");
        (asked, skip(&mut world, "alice", asked), ask(&mut world, "alice"))
    };
    let expected = (2, Ok(3), 3);
    assert_eq!(after(&|_| {}), expected);
    assert_eq!(after(&|world| world.authenticator(id).status = Status::Suspended), expected);
    assert_eq!(after(&|world| world.store.failures.insert(id, 100).map_or((), drop)), expected);
    let suspend = |world: &mut World| world.store.subscribers.values_mut().for_each(|one| one.suspended = true);
    assert_eq!(after(&suspend), expected);
}

#[test]
fn a_device_without_codes_is_asked_for_its_next() {
    let (mut world, id) = world();
    world.store.sets.clear();
    assert_eq!(ask(&mut world, "alice"), 41);
    assert_eq!(skip(&mut world, "alice", 41), Ok(42));
    assert!(world.store.spends.is_empty());
    world.authenticator(id).restored = true;
    assert_eq!(ask(&mut world, "alice"), 42);
}

#[test]
fn the_newest_device_that_can_answer_is_asked() {
    let (mut world, _) = world();
    let tablet = world.device("alice", 2, 0);
    world.authenticator(tablet).created_at = world.now.plus(1);
    assert_eq!(ask(&mut world, "alice"), 1, "the tablet has no code yet");
    world.issue(tablet, 7, [code(tablet, 7)]);
    assert_eq!(ask(&mut world, "alice"), 7);
    world.authenticator(tablet).status = Status::Suspended;
    assert_eq!(ask(&mut world, "alice"), 1);
}

#[test]
fn another_realm_than_its_own_is_answered_like_a_name_that_does_not_exist() {
    let (mut world, _) = world();
    let elsewhere = ChallengeRequest { realm: RealmId::new("mine-4").unwrap(), ..world.question(user("alice")) };
    let index = world.challenge(&elsewhere).unwrap();
    let skipping = ChallengeRequest { unavailable: Some(CodeIndex(index)), ..elsewhere.clone() };
    assert_eq!(world.challenge(&skipping), Ok(index + 1));
    assert!(world.store.spends.is_empty());
    world.store.realm = None;
    assert_eq!(world.challenge(&ChallengeRequest { unavailable: None, ..elsewhere }), Ok(index + 1));
    let question = world.question(user("alice"));
    let nowhere = world.challenge(&question).unwrap();
    let skipping = ChallengeRequest { unavailable: Some(CodeIndex(nowhere)), ..question };
    assert!(world.decide_challenge(&skipping).unwrap().changes.writes.is_empty());
}
