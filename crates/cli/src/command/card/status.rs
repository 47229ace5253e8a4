//! `matchbook card status`.

use matchbook_card_host::{About, Counts, Identity, Life, State};
use matchbook_protocol::{Delivery, Suite};
use serde::Serialize;

use crate::card::{CardArgs, check_account, explain};
use crate::error::CliError;
use crate::ui::{Ui, visible};

/// Shows where the card in the reader stands. `wallet` uses it too.
pub(crate) fn run(at: &CardArgs, account: Option<&str>, ui: &Ui) -> Result<(), CliError> {
    let mut card = at.open()?;
    let about = card.about().map_err(|error| explain(&error))?;
    let identity = card.identity().map_err(|error| explain(&error))?;
    if let Some(identity) = &identity {
        check_account(identity, account)?;
    }
    let Some(identity) = identity else {
        if ui.is_json() {
            return ui.json(&Status::new(&about, None));
        }
        return ui.fields(&[("card", life(about.life).to_owned())]);
    };
    let counts = card.counts().map_err(|error| explain(&error))?;
    let epoch = card.epoch().map_err(|error| explain(&error))?;
    let status = Status::new(&about, Some(Used::new(&identity, &counts, epoch)));
    if ui.is_json() {
        return ui.json(&status);
    }
    let used = Used::new(&identity, &counts, epoch);
    let tries = |left: u8| if left == 0 { "none: blocked".to_owned() } else { left.to_string() };
    ui.fields(&[
        ("card", life(about.life).to_owned()),
        ("account", visible(used.label)),
        ("state", used.state.to_owned()),
        ("realm", visible(used.realm)),
        ("server", visible(used.server)),
        ("identification code", used.id.clone()),
        ("suite", format!("{}, {}", used.suite, used.delivery)),
        ("key", format!("epoch {epoch}")),
        ("unused codes", used.unused.to_string()),
        ("a set is asked for at", format!("{} unused codes or fewer", used.threshold)),
        ("highest code", if used.highest == 0 { "none yet".to_owned() } else { used.highest.to_string() }),
        ("waits for an answer", if used.awaits_answer { "yes" } else { "no" }.to_owned()),
        ("sets accepted", used.sets_accepted.to_string()),
        ("codes taken", used.codes_taken.to_string()),
        ("tries of the PIN", tries(about.pin_tries)),
        ("tries of the PUK", tries(about.puk_tries)),
    ])
}

/// In one word where the account stands.
pub(crate) const fn state(counts: &Counts) -> &'static str {
    match counts.state {
        State::Enrolling => "enrolling",
        State::Steady | State::Switching if counts.is_suspended => "suspended",
        State::Steady => "active",
        State::Switching => "switching key",
    }
}

#[derive(Serialize)]
struct Status<'a> {
    card: &'static str,
    pin_tries: u8,
    puk_tries: u8,
    #[serde(flatten)]
    used: Option<Used<'a>>,
}

#[derive(Serialize)]
struct Used<'a> {
    label: &'a str,
    realm: &'a str,
    server: &'a str,
    id: String,
    suite: &'static str,
    delivery: &'static str,
    state: &'static str,
    epoch: u32,
    unused: u16,
    threshold: u8,
    highest: u32,
    awaits_answer: bool,
    sets_accepted: u32,
    codes_taken: u32,
}

impl<'a> Status<'a> {
    const fn new(about: &About, used: Option<Used<'a>>) -> Self {
        Self { card: life(about.life), pin_tries: about.pin_tries, puk_tries: about.puk_tries, used }
    }
}

impl<'a> Used<'a> {
    fn new(identity: &'a Identity, counts: &Counts, epoch: u32) -> Self {
        let profile = identity.party.profile;
        Self {
            label: &identity.label,
            realm: &identity.realm,
            server: &identity.server,
            id: identity.party.id.to_string(),
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
            state: state(counts),
            epoch,
            unused: counts.unused,
            threshold: counts.threshold,
            highest: counts.highest,
            awaits_answer: counts.waits,
            sets_accepted: counts.sets,
            codes_taken: counts.taken,
        }
    }
}

const fn life(life: Life) -> &'static str {
    match life {
        Life::Initialisation => "new",
        Life::Operational => "in use",
    }
}
