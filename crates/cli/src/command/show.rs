//! The server's answers as rows and fields.

use serde::Serialize;
use serde_json::Value;

use crate::clock;
use crate::error::CliError;
use crate::ui::Ui;

/// A list as JSON.
#[derive(Serialize)]
struct Items<'a> {
    items: &'a [Value],
}

/// A column: its header and the answer's field. Fields that end in `_at_ms` are printed as times.
pub(super) type Column = (&'static str, &'static str);

/// Prints a list; the JSON has all that the server sent.
pub(super) fn list(ui: &Ui, items: &[Value], columns: &[Column]) -> Result<(), CliError> {
    if ui.is_json() {
        return ui.json(&Items { items });
    }
    let headers: Vec<&str> = columns.iter().map(|(header, _)| *header).collect();
    let rows: Vec<Vec<String>> =
        items.iter().map(|item| columns.iter().map(|(_, name)| text(item, name)).collect()).collect();
    ui.table(&headers, &rows)
}

/// Prints one thing; the JSON has all that the server sent.
pub(super) fn one(ui: &Ui, item: &Value, fields: &[Column]) -> Result<(), CliError> {
    if ui.is_json() {
        return ui.json(item);
    }
    let fields: Vec<(&str, String)> = fields.iter().map(|(label, name)| (*label, text(item, name))).collect();
    ui.fields(&fields)
}

/// A field as people read it; a dash when there is none.
pub(super) fn text(item: &Value, name: &str) -> String {
    match item.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Number(number)) if name.ends_with("at_ms") => {
            number.as_u64().map_or_else(|| number.to_string(), clock::rfc3339)
        }
        Some(other) => other.to_string(),
    }
}

/// A field that the server always sends.
pub(super) fn needed<'a>(item: &'a Value, name: &str) -> Result<&'a str, CliError> {
    item.get(name).and_then(Value::as_str).ok_or_else(|| {
        CliError::failure(format!("the server's answer has no {name}")).hint("Is it a Matchbook of another release?")
    })
}
