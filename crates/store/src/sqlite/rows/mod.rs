//! How the model's types lie in columns, and back. A row that does not make sense is refused and named.

mod authenticator;
mod dispatch;
mod fields;
mod issued;
mod realm;
mod throttle;
mod token;
mod values;
mod words;

pub(super) use authenticator::{INSERT_AUTHENTICATOR, UPDATE_AUTHENTICATOR, bind as bind_authenticator};
pub(super) use dispatch::{INSERT_DISPATCH, bind_dispatch};
pub(super) use fields::{Bad, Fields};
pub(super) use issued::{INSERT_OUTBOX, INSERT_SET, bind_outbox, bind_set};
pub(super) use realm::{
    INSERT_EVENT, INSERT_REALM, INSERT_SUBSCRIBER, UPDATE_REALM, UPDATE_SUBSCRIBER, bind_event, bind_realm,
    bind_subscriber, next_version,
};
pub(super) use throttle::{BucketRow, INSERT_OPERATION, bind_operation};
pub(super) use token::{INSERT_TOKEN, bind_token};
pub(super) use values::{blob, number, text, time};
pub(super) use words::{
    OUTBOX_ROTATION, OUTBOX_SET, OUTBOX_SYNC, STATUS_ACTIVE, STATUS_REVOKED, dispatch_state, priority, spend_kind,
};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Params, Row};

/// A type that is kept as a row.
pub(super) trait Stored: Sized {
    /// The table.
    const TABLE: &'static str;
    /// `SELECT` and the columns in the order of `decode`, the `KEY` first ones being the key.
    const SELECT: &'static str;
    /// How many columns the key has.
    const KEY: usize;

    /// Reads the columns.
    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad>;
}

/// The bound values of a row, in the order of its `INSERT`.
pub(super) type Bound<'a, const N: usize> = [ToSqlOutput<'a>; N];

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
        found.push(decode(row)?);
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

fn decode<T: Stored>(row: &Row<'_>) -> Result<T, ReadError> {
    T::decode(&mut Fields::new(row)).map_err(|bad| {
        let key: Vec<String> = (0..T::KEY).map(|at| shown(row, at)).collect();
        ReadError::Damaged(format!("row ({}) of table {}: {bad}", key.join(", "), T::TABLE))
    })
}

fn shown(row: &Row<'_>, at: usize) -> String {
    match row.get_ref(at) {
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Ok(ValueRef::Blob(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Ok(ValueRef::Null | ValueRef::Real(_)) | Err(_) => "?".to_owned(),
    }
}
