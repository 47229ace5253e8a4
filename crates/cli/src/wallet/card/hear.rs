//! `matchbook wallet --bearer card listen`: what comes by short message, as it comes.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use matchbook_card_host::{CardError, Identity, ReaderError, Relayed, give};
use serde::Serialize;

use super::{HANDLE, failed, tell_refused, tell_server};
use crate::card::{CardArgs, Held, explain, name};
use crate::error::CliError;
use crate::ui::Ui;
use crate::wallet::args::Listen;
use crate::wallet::radio;
use crate::wallet::say::{self, Happened};

/// How long one look at the modem takes.
const LOOK: Duration = Duration::from_secs(30);
/// How soon a card that another program holds is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Takes in what comes by short message. The card is free between two of them.
pub(super) fn run(at: &CardArgs, args: &Listen, ui: &Ui) -> Result<(), CliError> {
    let (card, identity) = at.open_account(args.one.account.as_deref())?;
    drop(card);
    let server = radio::number(&identity.server, &args.radio)?;
    tell_server(&identity, &args.radio, ui)?;
    let mut line = {
        let _progress = ui.progress("Setting the modem up");
        radio::open(&args.radio)?
    };
    let until = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(u64::from(seconds)));
    let mut strangers = BTreeSet::new();
    ui.talk("Listening. Ctrl-C ends it; codes can be taken meanwhile.");
    loop {
        let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(());
        }
        let arrival = line.receive(left.min(LOOK)).map_err(|error| radio::explain(&error))?;
        let Some(arrival) = arrival else { continue };
        if arrival.handle != HANDLE {
            // It stays on the modem: another device may be behind the same number.
            if strangers.insert(arrival.handle) {
                ui.talk(format!(
                    "A message came for account {}, which a card does not have; it stays on the modem. A vault that has \
                     the account takes it in with `matchbook wallet listen`.",
                    arrival.handle.0
                ));
            }
            continue;
        }
        let mut card = hold(at, &identity, until, ui)?;
        let given = give(&mut card, &mut line.bearer(HANDLE, server.clone()), &arrival.message);
        let given = given.map_err(|failure| failed(failure, ui))?;
        drop(card);
        line.settle(arrival);
        heard(&identity, &given, ui)?;
        if args.once && !given.events.is_empty() {
            return Ok(());
        }
    }
}

/// Takes the card once it is free and in the reader. The message waits on the modem meanwhile.
fn hold(at: &CardArgs, identity: &Identity, until: Option<Instant>, ui: &Ui) -> Result<Held, CliError> {
    let mut was_told = false;
    loop {
        let why = match try_hold(at, identity) {
            Ok(Some(card)) => return Ok(card),
            Ok(None) => CliError::not_found(format!("another card than {} is in the reader", name(identity))),
            Err(error @ CardError::Reader(ReaderError::InUse | ReaderError::NoCard)) => explain(&error),
            Err(error) => return Err(explain(&error)),
        };
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(why);
        }
        if !was_told {
            ui.talk(format!("A message waits for the card: {}.", why.message));
            was_told = true;
        }
        thread::sleep(RETRY);
    }
}

/// `None`: it is another card.
fn try_hold(at: &CardArgs, identity: &Identity) -> Result<Option<Held>, CardError> {
    let mut card = at.hold()?;
    Ok((card.identity()?.as_ref() == Some(identity)).then_some(card))
}

/// What was heard, an event a line.
fn heard(identity: &Identity, given: &Relayed, ui: &Ui) -> Result<(), CliError> {
    for event in &given.events {
        if ui.is_json() {
            ui.json_line(&Heard { label: &identity.label, happened: Happened::new(event) })?;
        } else {
            ui.line(&format!("{}: {}", name(identity), say::words(event).trim_end_matches('.')))?;
        }
    }
    tell_refused(given, ui);
    Ok(())
}

#[derive(Serialize)]
struct Heard<'a> {
    label: &'a str,
    #[serde(flatten)]
    happened: Happened,
}
