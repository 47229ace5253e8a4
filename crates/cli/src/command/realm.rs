//! `matchbook realm`.

use serde_json::{Map, Value};

use super::policy;
use super::session::Session;
use super::show::{self, Column};
use crate::api::path;
use crate::args::{Global, Realm, RealmCommand, RealmPolicyCommand};
use crate::error::CliError;
use crate::ui::Ui;

const ROW: &[Column] = &[("REALM", "id"), ("NAME", "display_name"), ("MADE", "created_at_ms")];
const EVENT: &[Column] = &[
    ("TIME", "at_ms"),
    ("KIND", "kind"),
    ("DEVICE", "device"),
    ("USER", "user"),
    ("RELYING PARTY", "relying_party"),
    ("DETAIL", "detail"),
];

/// Runs a subcommand of `realm`.
///
/// # Errors
/// What the server answered.
pub(crate) fn run(args: &Realm, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let session = Session::open(global, &args.client.overrides(), ui)?;
    let api = &session.api;
    match &args.command {
        RealmCommand::Create { realm, display_name, policy: flags } => {
            let fields = policy::from_flags(flags)?;
            policy::must_be_good(&fields, ui)?;
            let mut body = Map::new();
            body.insert("id".to_owned(), realm.as_str().into());
            body.extend(display_name.as_deref().map(|name| ("display_name".to_owned(), name.into())));
            body.insert("policy".to_owned(), policy::to_json(&fields)?);
            let made = api.post("/v1/realms", &Value::Object(body))?;
            ui.talk(format!("The realm {realm} is there. Next: matchbook user create NAME --realm {realm}"));
            print(&made, ui)
        }
        RealmCommand::List => show::list(ui, &api.list("/v1/realms", &[], None)?, ROW),
        RealmCommand::Show { realm } => {
            let realm = session.realm(realm.as_deref())?;
            print(&api.get(&path(&["v1", "realms", realm]))?, ui)
        }
        RealmCommand::Policy { command: RealmPolicyCommand::Show { realm } } => {
            let realm = session.realm(realm.as_deref())?;
            policy::print(&policy::of_realm(api, realm)?, ui)
        }
        RealmCommand::Policy { command: RealmPolicyCommand::Set { realm, policy: flags } } => {
            let realm = session.realm(realm.as_deref())?;
            let changed = policy::overlay(policy::of_realm(api, realm)?, policy::from_flags(flags)?);
            policy::must_be_good(&changed, ui)?;
            api.put(&path(&["v1", "realms", realm, "policy"]), &policy::to_json(&changed)?)?;
            ui.talk(format!("The policy of {realm} is changed; codes that were issued keep their format."));
            policy::print(&policy::of_realm(api, realm)?, ui)
        }
        RealmCommand::Events { realm, device, limit } => {
            let realm = session.realm(realm.as_deref())?;
            let query: Vec<(&str, &str)> = device.iter().map(|device| ("device", device.as_str())).collect();
            let _progress = ui.progress("Reading the events");
            show::list(ui, &api.list(&path(&["v1", "realms", realm, "events"]), &query, Some(*limit))?, EVENT)
        }
    }
}

fn print(realm: &Value, ui: &Ui) -> Result<(), CliError> {
    if ui.is_json() {
        return ui.json(realm);
    }
    let mut fields = vec![
        ("realm", show::text(realm, "id")),
        ("name", show::text(realm, "display_name")),
        ("made", show::text(realm, "created_at_ms")),
    ];
    let policy = policy::from_json(realm.get("policy").cloned().unwrap_or_default())?;
    fields.extend(policy::fields(&policy)?);
    ui.fields(&fields)
}
