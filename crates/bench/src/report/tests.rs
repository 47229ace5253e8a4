#![allow(clippy::unwrap_used)]

use super::*;
use crate::report::docs::{BEGIN, END, replaced};
use crate::stats::{Compared, Measured};

fn report() -> Report {
    let measured = |per_second, p99_us| Measured { done: 1, per_second, p99_us, ..Measured::default() };
    let rounds = [(measured(40_000.0, 10_000.0), measured(36_000.0, 30_000.0))];
    let row = VerifyRow {
        site: "SQLite, 1 node",
        connections: 256,
        compared: Compared::of(&rounds),
        fdatasync_p50_us: 200.0,
        p50_ratio: 1.0,
        later_cpu_us: 10.0,
    };
    Report {
        machine: Machine::default(),
        scale: "quick",
        rounds: 1,
        spell_ms: 100,
        verify: vec![row],
        plain: Vec::new(),
        store: Vec::new(),
        sets: Vec::new(),
        sizes: Vec::new(),
        growth: Vec::new(),
        not_measured: vec!["something that is not there".to_owned()],
        goals: Vec::new(),
    }
}

#[test]
fn a_goal_says_what_was_seen_and_whether_that_is_good() {
    let goals = goals(&report());
    let met: Vec<bool> = goals.iter().map(|goal| goal.is_met).collect();
    assert_eq!(met, [true, false], "{goals:?}");
}

/// What PostgreSQL is to reach is asked of one node without a standby; SQLite's goals are not asked of it.
#[test]
fn each_store_has_its_own_goals() {
    let site = "PostgreSQL, 1 node";
    let per_second = |per_second| Measured { done: 1, per_second, ..Measured::default() };
    let plain = |clients, rate| crate::rows::plain::PlainRow {
        site,
        has_standby: false,
        clients,
        statements: per_second(rate),
        commits: per_second(20_000.0),
    };
    let verify = report().verify.into_iter().map(|row| VerifyRow { site, ..row }).collect();
    let report = Report { verify, plain: vec![plain(16, 9_000.0), plain(64, 12_000.0)], ..report() };
    let goals = goals(&report);
    let seen: Vec<f64> = goals.iter().map(|goal| goal.seen).collect();
    assert_eq!(seen, [0.9, 3.0], "{goals:?}");
    assert!(markdown(&report).contains("### PostgreSQL itself"));
}

#[test]
fn the_page_has_a_table_for_what_was_measured_and_none_for_the_rest() {
    let page = markdown(&Report { goals: goals(&report()), ..report() });
    assert!(page.contains("### Verify"), "{page}");
    assert!(page.contains("| 256 | 36000 |"), "{page}");
    assert!(page.contains("≥ 0.85 | 0.90 | yes"), "{page}");
    assert!(page.contains("- something that is not there."), "{page}");
    assert!(!page.contains("### Many devices"), "{page}");
}

#[test]
fn both_files_are_written() {
    let folder = tempfile::tempdir().unwrap();
    write(&report(), &folder.path().join("new")).unwrap();
    let json = std::fs::read_to_string(folder.path().join("new").join(JSON)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let connections = json.pointer("/verify/0/connections").and_then(serde_json::Value::as_u64);
    assert_eq!(connections, Some(256));
}

#[test]
fn the_marked_place_of_a_page_is_replaced_and_nothing_else() {
    let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
    let new = replaced(&page, "new\n").unwrap();
    assert_eq!(new, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
    assert_eq!(replaced(&new, "new\n").unwrap(), new);
    assert!(replaced("no marks", "new").is_none());
}
