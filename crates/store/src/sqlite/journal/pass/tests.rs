#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use matchbook_protocol::CodeIndex;
use matchbook_rules::Write;
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use super::{Pass, Stepped};
use crate::accept::Accept;
use crate::contract::fixtures::*;
use crate::sqlite::apply::forget_set;
use crate::sqlite::journal::entry::Row;
use crate::sqlite::journal::{Keys, Unfolded, fold, lowest};
use crate::sqlite::lock::Lock;
use crate::sqlite::open::{OpenOptions, Origin, open};
use crate::sqlite::rows::{blob, number};

/// A store with a set of 200 codes, whose journal is written by hand.
struct Journal {
    connection: Connection,
    unfolded: Arc<Unfolded>,
    next: i64,
    path: PathBuf,
    _lock: Lock,
    _folder: TempDir,
}

impl Journal {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let options = OpenOptions { create: true, ..OpenOptions::default() };
        let (lock, connection) = open(&path, options, Origin::Store).unwrap();
        let set = "INSERT INTO sets VALUES ('alpha', x'0101010101010101', 1, 200, 0, 6, 1, 1, x'00')";
        connection.execute(set, []).unwrap();
        // Nothing here is about the disk.
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        let (unfolded, next) = Unfolded::read(&connection).unwrap();
        Self { connection, unfolded: Arc::new(unfolded), next, path, _lock: lock, _folder: folder }
    }

    /// One row, with these codes of device 1 accepted.
    fn accept(&mut self, codes: &[u32]) {
        let (mut row, mut keys) = (Row::new(), Vec::new());
        for index in codes {
            let mut changes = acceptance(*index);
            let Write::Audit(event) = &mut changes.writes[2] else { panic!("an acceptance is something else now") };
            // In another order than the codes.
            event.id = (u128::from(*index).wrapping_mul(0x9e37_79b9) << 64).to_be_bytes();
            assert!(row.push(&Accept::of(&changes).unwrap()));
            keys.push(Keys { device: id(1), code: CodeIndex(*index), operation: u64::from(*index) });
        }
        let sql = "INSERT INTO journal (batch, entries) VALUES (?1, ?2)";
        self.connection.execute(sql, [number(self.next), blob(row.bytes())]).unwrap();
        self.unfolded.stage(self.next, keys);
        self.next += 1;
    }

    /// Rows of one, three and one code.
    fn of_200_codes() -> Self {
        let mut journal = Self::new();
        journal.connection.execute_batch("BEGIN").unwrap();
        for first in (1..=200).step_by(5) {
            journal.accept(&[first]);
            journal.accept(&[first + 3, first + 1, first + 2]);
            journal.accept(&[first + 4]);
        }
        journal.connection.execute_batch("COMMIT").unwrap();
        journal
    }

    fn pass(&self) -> Pass {
        Pass::read(&self.connection, Arc::clone(&self.unfolded), &AtomicBool::new(true)).unwrap().unwrap()
    }

    /// A step, and what the writer does after each.
    fn step(&self, pass: &Pass, from: usize, most: usize) -> Stepped {
        let stepped = pass.step(&self.connection, from, most).unwrap();
        self.unfolded.folded_below(lowest(&self.connection).unwrap().unwrap_or(self.next));
        stepped
    }

    /// All rows of the tables that entries go to.
    fn tables(&self) -> Vec<Vec<Value>> {
        let mut found = Vec::new();
        for table in ["spends", "operations", "audit"] {
            let mut statement = self.connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3")).unwrap();
            let columns = statement.column_count();
            let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect()).unwrap();
            found.extend(rows.map(|row| row.unwrap()));
        }
        found
    }
}

/// What a fold of the same entries as they lie makes of the tables.
fn folded_as_they_lie() -> Vec<Vec<Value>> {
    let journal = Journal::of_200_codes();
    fold::whole(&journal.connection).unwrap();
    journal.tables()
}

#[test]
fn a_pass_folds_what_a_fold_of_all_does_whatever_its_steps() {
    let expected = folded_as_they_lie();
    assert_eq!(expected.len(), 600);
    for most in [1, 3, 7, 200, 100_000] {
        let journal = Journal::of_200_codes();
        let (pass, mut at, mut steps) = (journal.pass(), 0, 0);
        while let Stepped::Next(next) = journal.step(&pass, at, most) {
            assert!(next > at, "each step goes on");
            (at, steps) = (next, steps + 1);
        }
        assert!(steps * most >= 600, "{steps} steps of {most}");
        assert_eq!(journal.tables(), expected, "in steps of {most}");
        assert_eq!((journal.unfolded.len(), lowest(&journal.connection).unwrap()), (0, None));
    }
}

#[test]
fn what_comes_meanwhile_stays_in_the_journal() {
    let mut journal = Journal::new();
    journal.accept(&[5, 4]);
    journal.accept(&[9]);
    let (pass, mut at, mut code) = (journal.pass(), 0, 100);
    while let Stepped::Next(next) = journal.step(&pass, at, 1) {
        journal.accept(&[code]);
        (at, code) = (next, code + 1);
    }
    assert_eq!(journal.tables().len(), 9, "three entries in three tables");
    assert_eq!(lowest(&journal.connection).unwrap(), Some(3));
    assert_eq!(journal.unfolded.len(), usize::try_from(code - 100).unwrap());
}

/// At each place where a process may be killed, its successor folds what is left, and nothing is there twice.
#[test]
fn a_pass_that_was_cut_short_is_made_again() {
    let expected = folded_as_they_lie();
    for cut in (0..800).step_by(111) {
        let journal = Journal::of_200_codes();
        let pass = journal.pass();
        let mut at = 0;
        while at < cut
            && let Stepped::Next(next) = journal.step(&pass, at, 10)
        {
            at = next;
        }
        let (again, next) = Unfolded::read(&journal.connection).unwrap();
        assert_eq!((again.len(), next), (journal.unfolded.len(), journal.next));
        let (again, mut at) = (Arc::new(again), 0);
        let pass = Pass::read(&journal.connection, Arc::clone(&again), &AtomicBool::new(true)).unwrap().unwrap();
        while let Stepped::Next(next) = pass.step(&journal.connection, at, 50).unwrap() {
            at = next;
        }
        assert_eq!(journal.tables(), expected, "cut at {cut}");
    }
}

/// Whoever deletes what was folded has all folded first, which ends the pass.
#[test]
fn what_was_deleted_since_does_not_come_back() {
    for before in [0, 150, 350, 599, 650] {
        let mut journal = Journal::of_200_codes();
        let (pass, mut at) = (journal.pass(), 0);
        while at < before {
            let Stepped::Next(next) = journal.step(&pass, at, before - at) else { panic!("it has more to do") };
            at = next;
        }
        fold::whole(&journal.connection).unwrap();
        journal.unfolded.folded_below(journal.next);
        journal.connection.execute_batch("DELETE FROM operations; DELETE FROM audit; DELETE FROM spends").unwrap();
        if before != 150 {
            journal.accept(&[3]);
        }
        assert_eq!(journal.step(&pass, at, 10), Stepped::Ended);
        assert!(journal.tables().is_empty());
    }
}

/// A void set's entries are folded before it goes; its rows of the journal stay, and are folded again.
#[test]
fn codes_of_a_set_that_is_void_are_not_spent_again() {
    let journal = Journal::of_200_codes();
    let pass = journal.pass();
    let Stepped::Next(at) = journal.step(&pass, 0, 20) else { panic!("it has more to do") };
    forget_set(&journal.connection, "alpha", &id(1).0, CodeIndex(1), CodeIndex(200)).unwrap();
    let mut at = at;
    while let Stepped::Next(next) = journal.step(&pass, at, 20) {
        at = next;
    }
    let count = |table: &str| -> u32 {
        journal.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!([count("spends"), count("operations"), count("audit")], [0, 200, 200]);
}

#[test]
fn a_pass_ends_when_the_journal_was_read_anew() {
    let journal = Journal::of_200_codes();
    let pass = journal.pass();
    assert!(matches!(journal.step(&pass, 0, 20), Stepped::Next(20)));
    journal.unfolded.read_again(&journal.connection).unwrap();
    assert_eq!(journal.step(&pass, 20, 20), Stepped::Ended, "it may be another file");
}

#[test]
fn damage_is_told_and_nothing_is_lost() {
    let journal = Journal::of_200_codes();
    journal.connection.execute("UPDATE journal SET entries = x'0107' WHERE batch = 7", []).unwrap();
    let read = || Pass::read(&journal.connection, Arc::clone(&journal.unfolded), &AtomicBool::new(true));
    assert!(read().is_err_and(|error| format!("{error:?}").contains("(7) of table journal")));
    assert_eq!(journal.unfolded.len(), 200);
    assert!(journal.path.exists());
}

#[test]
fn an_empty_journal_needs_no_pass() {
    let journal = Journal::new();
    let read =
        |go_on: bool| Pass::read(&journal.connection, Arc::clone(&journal.unfolded), &AtomicBool::new(go_on)).unwrap();
    assert!(read(true).is_none());
}

/// A row of another file may have the same number.
#[test]
fn a_pass_folds_no_rows_but_its_own() {
    let journal = Journal::of_200_codes();
    let pass = journal.pass();
    journal.connection.execute("UPDATE journal SET entries = x'01' WHERE batch = 1", []).unwrap();
    assert_eq!(journal.step(&pass, 0, 20), Stepped::Ended);
    assert!(journal.tables().is_empty());
}

/// Readers beside a pass see each code that is committed, whatever the moment.
#[test]
fn readers_never_miss_a_code_while_a_pass_is_made() {
    let mut journal = Journal::new();
    let is_done = Arc::new(AtomicBool::new(false));
    let reading = std::thread::spawn({
        let (unfolded, is_done, path) = (Arc::clone(&journal.unfolded), Arc::clone(&is_done), journal.path.clone());
        move || {
            let reader = crate::sqlite::open::open_reader(&path).unwrap();
            let (sets, mut most) = ([set("alpha", 1, 1, 200)], 0);
            while !is_done.load(Ordering::SeqCst) {
                reader.execute_batch("BEGIN").unwrap();
                let in_table: u32 = reader.query_row("SELECT count(*) FROM spends", [], |row| row.get(0)).unwrap();
                let in_journal = unfolded.codes(&reader, &id(1), &sets).unwrap();
                reader.execute_batch("COMMIT").unwrap();
                // Codes are spent in their order, and folded in it; some are in both.
                let highest = in_journal.iter().map(|code| code.0).max().unwrap_or(0).max(in_table);
                let missing = (in_table + 1..=highest).find(|code| !in_journal.contains(&CodeIndex(*code)));
                assert_eq!(missing, None, "{in_table} in the table, {in_journal:?} in the journal");
                assert!(highest >= most, "{highest} after {most}");
                most = highest;
            }
        }
    });
    let mut under_way: Option<(Pass, usize)> = None;
    for code in 1..=200 {
        journal.accept(&[code]);
        let (pass, at) = under_way.take().unwrap_or_else(|| (journal.pass(), 0));
        journal.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let stepped = pass.step(&journal.connection, at, 7).unwrap();
        journal.connection.execute_batch("COMMIT").unwrap();
        journal.unfolded.folded_below(lowest(&journal.connection).unwrap().unwrap_or(journal.next));
        if let Stepped::Next(next) = stepped {
            under_way = Some((pass, next));
        }
    }
    is_done.store(true, Ordering::SeqCst);
    reading.join().unwrap();
}
