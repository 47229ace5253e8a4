//! Guessing: who waits, what locks, and what a success clears.

use crate::little_store::{World, code, user};
use crate::model::*;
use crate::throttle::{HARD_STOP, PLACE_FAILURES, PLACE_SPACING_MS, RELYING_PARTY_FAILURES};
use crate::verify::{VerifyDecision, VerifyRefusal};

const ACCEPTED: Result<Verdict, VerifyRefusal> = Ok(Verdict::Accepted);
const REJECTED: Result<Verdict, VerifyRefusal> = Ok(Verdict::Rejected);

fn slow_down(retry_after_ms: u64) -> Result<Verdict, VerifyRefusal> {
    Err(VerifyRefusal::SlowDown { retry_after_ms })
}

fn world() -> (World, matchbook_protocol::AuthenticatorId) {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    (world, id)
}

/// Fails from a new source each time.
fn fail_from_everywhere(world: &mut World, times: u32) {
    for number in 0..times {
        world.fail_from("alice", &format!("203.0.113.{number}"), 1);
    }
}

#[test]
fn after_five_failures_a_source_waits_even_with_the_right_code() {
    let (mut world, id) = world();
    world.fail_from("alice", "192.0.2.1", 5);
    assert_eq!(world.try_code("alice", &code(id, 1)), slow_down(30_000));
    assert_eq!(world.try_code("alice", "000000"), slow_down(30_000), "alike, and not counted");
    assert_eq!(world.store.failures_of(id), 5);
    world.now = world.now.plus(30_000);
    assert_eq!(world.try_code("alice", "000000"), REJECTED);
    assert_eq!(world.try_code("alice", &code(id, 1)), slow_down(60_000));
    world.now = world.now.plus(60_000);
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED);
}

// MB-VER-8
#[test]
fn another_source_and_another_name_do_not_wait() {
    let (mut world, id) = world();
    let bobs = world.device("bob", 2, 40);
    world.fail_from("alice", "198.51.100.7", 5);
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED);
    let mut request = world.attempt(user("bob"), &code(bobs, 1));
    request.source = Some("198.51.100.7".to_owned());
    assert_eq!(world.verify(&request), ACCEPTED);
}

#[test]
fn a_name_that_does_not_exist_slows_down_alike() {
    let (mut world, _) = world();
    world.fail_from("nobody", "192.0.2.1", 5);
    assert_eq!(world.try_code("nobody", "000000"), slow_down(30_000));
    assert_eq!(world.store.events_of(EventKind::SourceSlowed).len(), 1);
}

#[test]
fn the_failure_that_slows_a_source_is_told_once() {
    let (mut world, _) = world();
    world.fail_from("alice", "192.0.2.1", 5);
    world.now = world.now.plus(30_000);
    world.fail_from("alice", "192.0.2.1", 1);
    let slowed = world.store.events_of(EventKind::SourceSlowed);
    assert_eq!(slowed.len(), 1);
    assert!(slowed[0].detail.contains("waits 30 s"), "{}", slowed[0].detail);
}

#[test]
fn a_success_clears_the_failures_and_the_source() {
    let (mut world, id) = world();
    world.fail_from("alice", "192.0.2.1", 4);
    world.fail_from("alice", "192.0.2.9", 4);
    assert_eq!(world.store.failures_of(id), 8);
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED);
    assert_eq!(world.store.failures_of(id), 0);
    world.fail_from("alice", "192.0.2.1", 4);
    assert_eq!(world.try_code("alice", &code(id, 2)), ACCEPTED);
    world.fail_from("alice", "192.0.2.9", 1);
    let mut other = world.attempt(user("alice"), &code(id, 3));
    other.source = Some("192.0.2.9".to_owned());
    assert_eq!(world.verify(&other), slow_down(30_000), "the other source's count was not cleared");
}

// MB-VER-8
#[test]
fn a_hundred_failures_lock_the_device_and_only_an_operator_unlocks_it() {
    let (mut world, id) = world();
    fail_from_everywhere(&mut world, HARD_STOP - 1);
    let before_the_last = world.clone();
    assert!(world.store.events_of(EventKind::DeviceLocked).is_empty());
    world.fail_from("alice", "198.51.100.1", 1);
    let locked = world.store.events_of(EventKind::DeviceLocked);
    assert_eq!(locked.len(), 1);
    assert_eq!(locked[0].authenticator, Some(id));
    assert_eq!(world.try_code("alice", &code(id, 1)), REJECTED, "the right code");
    assert_eq!(world.store.failures_of(id), HARD_STOP, "and it is not counted further");
    world.now = world.now.plus(400 * 24 * 3_600_000);
    world.store.buckets.clear();
    assert_eq!(world.try_code("alice", &code(id, 1)), REJECTED, "a year later");
    world.store.failures.remove(&id);
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED, "unlocked");
    let mut world = before_the_last;
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED, "99 failures lock nothing");
}

#[test]
fn a_success_on_one_device_leaves_a_locked_one_locked() {
    let (mut world, phone) = world();
    let tablet = world.device("alice", 2, 40);
    world.store.failures.insert(phone, HARD_STOP);
    world.store.failures.insert(tablet, 3);
    assert_eq!(world.try_code("alice", &code(tablet, 1)), ACCEPTED);
    assert_eq!((world.store.failures_of(phone), world.store.failures_of(tablet)), (HARD_STOP, 0));
}

#[test]
fn a_success_unlocks_no_device_that_was_locked_beside_it() {
    let (mut world, phone) = world();
    let tablet = world.device("alice", 2, 40);
    world.store.failures.insert(phone, HARD_STOP - 1);
    let success = world.attempt(user("alice"), &code(tablet, 1));
    let VerifyDecision::Commit { changes, .. } = world.decide(&success).unwrap() else { panic!("not decided") };
    let guess = world.attempt(VerifyTarget::Authenticator(phone), "000000");
    assert_eq!(world.verify(&guess), REJECTED, "the phone is locked now");
    assert!(world.store.commit(&changes).is_err());
    assert_eq!(world.verify(&success), ACCEPTED);
    assert_eq!(world.store.failures_of(phone), HARD_STOP);
}

// MB-VER-7
#[test]
fn refill_rotation_and_policy_reset_no_count() {
    let (mut world, id) = world();
    world.fail_from("alice", "192.0.2.1", 5);
    world.issue(id, 41, (41..=80).map(|index| code(id, index)));
    world.authenticator(id).version.0 += 3;
    world.policy().digits = 8;
    assert_eq!(world.try_code("alice", &code(id, 1)), slow_down(30_000));
    assert_eq!(world.store.failures_of(id), 5);
}

/// Fails so often from one source, each time at another made-up name, as fast as it is let.
fn flood(world: &mut World, source: Option<&str>, times: u32) {
    for number in 0..times {
        let mut request = world.attempt(user(&format!("user-{number}")), "000000");
        request.source = source.map(str::to_owned);
        while let Err(VerifyRefusal::SlowDown { retry_after_ms }) = world.verify(&request) {
            world.now = world.now.plus(retry_after_ms);
        }
    }
}

// MB-VER-8
#[test]
fn a_source_that_fails_at_many_names_waits_at_all_of_them_and_a_success_ends_nothing() {
    let (mut world, id) = world();
    let before = world.now;
    flood(&mut world, Some("192.0.2.1"), PLACE_FAILURES);
    assert_eq!(world.now, before, "so many are free");
    assert_eq!(world.try_code("alice", &code(id, 1)), slow_down(PLACE_SPACING_MS));
    world.now = world.now.plus(PLACE_SPACING_MS);
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED);
    world.fail_from("user-0", "192.0.2.1", 1);
    assert_eq!(world.try_code("alice", &code(id, 2)), slow_down(PLACE_SPACING_MS));
    let mut elsewhere = world.attempt(user("alice"), &code(id, 2));
    elsewhere.source = Some("198.51.100.7".to_owned());
    assert_eq!(world.verify(&elsewhere), ACCEPTED);
}

// MB-VER-8
#[test]
fn a_source_alone_never_makes_its_relying_party_wait() {
    let (mut world, id) = world();
    flood(&mut world, Some("198.51.100.7"), RELYING_PARTY_FAILURES);
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED);
}

// MB-VER-8
#[test]
fn a_relying_party_that_is_flooded_lets_those_wait_that_failed() {
    let (mut world, id) = world();
    for number in 0..RELYING_PARTY_FAILURES {
        world.fail_from(&format!("user-{number}"), &format!("10.0.{}.{}", number / 250, number % 250), 1);
    }
    assert_eq!(world.try_code("alice", &code(id, 1)), ACCEPTED, "an honest user elsewhere");
    let mut guess = world.attempt(user("alice"), &code(id, 2));
    guess.source = Some("10.0.0.7".to_owned());
    assert_eq!(world.verify(&guess), slow_down(5_000));
    world.now = world.now.plus(5_000);
    assert_eq!(world.verify(&guess), ACCEPTED);
}

#[test]
fn a_relying_party_that_tells_no_source_is_one() {
    let (mut world, id) = world();
    flood(&mut world, None, PLACE_FAILURES);
    let mut request = world.attempt(user("alice"), &code(id, 1));
    request.source = None;
    assert_eq!(world.verify(&request), slow_down(PLACE_SPACING_MS));
    let mut through_another = world.attempt(user("alice"), &code(id, 1));
    through_another.source = None;
    through_another.relying_party = RelyingPartyId::new("ssh").unwrap();
    assert_eq!(world.verify(&through_another), ACCEPTED);
}
