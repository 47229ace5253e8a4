//! The steps from one layout to the next, and a checksum of each in the database, so that a step that was changed
//! after it ran is found.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::open::OpenError;
use super::rows::{Fields, ReadError, blob, column};
use super::sentence;
use crate::moving::Note;

/// One step.
pub(super) struct Migration {
    /// Counts from 1, without gaps.
    pub(super) number: u32,
    /// The file's name without number and ending.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) sql: &'static str,
}

/// All steps, in order. A file of `migrations/` that was in a release is never changed.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "initial", sql: include_str!("../../migrations/001_initial.sql") },
    Migration { number: 2, name: "short_messages", sql: include_str!("../../migrations/002_short_messages.sql") },
    Migration { number: 3, name: "journal", sql: include_str!("../../migrations/003_journal.sql") },
    Migration { number: 4, name: "imports", sql: include_str!("../../migrations/004_imports.sql") },
];

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT";

/// Checks the steps that the database has had, and takes those that it lacks, each in a transaction. `mark` is what a
/// database that is made here notes as [`Note::Copy`] from its first moment on.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    steps: &[Migration],
    mark: Option<&[u8]>,
) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    let is_new = !connection.table_exists(None::<&str>, "migrations").map_err(failed)?;
    let applied = if is_new { Vec::new() } else { applied(connection, path)? };
    check(path, steps, &applied)?;
    for step in steps.iter().skip(applied.len()) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // With the first step, so that a creation that is killed leaves an empty database or a whole one.
        transaction.execute_batch(CREATE_TABLE).map_err(failed)?;
        transaction.execute_batch(step.sql).map_err(failed)?;
        if let (Some(mark), 1) = (mark, step.number) {
            let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2)";
            transaction.execute(sql, params![Note::Copy.name(), mark]).map_err(failed)?;
        }
        let sql = "INSERT INTO migrations (number, name, sha256, applied_at) VALUES (?1, ?2, ?3, unixepoch() * 1000)";
        let sha256 = checksum(step);
        transaction.execute(sql, params![step.number, step.name, blob(&sha256)]).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

/// The SHA-256 of a step's text.
pub(super) fn checksum(step: &Migration) -> [u8; 32] {
    Sha256::digest(step.sql).into()
}

struct Applied {
    number: u32,
    sha256: [u8; 32],
}

fn applied(connection: &Connection, path: &Path) -> Result<Vec<Applied>, OpenError> {
    let sql = "SELECT number, sha256 FROM migrations ORDER BY number";
    let read = |fields: &mut Fields<'_>| Ok(Applied { number: fields.number()?, sha256: fields.array()? });
    column(connection, sql, [], read).map_err(|error| match error {
        ReadError::Sqlite(error) => OpenError::of_sqlite(path, &error),
        ReadError::Damaged(what) => OpenError::Damaged(sentence::damaged(path, &what)),
    })
}

fn check(path: &Path, steps: &[Migration], applied: &[Applied]) -> Result<(), OpenError> {
    let at = path.display();
    for (place, had) in applied.iter().enumerate() {
        let Some(step) = steps.get(place) else {
            return Err(OpenError::Schema(format!(
                "{at} was made by a newer release (layout {}, this one knows {}): run that release, or put a backup \
                 from before it back",
                had.number,
                steps.len()
            )));
        };
        if had.number != step.number {
            return Err(OpenError::Damaged(sentence::damaged(
                path,
                &format!("step {} of the layout is missing", step.number),
            )));
        }
        if had.sha256 != checksum(step) {
            return Err(OpenError::Schema(format!(
                "step {} ({}) of the layout of {at} is not the one of this release: run the release that made the \
                 store, and report this",
                step.number, step.name
            )));
        }
    }
    Ok(())
}
