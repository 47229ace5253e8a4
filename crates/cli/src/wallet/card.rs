//! `matchbook wallet --bearer card`: the account is on a card, and this is its host. It carries messages that it cannot
//! read: over HTTP, or by short message when the account's server says so.

mod hear;

use std::time::{Duration, Instant};

use matchbook_card_host::{Ask, CardError, Counts, Identity, RelayCause, RelayFailure, Relayed, listen, relay_all};
use matchbook_device::bearer::{HttpBearer, MAX_WAIT};
use matchbook_device::protocol::Handle;
use serde::Serialize;

use super::account::options;
use super::args::{Command, Exchange, Network, One, Radio, Sync, Take};
use super::exchange::Way;
use super::radio;
use super::say::{self, Happened};
use crate::card::{CardArgs, Held, explain, name};
use crate::command::card::{state, status, take_code};
use crate::error::CliError;
use crate::ui::{Ui, visible};

/// The card has one account.
const HANDLE: Handle = Handle(0);

/// Runs a subcommand of `wallet` for the card in the reader.
pub(super) fn run(command: &Command, at: &CardArgs, ui: &Ui) -> Result<(), CliError> {
    match command {
        Command::Enrol(_) => Err(CliError::usage("an account is put on a card once and for all")
            .hint("The command is `matchbook card personalise --enrolment FILE`.")),
        Command::Forget(_) => {
            Err(CliError::usage("a card's account stays on it")
                .hint("Have its operator revoke it, and break the card."))
        }
        Command::List => list(at, ui),
        Command::Codes(one) => codes(at, one, ui),
        Command::Take(take) => self::take(at, take, ui),
        Command::Request(exchange) => one(at, exchange, Ask::Set, "Asking for a set", ui),
        Command::Rotate(exchange) => one(at, exchange, Ask::Key, "Asking for a new key", ui),
        Command::Sync(sync) => self::sync(at, sync, ui),
        Command::Listen(listen) => hear::run(at, listen, ui),
        Command::Status(one) => status(at, one.account.as_deref(), ui),
    }
}

fn list(at: &CardArgs, ui: &Ui) -> Result<(), CliError> {
    let (mut card, identity) = at.open_account(None)?;
    let counts = card.counts().map_err(|error| explain(&error))?;
    let line = Line {
        label: &identity.label,
        realm: &identity.realm,
        server: &identity.server,
        id: identity.party.id.to_string(),
        unused: counts.unused,
        state: state(&counts),
    };
    if ui.is_json() {
        return ui.json(&List { accounts: [line] });
    }
    let row = vec![
        visible(line.label),
        visible(line.realm),
        visible(line.server),
        line.id,
        line.unused.to_string(),
        line.state.to_owned(),
    ];
    ui.table(&["LABEL", "REALM", "SERVER", "ID", "UNUSED", "STATE"], &[row])
}

fn codes(at: &CardArgs, one: &One, ui: &Ui) -> Result<(), CliError> {
    let mut card = at.open_with_pin(one.account.as_deref())?;
    let unused = card.codes().map_err(|error| explain(&error))?;
    if ui.is_json() {
        return ui.json(&Codes { unused: unused.len(), codes: &unused });
    }
    let rows: Vec<Vec<String>> = unused.iter().map(|index| vec![index.to_string(), "unused".to_owned()]).collect();
    ui.table(&["CODE", "STATE"], &rows)
}

fn take(at: &CardArgs, args: &Take, ui: &Ui) -> Result<(), CliError> {
    let account = args.one.account.as_deref();
    let left = take_code(at, account, args.code, ui)?;
    if !left.is_low {
        return Ok(());
    }
    ui.talk(format!("{} unused codes are left.", left.unused));
    if args.offline {
        ui.talk("Run `matchbook wallet --bearer card sync` when there is a network: it brings a new set.");
        return Ok(());
    }
    // The code is out: that the server cannot be reached is no failure of this command.
    let network = Network { is_brief: true, ..args.network.clone() };
    let way = Way { network: &network, radio: &args.radio, wait: Duration::ZERO };
    let sent = at.open_account(account).and_then(|(mut card, identity)| {
        tell_server(&identity, &args.radio, ui)?;
        exchange(&mut card, &identity, &way, "Asking for a new set", ui, &[(Ask::Waiting, None)])
    });
    if let Err(error) = sent {
        ui.talk(format!("No new set yet: {error}"));
        ui.talk("Run `matchbook wallet --bearer card sync` when there is a network.");
    }
    Ok(())
}

fn one(at: &CardArgs, args: &Exchange, ask: Ask, label: &str, ui: &Ui) -> Result<(), CliError> {
    let (mut card, identity) = at.open_account(args.one.account.as_deref())?;
    tell_server(&identity, &args.radio, ui)?;
    let way = Way::new(&args.network, &args.radio, args.patience);
    // What waits goes first: an enrolment, or an answer that got lost.
    let relayed = exchange(&mut card, &identity, &way, label, ui, &[(Ask::Waiting, None), (ask, None)])?;
    print(&mut card, &identity, &relayed, ui)
}

fn sync(at: &CardArgs, args: &Sync, ui: &Ui) -> Result<(), CliError> {
    let (mut card, identity) = at.open_account(args.one.account.as_deref())?;
    tell_server(&identity, &args.radio, ui)?;
    let wait = args.wait.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let way = Way { network: &args.network, radio: &args.radio, wait: wait.unwrap_or(radio::DEFAULT_WAIT) };
    let relayed = match wait {
        Some(wait) if !wait.is_zero() && !radio::goes_by_modem(&identity.server, &args.radio) => {
            wait_for_push(&mut card, &identity, &way, wait, ui)?
        }
        Some(_) | None => exchange(&mut card, &identity, &way, "Exchanging messages", ui, &[(Ask::Sync, None)])?,
    };
    print(&mut card, &identity, &relayed, ui)
}

/// Long polls until something came or the time is up.
fn wait_for_push(
    card: &mut Held,
    identity: &Identity,
    way: &Way<'_>,
    wait: Duration,
    ui: &Ui,
) -> Result<Relayed, CliError> {
    let until = Instant::now() + wait;
    let mut all = exchange(card, identity, way, "Exchanging messages", ui, &[(Ask::Sync, None)])?;
    while all.events.is_empty() && all.answered {
        let left = until.saturating_duration_since(Instant::now());
        if left < Duration::from_secs(1) {
            break;
        }
        let started = Instant::now();
        let held = [(Ask::Status, Some(left.min(MAX_WAIT)))];
        all.merge(exchange(card, identity, way, "Waiting for the server", ui, &held)?);
        // A server that does not hold its answer is not asked all the time.
        if all.events.is_empty() {
            std::thread::sleep(Duration::from_secs(1).saturating_sub(started.elapsed()));
        }
    }
    Ok(all)
}

/// Names where the card's messages go before the first one does. A card may name any number, and short messages cost money:
/// a number that nobody gave is asked about.
fn tell_server(identity: &Identity, radio: &Radio, ui: &Ui) -> Result<(), CliError> {
    let label = name(identity);
    if !radio::goes_by_modem(&identity.server, radio) {
        ui.talk(format!("Carrying the messages of card {label} to {}.", visible(&identity.server)));
        return Ok(());
    }
    radio::named(radio)?;
    let number = radio::number(&identity.server, radio)?;
    if radio.to.is_none() {
        let question = format!("The card {label} sends by SMS to {number}. Carry its messages there?");
        ui.confirm(&question, &format!("--to {number}"))?;
    }
    ui.talk(format!("Carrying the messages of card {label} to {number}."));
    Ok(())
}

/// Carries the card's messages as its server's address says; tells what came.
fn exchange(
    card: &mut Held,
    identity: &Identity,
    way: &Way<'_>,
    label: &str,
    ui: &Ui,
    asks: &[(Ask, Option<Duration>)],
) -> Result<Relayed, CliError> {
    if radio::goes_by_modem(&identity.server, way.radio) {
        return by_sms(card, identity, way.radio, way.wait, ui, asks);
    }
    let bearer = HttpBearer::new(&identity.server, identity.party, &options(way.network)?);
    let mut bearer = bearer.map_err(|error| {
        let is_plain = identity.server.starts_with("http://");
        let error = CliError::failure(visible(&error.to_string()));
        if is_plain { error.hint("The flag is --allow-plain-http.") } else { error }
    })?;
    let relayed = {
        let _progress = ui.progress(label);
        relay_all(card, &mut bearer, asks)
    };
    let relayed = relayed.map_err(|failure| failed(failure, ui))?;
    tell(&relayed, ui);
    if relayed.answered {
        return Ok(relayed);
    }
    if let Some(why) = relayed.refused.last() {
        return Err(CliError::failure(format!(
            "the card {} refused what the server answered: {}",
            name(identity),
            because(why)
        ))
        .hint("Try again. If it stays so, ask the server's operator whether the authenticator is this card's."));
    }
    Err(CliError::failure(format!("the server did not answer for {}", name(identity))).hint(
        "It may not know it: the enrolment expired or was used before, or the authenticator was revoked. Ask its operator.",
    ))
}

fn by_sms(
    card: &mut Held,
    identity: &Identity,
    with: &Radio,
    wait: Duration,
    ui: &Ui,
    asks: &[(Ask, Option<Duration>)],
) -> Result<Relayed, CliError> {
    let server = radio::number(&identity.server, with)?;
    let mut line = {
        let _progress = ui.progress("Setting the modem up");
        radio::open(with)?
    };
    let mut bearer = line.bearer(HANDLE, server.clone());
    let relayed = {
        let _progress = ui.progress("Sending by SMS");
        relay_all(card, &mut bearer, asks)
    };
    let mut relayed = relayed.map_err(|failure| failed(failure, ui))?;
    if relayed.sent > 0 {
        ui.talk(format!("Sent by SMS to {server}: messages {}, bytes {}.", relayed.sent, relayed.sent_bytes));
    }
    tell(&relayed, ui);
    if !relayed.answered && !wait.is_zero() {
        let later = {
            let _progress = ui.progress("Waiting for the answer");
            listen(card, &mut bearer, wait)
        };
        let later = later.map_err(|failure| failed(failure, ui))?;
        tell(&later, ui);
        relayed.merge(later);
    }
    if let (false, Some(why)) = (relayed.answered, relayed.refused.last()) {
        ui.talk(format!("The card refused what came: {}. What it waits for may come yet.", because(why)));
    } else if !relayed.answered {
        ui.talk(
            "No answer has come yet. Short messages can take minutes: `matchbook wallet --bearer card listen` or the \
             next `sync` takes it in.",
        );
    }
    Ok(relayed)
}

fn print(card: &mut Held, identity: &Identity, relayed: &Relayed, ui: &Ui) -> Result<(), CliError> {
    let counts: Counts = card.counts().map_err(|error| explain(&error))?;
    let epoch = card.epoch().map_err(|error| explain(&error))?;
    let exchanged = Exchanged {
        label: &identity.label,
        answered: relayed.answered,
        messages_sent: relayed.sent,
        messages_received: relayed.received,
        codes_received: relayed.codes_received(),
        unused: counts.unused,
        epoch,
        events: relayed.events.iter().map(Happened::new).collect(),
        refused: relayed.refused.iter().map(ToString::to_string).collect(),
    };
    if ui.is_json() {
        return ui.json(&exchanged);
    }
    let [_, headers @ ..] = say::HEADERS;
    let row = vec![
        name(identity),
        exchanged.codes_received.to_string(),
        exchanged.unused.to_string(),
        exchanged.epoch.to_string(),
    ];
    ui.table(&headers, &[row])
}

fn tell(relayed: &Relayed, ui: &Ui) {
    say::tell_events(&relayed.events, ui);
    tell_refused(relayed, ui);
}

fn tell_refused(relayed: &Relayed, ui: &Ui) {
    for why in &relayed.refused {
        // What is for another card concerns nobody, and what comes twice is no news.
        if !matches!(why, CardError::NotThere | CardError::NotNow) {
            ui.warn(format!("the card refused a message: {}", because(why)));
        }
    }
}

/// Why a card refuses a message.
fn because(why: &CardError) -> String {
    match why {
        CardError::NotThere => "it is for another card".to_owned(),
        CardError::NotNow => "it is stale".to_owned(),
        other => visible(&other.to_string()),
    }
}

fn failed(failure: RelayFailure, ui: &Ui) -> CliError {
    tell(&failure.relayed, ui);
    match &failure.cause {
        RelayCause::Card(error) => explain(error),
        RelayCause::Bearer(error) => CliError::failure(visible(&error.to_string())),
    }
}

#[derive(Serialize)]
struct List<'a> {
    accounts: [Line<'a>; 1],
}

#[derive(Serialize)]
struct Line<'a> {
    label: &'a str,
    realm: &'a str,
    server: &'a str,
    id: String,
    unused: u16,
    state: &'static str,
}

#[derive(Serialize)]
struct Codes<'a> {
    unused: usize,
    codes: &'a [u32],
}

#[derive(Serialize)]
struct Exchanged<'a> {
    label: &'a str,
    answered: bool,
    messages_sent: u32,
    messages_received: u32,
    codes_received: usize,
    unused: u16,
    epoch: u32,
    events: Vec<Happened>,
    refused: Vec<String>,
}
