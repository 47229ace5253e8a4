//! That commits are flushed, by fdatasync, and by SQLite set up as it should be.

use std::fs;

use crate::child::{Worker, acknowledged, shim};

/// The flag of `.cargo/config.toml` reached the compiler: without it SQLite calls fsync, which costs a third of the
/// commits.
#[test]
fn sqlite_was_built_with_fdatasync() {
    let flags = option_env!("LIBSQLITE3_FLAGS").unwrap_or_default();
    assert!(flags.split(' ').any(|flag| flag.starts_with("-DHAVE_FDATASYNC")), "LIBSQLITE3_FLAGS is {flags:?}");
}

#[test]
fn each_commit_is_flushed_by_fdatasync() {
    let Some(shim) = shim() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (path, log) = (folder.path().join("store.db"), folder.path().join("log"));
    let mut command = Worker::command("spend-100", &path);
    command.env("LD_PRELOAD", &shim).env("SHIM_LOG", &log);
    let mut worker = Worker::start(command);
    let mut spends = 0;
    while let Some(line) = worker.next() {
        spends += usize::from(acknowledged(&line).is_some());
    }
    assert_eq!(spends, 100);
    let log = fs::read_to_string(log).unwrap();
    let count = |line: &str| log.lines().filter(|it| *it == line).count();
    // 16 at once: at least 7 commits, each with its flush. Only the header of a new log is flushed whole.
    assert!(count("d store.db-wal") >= 7, "{log}");
    assert!(count("f store.db-wal") <= 1, "{log}");
}

/// Up to 3.51.2 a checkpoint on one connection beside a commit on another could, in rare cases, take pages for copied that
/// were not (the "WAL-reset bug"). The log is copied beside the commits here.
#[test]
fn sqlite_can_copy_its_log_beside_commits() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}
