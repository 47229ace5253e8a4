#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection;
use tempfile::TempDir;

use super::Answer;
use crate::hot::Hot;
use crate::sqlite::apply::execute;
use crate::sqlite::open::{OpenOptions, Origin, open};
use crate::sqlite::writer::{Accepts, Run, Step, Work};
use crate::{CommitError, sqlite::apply::Failure};

struct Fixture {
    connection: Connection,
    path: PathBuf,
    _folder: TempDir,
}

/// An open store with a table for the tests to write to.
fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let options = OpenOptions { create: true, ..OpenOptions::default() };
    let (_lock, connection) = open(&path, options, Origin::Store).unwrap();
    connection.execute_batch("CREATE TABLE t (x INTEGER PRIMARY KEY, y BLOB)").unwrap();
    Fixture { connection, path, _folder: folder }
}

fn write(path: &std::path::Path, connection: &Connection, work: &[Work]) -> Vec<Answer> {
    let mut accepts = Accepts::read(connection, Arc::new(Hot::new(1 << 20)), 1 << 20).unwrap();
    super::write(path, connection, &mut accepts, work)
}

fn step(run: Run) -> Work {
    Work::Step(Step { run, voids: false })
}

fn insert(x: i64) -> Work {
    step(Box::new(move |connection| {
        execute(connection, "INSERT INTO t (x) VALUES (?1)", [x]).map(|rows| u64::try_from(rows).unwrap())
    }))
}

/// Writes a row and then finds that it lost.
fn losing(x: i64) -> Work {
    step(Box::new(move |connection| {
        execute(connection, "INSERT INTO t (x) VALUES (?1)", [x])?;
        Err(Failure::Conflict("lost".to_owned()))
    }))
}

fn big(x: i64) -> Work {
    step(Box::new(move |connection| {
        execute(connection, "INSERT INTO t (x, y) VALUES (?1, zeroblob(200000))", [x]).map(|_| 1)
    }))
}

fn damaged(x: i64) -> Work {
    step(Box::new(move |connection| {
        execute(connection, "INSERT INTO t (x) VALUES (?1)", [x])?;
        Err(Failure::Sqlite(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            None,
        )))
    }))
}

fn rows(fixture: &Fixture) -> Vec<i64> {
    // Through another connection: what is committed.
    let reader = Connection::open(&fixture.path).unwrap();
    let mut statement = reader.prepare("SELECT x FROM t ORDER BY x").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn words(answers: &[Answer]) -> Vec<&'static str> {
    let word = |answer: &Answer| match answer {
        Ok(_) => "ok",
        Err(CommitError::Conflict(_)) => "conflict",
        Err(CommitError::Unavailable(_) | CommitError::ReadOnly(_)) => "unavailable",
        Err(CommitError::InDoubt(_)) => "in doubt",
    };
    answers.iter().map(word).collect()
}

#[test]
fn a_conflict_does_not_harm_the_others() {
    let fixture = fixture();
    let work = [insert(1), losing(2), insert(3), losing(4), insert(5)];
    let answers = write(&fixture.path, &fixture.connection, &work);
    assert_eq!(words(&answers), ["ok", "conflict", "ok", "conflict", "ok"]);
    assert_eq!(rows(&fixture), [1, 3, 5]);
}

#[test]
fn who_loses_before_writing_needs_no_second_try() {
    let fixture = fixture();
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let counting = step(Box::new(move |connection| {
        counted.fetch_add(1, Ordering::Relaxed);
        execute(connection, "INSERT INTO t (x) VALUES (1) ON CONFLICT DO NOTHING", []).map(|_| 0)
    }));
    let early = || step(Box::new(|_| Err(Failure::Conflict("lost".to_owned()))));
    // The second insert of the same row is refused by the table itself.
    let work = [counting, early(), insert(1), insert(2)];
    let answers = write(&fixture.path, &fixture.connection, &work);
    assert_eq!(words(&answers), ["ok", "conflict", "unavailable", "ok"]);
    assert_eq!((rows(&fixture), tries.load(Ordering::Relaxed)), (vec![1, 2], 1));
}

#[test]
fn damage_met_by_one_does_not_harm_the_others() {
    let fixture = fixture();
    let work = [insert(1), damaged(2), losing(3), damaged(4), insert(5)];
    let answers = write(&fixture.path, &fixture.connection, &work);
    assert_eq!(words(&answers), ["ok", "unavailable", "conflict", "unavailable", "ok"]);
    let Err(CommitError::Unavailable(why)) = &answers[1] else { panic!("{answers:?}") };
    assert!(why.contains("is damaged"), "{why}");
    assert_eq!(rows(&fixture), [1, 5]);
}

#[test]
fn a_commit_that_fails_is_nobodys_success() {
    let mut fixture = fixture();
    fixture.connection.commit_hook(Some(|| true)).unwrap();
    let answers = write(&fixture.path, &fixture.connection, &[insert(1), losing(2), insert(3)]);
    // Not even the conflict holds: it may have been one with what was not committed.
    assert_eq!(words(&answers), ["in doubt"; 3]);
    assert!(rows(&fixture).is_empty());
    fixture.connection.commit_hook(None::<fn() -> bool>).unwrap();
    let answers = write(&fixture.path, &fixture.connection, &[insert(1), insert(3)]);
    assert_eq!(words(&answers), ["ok"; 2]);
    assert_eq!(rows(&fixture), [1, 3]);
}

#[test]
fn without_room_nothing_is_written_and_the_next_commit_goes_on() {
    let fixture = fixture();
    let pages: i64 = fixture.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    fixture.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();
    let answers = write(&fixture.path, &fixture.connection, &[insert(1), big(2), insert(3)]);
    assert_eq!(words(&answers)[1], "unavailable");
    let Err(CommitError::Unavailable(why)) = &answers[1] else { panic!("{answers:?}") };
    assert!(why.contains("is full") && why.contains("free some space"), "{why}");
    // Whoever was told "ok" is there, and nobody else.
    let expected: Vec<i64> = (1..=3).zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(x, _)| x).collect();
    assert_eq!(rows(&fixture), expected);
    fixture.connection.pragma_update(None, "max_page_count", pages + 1_000).unwrap();
    assert_eq!(words(&write(&fixture.path, &fixture.connection, &[big(7)])), ["ok"]);
}

#[test]
fn a_transaction_that_was_left_open_is_ended_first() {
    let fixture = fixture();
    fixture.connection.execute_batch("BEGIN; INSERT INTO t (x) VALUES (9)").unwrap();
    assert_eq!(words(&write(&fixture.path, &fixture.connection, &[insert(1)])), ["ok"]);
    assert_eq!(rows(&fixture), [1]);
}
