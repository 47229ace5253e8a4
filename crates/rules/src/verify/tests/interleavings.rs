//! Every interleaving of the loads and commits of two or three attempts at once.

use crate::little_store::{World, code, keyring, user};
use crate::model::*;
use crate::testing::TestRng;
use crate::verify::{self, VerifyDecision, VerifyRefusal, VerifyRequest};

/// As often as the server decides again.
const MAX_DECISIONS: u32 = 16;

type Answer = Result<Verdict, VerifyRefusal>;

/// Where one attempt is.
#[derive(Clone)]
enum Stage {
    /// It loads and decides next.
    Undecided { decisions: u32 },
    /// It commits next.
    Decided { decisions: u32, changes: Changes, verdict: Verdict },
    /// It is answered.
    Answered(Answer),
}

/// Runs all interleavings, shows each end to `check`, and returns how many there were.
fn explore(world: &World, requests: &[VerifyRequest], check: &mut dyn FnMut(&World, &[Answer])) -> u32 {
    let stages = vec![Stage::Undecided { decisions: 0 }; requests.len()];
    step(world, requests, &stages, check)
}

fn step(world: &World, requests: &[VerifyRequest], stages: &[Stage], check: &mut dyn FnMut(&World, &[Answer])) -> u32 {
    let mut ends = 0;
    for place in 0..stages.len() {
        if matches!(stages[place], Stage::Answered(_)) {
            continue;
        }
        let (mut world, mut stages) = (world.clone(), stages.to_vec());
        stages[place] = advance(&mut world, &requests[place], &stages[place]);
        ends += step(&world, requests, &stages, check);
    }
    if ends == 0 {
        let answers: Vec<Answer> = stages
            .iter()
            .map(|stage| match stage {
                Stage::Answered(answer) => *answer,
                Stage::Undecided { .. } | Stage::Decided { .. } => panic!("not at the end"),
            })
            .collect();
        check(world, &answers);
        return 1;
    }
    ends
}

fn advance(world: &mut World, request: &VerifyRequest, stage: &Stage) -> Stage {
    match stage {
        Stage::Undecided { decisions } => {
            assert!(*decisions < MAX_DECISIONS, "gave up");
            let snapshot = world.load(request);
            let buckets = verify::lookup_buckets(request, &keyring());
            match verify::decide(request, &buckets, &snapshot, &keyring(), world.now, &mut TestRng::new(7)) {
                Err(refusal) => Stage::Answered(Err(refusal)),
                Ok(VerifyDecision::Answered { operation }) => Stage::Answered(Ok(operation.verdict)),
                Ok(VerifyDecision::Commit { changes, verdict, .. }) => {
                    Stage::Decided { decisions: decisions + 1, changes, verdict }
                }
            }
        }
        Stage::Decided { decisions, changes, verdict } => match world.store.commit(changes) {
            Ok(()) => Stage::Answered(Ok(*verdict)),
            Err(_) => Stage::Undecided { decisions: *decisions },
        },
        Stage::Answered(_) => panic!("it is answered"),
    }
}

fn count(answers: &[Answer], answer: Answer) -> usize {
    answers.iter().filter(|one| **one == answer).count()
}

const ACCEPTED: Answer = Ok(Verdict::Accepted);
const REJECTED: Answer = Ok(Verdict::Rejected);

fn three(world: &mut World, codes: [&str; 3]) -> [VerifyRequest; 3] {
    codes.map(|code| world.attempt(user("alice"), code))
}

#[test]
fn of_the_same_code_at_once_one_is_accepted() {
    for mode in [Mode::Indexed, Mode::NextInOrder { look_ahead: 3 }, Mode::AnyUnused] {
        for threshold in [10, 39] {
            let mut world = World::new(Policy { mode, threshold, ..Policy::default() });
            let id = world.device("alice", 1, 40);
            let good = code(id, 1);
            let requests = three(&mut world, [&good, &good, &good]);
            let ends = explore(&world, &requests, &mut |end, answers| {
                assert_eq!(count(answers, ACCEPTED), 1);
                assert_eq!(count(answers, REJECTED), 2);
                assert_eq!(end.store.spends.len(), 1);
                assert_eq!(end.store.failures_of(id), 2);
            });
            assert!(ends >= 90, "{ends}");
        }
    }
}

#[test]
fn wrong_guesses_at_once_are_counted_each() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    let requests = three(&mut world, ["000000", "000001", "000002"]);
    explore(&world, &requests, &mut |end, answers| {
        assert_eq!(count(answers, REJECTED), 3);
        assert_eq!(end.store.failures_of(id), 3);
        let source = verify::lookup_buckets(&requests[0], &keyring()).source;
        assert_eq!(end.store.buckets[&source].failures, 3);
    });
}

#[test]
fn guesses_at_once_do_not_outrun_the_throttle() {
    let mut world = World::new(Policy { mode: Mode::AnyUnused, ..Policy::default() });
    let id = world.device("alice", 1, 40);
    world.fail_from("alice", "192.0.2.1", 4);
    let requests = three(&mut world, ["000000", "000001", &code(id, 1)]);
    let mut slowed = 0;
    explore(&world, &requests, &mut |end, answers| {
        // One guess is left: the right one is accepted only when no wrong one was counted before it. After a success
        // the others are guesses of a new run.
        let counted = end.store.failures_of(id);
        if answers[2] == ACCEPTED {
            assert_eq!(counted, 2, "cleared by the success, then counted");
        } else {
            assert_eq!(counted, 5);
            assert_eq!(count(answers, REJECTED), 1);
            slowed += 1;
        }
    });
    assert!(slowed > 0);
}

#[test]
fn guesses_at_once_do_not_outrun_the_hard_stop() {
    let mut world = World::new(Policy { mode: Mode::AnyUnused, ..Policy::default() });
    let id = world.device("alice", 1, 40);
    world.store.failures.insert(id, 99);
    let mut requests = three(&mut world, ["000000", "000001", &code(id, 1)]);
    for (number, request) in requests.iter_mut().enumerate() {
        request.source = Some(format!("203.0.113.{number}"));
    }
    explore(&world, &requests, &mut |end, answers| {
        let locked = end.store.events_of(EventKind::DeviceLocked).len();
        if answers[2] == ACCEPTED {
            assert_eq!((end.store.failures_of(id), locked), (2, 0));
        } else {
            assert_eq!((end.store.failures_of(id), locked), (100, 1));
        }
    });
}

#[test]
fn one_operation_at_once_is_answered_alike() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    for typed in [code(id, 1), "000000".to_owned()] {
        let mut requests = three(&mut world, [&typed, &typed, &typed]);
        let operation = requests[0].operation.clone();
        requests.iter_mut().for_each(|request| request.operation = operation.clone());
        explore(&world, &requests, &mut |end, answers| {
            assert_eq!(count(answers, answers[0]), 3);
            assert_eq!(end.store.operations.len(), 1);
            assert_eq!(end.store.events.len(), 1);
        });
    }
}

#[test]
fn different_codes_at_once_are_each_accepted_once() {
    // Each one alone leaves 39, 38 or 37 codes: however they meet, the one that reaches the threshold knows it.
    for threshold in [37, 38, 39] {
        let mut world = World::new(Policy { mode: Mode::AnyUnused, threshold, ..Policy::default() });
        let id = world.device("alice", 1, 40);
        let requests = three(&mut world, [&code(id, 3), &code(id, 4), &code(id, 5)]);
        explore(&world, &requests, &mut |end, answers| {
            assert_eq!(count(answers, ACCEPTED), 3);
            assert_eq!(end.store.authenticators[&id].refill_due, Some(RefillReason::ServerCount));
        });
    }
}

#[test]
fn in_order_a_code_never_follows_a_later_one() {
    let mut world =
        World::new(Policy { mode: Mode::NextInOrder { look_ahead: 3 }, threshold: 37, ..Policy::default() });
    let id = world.device("alice", 1, 40);
    let requests = three(&mut world, [&code(id, 1), &code(id, 2), &code(id, 3)]);
    explore(&world, &requests, &mut |end, _| {
        assert_eq!(end.store.authenticators[&id].refill_due, Some(RefillReason::ServerCount));
        let spent: Vec<&Spend> = end.store.spends.values().collect();
        assert_eq!(spent.iter().map(|spend| spend.index.0).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(spent[2].kind, SpendKind::Accepted);
        let mut accepted: Vec<u32> = Vec::new();
        for event in end.store.events_of(EventKind::CodeAccepted) {
            let index = event.detail.split(' ').find_map(|word| word.trim_end_matches(',').parse().ok()).unwrap();
            assert!(accepted.iter().all(|earlier| *earlier < index), "{index} after {accepted:?}");
            accepted.push(index);
        }
    });
}

#[test]
fn an_attempt_and_a_suspension_at_once_end_in_one_order_or_the_other() {
    let mut world = World::new(Policy::default());
    let id = world.device("alice", 1, 40);
    let request = world.attempt(user("alice"), &code(id, 1));
    let decided = advance(&mut world, &request, &Stage::Undecided { decisions: 0 });
    world.authenticator(id).status = Status::Suspended;
    world.authenticator(id).version.0 += 1;
    let again = advance(&mut world, &request, &decided);
    assert!(matches!(again, Stage::Undecided { decisions: 1 }));
    let decided = advance(&mut world, &request, &again);
    assert!(matches!(advance(&mut world, &request, &decided), Stage::Answered(Ok(Verdict::Rejected))));
}
