//! Values to bind.

use matchbook_protocol::UnixMillis;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

pub(in crate::sqlite) fn text(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

pub(in crate::sqlite) fn blob(bytes: &[u8]) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Blob(bytes))
}

pub(in crate::sqlite) fn owned_text(text: String) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Text(text))
}

pub(in crate::sqlite) fn owned_blob(bytes: Vec<u8>) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Blob(bytes))
}

pub(in crate::sqlite) fn number(number: impl Into<i64>) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Integer(number.into()))
}

/// A time, or another count of 64 bits; 2^63 − 1 for more.
pub(in crate::sqlite) fn long(number: u64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// 64 bits, kept as a signed number.
pub(in crate::sqlite) fn bits(bits: u64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Integer(bits.cast_signed()))
}

pub(in crate::sqlite) fn time(at: UnixMillis) -> ToSqlOutput<'static> {
    long(at.0)
}

pub(in crate::sqlite) fn opt<'a, T>(value: Option<T>, bind: impl FnOnce(T) -> ToSqlOutput<'a>) -> ToSqlOutput<'a> {
    value.map_or(ToSqlOutput::Owned(Value::Null), bind)
}
