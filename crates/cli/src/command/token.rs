//! `matchbook token`.

use serde::Serialize;

use super::session::Session;
use super::show::{self, Column};
use crate::api::{Api, path};
use crate::args::{Global, RoleName, Token, TokenCommand, TokenCreate};
use crate::error::CliError;
use crate::private;
use crate::ui::Ui;

const ROW: &[Column] = &[
    ("TOKEN", "id"),
    ("ROLE", "role"),
    ("REALM", "realm"),
    ("NAME", "name"),
    ("LABEL", "label"),
    ("MADE", "created_at_ms"),
    ("EXPIRES", "expires_at_ms"),
];

#[derive(Serialize)]
struct NewToken<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    realm: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_for_s: Option<u64>,
}

/// A token that went into a file.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a str,
    file: &'a str,
}

/// Runs a subcommand of `token`.
///
/// # Errors
/// What the server answered.
pub(crate) fn run(args: &Token, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let session = Session::open(global, &args.client.overrides(), ui)?;
    match &args.command {
        TokenCommand::Create(new) => create(new, &session, ui),
        TokenCommand::List => show::list(ui, &session.api.list("/v1/tokens", &[], None)?, ROW),
        TokenCommand::Revoke { id, yes } => {
            if !yes {
                confirm_revocation(&session.api, id, ui)?;
            }
            session.api.delete(&path(&["v1", "tokens", id]))?;
            ui.talk(format!("The token {id} works no more."));
            Ok(())
        }
    }
}

fn create(args: &TokenCreate, session: &Session, ui: &Ui) -> Result<(), CliError> {
    let realm = match args.role {
        RoleName::Operator if args.realm.is_some() => {
            return Err(CliError::usage("an operator's token counts in every realm")
                .hint("Leave --realm out, or make one of role realm-operator."));
        }
        RoleName::Operator => None,
        RoleName::RealmOperator | RoleName::RelyingParty => Some(session.realm(args.realm.as_deref())?),
    };
    if args.role != RoleName::RelyingParty && args.name.is_some() {
        return Err(CliError::usage("--name goes with relying-party").hint("Use --label for a text that people read."));
    }
    if let Some(file) = args.out.as_deref().filter(|file| file.exists()) {
        return Err(CliError::failure(format!("{} is there already, and is not overwritten", file.display())));
    }
    let new = NewToken {
        role: args.role.word(),
        realm,
        name: args.name.as_deref(),
        label: args.label.as_deref(),
        valid_for_s: args.valid_for,
    };
    let made = session.api.post("/v1/tokens", &new)?;
    let (id, token) = (show::needed(&made, "id")?, show::needed(&made, "token")?);
    if let Some(file) = &args.out {
        private::write_new(file, &format!("{token}\n")).map_err(|error| {
            error.hint(format!(
                "Name a new file. The token {id} works and nobody has it: `matchbook token revoke {id}`."
            ))
        })?;
        ui.talk(format!("The token {id} is in {}.", file.display()));
        return if ui.is_json() { ui.json(&Written { id, file: &file.display().to_string() }) } else { ui.line(id) };
    }
    ui.talk(format!("This is the token {id}. It is shown once, and kept nowhere."));
    let shown = if ui.is_json() { ui.json(&made) } else { ui.line(token) };
    // A token that nobody read is good all the same.
    shown
        .map_err(|error| error.hint(format!("The token {id} works; nobody has it. Run `matchbook token revoke {id}`.")))
}

fn confirm_revocation(api: &Api, id: &str, ui: &Ui) -> Result<(), CliError> {
    let tokens = api.list("/v1/tokens", &[], None)?;
    let known = tokens.iter().find(|token| show::text(token, "id") == id);
    let known = known.ok_or_else(|| {
        CliError::not_found(format!("There is no token {id}")).hint("`matchbook token list` shows the tokens.")
    })?;
    let (role, label) = (show::text(known, "role"), show::text(known, "label"));
    ui.confirm(&format!("Make the token {id} ({role}, {label}) stop working?"), "--yes")
}
