#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ffi};
use tempfile::TempDir;

use super::{Checkpoints, Failed};
use crate::sqlite::lock::Lock;
use crate::sqlite::open::{OpenOptions, Origin, open, open_reader};
use crate::sqlite::writer::fixture::{Opened, opened};
use crate::sqlite::writer::{Accepts, Own};

const LONG: i32 = 20;
/// Far more than the other thread takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Fixture {
    connection: Connection,
    accepts: Accepts,
    path: PathBuf,
    rows: u32,
    _lock: Lock,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let Opened { connection, accepts, path, lock, folder, .. } = opened();
        Self { connection, accepts, path, rows: 0, _lock: lock, _folder: folder }
    }

    fn commit(&mut self) {
        self.rows += 1;
        let sql = "INSERT INTO meta (name, value) VALUES (?1, zeroblob(3000))";
        self.connection.execute(sql, [format!("row {}", self.rows)]).unwrap();
    }

    /// Commits until the log was begun anew; the most pages that it had.
    fn commit_until_anew(&mut self, checkpoints: &mut Checkpoints) -> i32 {
        let (mut most, end) = (0, Instant::now() + PATIENCE);
        loop {
            self.commit();
            let pages = checkpoints.pages.load(Ordering::Relaxed);
            if pages < most {
                return most;
            }
            most = pages;
            let Self { path, connection, accepts, .. } = self;
            checkpoints.when_long(&mut Own { path, connection, accepts });
            assert!(Instant::now() < end, "the log goes on: {pages} pages");
        }
    }
}

fn rows(path: &Path) -> u32 {
    let reader = open_reader(path).unwrap();
    let whole: String = reader.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    reader.query_row("SELECT count(*) FROM meta WHERE name LIKE 'row %'", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_long_log_is_copied_beside_the_commits_and_begun_anew() {
    let mut fixture = Fixture::new();
    let mut checkpoints = Checkpoints::of(&mut fixture.connection, LONG);
    let readings = fixture.accepts.unfolded().readings();
    for _ in 0..3 {
        assert!(fixture.commit_until_anew(&mut checkpoints) >= LONG);
        fixture.accepts.look_out(&fixture.connection).unwrap();
        assert_eq!(fixture.accepts.unfolded().readings(), readings, "nobody else has written");
    }
    assert_eq!(rows(&fixture.path), fixture.rows);
    // What a kill leaves is whole: the database and its log as they lie.
    let folder = tempfile::tempdir().unwrap();
    for ending in ["", "-wal"] {
        let copy = folder.path().join(format!("store.db{ending}"));
        std::fs::copy(fixture.path.with_file_name(format!("store.db{ending}")), copy).unwrap();
    }
    let recovered = Connection::open(folder.path().join("store.db")).unwrap();
    let count: u32 =
        recovered.query_row("SELECT count(*) FROM meta WHERE name LIKE 'row %'", [], |row| row.get(0)).unwrap();
    assert_eq!(count, fixture.rows);
}

#[test]
fn where_no_thread_can_copy_the_log_the_writer_does() {
    let mut fixture = Fixture::new();
    let mut checkpoints = Checkpoints::of(&mut fixture.connection, LONG);
    // As when the store is being closed: no thread begins.
    fixture.accepts.close();
    assert!(fixture.commit_until_anew(&mut checkpoints) >= LONG);
    assert_eq!(rows(&fixture.path), fixture.rows);
}

#[test]
fn a_reader_of_old_pages_only_puts_it_off() {
    let mut fixture = Fixture::new();
    let mut checkpoints = Checkpoints::of(&mut fixture.connection, LONG);
    fixture.commit();
    let reader = open_reader(&fixture.path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM meta").unwrap();
    for _ in 0..LONG * 4 {
        fixture.commit();
        let Fixture { path, connection, accepts, .. } = &mut fixture;
        checkpoints.when_long(&mut Own { path, connection, accepts });
    }
    assert!(checkpoints.pages.load(Ordering::Relaxed) > LONG * 4, "the reader's pages are kept");
    reader.execute_batch("COMMIT").unwrap();
    fixture.commit_until_anew(&mut checkpoints);
    assert_eq!(rows(&fixture.path), fixture.rows);
}

fn error(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

#[test]
fn what_only_puts_it_off_is_told_from_what_the_file_may_lack() {
    for code in [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED, ffi::SQLITE_FULL] {
        assert!(matches!(Failed::from(error(code)), Failed::ForNow(_)), "{code}");
    }
    for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR, ffi::SQLITE_CORRUPT] {
        assert!(matches!(Failed::from(error(code)), Failed::TheFile(_)), "{code}");
    }
    // A flush that says so has lost what it could not write, whatever the reason.
    assert!(matches!(Failed::from(std::io::Error::from(std::io::ErrorKind::StorageFull)), Failed::Flush(_)));
}

/// What SQLite takes for copied may be lost: only the log has it, and closing the store must not delete it.
#[test]
fn after_a_flush_that_failed_the_log_is_kept_and_copied_anew_by_the_next_start() {
    let mut fixture = Fixture::new();
    let mut checkpoints = Checkpoints::of(&mut fixture.connection, LONG);
    fixture.commit_until_anew(&mut checkpoints);
    // As when the other thread's flush failed, and the store closes before anybody has heard of it.
    let (done, copying) = std::sync::mpsc::sync_channel(1);
    done.send(Err(error(ffi::SQLITE_IOERR_FSYNC).into())).unwrap();
    checkpoints.copying = Some(copying);
    let before = fixture.rows;
    for _ in 0..LONG * 2 {
        fixture.commit();
        let Fixture { path, connection, accepts, .. } = &mut fixture;
        checkpoints.when_long(&mut Own { path, connection, accepts });
    }
    let Fixture { path, connection, mut accepts, rows: written, _lock, _folder, .. } = fixture;
    assert!(checkpoints.has_failed && written > before);
    assert!(checkpoints.pages.load(Ordering::Relaxed) > LONG, "the log goes on");
    accepts.close();
    checkpoints.close(&mut Own { path: &path, connection: &connection, accepts: &mut accepts });
    connection.close().unwrap();
    assert!(path.with_file_name("store.db-wal").metadata().unwrap().len() > 0, "the log is there");
    drop(_lock);
    let (_again, connection) = open(&path, OpenOptions::default(), Origin::Store).unwrap();
    let (_, _, copied): (i32, i32, i32) = connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    assert!(copied > LONG, "all of the log: {copied} pages");
    assert_eq!(rows(&path), written);
}

#[test]
fn a_flush_that_failed_is_found_when_the_store_closes() {
    let mut fixture = Fixture::new();
    let mut checkpoints = Checkpoints::of(&mut fixture.connection, LONG);
    fixture.commit();
    let (done, copying) = std::sync::mpsc::sync_channel(1);
    done.send(Err(Failed::Flush(std::io::Error::from_raw_os_error(5)))).unwrap();
    checkpoints.copying = Some(copying);
    let Fixture { path, connection, mut accepts, _lock, _folder, .. } = fixture;
    checkpoints.close(&mut Own { path: &path, connection: &connection, accepts: &mut accepts });
    connection.close().unwrap();
    assert!(path.with_file_name("store.db-wal").exists());
}
