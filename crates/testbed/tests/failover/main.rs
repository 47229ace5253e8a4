//! The failover tests' own test: a small server that is right comes through, and careless ones are found out.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod node;
mod subject;

use std::time::Duration;

use matchbook_testbed::Postgres;
use matchbook_testbed::failover::scripts::{Doubt, lose_the_primary};
use matchbook_testbed::failover::{Mishap, Storm, storm};
use matchbook_testbed::history::{Verdict, Violation};
use node::Manner;
use subject::Small;

#[test]
fn a_right_server_keeps_its_word_when_the_primary_dies() {
    right_after(Doubt::None);
}

#[test]
fn a_right_server_keeps_its_word_after_a_cancelled_wait() {
    right_after(Doubt::Cancelled);
}

#[test]
fn a_right_server_keeps_its_word_after_a_terminated_commit() {
    right_after(Doubt::Terminated);
}

#[test]
fn asynchronous_commit_is_found_out() {
    found_out(Manner::Asynchronous, Doubt::None);
}

#[test]
fn doubt_that_is_resolved_by_reading_is_found_out_after_a_cancelled_wait() {
    found_out(Manner::ReadsInDoubt, Doubt::Cancelled);
}

#[test]
fn doubt_that_is_resolved_by_reading_is_found_out_after_a_terminated_commit() {
    found_out(Manner::ReadsInDoubt, Doubt::Terminated);
}

#[test]
fn a_repetition_that_is_answered_by_reading_is_found_out() {
    found_out(Manner::ReadsRepetitions, Doubt::Terminated);
}

#[test]
fn a_warning_that_is_overlooked_is_found_out() {
    found_out(Manner::OverlooksWarnings, Doubt::Cancelled);
}

#[test]
fn a_right_server_comes_through_every_mishap() {
    come_through(Mishap::all(), 50);
}

#[test]
#[ignore = "takes minutes"]
fn a_right_server_comes_through_twenty_failovers() {
    let kinds = [Mishap::PrimaryKilled, Mishap::PrimaryKilledInDoubt];
    come_through(kinds.into_iter().cycle().take(20).collect(), 100);
}

fn right_after(doubt: Doubt) {
    if let Some(verdict) = verdict_on(Manner::Right, doubt) {
        assert!(verdict.is_clean(), "{verdict}");
    }
}

fn found_out(manner: Manner, doubt: Doubt) {
    let Some(verdict) = verdict_on(manner, doubt) else { return };
    let has = |is_it: fn(&Violation) -> bool| assert!(verdict.violations.iter().any(is_it), "{verdict}");
    has(|violation| matches!(violation, Violation::AcceptedTwice { .. }));
    has(|violation| matches!(violation, Violation::AcceptLost { .. }));
    has(|violation| matches!(violation, Violation::AcceptNotKept { .. }));
}

fn verdict_on(manner: Manner, doubt: Doubt) -> Option<Verdict> {
    let verdict = Postgres::is_installed().then(|| lose_the_primary(&mut Small(manner), doubt).unwrap())?;
    println!("{verdict}");
    Some(verdict)
}

fn come_through(mishaps: Vec<Mishap>, accepts_between: usize) {
    if !Postgres::is_installed() {
        return;
    }
    let plan = Storm { nodes: 3, clients: 8, pause: Duration::ZERO, seed: 4, accepts_between, mishaps };
    let report = storm(&mut Small(Manner::Right), &plan).unwrap();
    println!("{report}");
    assert!(report.verdict.is_clean(), "{report}");
}
