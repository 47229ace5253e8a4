//! Whether a database is whole: for `matchbook doctor`, also beside a running server.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::open::{self, OpenError};
use super::rows::{Fields, ReadError, column};
use super::{READER_CACHE_KIB, sentence};

/// Findings that one report names.
const MAX_FINDINGS: usize = 5;

/// Reads every page of the store at `path` and checks that they fit together. A server may have it open. Blocks the
/// thread for about a second a gigabyte.
///
/// # Errors
/// [`OpenError::Missing`], [`OpenError::NotAStore`], [`OpenError::Damaged`] with the first findings, or that it cannot
/// be read.
pub fn check(path: &Path) -> Result<(), OpenError> {
    if !path.is_file() {
        return Err(OpenError::Missing(format!(
            "there is no store at {}: name its folder with --data",
            path.display()
        )));
    }
    let connection = open::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE_KIB)?;
    let id: i32 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(|error| OpenError::of_sqlite(path, &error))?;
    if id != open::APPLICATION_ID {
        return Err(OpenError::NotAStore(sentence::not_a_database(path)));
    }
    quick_check(&connection).map_err(|error| match error {
        ReadError::Damaged(what) => OpenError::Damaged(sentence::damaged(path, &what)),
        ReadError::Sqlite(error) => OpenError::of_sqlite(path, &error),
    })
}

/// `PRAGMA quick_check`; damage is [`ReadError::Damaged`] with the first findings.
pub(super) fn quick_check(connection: &Connection) -> Result<(), ReadError> {
    let sql = format!("PRAGMA quick_check({MAX_FINDINGS})");
    let findings = column(connection, &sql, [], |fields: &mut Fields<'_>| fields.text().map(str::to_owned))?;
    if findings == ["ok"] { Ok(()) } else { Err(ReadError::Damaged(findings.join("; "))) }
}
