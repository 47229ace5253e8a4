//! Where a row stands among those of its kind, as it is noted between two pages.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::notes::{hex, unhex};
use crate::rows::{Value, owned_blob, owned_text};

/// A row's key. Rows come in its order: texts and bytes byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<Value<'static>>);

/// What a text and what bytes begin with where they are noted.
const TEXT: char = '=';
const BYTES: char = 'x';

impl Key {
    pub(super) fn new<'a>(values: impl Iterator<Item = Value<'a>>) -> Self {
        Self(values.map(owned).collect())
    }

    /// The values to bind.
    pub(crate) fn values(&self) -> &[Value<'static>] {
        &self.0
    }

    pub(super) fn to_json(&self) -> Json {
        let part = |value: &Value<'_>| match value {
            Value::Integer(number) => Json::from(*number),
            Value::Text(text) => Json::from(format!("{TEXT}{text}")),
            Value::Blob(bytes) => Json::from(format!("{BYTES}{}", hex(bytes))),
            // No key holds such a thing.
            Value::Null | Value::List(_) => Json::Null,
        };
        self.0.iter().map(part).collect()
    }

    pub(super) fn of_json(json: &Json) -> Option<Self> {
        let part = |json: &Json| match json {
            Json::Number(number) => number.as_i64().map(Value::Integer),
            Json::String(text) => match text.strip_prefix(TEXT) {
                Some(text) => Some(owned_text(text.to_owned())),
                None => unhex(text.strip_prefix(BYTES)?).map(owned_blob),
            },
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
        };
        json.as_array()?.iter().map(part).collect::<Option<_>>().map(Self)
    }
}

fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Null => Value::Null,
        Value::Integer(number) => Value::Integer(number),
        Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        Value::Blob(bytes) => Value::Blob(Cow::Owned(bytes.into_owned())),
        Value::List(values) => Value::List(values.into_iter().map(owned).collect()),
    }
}
