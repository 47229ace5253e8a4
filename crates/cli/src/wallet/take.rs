//! `matchbook wallet take`: the code alone on standard output, burnt before it is shown.

use std::time::Duration;

use matchbook_device::protocol::{CodeIndex, Selector, TakeError};
use matchbook_device::{TakeFailure, Taken};
use serde::Serialize;
use zeroize::Zeroizing;

use super::account::choose;
use super::args::{Network, Take};
use super::exchange::{Way, exchange};
use super::vault::Place;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::Ui;

/// Takes a code and shows it, then sends the request for a new set when few are left.
pub(super) fn run(place: &Place, args: &Take, ui: &Ui) -> Result<(), CliError> {
    let mut wallet = place.open(ui)?;
    let handle = choose(&wallet, &args.one)?;
    let selector = args.code.map_or(Selector::Next, |index| Selector::Index(CodeIndex(index)));
    let taken = wallet.take_code(handle, selector).map_err(|error| explain(error, args.code))?;
    show(&taken, ui)?;
    if !taken.refill_waits {
        return Ok(());
    }
    ui.talk(format!("{} unused codes are left.", taken.remaining));
    if args.offline {
        ui.talk("Run `matchbook wallet sync` when there is a network: it brings a new set.");
        return Ok(());
    }
    // The code is out: that the server cannot be reached is no failure of this command.
    let network = Network { is_brief: true, ..args.network.clone() };
    let way = Way { network: &network, radio: &args.radio, wait: Duration::ZERO };
    let sent = exchange(&mut wallet, handle, &way, ui, "Asking for a new set", |device| device.send_pending());
    if let Err(error) = sent {
        ui.talk(format!("No new set yet: {error}"));
        ui.talk("Run `matchbook wallet sync` when there is a network; a `matchbook wallet listen` that runs sends it by itself.");
    }
    Ok(())
}

fn show(taken: &Taken, ui: &Ui) -> Result<(), CliError> {
    let code = taken.code.reveal();
    let shown = if ui.is_json() {
        ui.json(&Shown { index: taken.index.0, code: &code, unused: taken.remaining })
    } else {
        ui.talk(format!("code {}", taken.index));
        let line = Zeroizing::new(format!("{}\n", code.as_str()));
        ui.write(line.as_bytes())
    };
    // A reader that has gone away is no success here: the code is burnt, and nobody saw it.
    shown.map_err(|error| {
        if error.exit == ExitCode::Yes {
            CliError::failure(format!("code {} is used up, and nobody read standard output", taken.index))
        } else {
            error.hint(format!("Code {} is used up; take another.", taken.index))
        }
    })
}

fn explain(error: TakeFailure, index: Option<u32>) -> CliError {
    match (error, index) {
        (TakeFailure::Protocol(TakeError::Empty), _) => {
            CliError::failure("no unused code is left").hint("Run `matchbook wallet request` when there is a network.")
        }
        (TakeFailure::Protocol(TakeError::NotHeld), Some(index)) => {
            CliError::not_found(format!("the wallet has no code {index}"))
                .hint("`matchbook wallet codes` lists those that it has; the log-in may offer another.")
        }
        (TakeFailure::Protocol(TakeError::AlreadyTaken), Some(index)) => {
            CliError::failure(format!("code {index} was taken before, and each is shown once"))
                .hint("Ask the log-in for another number.")
        }
        (error, _) => CliError::failure(error.to_string()),
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    index: u32,
    code: &'a str,
    unused: usize,
}
