//! Decisions on what was remembered: an old snapshot costs a conflict, never an acceptance that a fresh one would refuse.

use proptest::prelude::*;

use crate::little_store::{World, code, user};
use crate::model::*;
use crate::testing::TestRng;
use crate::throttle::PLACE_FAILURES;
use crate::verify::{self, VerifyDecision, VerifyRequest};

/// What happens between the remembering and the attempt.
#[derive(Clone, Debug)]
enum Meanwhile {
    /// Failures of the same source at the name.
    FailHere(u32),
    /// Failures from elsewhere.
    FailThere(u32),
    /// Failures of the same source at other names.
    FailAtOthers(u32),
    /// Somebody uses the next code.
    Use,
    /// The device's row is rewritten, as by a suspension.
    Suspend,
    SuspendUser,
    /// A policy with fewer failures allowed.
    Stricter,
    /// The same operation was answered.
    Answered,
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        (1..8_u32).prop_map(Meanwhile::FailHere),
        (1..8_u32).prop_map(Meanwhile::FailThere),
        (1..40_u32).prop_map(Meanwhile::FailAtOthers),
        Just(Meanwhile::Use),
        Just(Meanwhile::Suspend),
        Just(Meanwhile::SuspendUser),
        Just(Meanwhile::Stricter),
        Just(Meanwhile::Answered),
    ]
}

/// What a process remembers: no counts, and no operation.
fn remember(world: &World, request: &VerifyRequest) -> VerifySnapshot {
    VerifySnapshot { throttle: ThrottleSnapshot::default(), operation: None, ..world.load(request) }
}

fn happen(world: &mut World, id: matchbook_protocol::AuthenticatorId, what: &Meanwhile, request: &VerifyRequest) {
    let try_some = |world: &mut World, name: &str, source: &str, times: u32| {
        for _ in 0..times {
            let mut attempt = world.attempt(user(name), "000000");
            attempt.source = Some(source.to_owned());
            let _slowed = world.verify(&attempt);
        }
    };
    match what {
        Meanwhile::FailHere(times) => try_some(world, "alice", "192.0.2.1", *times),
        Meanwhile::FailThere(times) => try_some(world, "alice", "198.51.100.9", *times),
        Meanwhile::FailAtOthers(times) => {
            (0..*times).for_each(|number| try_some(world, &format!("user{number}"), "192.0.2.1", 1));
        }
        Meanwhile::Use => {
            let next = world.store.spends.len() + 1;
            let mut attempt = world.attempt(user("alice"), &code(id, u32::try_from(next).unwrap()));
            attempt.source = Some("203.0.113.77".to_owned());
            let _slowed = world.verify(&attempt);
        }
        Meanwhile::Suspend => {
            let device = world.authenticator(id);
            device.status = Status::Suspended;
            device.version.0 += 1;
        }
        Meanwhile::SuspendUser => {
            let alice = world.store.subscribers.get_mut(&SubscriberId::new("alice").unwrap()).unwrap();
            alice.suspended = true;
            alice.version.0 += 1;
        }
        Meanwhile::Stricter => {
            let realm = world.store.realm.as_mut().unwrap();
            realm.policy.max_failures = 1;
            realm.version.0 += 1;
        }
        Meanwhile::Answered => {
            let mut wrong = world.attempt(user("alice"), "000000");
            wrong.operation = request.operation.clone();
            let _slowed = world.verify(&wrong);
        }
    }
}

/// Decides on the old snapshot and commits; `None`: it was no acceptance, or a conflict.
fn accept_on(world: &mut World, request: &VerifyRequest, old: &VerifySnapshot) -> Option<Changes> {
    let keyring = crate::little_store::keyring();
    let buckets = verify::lookup_buckets(request, &keyring);
    let decided = verify::accept(request, &buckets, old, &keyring, world.now, &mut TestRng::new(1))?;
    let VerifyDecision::Commit { changes, verdict: Verdict::Accepted, .. } = decided else { return None };
    world.store.commit(&changes).is_ok().then_some(changes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn an_old_snapshot_accepts_nothing_that_a_fresh_one_refuses(
        events in proptest::collection::vec(meanwhile(), 0..4),
        later_ms in prop_oneof![Just(0_u64), 0..90_000_000_u64],
        look_ahead in 0..4_u8,
        typed in 1..5_u32,
    ) {
        let mode = if look_ahead == 0 { Mode::Indexed } else { Mode::NextInOrder { look_ahead } };
        let mut world = World::new(Policy { mode, ..Policy::default() });
        let id = world.device("alice", 1, 40);
        let request = world.attempt(user("alice"), &code(id, typed));
        let old = remember(&world, &request);
        events.iter().for_each(|what| happen(&mut world, id, what, &request));
        world.now = world.now.plus(later_ms);
        let fresh = world.clone().decide(&request);
        let before = world.store.spends.len();
        if accept_on(&mut world, &request, &old).is_some() {
            let agrees = matches!(fresh, Ok(VerifyDecision::Commit { verdict: Verdict::Accepted, .. }));
            prop_assert!(agrees, "a fresh snapshot gives {fresh:?} after {events:?}");
            prop_assert!(world.store.spends.len() > before);
        }
    }
}

#[test]
fn nothing_happened_and_it_is_accepted() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    let request = world.attempt(user("alice"), &code(id, 1));
    let old = remember(&world, &request);
    assert!(accept_on(&mut world, &request, &old).is_some());
    let again = VerifyRequest { operation: world.attempt(user("alice"), "000000").operation, ..request };
    assert!(accept_on(&mut world, &again, &old).is_none(), "the code is spent");
}

#[test]
fn a_failure_that_a_success_would_clear_is_seen() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    let bobs = world.device("bob", 2, 40);
    let request = world.attempt(user("alice"), &code(id, 1));
    let old = remember(&world, &request);
    world.fail_from("alice", "192.0.2.1", 1);
    // The device's own count is the same for whom it does not know, so take that guard out of the way.
    world.store.failures.clear();
    assert!(accept_on(&mut world, &request, &old).is_none());
    // Another name's failures do not concern it, until the place has made many.
    let mut request = world.attempt(user("bob"), &code(bobs, 1));
    let old = remember(&world, &request);
    assert!(accept_on(&mut world, &request, &old).is_some());
    for number in 1..PLACE_FAILURES {
        world.fail_from(&format!("user{number}"), "192.0.2.1", 1);
    }
    request = world.attempt(user("bob"), &code(bobs, 2));
    let old = remember(&world, &request);
    assert!(accept_on(&mut world, &request, &old).is_none());
}
