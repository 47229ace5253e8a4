//! `matchbook sms`: what became of a device's short messages. Never what is in them.

use serde_json::Value;

use super::session::Session;
use super::show::{self, Column};
use crate::api::path;
use crate::args::{Global, Sms, SmsCommand};
use crate::clock;
use crate::error::CliError;
use crate::ui::Ui;

const SENT: &[Column] = &[
    ("SENT", "sent_at_ms"),
    ("MESSAGE", "message"),
    ("WHAT", "content"),
    ("BYTES", "bytes"),
    ("TRY", "attempt"),
    ("CENTRE", "centre"),
];

/// Runs a subcommand of `sms`.
///
/// # Errors
/// What the server answered.
pub(crate) fn run(args: &Sms, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let mut overrides = args.client.overrides();
    overrides.extend(args.realm.overrides());
    let session = Session::open(global, &overrides, ui)?;
    let realm = session.realm(None)?;
    match &args.command {
        SmsCommand::Trace { name, limit } => {
            let base = path(&["v1", "realms", realm, "devices", &name.device, "messages"]);
            let messages = session.api.get(&format!("{base}?limit={limit}"))?;
            trace(&messages, ui)
        }
    }
}

/// Two tables: what was handed to a centre, the newest first, and what still waits.
fn trace(messages: &Value, ui: &Ui) -> Result<(), CliError> {
    if ui.is_json() {
        return ui.json(messages);
    }
    let list = |name| messages.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (sent, waiting) = (list("sent"), list("outbox"));
    if sent.is_empty() && waiting.is_empty() {
        ui.talk("No short message was sent to it, and none waits. `device show` tells whether it has a number.");
        return Ok(());
    }
    let mut headers: Vec<&str> = SENT.iter().map(|(header, _)| *header).collect();
    headers.extend(["PART", "STATE", "AFTER"]);
    let rows: Vec<Vec<String>> = sent.iter().map(sent_row).collect();
    if !rows.is_empty() {
        ui.table(&headers, &rows)?;
    }
    for item in waiting {
        let bulk = if item.get("bulk") == Some(&Value::Bool(true)) { ", bulk" } else { "" };
        ui.line(&format!(
            "waiting: {} {}, {} bytes{bulk}, sent {} times; next {}",
            show::text(item, "content"),
            show::text(item, "message"),
            show::text(item, "bytes"),
            show::text(item, "attempts"),
            next(item),
        ))?;
    }
    Ok(())
}

fn sent_row(item: &Value) -> Vec<String> {
    let mut row: Vec<String> = SENT.iter().map(|(_, name)| show::text(item, name)).collect();
    let error = show::text(item, "error");
    let state = show::text(item, "state");
    row.push(format!("{}/{}", show::text(item, "part"), show::text(item, "parts")));
    row.push(if error == "-" { state } else { format!("{state} ({error})") });
    let at = |name| item.get(name).and_then(Value::as_u64);
    row.push(match (at("sent_at_ms"), at("settled_at_ms")) {
        (Some(sent), Some(settled)) => format!("{:.1} s", seconds(settled.saturating_sub(sent))),
        (_, _) => "-".to_owned(),
    });
    row
}

#[allow(clippy::cast_precision_loss, reason = "a tenth of a second is enough")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// When it is sent next; far in the future stands for "when the device asks".
fn next(item: &Value) -> String {
    match item.get("next_attempt_at_ms").and_then(Value::as_u64) {
        Some(at) if at < matchbook_rules::admin::HELD_BACK_UNTIL.0 => clock::rfc3339(at),
        Some(_) | None => "when the device asks".to_owned(),
    }
}
