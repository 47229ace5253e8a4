//! The search for what cannot be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Audit, Call, Code, History, Outcome, Violation};

/// Answers that contradict each other.
pub(super) fn answers(history: &History) -> Vec<Violation> {
    let mut found = accepted_twice(history);
    for calls in by_operation(history).values() {
        found.extend(contradiction(calls));
    }
    found
}

/// Answers that the database contradicts, and what contradicts itself there.
pub(super) fn audit(history: &History, audit: &Audit) -> Vec<Violation> {
    let spends: BTreeSet<(&Code, &str)> = audit.spends.iter().map(|(code, by)| (code, by.as_str())).collect();
    let mut found: Vec<Violation> = history.calls.iter().filter_map(|call| kept(call, audit, &spends)).collect();
    found.extend(torn(audit));
    found
}

/// Codes that were accepted for two operations: for each, the first accept of the first operation and of the next.
fn accepted_twice(history: &History) -> Vec<Violation> {
    let mut by_code: BTreeMap<&Code, Vec<&Call>> = BTreeMap::new();
    for call in in_order(history).into_iter().filter(|call| call.outcome == Outcome::Accepted) {
        by_code.entry(&call.code).or_default().push(call);
    }
    let violations = by_code.into_iter().filter_map(|(code, calls)| {
        let first = *calls.first()?;
        let other = calls.into_iter().find(|call| call.operation != first.operation)?;
        Some(Violation::AcceptedTwice { code: code.clone(), calls: [first.clone(), other.clone()] })
    });
    violations.collect()
}

/// Two answers to one operation.
fn contradiction(calls: &[&Call]) -> Option<Violation> {
    let of = |outcome: Outcome| calls.iter().copied().filter(move |call| call.outcome == outcome);
    let (accepted, last_rejected) = (of(Outcome::Accepted).next()?, of(Outcome::Rejected).next_back()?);
    // The accept that ended first is the one that most rejects are later than.
    let earliest = of(Outcome::Accepted).min_by_key(|call| call.ended).unwrap_or(accepted);
    if earliest.ended <= last_rejected.began {
        return Some(Violation::AcceptLost { calls: [earliest.clone(), last_rejected.clone()] });
    }
    Some(Violation::AnswersDiffer { calls: [accepted.clone(), last_rejected.clone()] })
}

fn kept(call: &Call, audit: &Audit, spends: &BTreeSet<(&Code, &str)>) -> Option<Violation> {
    let recorded = audit.operations.get(&call.operation).copied();
    let is_spent = spends.contains(&(&call.code, call.operation.as_str()));
    match call.outcome {
        Outcome::Accepted => {
            let finding = match (recorded, is_spent) {
                (Some(true), true) => return None,
                (Some(true), false) => "which lacks the spend",
                (Some(false), _) => "which says that it was rejected",
                (None, true) => "which lacks the operation",
                (None, false) => "which knows nothing of it",
            };
            Some(Violation::AcceptNotKept { call: call.clone(), finding: finding.to_owned() })
        }
        // A reject may leave no record; an accept instead of it is another matter.
        Outcome::Rejected => {
            (recorded == Some(true) || is_spent).then(|| Violation::RejectNotKept { call: call.clone() })
        }
        Outcome::Unknown => None,
    }
}

/// A spend and its operation are both there or neither is, and a code is spent once.
fn torn(audit: &Audit) -> Vec<Violation> {
    let mut findings = Vec::new();
    let mut spent = BTreeMap::new();
    let mut spenders = BTreeMap::new();
    for (code, operation) in &audit.spends {
        if let Some(other) = spent.insert(code, operation) {
            findings.push(format!("{code} is spent by {other} and by {operation}"));
        }
        if let Some(other) = spenders.insert(operation, code) {
            findings.push(format!("{operation} has spent {other} and {code}"));
        }
        match audit.operations.get(operation) {
            Some(true) => {}
            Some(false) => findings.push(format!("{code} is spent by {operation}, which was rejected")),
            None => findings.push(format!("{code} is spent by {operation}, which is not recorded")),
        }
    }
    let accepted = audit.operations.iter().filter(|(_, is_accepted)| **is_accepted);
    let unspent = accepted.filter(|(operation, _)| !spenders.contains_key(operation));
    findings.extend(unspent.map(|(operation, _)| format!("{operation} was accepted, and no code is spent by it")));
    findings.into_iter().map(|finding| Violation::Torn { finding }).collect()
}

fn by_operation(history: &History) -> BTreeMap<&str, Vec<&Call>> {
    let mut operations: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in in_order(history) {
        operations.entry(&call.operation).or_default().push(call);
    }
    operations
}

/// The calls by the time that they began at.
fn in_order(history: &History) -> Vec<&Call> {
    let mut calls: Vec<&Call> = history.calls.iter().collect();
    calls.sort_by_key(|call| call.began);
    calls
}
