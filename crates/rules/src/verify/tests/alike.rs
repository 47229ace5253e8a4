//! A wrong code, a name that does not exist and an authenticator that may not log in look alike: the same answer, as
//! much work, as many writes.

use matchbook_protocol::{AuthenticatorId, UnixMillis};

use crate::little_store::{World, code, keyring, user};
use crate::model::*;
use crate::verify::compare::{CODE_BLOCK, TAG_BLOCK, Work};
use crate::verify::{VerifyDecision, VerifyRequest, work};

/// What every refusal costs.
const ONE_BLOCK: Work = Work { tags: TAG_BLOCK, codes: CODE_BLOCK };

/// What an observer of the store's load could tell: the kinds of the writes.
fn shape(changes: &Changes) -> Vec<&'static str> {
    let kind = |write: &Write| match write {
        Write::InsertOperation(_) => "operation",
        // One row of a count, in either table.
        Write::SetFailures { .. } | Write::CountFailure { .. } => "count",
        Write::Audit(_) => "audit",
        other => panic!("{other:?}"),
    };
    changes.writes.iter().map(kind).collect()
}

fn rejected(world: &mut World, request: &VerifyRequest) -> (Vec<&'static str>, Work) {
    let snapshot = world.load(request);
    let work = work(request, &snapshot, &keyring(), world.now);
    match world.decide(request).unwrap() {
        VerifyDecision::Commit { changes, verdict: Verdict::Rejected, refill: None } => (shape(&changes), work),
        other => panic!("{other:?}"),
    }
}

fn world() -> (World, AuthenticatorId) {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    (world, id)
}

// MB-VER-4
#[test]
fn all_refusals_write_and_work_alike() {
    let (world, id) = world();
    let good = code(id, 1);
    let mut wrong = world.clone();
    let request = wrong.attempt(user("alice"), "000000");
    let expected = rejected(&mut wrong, &request);
    assert_eq!(expected.0, ["operation", "count", "count", "count", "count", "count", "audit"]);
    assert_eq!(expected.1, ONE_BLOCK);

    let refused = |change: &dyn Fn(&mut World), target: VerifyTarget, home: Option<&str>| {
        let mut world = world.clone();
        change(&mut world);
        let mut request = world.attempt(target, &good);
        request.realm = home.map_or(request.realm, |other| RealmId::new(other).unwrap());
        assert_eq!(rejected(&mut world, &request), expected, "{:?}", request.target);
        let why = world.verify(&request).map(|_| world.store.events.last().unwrap().detail.clone()).unwrap();
        why.strip_prefix("from 192.0.2.1: ").unwrap().to_owned()
    };
    let device = VerifyTarget::Authenticator;
    let stranger = AuthenticatorId([9; 8]);
    assert_eq!(refused(&|_| {}, user("nobody"), None), "there is no user of that name");
    assert_eq!(refused(&|_| {}, device(stranger), None), "there is no device of that identification code");
    assert_eq!(refused(&|_| {}, user("alice"), Some("mine-4")), "the relying party named another realm than its own");
    for target in [user("alice"), device(id)] {
        let status = |status| move |world: &mut World| world.authenticator(id).status = status;
        let refused = |change: &dyn Fn(&mut World)| refused(change, target.clone(), None);
        assert_eq!(refused(&status(Status::Suspended)), "the device is suspended");
        let expires_at = UnixMillis(u64::MAX);
        assert_eq!(refused(&status(Status::Pending { expires_at })), "the device has not enrolled yet");
        let gone = if target == device(id) { "the device is revoked" } else { "the user has no device in use" };
        assert_eq!(refused(&status(Status::Revoked)), gone);
        assert!(refused(&|world| world.authenticator(id).restored = true).contains("restored"));
        assert!(refused(&|world| world.store.failures.insert(id, 100).map_or((), drop)).contains("locked"));
        let suspend = |world: &mut World| world.store.subscribers.values_mut().for_each(|one| one.suspended = true);
        assert_eq!(refused(&suspend), "the user is suspended");
        assert_eq!(refused(&|world| world.store.sets.clear()), "the device has no unused code");
    }
}

#[test]
fn a_realm_that_does_not_exist_costs_as_much_and_keeps_nothing() {
    let (mut world, id) = world();
    world.store.realm = None;
    let request = world.attempt(user("alice"), &code(id, 1));
    let (shape, work) = rejected(&mut world, &request);
    assert_eq!((shape.len(), work), (0, ONE_BLOCK));
}

#[test]
fn two_full_sets_cost_no_more_than_a_name_that_does_not_exist() {
    let (mut world, id) = world();
    world.issue(id, 41, (41..=80).map(|index| code(id, index)));
    world.issue(id, 81, (81..=120).map(|index| code(id, index)));
    let request = world.attempt(user("alice"), "000000");
    assert_eq!(rejected(&mut world, &request).1, ONE_BLOCK);
    let stranger = world.attempt(user("nobody"), "not a code");
    assert_eq!(rejected(&mut world, &stranger).1, ONE_BLOCK);
}

#[test]
fn a_device_that_does_not_count_is_not_counted_at() {
    let (mut world, id) = world();
    world.authenticator(id).status = Status::Suspended;
    world.fail_from("alice", "192.0.2.1", 5);
    assert_eq!(world.store.failures_of(id), 0, "nobody could have guessed it");
    assert!(world.try_code("alice", &code(id, 1)).is_err(), "but the source waits all the same");
}

#[test]
fn a_snapshot_without_its_subscriber_is_refused() {
    let (mut world, id) = world();
    world.store.subscribers.clear();
    assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Rejected));
}

// MB-VER-1
#[test]
fn no_event_and_no_bucket_holds_a_code_or_a_name_that_was_only_tried() {
    let (mut world, _) = world();
    let typed = world.attempt(user("correct horse battery"), "918273");
    world.verify(&typed).unwrap();
    let wrong = world.attempt(user("alice"), "918273");
    world.verify(&wrong).unwrap();
    let kept = format!("{:?} {:?} {:?}", world.store.events, world.store.operations, world.store.buckets);
    assert!(!kept.contains("918273") && !kept.contains("battery"));
    assert_eq!(world.store.events[0].subscriber, None);
    assert_eq!(world.store.events[1].subscriber.as_ref().unwrap().as_str(), "alice");
}

#[test]
fn an_event_quotes_a_source_without_control_characters_and_is_cut() {
    let (mut world, _) = world();
    for number in 2..=60 {
        world.device("alice", number, 0);
    }
    let mut request = world.attempt(user("alice"), "000000");
    request.source = Some(format!("gate\n2026 accepted{}", "ß".repeat(500)));
    world.verify(&request).unwrap();
    let detail = &world.store.events.last().unwrap().detail;
    assert!(detail.starts_with("from gate2026 acceptedß") && detail.len() <= 300, "{detail}");
}

#[test]
fn events_come_in_the_order_of_their_time() {
    let (mut world, _) = world();
    world.try_code("alice", "000000").unwrap();
    world.now = world.now.plus(1);
    world.try_code("alice", "000000").unwrap();
    let ids: Vec<[u8; 16]> = world.store.events.iter().map(|event| event.id).collect();
    assert!(ids[0] < ids[1]);
    assert_eq!(ids[0][..6], world.store.events[0].at.0.to_be_bytes()[2..]);
}
