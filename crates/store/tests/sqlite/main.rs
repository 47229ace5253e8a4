//! What SQLite and the system can do to the store: kills, full disks, failing flushes, damage, wrong files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backup;
mod child;
mod damage;
mod fixture;
mod freeze;
mod full;
mod journal;
mod kill;
mod opening;
mod sync;

use std::path::Path;

use matchbook_store::{OpenError, OpenOptions, SqliteStore};

/// Opens or makes a store.
fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, OpenOptions { create: true, ..OpenOptions::default() })
}

/// The error of an opening, which has to fail.
fn refused(path: &Path, options: OpenOptions) -> OpenError {
    match SqliteStore::open(path, options) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

/// Changes the database behind the store's back.
fn tamper(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
}
