//! Read-only stores: while a store is copied to another database, and for ever after, so that no code is accepted by
//! both.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::apply::Failure;
use super::journal::fold;
use super::open::{OpenError, OpenOptions, Origin};
use super::{open, restore, sentence};
use crate::moving::{CopyFate, Leaving, Mark};

/// Makes the store at `path` read-only, and says `why` to who wants to write. `why` replaces an earlier reason.
///
/// # Errors
/// [`OpenError::InUse`] when a server has it open that can write; one that runs read-only is no hindrance. And all that
/// opening answers.
pub fn freeze(path: &Path, options: OpenOptions, why: &str) -> Result<(), OpenError> {
    match open::open(path, OpenOptions { create: false, read_only: true, ..options }, Origin::Store) {
        Ok((_lock, connection)) => mark(&connection, path, why),
        // A server that runs read-only keeps the lock; the mark is there already.
        Err(OpenError::InUse(in_use)) if frozen_at(path)?.is_none() => Err(OpenError::InUse(in_use)),
        Err(OpenError::InUse(_)) => {
            let connection = open::connect(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE, CACHE_KIB)?;
            mark(&connection, path, why)
        }
        Err(error) => Err(error),
    }
}

/// Lets the store at `path` be written again.
///
/// Returns how many devices' codes that made void; `None`: it is not read-only, and nothing was done.
///
/// # Errors
/// All that opening answers, and what [`CopyFate`] says.
pub fn thaw(path: &Path, options: OpenOptions, copy: CopyFate) -> Result<Option<u64>, OpenError> {
    if matches!(frozen_at(path), Ok(None)) {
        return open::open(path, OpenOptions { create: false, read_only: false, ..options }, Origin::Store)
            .map(|_| None);
    }
    let (_lock, mut connection) =
        open::open(path, OpenOptions { create: false, read_only: true, ..options }, Origin::Store)?;
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let voided = match copy {
        CopyFate::MayHaveServed(at) => restore::mark(&transaction, at).map_err(|failure| of_failure(path, failure))?,
        CopyFate::Dropped => 0,
        CopyFate::NeverServed => {
            let sql = "SELECT value FROM meta WHERE name = 'moving'";
            let note: Option<Vec<u8>> = transaction.query_row(sql, [], |row| row.get(0)).optional().map_err(failed)?;
            if let Some(why) = Leaving::objection(note.as_deref(), &path.display().to_string()) {
                return Err(OpenError::ReadOnly(why));
            }
            0
        }
    };
    // With the note of a move: a copy of what the store was before is not to be finished.
    transaction.execute("DELETE FROM meta WHERE name IN ('read_only', 'moving')", []).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(Some(voided))
}

/// Why the store at `path` is read-only; `None`: it is not.
///
/// # Errors
/// It cannot be read.
pub fn frozen_at(path: &Path) -> Result<Option<String>, OpenError> {
    let connection = open::open_reader(path)?;
    frozen(&connection).map_err(|error| OpenError::of_sqlite(path, &error))
}

/// Why a store is read-only.
pub(super) fn frozen(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM meta WHERE name = 'read_only'";
    connection.query_row(sql, [], |row| row.get(0)).optional()
}

/// What who opens an unfinished copy is told; `None`: it is none.
pub(super) fn unfinished(connection: &Connection, path: &Path) -> Result<Option<String>, OpenError> {
    let sql = "SELECT value FROM meta WHERE name = 'copy'";
    let mark: Option<Vec<u8>> = connection
        .query_row(sql, [], |row| row.get(0))
        .optional()
        .map_err(|error| OpenError::of_sqlite(path, &error))?;
    Ok(mark.map(|mark| Mark::refusal(&mark, &path.display().to_string())))
}

/// Sees that a store that is to be written is not read-only, or makes it so when that was asked for. Returns why.
pub(super) fn check(connection: &Connection, path: &Path, read_only: bool) -> Result<Option<String>, OpenError> {
    let found = frozen(connection).map_err(|error| OpenError::of_sqlite(path, &error))?;
    match (found, read_only) {
        (Some(why), true) => {
            // A move that was cut off may have marked a store that a kill had left unfolded.
            mark(connection, path, &why)?;
            Ok(Some(why))
        }
        (None, true) => {
            mark(connection, path, ASKED_FOR)?;
            Ok(Some(ASKED_FOR.to_owned()))
        }
        (Some(why), false) => Err(OpenError::ReadOnly(format!(
            "{} is read-only: {why}. A server with --read-only serves what can be read of it",
            path.display()
        ))),
        (None, false) => Ok(None),
    }
}

/// The reason when nobody gave one.
const ASKED_FOR: &str =
    "a server was told to run read-only on it: `matchbook store thaw --copy-never-served` lets it be written again";

/// A connection that writes one row needs little memory.
const CACHE_KIB: i64 = 256;

/// With the journal folded, which a kill may have left: who copies the store reads its tables alone.
fn mark(connection: &Connection, path: &Path, why: &str) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
    fold::whole(&transaction).map_err(|failure| of_failure(path, failure))?;
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('read_only', ?1)";
    transaction.execute(sql, params![why]).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn of_failure(path: &Path, failure: Failure) -> OpenError {
    match failure {
        Failure::Sqlite(error) => OpenError::of_sqlite(path, &error),
        Failure::Damaged(what) => OpenError::Damaged(sentence::damaged(path, &what)),
        Failure::Conflict(why) | Failure::Senseless(why) => OpenError::Unavailable(why),
    }
}
