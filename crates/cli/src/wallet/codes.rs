//! `matchbook wallet codes`: which numbers there are, never the codes.

use serde::Serialize;

use super::account::choose;
use super::args::One;
use super::vault::Place;
use crate::error::CliError;
use crate::ui::Ui;

/// Lists an account's codes by number.
pub(super) fn run(place: &Place, one: &One, ui: &Ui) -> Result<(), CliError> {
    let wallet = place.read(ui)?;
    let handle = choose(&wallet, one)?;
    let Some(account) = wallet.account(handle) else {
        return Err(CliError::not_found("the wallet has no such account"));
    };
    let codes: Vec<Line> = account.codes().map(|mark| Line { index: mark.index.0, used: mark.used }).collect();
    if ui.is_json() {
        return ui.json(&Codes { account: handle.0, unused: account.remaining(), codes: &codes });
    }
    let rows: Vec<Vec<String>> = codes
        .iter()
        .map(|line| vec![line.index.to_string(), if line.used { "used" } else { "unused" }.to_owned()])
        .collect();
    ui.table(&["CODE", "STATE"], &rows)
}

#[derive(Serialize)]
struct Codes<'a> {
    account: u8,
    unused: usize,
    codes: &'a [Line],
}

#[derive(Serialize)]
struct Line {
    index: u32,
    used: bool,
}
