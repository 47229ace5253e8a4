//! `matchbook card`: cards in readers, and a card in software.

mod personalise;
mod run;
mod status;

use matchbook_card_host::{CardError, PcscReader, Pin, Taken};
use matchbook_protocol::CodeIndex;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::{Card, CardCommand, PinCommand};
use crate::card::{CardArgs, ask_new, ask_puk, explain};
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::{Ui, visible};

pub(crate) use status::{run as status, state};

/// Runs a subcommand of `card`.
///
/// # Errors
/// One sentence with the next step, and the exit code that `docs/reference/cli.md` names for it.
pub(crate) fn run(args: &Card, ui: &Ui) -> Result<(), CliError> {
    match &args.command {
        CardCommand::Run(run) => run::run(run, ui),
        CardCommand::List => list(ui),
        CardCommand::Personalise(new) => personalise::run(&args.reader, new, ui),
        CardCommand::Status => status::run(&args.reader, None, ui),
        CardCommand::Pin(pin) => of_pin(&args.reader, pin, ui),
        CardCommand::Take(take) => take_code(&args.reader, None, take.code, ui).map(drop),
    }
}

/// Takes a code and shows it; gives how many are left, and with how many the card asks for a set. `wallet` uses it too.
pub(crate) fn take_code(args: &CardArgs, account: Option<&str>, index: Option<u32>, ui: &Ui) -> Result<Left, CliError> {
    let mut card = args.open_with_pin(account)?;
    let taken = card.take_code(index.map(CodeIndex)).map_err(|error| not_taken(&error, index))?;
    let counts = card.counts();
    let unused = counts.as_ref().map_or(0, |counts| counts.unused);
    show(&taken, unused, ui)?;
    let counts = counts.map_err(|error| explain(&error))?;
    Ok(Left { unused, is_low: counts.unused <= u16::from(counts.threshold) })
}

/// What is left after a code was taken.
pub(crate) struct Left {
    /// Unused codes.
    pub(crate) unused: u16,
    /// Whether a new set is due.
    pub(crate) is_low: bool,
}

fn list(ui: &Ui) -> Result<(), CliError> {
    let mut reader = PcscReader::start().map_err(|error| explain(&CardError::Reader(error)))?;
    let slots = reader.list().map_err(|error| explain(&CardError::Reader(error)))?;
    if ui.is_json() {
        let readers = slots.iter().map(|slot| Slot { name: &slot.name, has_card: slot.has_card }).collect();
        return ui.json(&List { readers });
    }
    if slots.is_empty() {
        ui.talk("PC/SC knows no card reader: plug one in.");
        return Ok(());
    }
    let word = |has_card| if has_card { "yes" } else { "no" }.to_owned();
    let rows: Vec<Vec<String>> = slots.iter().map(|slot| vec![visible(&slot.name), word(slot.has_card)]).collect();
    ui.table(&["READER", "CARD"], &rows)
}

fn of_pin(args: &CardArgs, command: &PinCommand, ui: &Ui) -> Result<(), CliError> {
    let mut card = match command {
        PinCommand::Check => args.open_with_pin(None)?,
        PinCommand::Change { .. } | PinCommand::Unblock { .. } => args.open_in_use()?,
    };
    let said = match command {
        PinCommand::Check => "The PIN is right.",
        PinCommand::Change { new_pin_file } => {
            // First, so that the try that a wrong one costs is told before a new one is thought of.
            let old = args.known_pin()?;
            card.verify_pin(&old).map_err(|error| explain(&error))?;
            let new = ask_new(new_pin_file.as_deref())?;
            card.change_pin(&old, &new).map_err(|error| explain(&error))?;
            "The PIN is changed."
        }
        PinCommand::Unblock { puk_file, new_pin_file } => {
            let puk: Pin = ask_puk(puk_file.as_deref())?;
            let new = ask_new(new_pin_file.as_deref())?;
            card.unblock(&puk, &new).map_err(|error| not_unblocked(&error))?;
            "The PIN is new, and has all its tries."
        }
    };
    if ui.is_json() {
        let about = card.about().map_err(|error| explain(&error))?;
        return ui.json(&Tries { pin_tries: about.pin_tries, puk_tries: about.puk_tries });
    }
    ui.talk(said);
    Ok(())
}

fn not_unblocked(error: &CardError) -> CliError {
    match error {
        CardError::Blocked | CardError::WrongPin { left: 0 } => {
            CliError::failure("the PUK's tries are used up: this card's PIN cannot be unblocked any more")
                .hint("Have its operator revoke it, and personalise another.")
        }
        CardError::WrongPin { left } => CliError::failure(format!("that PUK is wrong; tries left: {left}")),
        other => explain(other),
    }
}

fn not_taken(error: &CardError, index: Option<u32>) -> CliError {
    match (error, index) {
        (CardError::NoCode, None) => CliError::failure("no unused code is left")
            .hint("Run `matchbook wallet --bearer card request` when there is a network."),
        (CardError::NoCode, Some(index)) => CliError::not_found(format!("the card has no code {index}"))
            .hint("`matchbook wallet --bearer card codes` lists those that it has; the log-in may offer another."),
        (CardError::NotNow, Some(index)) => {
            CliError::failure(format!("code {index} was taken before, and each is shown once"))
                .hint("Ask the log-in for another number.")
        }
        (other, _) => explain(other),
    }
}

fn show(taken: &Taken, unused: u16, ui: &Ui) -> Result<(), CliError> {
    let index = taken.index.0;
    let shown = if ui.is_json() {
        ui.json(&Shown { index, code: &taken.code, unused })
    } else {
        ui.talk(format!("code {index}"));
        let line = Zeroizing::new(format!("{}\n", taken.code.as_str()));
        ui.write(line.as_bytes())
    };
    // A reader of the output that has gone away is no success here: the code is burnt, and nobody saw it.
    shown.map_err(|error| match error.exit {
        ExitCode::Yes => CliError::failure(format!("code {index} is used up, and nobody read standard output")),
        _ => error.hint(format!("Code {index} is used up; take another.")),
    })
}

#[derive(Serialize)]
struct List<'a> {
    readers: Vec<Slot<'a>>,
}

#[derive(Serialize)]
struct Slot<'a> {
    name: &'a str,
    has_card: bool,
}

#[derive(Serialize)]
struct Tries {
    pin_tries: u8,
    puk_tries: u8,
}

#[derive(Serialize)]
struct Shown<'a> {
    index: u32,
    code: &'a str,
    unused: u16,
}
