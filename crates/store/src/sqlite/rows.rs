//! Rows of SQLite: how they are bound and read.

pub(super) use crate::rows::{
    Bad, BucketRow, COPY_STAGED, Cells, END_IMPORT, Fields, INSERT_AUTHENTICATOR, INSERT_DISPATCH, INSERT_EVENT,
    INSERT_OPERATION, INSERT_OUTBOX, INSERT_REALM, INSERT_SET, INSERT_SUBSCRIBER, INSERT_TOKEN, OUTBOX_ROTATION,
    OUTBOX_SET, OUTBOX_SYNC, READY, Ready, STAGE_AUTHENTICATOR, STAGE_SUBSCRIBER, STATUS_ACTIVE, STATUS_REVOKED,
    Stored, TOUCH_IMPORT, UPDATE_AUTHENTICATOR, UPDATE_AUTHENTICATOR_KEEPING, UPDATE_REALM, UPDATE_SUBSCRIBER, Value,
    bind_authenticator, bind_dispatch, bind_event, bind_operation, bind_outbox, bind_realm, bind_set, bind_subscriber,
    bind_token, blob, columns, decode_at, dispatch_state, import_key, number, priority, spend_kind, text, time,
    unready,
};

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Params, Row};

use crate::rows::{Cell, decode};

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
            Self::List(_) => return Err(rusqlite::Error::ToSqlConversionFailure("SQLite has no lists".into())),
        }))
    }
}

impl Cells for Row<'_> {
    fn cell(&self, at: usize) -> Option<Cell<'_>> {
        Some(match self.get_ref(at).ok()? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Text(text) => Cell::Text(text),
            ValueRef::Blob(bytes) => Cell::Blob(bytes),
            ValueRef::Real(_) => Cell::Other,
        })
    }

    fn name(&self, at: usize) -> Option<&str> {
        self.as_ref().column_name(at).ok()
    }
}

/// A read failed.
#[derive(Debug)]
pub(super) enum ReadError {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// The row makes no sense; the text names the row and what is wrong.
    Damaged(String),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Reads all rows of a query whose columns are those of `T`. `rest` follows `T::SELECT` and begins with `WHERE` or
/// `ORDER BY`.
pub(super) fn rows<T: Stored>(connection: &Connection, rest: &str, params: impl Params) -> Result<Vec<T>, ReadError> {
    let sql = [T::SELECT, " FROM ", T::TABLE, " ", rest].concat();
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(decode(row).map_err(ReadError::Damaged)?);
    }
    Ok(found)
}

/// Reads the one row of a query, or none.
pub(super) fn row<T: Stored>(connection: &Connection, rest: &str, params: impl Params) -> Result<Option<T>, ReadError> {
    Ok(rows(connection, rest, params)?.pop())
}

/// Reads the first column of each row as a `T`.
pub(super) fn column<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&mut Fields<'_>) -> Result<T, Bad>,
) -> Result<Vec<T>, ReadError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(
            read(&mut Fields::new(row)).map_err(|bad| ReadError::Damaged(format!("an answer to `{sql}`: {bad}")))?,
        );
    }
    Ok(found)
}
