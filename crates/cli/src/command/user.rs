//! `matchbook user`.

use serde::Serialize;
use serde_json::Value;

use super::device;
use super::session::Session;
use super::show::{self, Column};
use crate::api::path;
use crate::args::{Global, User, UserCommand};
use crate::error::CliError;
use crate::ui::Ui;

const ROW: &[Column] =
    &[("USER", "id"), ("NAME", "display_name"), ("SUSPENDED", "suspended"), ("MADE", "created_at_ms")];
const FIELDS: &[Column] =
    &[("user", "id"), ("name", "display_name"), ("suspended", "suspended"), ("made", "created_at_ms")];

#[derive(Serialize)]
struct NewUser<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

/// Runs a subcommand of `user`.
///
/// # Errors
/// What the server answered.
pub(crate) fn run(args: &User, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let mut overrides = args.client.overrides();
    overrides.extend(args.realm.overrides());
    let session = Session::open(global, &overrides, ui)?;
    let realm = session.realm(None)?;
    let api = &session.api;
    match &args.command {
        UserCommand::Create { user, display_name } => {
            let new = NewUser { id: user, display_name: display_name.as_deref() };
            let made = api.post(&path(&["v1", "realms", realm, "users"]), &new)?;
            ui.talk(format!("{user} is there. Next: matchbook device enrol {user} --realm {realm}"));
            show::one(ui, &made, FIELDS)
        }
        UserCommand::List => {
            let _progress = ui.progress("Reading the users");
            show::list(ui, &api.list(&path(&["v1", "realms", realm, "users"]), &[], None)?, ROW)
        }
        UserCommand::Show { user } => {
            let mut shown = api.get(&path(&["v1", "realms", realm, "users", user]))?;
            let devices = api.list(&path(&["v1", "realms", realm, "devices"]), &[("user", user)], None)?;
            if ui.is_json() {
                if let Value::Object(fields) = &mut shown {
                    fields.insert("devices".to_owned(), Value::Array(devices));
                }
                return ui.json(&shown);
            }
            show::one(ui, &shown, FIELDS)?;
            ui.line("")?;
            show::list(ui, &devices, device::ROW)
        }
        UserCommand::Suspend { user } => {
            let after = api.act(&path(&["v1", "realms", realm, "users", user, "suspend"]))?;
            ui.talk(format!("All codes of {user} are refused until `matchbook user resume {user}`."));
            show::one(ui, &after, FIELDS)
        }
        UserCommand::Resume { user } => {
            show::one(ui, &api.act(&path(&["v1", "realms", realm, "users", user, "resume"]))?, FIELDS)
        }
    }
}
