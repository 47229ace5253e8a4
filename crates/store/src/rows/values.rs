//! Values to bind.

use std::borrow::Cow;

use matchbook_protocol::UnixMillis;

/// A value of a column, whatever the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Nothing.
    Null,
    /// A signed number; counts and times are never negative.
    Integer(i64),
    /// A text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
    /// The values of a column in many rows; for PostgreSQL alone.
    List(Vec<Self>),
}

/// The values of a row, in the order of its `INSERT`.
pub(crate) type Bound<'a, const N: usize> = [Value<'a>; N];

pub(crate) fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

pub(crate) fn blob(bytes: &[u8]) -> Value<'_> {
    Value::Blob(Cow::Borrowed(bytes))
}

pub(crate) fn owned_text(text: String) -> Value<'static> {
    Value::Text(Cow::Owned(text))
}

pub(crate) fn owned_blob(bytes: Vec<u8>) -> Value<'static> {
    Value::Blob(Cow::Owned(bytes))
}

pub(crate) fn number(number: impl Into<i64>) -> Value<'static> {
    Value::Integer(number.into())
}

/// A time, or another count of 64 bits; 2^63 − 1 for more.
pub(crate) fn long(number: u64) -> Value<'static> {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// 64 bits, kept as a signed number.
pub(crate) fn bits(bits: u64) -> Value<'static> {
    Value::Integer(bits.cast_signed())
}

pub(crate) fn time(at: UnixMillis) -> Value<'static> {
    long(at.0)
}

pub(crate) fn opt<'a, T>(value: Option<T>, bind: impl FnOnce(T) -> Value<'a>) -> Value<'a> {
    value.map_or(Value::Null, bind)
}
