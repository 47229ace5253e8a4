//! How the model's types lie in columns, and back, whatever the engine. A row that does not make sense is refused and
//! named.
//!
//! Places in a statement are written `?1`, as SQLite has them; PostgreSQL writes them `$1`.

mod authenticator;
mod dispatch;
mod fields;
mod import;
mod issued;
mod moved;
mod realm;
mod throttle;
mod token;
mod values;
mod words;

pub(crate) use authenticator::{
    INSERT_AUTHENTICATOR, UPDATE_AUTHENTICATOR, UPDATE_AUTHENTICATOR_KEEPING, bind as bind_authenticator,
};
pub(crate) use dispatch::{INSERT_DISPATCH, bind_dispatch};
pub(crate) use fields::{Bad, Cell, Cells, Fields};
pub(crate) use import::{
    ARRIVED, COPY_STAGED, END_IMPORT, HOLD_IMPORT, READY, Ready, STAGE_AUTHENTICATOR, STAGE_SUBSCRIBER, TOUCH_IMPORT,
    import_key, unready,
};
pub(crate) use issued::{INSERT_OUTBOX, INSERT_SET, bind_outbox, bind_set};
pub(crate) use moved::{
    INSERT_BUCKET, INSERT_FAILURES, INSERT_FORGOTTEN, INSERT_SPEND, bind_bucket, bind_failures, bind_forgotten,
    bind_spend,
};
pub(crate) use realm::{
    INSERT_EVENT, INSERT_REALM, INSERT_SUBSCRIBER, UPDATE_REALM, UPDATE_SUBSCRIBER, bind_event, bind_realm,
    bind_subscriber, next_version,
};
pub(crate) use throttle::{BucketRow, INSERT_OPERATION, bind_operation};
pub(crate) use token::{INSERT_TOKEN, bind_token};
pub(crate) use values::{Bound, Value, blob, long, number, owned_blob, owned_text, text, time};
pub(crate) use words::{
    OUTBOX_ROTATION, OUTBOX_SET, OUTBOX_SYNC, STATUS_ACTIVE, STATUS_REVOKED, dispatch_state, event as event_word,
    priority, spend_kind,
};

/// A type that is kept as a row.
pub(crate) trait Stored: Sized {
    /// The table.
    const TABLE: &'static str;
    /// `SELECT` and the columns in the order of `decode`, the `KEY` first ones being the key.
    const SELECT: &'static str;
    /// How many columns the key has.
    const KEY: usize;

    /// Reads the columns.
    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad>;
}

/// The columns of a type, of the table with this name in a join.
pub(crate) fn columns<T: Stored>(table: &str) -> String {
    let columns = T::SELECT.trim_start_matches("SELECT").split(',');
    columns.map(|column| format!("{table}.{}", column.trim())).collect::<Vec<_>>().join(", ")
}

/// How many columns a type has.
pub(crate) fn width<T: Stored>() -> usize {
    T::SELECT.split(',').count()
}

/// Reads a row, or says which one it is and what is wrong with it.
pub(crate) fn decode<T: Stored>(row: &dyn Cells) -> Result<T, String> {
    decode_at(row, 0).map(|(it, _)| it)
}

/// The same for a row of several tables, where this one's columns begin at `at`; and where they end.
pub(crate) fn decode_at<T: Stored>(row: &dyn Cells, at: usize) -> Result<(T, usize), String> {
    let mut fields = Fields::at(row, at);
    let read = T::decode(&mut fields);
    read.map(|it| (it, fields.place())).map_err(|bad| {
        let key: Vec<String> = (at..).take(T::KEY).map(|at| shown(row.cell(at))).collect();
        format!("row ({}) of table {}: {bad}", key.join(", "), T::TABLE)
    })
}

fn shown(cell: Option<Cell<'_>>) -> String {
    match cell {
        Some(Cell::Integer(number)) => number.to_string(),
        Some(Cell::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(Cell::Blob(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Some(Cell::Null | Cell::Other) | None => "?".to_owned(),
    }
}
