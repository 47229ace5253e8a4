//! `matchbook wallet`: the software device, and the host of a card.

mod account;
mod args;
mod card;
mod codes;
pub(crate) mod enrol;
mod exchange;
mod list;
mod listen;
mod passphrase;
mod radio;
mod say;
mod sms;
mod status;
mod take;
mod typed;
mod vault;

#[cfg(test)]
mod tests;

pub(crate) use args::Args;
pub(crate) use passphrase::read as read_passphrase;

use args::{BearerName, Command};
use vault::Place;

use crate::args::Global;
use crate::config::Settings;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs a subcommand of `wallet`.
///
/// # Errors
/// One sentence with the next step, and the exit code that `docs/reference/cli.md` names for it.
pub(crate) fn run(mut args: Args, global: &Global, ui: &Ui) -> Result<(), CliError> {
    find_ca_file(&mut args.command, global, ui)?;
    if let Some(radio) = args.command.radio() {
        radio.bearer = args.bearer;
    }
    if args.bearer == Some(BearerName::Card) {
        args.vault.refuse_with_card()?;
        return card::run(&args.command, &args.card, ui);
    }
    args.card.refuse_without_card()?;
    let place = Place::find(&args.vault)?;
    match &args.command {
        Command::Enrol(enrol) => enrol::run(&place, enrol, ui),
        Command::List => list::run(&place, ui),
        Command::Codes(codes) => codes::run(&place, codes, ui),
        Command::Take(take) => take::run(&place, take, ui),
        Command::Request(exchange) => exchange::request(&place, exchange, ui),
        Command::Sync(sync) => exchange::sync(&place, sync, ui),
        Command::Listen(listen) => listen::run(&place, listen, ui),
        Command::Rotate(exchange) => exchange::rotate(&place, exchange, ui),
        Command::Status(status) => status::run(&place, status, ui),
        Command::Forget(forget) => account::forget(&place, forget, ui),
    }
}

/// Takes the authority's certificate from the settings when no flag names it.
fn find_ca_file(command: &mut Command, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let is_take = matches!(command, Command::Take(_));
    let Some(network) = command.network().filter(|network| network.ca_file.is_none()) else { return Ok(()) };
    match Settings::load(global, &Vec::new()) {
        Ok(settings) => network.ca_file = settings.path("client.ca_file"),
        // A code is needed now, and can be had without the network.
        Err(error) if is_take => ui.warn(error.to_string()),
        Err(error) => return Err(error),
    }
    Ok(())
}
