#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::report::docs::{SHORT, TABLES, replaced};
use crate::rows::Devices;
use crate::rows::plain::Beside;
use crate::stats::{Compared, Measured};

fn report() -> Report {
    let measured = |per_second, p99_us| Measured { done: 1, per_second, p99_us, ..Measured::default() };
    let rounds = [(measured(40_000.0, 10_000.0), measured(36_000.0, 30_000.0))];
    let row = VerifyRow {
        site: "SQLite, 1 node",
        devices: Devices::Remembered,
        connections: 256,
        compared: Compared::of(&rounds),
        fdatasync_p50_us: 200.0,
        p50_ratio: 1.0,
        later_cpu_us: 10.0,
        beside: None,
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
    let report = on_postgres();
    let goals = goals(&report);
    let seen: Vec<f64> = goals.iter().map(|goal| goal.seen).collect();
    assert_eq!(seen, [0.9, 3.0], "{goals:?}");
    let page = markdown(&report);
    assert!(page.contains("| PostgreSQL, 1 node | 256 | 36000 | 9000 | 12000 | 3.00 |"), "{page}");
}

fn on_postgres() -> Report {
    let per_second = |per_second| Measured { done: 1, per_second, ..Measured::default() };
    let beside = Beside::of(false, &[(per_second(36_000.0), [per_second(9_000.0), per_second(12_000.0)])]);
    let it = |row| VerifyRow { site: "PostgreSQL, 1 node", beside: Some(beside.clone()), ..row };
    Report { verify: report().verify.into_iter().map(it).collect(), ..report() }
}

/// Devices that are not remembered are loaded: that is not what the goals are of.
#[test]
fn goals_are_of_devices_that_are_remembered() {
    for devices in [Devices::NotRemembered, Devices::LeastMemory] {
        for of in [report(), on_postgres()] {
            let verify = of.verify.iter().map(|row| VerifyRow { devices, ..row.clone() }).collect();
            assert!(goals(&Report { verify, ..of }).is_empty());
        }
    }
}

#[test]
fn growth_is_judged_with_devices_remembered_and_not() {
    let row = |devices, may_grow, is_base, cpu_ratio| GrowthRow {
        site: "SQLite, 1 node",
        family: "devices",
        size: 100,
        devices,
        is_base,
        may_grow,
        measured: Measured::default(),
        later_cpu_us: 50.0,
        cpu_ratio,
        p50_ratio: 1.0,
    };
    let growth = vec![
        row(Devices::Remembered, false, true, 1.0),
        row(Devices::Remembered, false, false, 1.1),
        row(Devices::NotRemembered, false, false, 1.5),
        row(Devices::Remembered, true, false, 9.0),
    ];
    let report = Report { verify: Vec::new(), growth, ..report() };
    let goals = goals(&report);
    assert_eq!(goals.iter().map(|goal| goal.is_met).collect::<Vec<_>>(), [true, false], "{goals:?}");
    assert_eq!(goals[1].what, "server's µs a verify at 100 devices, devices not remembered, by that at the fewest");
    assert!(markdown(&report).contains("| not remembered | 0 | 0.00 / 0.00 | 0.0 + 0.0 | 50.0 | 1.50 | 1.00 |"));
}

#[test]
fn the_page_has_a_table_for_what_was_measured_and_none_for_the_rest() {
    let page = markdown(&Report { goals: goals(&report()), ..report() });
    assert!(page.contains("### Verify"), "{page}");
    assert!(page.contains("| remembered | 256 | 36000 |"), "{page}");
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
fn a_marked_place_of_a_page_is_replaced_and_nothing_else() {
    for marks in [TABLES, SHORT] {
        let (begin, end) = (marks.begin, marks.end);
        let page = format!("before\n{begin}\nold\n{end}\nafter\n");
        let new = replaced(&page, marks, "new\n").unwrap();
        assert_eq!(new, format!("before\n{begin}\n\nnew\n\n{end}\nafter\n"));
        assert_eq!(replaced(&new, marks, "new\n").unwrap(), new);
        assert!(replaced("no marks", marks, "new").is_none());
    }
}

#[test]
fn both_places_are_written_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    let place = |marks: docs::Marks, old: &str| format!("{}\n{old}\n{}\n", marks.begin, marks.end);
    std::fs::write(&page, place(TABLES, "old")).unwrap();
    let why = docs::write(&page, "short", "tables").unwrap_err();
    assert!(why.0.contains(SHORT.begin), "{why}");
    assert_eq!(std::fs::read_to_string(&page).unwrap(), place(TABLES, "old"));
    std::fs::write(&page, ["# Title\n", &place(SHORT, "old"), "text\n", &place(TABLES, "old")].concat()).unwrap();
    docs::write(&page, "short", "tables").unwrap();
    let expected = ["# Title\n", &place(SHORT, "\nshort\n"), "text\n", &place(TABLES, "\ntables\n")].concat();
    assert_eq!(std::fs::read_to_string(&page).unwrap(), expected);
}

#[test]
fn the_page_of_this_repository_has_both_places() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/performance.md");
    let page = std::fs::read_to_string(page).unwrap();
    let at = |marks: docs::Marks| replaced(&page, marks, "new").map(|_| page.find(marks.begin).unwrap());
    assert!(at(SHORT).unwrap() < at(TABLES).unwrap());
}

#[test]
fn the_page_begins_with_what_matters_most_and_leaves_out_what_was_not_measured() {
    let sizes = [1_000, 2_000].map(|devices| SizeRow {
        site: "SQLite, 1 node",
        devices,
        filled_per_second: 1.0,
        bytes_per_device: 832.4,
        tables: Vec::new(),
        start_ms: 20.0,
        idle_mib: 20.0,
        loaded_mib: 100.0,
        peak_mib: 150.0,
        one: Measured::default(),
        many: Measured::default(),
        recovery_ms: 50.0,
        log_mib: 0.0,
        acknowledged: 17,
    });
    let strange = VerifyRow { devices: Devices::LeastMemory, ..report().verify.remove(0) };
    let verify = [report().verify, vec![strange], on_postgres().verify].concat();
    let report = Report { verify, sizes: sizes.into(), ..report() };
    let text = headline(&Report { goals: goals(&report), ..report });
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    let expected = [
        "| verify, SQLite, 1 node, 256 connections | 36000/s | empty handler 40000/s | 0.90 | ≥ 0.85: yes |",
        "| verify, PostgreSQL, 1 node, 256 connections | 36000/s | empty handler 40000/s; plain statements 12000/s \
         | 0.90; 3.00 | ≥ 0.4: yes; ≥ 1: yes |",
        "| 2000 devices of 50 codes, SQLite, 1 node | 832 bytes a device; 150 MiB of memory at the most | – | – \
         | ≤ 900: yes; ≤ 143: no |",
        "| start after kill -9 under load, 2000 devices, SQLite, 1 node | 50 ms; all 17 verifies that were answered \
         are kept | start 20 ms | 2.50 | – |",
    ];
    assert_eq!(lines, expected, "{text}");
}
