//! `matchbook device enrol`: the secret for one new device, shown once.

use serde::Serialize;
use serde_json::Value;

use super::super::show;
use crate::api::{Api, path};
use crate::args::Enrol;
use crate::error::CliError;
use crate::ui::Ui;
use crate::{private, qr};

#[derive(Serialize)]
struct NewEnrolment<'a> {
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    suite: &'static str,
    delivery: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_for_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
    bearer: &'static str,
}

/// An enrolment whose URI went into a file.
#[derive(Serialize)]
struct Written<'a> {
    device: &'a str,
    file: &'a str,
    expires_at_ms: u64,
}

/// Makes the enrolment and prints it: the URI alone on standard output, with `--typed` the groups, with `--out` the
/// device's identification code.
pub(super) fn run(args: &Enrol, api: &Api, realm: &str, ui: &Ui) -> Result<(), CliError> {
    if let Some(file) = args.out.as_deref().filter(|file| file.exists()) {
        return Err(CliError::failure(format!("{} is there already, and is not overwritten", file.display())));
    }
    let new = NewEnrolment {
        user: &args.user,
        label: args.label.as_deref(),
        suite: args.suite.word(),
        delivery: if args.public_key { "public-key" } else { "shared" },
        valid_for_s: args.valid_for,
        number: args.number.as_deref(),
        bearer: if args.sms_only { "sms" } else { "http" },
    };
    let made = api.post(&path(&["v1", "realms", realm, "enrolments"]), &new)?;
    let (device, uri) = (show::needed(&made, "device")?, show::needed(&made, "uri")?);
    let until = show::text(&made, "expires_at_ms");
    ui.talk(format!("Device {device} of {} waits to be enrolled until {until}.", args.user));
    if let Some(file) = &args.out {
        private::write_new(file, &format!("{uri}\n"))?;
        ui.talk(format!("Its secret is in {}; delete it once the device is enrolled.", file.display()));
        if ui.is_json() {
            let expires_at_ms = made.get("expires_at_ms").and_then(Value::as_u64).unwrap_or_default();
            return ui.json(&Written { device, file: &file.display().to_string(), expires_at_ms });
        }
        return ui.line(device);
    }
    if ui.is_json() {
        return ui.json(&made);
    }
    if args.typed {
        return typed(&made, realm, ui);
    }
    if qr::show(ui, uri) {
        ui.talk("Scan this with the wallet. It holds the secret, and works once.");
    }
    ui.line(uri)
}

fn typed(made: &Value, realm: &str, ui: &Ui) -> Result<(), CliError> {
    let groups = made.get("typed").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let groups: Vec<&str> = groups.iter().filter_map(Value::as_str).collect();
    if groups.is_empty() {
        return Err(CliError::failure("the server's answer has no groups to type"));
    }
    ui.talk(format!(
        "Type these into `matchbook wallet enrol --typed --realm {realm}`; the last character of each checks it."
    ));
    for group in groups {
        ui.line(group)?;
    }
    Ok(())
}
