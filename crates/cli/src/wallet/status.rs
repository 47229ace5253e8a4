//! `matchbook wallet status`.

use matchbook_device::protocol::{Account, CodeIndex, Delivery, History, Suite};
use serde::Serialize;

use super::account::{choose, name};
use super::args::One;
use super::list::state;
use super::vault::Place;
use crate::error::CliError;
use crate::ui::{Ui, visible};

/// Shows where an account stands.
pub(super) fn run(place: &Place, one: &One, ui: &Ui) -> Result<(), CliError> {
    let wallet = place.read(ui)?;
    let handle = choose(&wallet, one)?;
    let Some(account) = wallet.account(handle) else {
        return Err(CliError::not_found("the wallet has no such account"));
    };
    let status = Status::new(account);
    if ui.is_json() {
        return ui.json(&status);
    }
    let highest = if account.highest() == CodeIndex::NONE { "none yet".to_owned() } else { status.highest.to_string() };
    ui.fields(&[
        ("account", format!("{} ({})", status.account, name(account))),
        ("state", status.state.to_owned()),
        ("realm", visible(&status.realm)),
        ("server", visible(&status.server)),
        ("identification code", status.id.clone()),
        ("suite", format!("{}, {}", status.suite, status.delivery)),
        ("key", format!("epoch {}", status.epoch)),
        ("unused codes", status.unused.to_string()),
        ("a set is asked for at", format!("{} unused codes or fewer", status.threshold)),
        ("highest code", highest),
        ("waits for an answer", if status.awaits_answer { "yes" } else { "no" }.to_owned()),
        ("requests sent", status.requests.to_string()),
        ("sets accepted", status.sets_accepted.to_string()),
        ("codes taken", status.codes_taken.to_string()),
        ("codes dropped by the server", status.codes_dropped.to_string()),
        ("keys replaced", status.rotations.to_string()),
        ("conflicts refused", status.conflicts.to_string()),
        ("vault", place.path.display().to_string()),
    ])
}

#[derive(Serialize)]
struct Status {
    account: u8,
    label: String,
    realm: String,
    server: String,
    id: String,
    suite: &'static str,
    delivery: &'static str,
    state: &'static str,
    epoch: u32,
    unused: usize,
    threshold: u8,
    highest: u32,
    awaits_answer: bool,
    requests: u32,
    sets_accepted: u32,
    codes_taken: u32,
    codes_dropped: u32,
    rotations: u32,
    conflicts: u32,
}

impl Status {
    fn new(account: &Account) -> Self {
        let History { sets_accepted, codes_taken, codes_dropped, rotations, conflicts } = account.history();
        let profile = account.party().profile;
        Self {
            account: account.handle().0,
            label: account.label().to_owned(),
            realm: account.realm().to_owned(),
            server: account.server().to_owned(),
            id: account.party().id.to_string(),
            suite: match profile.suite() {
                Suite::Symmetric => "symmetric",
                Suite::X25519 => "x25519",
                Suite::P256 => "p256",
                Suite::XWing => "x-wing",
            },
            delivery: match profile.delivery() {
                Delivery::Shared => "shared",
                Delivery::PublicKey => "public-key",
            },
            state: state(account),
            epoch: account.epoch().0,
            unused: account.remaining(),
            threshold: account.threshold(),
            highest: account.highest().0,
            awaits_answer: account.awaits_answer(),
            requests: account.last_request(),
            sets_accepted,
            codes_taken,
            codes_dropped,
            rotations,
            conflicts,
        }
    }
}
