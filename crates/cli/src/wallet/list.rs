//! `matchbook wallet list`.

use matchbook_device::protocol::{Account, Phase};
use serde::Serialize;

use super::account::name;
use super::vault::Place;
use crate::error::CliError;
use crate::ui::{Ui, visible};

/// Lists the accounts.
pub(super) fn run(place: &Place, ui: &Ui) -> Result<(), CliError> {
    let wallet = place.read(ui)?;
    let lines: Vec<Line> = wallet.accounts().map(Line::new).collect();
    if ui.is_json() {
        return ui.json(&List { accounts: &lines });
    }
    if lines.is_empty() {
        ui.talk("The wallet has no account: enrol one with `matchbook wallet enrol`.");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            vec![
                line.account.to_string(),
                line.name.clone(),
                visible(&line.realm),
                visible(&line.server),
                line.id.clone(),
                line.unused.to_string(),
                line.state.to_owned(),
            ]
        })
        .collect();
    ui.table(&["ACCOUNT", "LABEL", "REALM", "SERVER", "ID", "UNUSED", "STATE"], &rows)
}

/// In one word where an account stands.
pub(super) fn state(account: &Account) -> &'static str {
    match account.phase() {
        Phase::Enrolling => "enrolling",
        Phase::Steady | Phase::Switching if account.is_suspended() => "suspended",
        Phase::Steady => "active",
        Phase::Switching => "switching key",
    }
}

#[derive(Serialize)]
struct List<'a> {
    accounts: &'a [Line],
}

#[derive(Serialize)]
struct Line {
    account: u8,
    #[serde(skip)]
    name: String,
    label: String,
    realm: String,
    server: String,
    id: String,
    unused: usize,
    state: &'static str,
}

impl Line {
    fn new(account: &Account) -> Self {
        Self {
            account: account.handle().0,
            name: name(account),
            label: account.label().to_owned(),
            realm: account.realm().to_owned(),
            server: account.server().to_owned(),
            id: account.party().id.to_string(),
            unused: account.remaining(),
            state: state(account),
        }
    }
}
