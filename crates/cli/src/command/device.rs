//! `matchbook device`.

mod enrol;
mod export;
mod import;
mod unlock;

use serde_json::{Value, json};

use super::session::Session;
use super::show::{self, Column};
use crate::api::{Api, path};
use crate::args::{Device, DeviceCommand, Global};
use crate::error::CliError;
use crate::ui::Ui;

/// The columns of a list of devices.
pub(super) const ROW: &[Column] = &[
    ("DEVICE", "device"),
    ("USER", "user"),
    ("LABEL", "label"),
    ("STATUS", "status"),
    ("UNUSED", "issued_unused"),
    ("FAILURES", "failures"),
    ("LAST SEEN", "last_seen_at_ms"),
];
const FIELDS: &[Column] = &[
    ("device", "device"),
    ("user", "user"),
    ("label", "label"),
    ("number", "number"),
    ("status", "status"),
    ("suite", "suite"),
    ("delivery", "delivery"),
    ("key epoch", "epoch"),
    ("messages under key", "messages_under_key"),
    ("new key pending", "rotation_pending"),
    ("codes issued, unused", "issued_unused"),
    ("codes unused, as reported", "reported_unused"),
    ("highest code held", "acknowledged"),
    ("next code", "next_index"),
    ("set on its way", "set_outstanding"),
    ("refill due", "refill_due"),
    ("sets today", "sets_today"),
    ("failures in a row", "failures"),
    ("made", "created_at_ms"),
    ("last seen", "last_seen_at_ms"),
];

/// Runs a subcommand of `device`.
///
/// # Errors
/// What the server answered.
pub(crate) fn run(args: &Device, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let mut overrides = args.client.overrides();
    overrides.extend(args.realm.overrides());
    let session = Session::open(global, &overrides, ui)?;
    let realm = session.realm(None)?;
    let api = &session.api;
    let act = |device: &str, verb: &str, done: &str| {
        let after = api.act(&path(&["v1", "realms", realm, "devices", device, verb]))?;
        ui.talk(done);
        show::one(ui, &after, FIELDS)
    };
    match &args.command {
        DeviceCommand::List { user } => list(api, realm, user.as_deref(), ui),
        DeviceCommand::Show(name) => {
            show::one(ui, &api.get(&path(&["v1", "realms", realm, "devices", &name.device]))?, FIELDS)
        }
        DeviceCommand::Enrol(args) => enrol::run(args, api, realm, ui),
        DeviceCommand::Import(args) => import::run(args, api, realm, ui),
        DeviceCommand::Export(args) => export::run(args, api, realm, ui),
        DeviceCommand::Suspend(name) => act(&name.device, "suspend", "Its codes are refused, and it gets no sets."),
        DeviceCommand::Resume(name) => act(&name.device, "resume", "Its codes are taken again."),
        DeviceCommand::Revoke { name, yes } => {
            if !yes {
                confirm_revocation(api, realm, &name.device, ui)?;
            }
            act(&name.device, "revoke", "It is stopped for good, and its key is erased.")
        }
        DeviceCommand::Unlock(name) => act(&name.device, "unlock", "Its failures are forgotten."),
        DeviceCommand::Rotate(name) => {
            act(&name.device, "rotate", "A new key is under way; the old one works until the device has it.")
        }
        DeviceCommand::Push(name) => {
            act(&name.device, "push", "A set is on its way, and is sent again until the device has it.")
        }
        DeviceCommand::Number { name, number, none: _ } => {
            let path = path(&["v1", "realms", realm, "devices", &name.device, "number"]);
            let after = api.put(&path, &json!({ "number": number }))?;
            ui.talk(match number {
                Some(_) => "Short messages to it go there from now on.",
                None => "No short messages go to it any more.",
            });
            show::one(ui, &after, FIELDS)
        }
    }
}

fn list(api: &Api, realm: &str, user: Option<&str>, ui: &Ui) -> Result<(), CliError> {
    let query: Vec<(&str, &str)> = user.iter().map(|user| ("user", *user)).collect();
    let _progress = ui.progress("Reading the devices");
    show::list(ui, &api.list(&path(&["v1", "realms", realm, "devices"]), &query, None)?, ROW)
}

fn confirm_revocation(api: &Api, realm: &str, device: &str, ui: &Ui) -> Result<(), CliError> {
    let known: Value = api.get(&path(&["v1", "realms", realm, "devices", device]))?;
    let (user, label) = (show::text(&known, "user"), show::text(&known, "label"));
    ui.confirm(&format!("Stop the device {device} of {user} ({label}) for good?"), "--yes")
}
