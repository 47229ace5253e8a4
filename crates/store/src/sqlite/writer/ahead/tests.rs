#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use rusqlite::Connection;

use super::{Ahead, FRAME, STEP, lengthen};
use crate::sqlite::files;
use crate::sqlite::writer::Own;
use crate::sqlite::writer::fixture::{Opened, opened};

fn commit(connection: &Connection, number: u32) {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, zeroblob(3000))";
    connection.execute(sql, [format!("row {number}")]).unwrap();
}

/// What a kill would leave: the database and its log as they lie.
fn rows_of_a_copy(path: &Path) -> u32 {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["", "-wal"] {
        fs::copy(files::beside(path, ending), folder.path().join(format!("store.db{ending}"))).unwrap();
    }
    let copy = Connection::open(folder.path().join("store.db")).unwrap();
    let whole: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    copy.query_row("SELECT count(*) FROM meta WHERE name LIKE 'row %'", [], |row| row.get(0)).unwrap()
}

#[test]
fn the_log_is_made_longer_when_its_end_is_near_and_not_before() {
    let Opened { connection, mut accepts, path, folder: _folder, lock: _lock, .. } = opened();
    let (ahead, log) = (Ahead::default(), files::beside(&path, "-wal"));
    let mut near_for = |ahead: &Ahead, pages: i32| {
        ahead.when_near(pages, &Own { path: &path, connection: &connection, accepts: &mut accepts });
        // Its jobs are done in turn.
        let (done, waiting) = sync_channel(1);
        accepts.aside().run(move |_| {
            done.send(()).unwrap();
            Ok(())
        });
        waiting.recv().unwrap();
        fs::metadata(&log).unwrap().len()
    };
    let mut near = |pages: i32| near_for(&ahead, pages);
    let first = near(1);
    assert!(first >= STEP, "{first}");
    let last = i32::try_from((first - STEP) / FRAME).unwrap();
    for pages in [0, 1, last] {
        assert_eq!(near(pages), first, "{pages} pages");
    }
    assert_eq!(near(last + 1), first + STEP);
    // Begun anew.
    assert_eq!(near(3), first + STEP);
    // After a restart that found the log as it was, nothing is known of its length.
    assert_eq!(near_for(&Ahead::default(), last), first + STEP);
    commit(&connection, 1);
    assert_eq!(rows_of_a_copy(&path), 1);
}

#[test]
fn zeros_never_come_over_a_commit() {
    const ROWS: u32 = 500;
    // Fewer than a commit writes: the end is where the commits are. More: they write over zeros.
    for by in [64, 10_000] {
        let Opened { connection, path, folder: _folder, lock: _lock, .. } = opened();
        let log = File::options().append(true).open(files::beside(&path, "-wal")).unwrap();
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    lengthen(&log, by).unwrap();
                }
            });
            for number in 1..=ROWS {
                commit(&connection, number);
            }
            is_done.store(true, Ordering::Relaxed);
        });
        lengthen(&log, by).unwrap();
        assert_eq!(rows_of_a_copy(&path), ROWS, "{by} zeros at a time");
    }
}
