//! Nodes of the real binary on a PostgreSQL with a synchronous standby, behind a balancer, while nodes die, connections
//! break, and primaries are killed. What clients saw is checked: no code accepted twice, no accept lost.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod node;
mod subject;

use std::time::Duration;

use matchbook_testbed::Postgres;
use matchbook_testbed::failover::scripts::{Doubt, lose_the_primary};
use matchbook_testbed::failover::{Mishap, Node, Storm, Subject, storm};
use matchbook_testbed::history::{Code, Outcome};
use node::Process;
use subject::Matchbook;

#[test]
fn clients_understand_the_server() {
    let mut matchbook = Matchbook::new(1);
    let codes = matchbook.make(None).unwrap();
    let mut node = Process::start(matchbook.home(), None).unwrap();
    let ask = |node: &Process, code: &Code, operation| matchbook.verify(node.address(), code, operation);
    assert_eq!(ask(&node, &codes[0], "first"), Outcome::Accepted);
    assert_eq!(ask(&node, &codes[0], "first"), Outcome::Accepted);
    assert_eq!(ask(&node, &codes[0], "second"), Outcome::Rejected);
    node.kill();
    assert_eq!(ask(&node, &codes[1], "third"), Outcome::Unknown);
    let node = Process::start(matchbook.home(), None).unwrap();
    assert_eq!(ask(&node, &codes[1], "third"), Outcome::Accepted);
    assert_eq!(ask(&node, &codes[0], "second"), Outcome::Rejected);
}

#[test]
fn no_accept_is_lost_with_the_primary() {
    keeps_its_word(Doubt::None);
}

#[test]
fn no_accept_is_lost_after_a_cancelled_wait() {
    keeps_its_word(Doubt::Cancelled);
}

#[test]
fn no_accept_is_lost_after_a_terminated_commit() {
    keeps_its_word(Doubt::Terminated);
}

#[test]
fn every_mishap_is_come_through() {
    comes_through(20, Mishap::all());
}

#[test]
#[ignore = "takes minutes"]
fn twenty_failovers_are_come_through() {
    let kinds = [Mishap::PrimaryKilled, Mishap::PrimaryKilledInDoubt];
    comes_through(120, kinds.into_iter().cycle().take(20).collect());
}

fn keeps_its_word(doubt: Doubt) {
    if Postgres::is_installed() {
        let verdict = lose_the_primary(&mut Matchbook::new(1), doubt).unwrap();
        assert!(verdict.is_clean(), "{verdict}");
    }
}

/// The devices have codes enough for the whole time.
fn comes_through(devices: usize, mishaps: Vec<Mishap>) {
    if !Postgres::is_installed() {
        return;
    }
    let pause = Duration::from_millis(20);
    let plan = Storm { nodes: 3, clients: 8, pause, seed: 4, accepts_between: 50, mishaps };
    let report = storm(&mut Matchbook::new(devices), &plan).unwrap();
    println!("{report}");
    assert!(report.verdict.is_clean(), "{report}");
}
