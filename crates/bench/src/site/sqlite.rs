//! How much of SQLite's file each table and index takes.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::trouble::{Result, Trouble};

/// Bytes of each, the largest first.
pub(super) fn weigh(file: &Path) -> Result<Vec<(String, u64)>> {
    let failed = |error| Trouble::because("the tables were not weighed")(error);
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let sql = "SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE ORDER BY pgsize DESC";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let weighed = statement.query_map([], |row| {
        let bytes: i64 = row.get(1)?;
        Ok((row.get(0)?, u64::try_from(bytes).unwrap_or_default()))
    });
    weighed.map_err(failed)?.collect::<std::result::Result<_, _>>().map_err(failed)
}
