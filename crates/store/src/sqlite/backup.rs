//! Copies of a store while a server writes to it.

use std::fmt;
use std::fs;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{files, open, sentence};

/// Pages that are copied between two reports: 4 MiB.
const PAGES_A_STEP: i32 = 1_024;
/// KiB of pages that the copy keeps in memory.
const CACHE_KIB: i64 = 4_096;

/// How far a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// Pages copied.
    pub done: u32,
    /// Pages in all; 4,096 bytes each.
    pub pages: u32,
}

/// A backup was not made; each holds one sentence that says what to do. Nothing is left at the target.
#[derive(Debug)]
pub enum BackupError {
    /// The store cannot be read.
    Source(String),
    /// The target cannot be written, or is there already.
    Target(String),
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(why) | Self::Target(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for BackupError {}

/// Copies the store at `source` into a new file `target` of mode 0600, as it was at one moment. A server may have it
/// open and goes on meanwhile; its log grows until the copy is done. Blocks the thread; `progress` is called after
/// every 4 MiB.
///
/// The copy is marked: a server refuses to serve it until [`super::restore`] has voided the codes in it.
///
/// # Errors
/// [`BackupError::Source`] when the store is missing, damaged or locked, [`BackupError::Target`] when there is a file
/// at `target` already, or it cannot be written.
pub fn backup(source: &Path, target: &Path, progress: impl FnMut(BackupProgress)) -> Result<(), BackupError> {
    if !source.is_file() {
        return Err(BackupError::Source(format!(
            "there is no store at {}: name its folder with --data",
            source.display()
        )));
    }
    if target.try_exists().unwrap_or(true) {
        return Err(BackupError::Target(format!(
            "there is a file at {}: give the backup a new name",
            target.display()
        )));
    }
    let partial = files::beside(target, ".partial");
    let unwritable = |error: std::io::Error| BackupError::Target(sentence::of_io(target, &error));
    files::private().write(true).create(true).truncate(true).open(&partial).map_err(unwritable)?;
    let made = copy(source, &partial, progress).and_then(|()| {
        fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(unwritable)?;
        fs::rename(&partial, target).map_err(unwritable)?;
        files::sync_folder_of(target).map_err(unwritable)
    });
    if made.is_err() {
        let _ = fs::remove_file(&partial);
    }
    made
}

fn copy(source: &Path, partial: &Path, mut progress: impl FnMut(BackupProgress)) -> Result<(), BackupError> {
    let source_failed = |error: rusqlite::Error| BackupError::Source(sentence::of_sqlite(source, &error));
    let target_failed = |error: rusqlite::Error| BackupError::Target(sentence::of_sqlite(partial, &error));
    let from = open::connect(source, OpenFlags::SQLITE_OPEN_READ_ONLY, CACHE_KIB)
        .map_err(|error| BackupError::Source(error.to_string()))?;
    identify(&from, source)?;
    // Held until the end, so that the copy is of this moment and need not begin again when the server writes.
    from.execute_batch("BEGIN; SELECT count(*) FROM meta;").map_err(source_failed)?;
    let mut to = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(target_failed)?;
    // Nobody reads the copy before it is whole and flushed.
    to.pragma_update(None, "synchronous", "OFF").map_err(target_failed)?;
    {
        let backup = Backup::new(&from, &mut to).map_err(target_failed)?;
        loop {
            // An error of a step is the copy's: the source was readable a moment ago, and its damage shows as such.
            let step = backup.step(PAGES_A_STEP).map_err(|error| match sentence::trouble(&error) {
                sentence::Trouble::Damaged | sentence::Trouble::NotADatabase => source_failed(error),
                _ => target_failed(error),
            })?;
            let state = backup.progress();
            let pages = u32::try_from(state.pagecount).unwrap_or(0);
            progress(BackupProgress { done: pages.saturating_sub(u32::try_from(state.remaining).unwrap_or(0)), pages });
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                StepResult::Busy | StepResult::Locked => std::thread::yield_now(),
                _ => {}
            }
        }
    }
    // One file, with nothing beside it that could be forgotten.
    let mode: String =
        to.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0)).map_err(target_failed)?;
    if mode != "delete" {
        return Err(BackupError::Target(format!(
            "SQLite keeps {} in mode {mode}: please report this",
            partial.display()
        )));
    }
    to.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('backup', 1)", []).map_err(target_failed)?;
    to.close().map_err(|(_, error)| target_failed(error))
}

fn identify(from: &Connection, source: &Path) -> Result<(), BackupError> {
    let id: i32 = from
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(|error| BackupError::Source(sentence::of_sqlite(source, &error)))?;
    if id == open::APPLICATION_ID { Ok(()) } else { Err(BackupError::Source(sentence::not_a_database(source))) }
}
