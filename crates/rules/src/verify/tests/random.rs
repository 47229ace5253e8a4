//! Random attempts against a plain model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::little_store::{World, code, user};
use crate::model::*;
use crate::throttle::{FIRST_DELAY_MS, LONGEST_DELAY_MS, SOURCE_WINDOW_MS};
use crate::verify::VerifyRefusal;

/// What one person or attacker does.
#[derive(Clone, Debug)]
struct Move {
    source: u8,
    /// `None`: a wrong code.
    index: Option<u32>,
    /// Time that passes before it.
    pause_ms: u64,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let pause = prop_oneof![4 => Just(0_u64), 2 => 0..60_000_u64, 1 => 0..SOURCE_WINDOW_MS];
    let index = prop_oneof![3 => Just(None), 2 => (1_u32..=12).prop_map(Some)];
    let one = (0_u8..4, index, pause).prop_map(|(source, index, pause_ms)| Move { source, index, pause_ms });
    proptest::collection::vec(one, 1..120)
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![
        Just(Mode::Indexed),
        (1_u8..=5).prop_map(|look_ahead| Mode::NextInOrder { look_ahead }),
        Just(Mode::AnyUnused)
    ]
}

/// What is said of the server, written down as plainly as can be.
#[derive(Default)]
struct Model {
    used: BTreeSet<u32>,
    failures: u32,
    /// Failures of a source: how many since the window began, when that was, and when the last was.
    sources: BTreeMap<u8, (u32, u64, u64)>,
}

impl Model {
    fn must_wait(&self, source: u8, max: u32, now: u64) -> bool {
        let Some((failures, began, last)) = self.sources.get(&source) else { return false };
        if now - began >= SOURCE_WINDOW_MS || *failures < max {
            return false;
        }
        let delay = (0..*failures - max).fold(FIRST_DELAY_MS, |delay, _| (delay * 2).min(LONGEST_DELAY_MS));
        now - last < delay
    }

    fn counts(&self, index: u32, mode: Mode) -> bool {
        let unused: Vec<u32> = (1..=12).filter(|index| !self.used.contains(index)).collect();
        match mode {
            Mode::Indexed => unused.first() == Some(&index),
            Mode::AnyUnused => unused.contains(&index),
            Mode::NextInOrder { look_ahead } => unused.iter().take(look_ahead.into()).any(|one| *one == index),
        }
    }

    fn accept(&mut self, source: u8, index: u32, mode: Mode) {
        match mode {
            Mode::NextInOrder { .. } => self.used.extend(1..=index),
            Mode::Indexed | Mode::AnyUnused => drop(self.used.insert(index)),
        }
        self.failures = 0;
        self.sources.remove(&source);
    }

    fn fail(&mut self, source: u8, now: u64) {
        self.failures = (self.failures + 1).min(100);
        let counted = self.sources.entry(source).or_insert((0, now, now));
        if now - counted.1 >= SOURCE_WINDOW_MS {
            *counted = (0, now, now);
        }
        *counted = (counted.0 + 1, counted.1, now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Accepted exactly when the model says so, so never twice; failures are never lost; nobody waits for another
    /// source's failures.
    #[test]
    fn attempts_are_answered_as_the_model_says(mode in modes(), max_failures in 1_u8..=8, moves in moves()) {
        let mut world = World::new(Policy { mode, max_failures, ..Policy::default() });
        let id = world.device("alice", 1, 12);
        let mut model = Model::default();
        let mut accepted = BTreeSet::new();
        for Move { source, index, pause_ms } in moves {
            world.now = world.now.plus(pause_ms);
            let typed = index.map_or("000000".to_owned(), |index| code(id, index));
            let mut request = world.attempt(user("alice"), &typed);
            request.source = Some(format!("192.0.2.{source}"));
            let now = world.now.0;
            let expected_good = index.is_some_and(|index| model.counts(index, mode)) && model.failures < 100;
            match world.verify(&request) {
                Err(VerifyRefusal::SlowDown { retry_after_ms }) => {
                    prop_assert!(model.must_wait(source, max_failures.into(), now));
                    prop_assert!((1..=LONGEST_DELAY_MS).contains(&retry_after_ms));
                    prop_assert!(!model.must_wait(source, max_failures.into(), now + retry_after_ms));
                }
                Err(VerifyRefusal::OperationReused) => prop_assert!(false, "every operation is new"),
                Ok(Verdict::Accepted) => {
                    prop_assert!(!model.must_wait(source, max_failures.into(), now));
                    prop_assert!(expected_good);
                    prop_assert!(accepted.insert(index.unwrap()), "accepted twice");
                    model.accept(source, index.unwrap(), mode);
                }
                Ok(Verdict::Rejected) => {
                    prop_assert!(!model.must_wait(source, max_failures.into(), now));
                    prop_assert!(!expected_good);
                    model.fail(source, now);
                }
            }
            prop_assert_eq!(world.store.failures_of(id), model.failures);
        }
    }

    /// However much others fail, a source that makes no mistake logs in at once, until the hard stop.
    #[test]
    fn an_honest_source_is_never_slowed(failures in proptest::collection::vec((0_u8..30, 0..90_000_u64), 0..95)) {
        let mut world = World::new(Policy::default());
        let id = world.device("alice", 1, 40);
        for (source, pause_ms) in failures {
            world.now = world.now.plus(pause_ms);
            let mut request = world.attempt(user("alice"), "000000");
            request.source = Some(format!("198.51.100.{source}"));
            let _ = world.verify(&request);
        }
        prop_assert_eq!(world.try_code("alice", &code(id, 1)), Ok(Verdict::Accepted));
    }
}
