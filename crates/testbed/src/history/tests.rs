#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// How many codes a history is about. Few, so that operations meet.
const CODES: u64 = 6;

/// How many operations there are; the code of operation n is n modulo [`CODES`].
const OPERATIONS: u64 = 20;

/// One call of a made-up history: which operation, how long before and after its moment the call lasts, and whether its
/// outcome gets lost.
type Step = (u64, u64, u64, bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((0..OPERATIONS, 0..50_u64, 1..50_u64, proptest::bool::weighted(0.2)), 1..80)
}

/// What clients see of a server that is right: it does one thing after the other, every ten milliseconds.
fn true_history(steps: &[Step]) -> (History, Audit) {
    let mut audit = Audit::default();
    let mut spent = BTreeMap::new();
    let mut calls = Vec::new();
    for (moment, (operation, before, after, is_lost)) in (100..).step_by(10).zip(steps) {
        let (code, name) = (code(operation % CODES), format!("op-{operation}"));
        let is_accepted = *audit.operations.entry(name.clone()).or_insert_with(|| {
            let is_new = !spent.contains_key(&code);
            spent.entry(code.clone()).or_insert_with(|| name.clone());
            is_new
        });
        let outcome = match (is_lost, is_accepted) {
            (true, _) => Outcome::Unknown,
            (false, true) => Outcome::Accepted,
            (false, false) => Outcome::Rejected,
        };
        calls.push(call(&code, &name, moment - before, moment + after, outcome));
    }
    audit.spends = spent.into_iter().collect();
    (History { calls }, audit)
}

fn code(index: u64) -> Code {
    Code { device: "device".to_owned(), index }
}

fn call(code: &Code, operation: &str, began_ms: u64, ended_ms: u64, outcome: Outcome) -> Call {
    let [began, ended] = [began_ms, ended_ms].map(Duration::from_millis);
    Call { client: 1, code: code.clone(), operation: operation.to_owned(), began, ended, outcome }
}

/// One of the calls that had this outcome, if any had.
fn any_call(history: &History, outcome: Outcome, index: Index) -> Option<Call> {
    let calls: Vec<&Call> = history.calls.iter().filter(|call| call.outcome == outcome).collect();
    (!calls.is_empty()).then(|| (*index.get(&calls)).clone())
}

fn end_of(history: &History) -> u64 {
    let end = history.calls.iter().map(|call| call.ended).max().unwrap_or_default();
    u64::try_from(end.as_millis()).unwrap()
}

proptest! {
    #[test]
    fn a_true_history_is_clean(steps in steps()) {
        let (history, audit) = true_history(&steps);
        let verdict = history.check_with(&audit);
        prop_assert!(verdict.is_clean(), "{verdict}");
        prop_assert_eq!(verdict.counts.iter().sum::<usize>(), history.calls.len());
    }

    #[test]
    fn a_second_accept_is_found(steps in steps(), which: Index, at: Index, place in 0..10_000_u64) {
        let (mut history, _) = true_history(&steps);
        let Some(accepted) = any_call(&history, Outcome::Accepted, which) else { return Ok(()) };
        let planted = call(&accepted.code, "op-planted", place, place + 1, Outcome::Accepted);
        history.calls.insert(at.index(history.calls.len() + 1), planted);
        let is_it = |violation: &Violation| matches!(violation, Violation::AcceptedTwice { code, calls }
            if *code == accepted.code && calls.iter().any(|call| call.operation == "op-planted"));
        let verdict = history.check();
        prop_assert!(verdict.violations.iter().any(is_it), "{verdict}");
        prop_assert_eq!(verdict.violations.len(), 1);
    }

    #[test]
    fn a_lost_accept_is_found(steps in steps(), which: Index, later in 0..100_u64) {
        let (mut history, _) = true_history(&steps);
        let Some(accepted) = any_call(&history, Outcome::Accepted, which) else { return Ok(()) };
        let began = end_of(&history) + later;
        let planted = call(&accepted.code, &accepted.operation, began, began + 1, Outcome::Rejected);
        history.calls.push(planted.clone());
        let is_it = |violation: &Violation| matches!(violation, Violation::AcceptLost { calls }
            if calls[0].operation == accepted.operation && calls[1] == planted);
        let verdict = history.check();
        prop_assert!(verdict.violations.len() == 1 && is_it(&verdict.violations[0]), "{verdict}");
    }

    #[test]
    fn two_answers_at_the_same_time_are_found(steps in steps(), which: Index, of_rejected: bool) {
        let (mut history, _) = true_history(&steps);
        let (outcome, other) = if of_rejected { (Outcome::Rejected, Outcome::Accepted) }
            else { (Outcome::Accepted, Outcome::Rejected) };
        let Some(answered) = any_call(&history, outcome, which) else { return Ok(()) };
        // It began before anything else did.
        history.calls.push(call(&answered.code, &answered.operation, 0, end_of(&history), other));
        let is_it = |violation: &Violation| matches!(violation, Violation::AnswersDiffer { calls }
            if calls.iter().all(|call| call.operation == answered.operation));
        let verdict = history.check();
        prop_assert!(verdict.violations.iter().any(is_it), "{verdict}");
    }

    #[test]
    fn what_a_database_lost_is_found(steps in steps(), which: Index, parts in 1..4_u8) {
        let (history, mut audit) = true_history(&steps);
        let Some(accepted) = any_call(&history, Outcome::Accepted, which) else { return Ok(()) };
        if parts & 1 != 0 {
            audit.operations.remove(&accepted.operation);
        }
        if parts & 2 != 0 {
            audit.spends.retain(|(code, _)| *code != accepted.code);
        }
        let is_it = |violation: &Violation| matches!(violation, Violation::AcceptNotKept { call, .. }
            if call.operation == accepted.operation);
        let verdict = history.check_with(&audit);
        prop_assert!(verdict.violations.iter().any(is_it), "{verdict}");
        let is_torn = verdict.violations.iter().any(|violation| matches!(violation, Violation::Torn { .. }));
        prop_assert_eq!(is_torn, parts != 3, "{}", verdict);
    }

    #[test]
    fn half_an_accept_that_nobody_was_told_of_is_found(steps in steps(), which: Index, is_spend_lost: bool) {
        let (mut history, mut audit) = true_history(&steps);
        history.calls.iter_mut().for_each(|call| call.outcome = Outcome::Unknown);
        let lost = which.index(audit.spends.len());
        let operation = audit.spends[lost].1.clone();
        if is_spend_lost {
            audit.spends.remove(lost);
        } else {
            audit.operations.remove(&operation);
        }
        let verdict = history.check_with(&audit);
        let is_it = |violation: &Violation| matches!(violation, Violation::Torn { finding }
            if finding.contains(&operation));
        prop_assert!(verdict.violations.len() == 1 && is_it(&verdict.violations[0]), "{verdict}");
    }

    #[test]
    fn a_reject_that_became_an_accept_is_found(steps in steps(), which: Index) {
        let (history, mut audit) = true_history(&steps);
        let Some(rejected) = any_call(&history, Outcome::Rejected, which) else { return Ok(()) };
        audit.operations.insert(rejected.operation.clone(), true);
        let is_it = |violation: &Violation| matches!(violation, Violation::RejectNotKept { call }
            if call.operation == rejected.operation);
        let verdict = history.check_with(&audit);
        prop_assert!(verdict.violations.iter().any(is_it), "{verdict}");
    }
}

#[test]
fn a_ledger_that_contradicts_itself_is_found() {
    let spend = |index, operation: &str| (code(index), operation.to_owned());
    let audit = Audit {
        spends: vec![spend(1, "a"), spend(1, "b"), spend(2, "b"), spend(3, "c")],
        operations: [("a".to_owned(), true), ("b".to_owned(), true), ("c".to_owned(), false)].into(),
    };
    let verdict = History::default().check_with(&audit).to_string();
    for finding in ["device/1 is spent by a and by b", "b has spent device/1 and device/2", "c, which was rejected"] {
        assert!(verdict.contains(finding), "{verdict}");
    }
}

#[test]
fn a_report_says_who_saw_what_when() {
    let recorder = Recorder::new();
    let outcomes = [(1, "door", Outcome::Accepted), (2, "gate", Outcome::Unknown), (2, "gate", Outcome::Accepted)];
    for (client, operation, outcome) in outcomes {
        assert_eq!(recorder.call(client, &code(7), operation, || outcome), outcome);
    }
    assert_eq!(recorder.count(Outcome::Accepted), 2);
    let report = recorder.history().check().to_string();
    let expected = "1 violations in 3 calls: 2 accepted, 0 rejected, 1 unknown\n  device/7 was accepted twice:";
    assert!(report.starts_with(expected), "{report}");
    assert!(report.contains("client 1 asks door about device/7: accepted"), "{report}");
    assert!(report.contains("client 2 asks gate about device/7: accepted"), "{report}");

    let calls = (0..30).flat_map(|index| {
        ["a", "b"].map(|name| call(&code(index), &format!("{name}-{index}"), 0, 1, Outcome::Accepted))
    });
    let report = History { calls: calls.collect() }.check().to_string();
    assert!(report.ends_with("… and 20 more"), "{report}");
}
