//! Short messages: which modem, and which number.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use matchbook_device::bearer::modem::{
    AtModem, AtOptions, ManagerOptions, Modem, ModemError, ModemManagerModem, ModemName, Pin, SmsLine,
};
use matchbook_device::protocol::sms::{Address, Form, server_number};
use zeroize::Zeroizing;

use super::args::{BearerName, Radio};
use crate::error::CliError;

/// How long a command waits for an answer by SMS.
pub(super) const DEFAULT_WAIT: Duration = Duration::from_secs(60);
/// The longest PIN file that is read: eight digits and some white space.
const MAX_PIN_FILE: u64 = 64;

/// A modem with messages of ours, whichever it is.
pub(super) type Line = SmsLine<Box<dyn Modem>>;

/// Whether the messages of an account with this server go by modem.
pub(super) fn goes_by_modem(server: &str, radio: &Radio) -> bool {
    match radio.bearer {
        Some(BearerName::Modem) => true,
        Some(BearerName::Http) => false,
        Some(BearerName::Card) | None => radio.modem.is_some() || server_number(server).is_some(),
    }
}

/// The number that the messages of an account with this server go to.
pub(super) fn number(server: &str, radio: &Radio) -> Result<Address, CliError> {
    radio.to.clone().or_else(|| server_number(server)).ok_or_else(|| {
        CliError::usage("the account names no number to send short messages to")
            .hint("Name the server's number with --to, such as --to +4912345678.")
    })
}

/// The modem that was named, by flag or by MATCHBOOK_MODEM.
pub(super) fn named(radio: &Radio) -> Result<String, CliError> {
    let variable = || env::var("MATCHBOOK_MODEM").ok().filter(|value| !value.is_empty());
    radio.modem.clone().or_else(variable).ok_or_else(|| {
        CliError::usage("short messages need a modem, and none is named").hint(
            "Name it with --modem, such as --modem /dev/ttyUSB0 or --modem mm, or with the variable MATCHBOOK_MODEM.",
        )
    })
}

/// Opens the modem that was named.
pub(super) fn open(radio: &Radio) -> Result<Line, CliError> {
    let named = named(radio)?;
    let pin = radio.pin_file.as_deref().map(read_pin).transpose()?;
    let modem: Box<dyn Modem> = match ModemName::parse(&named) {
        Some(name) => {
            let options = ManagerOptions { pin, ..ManagerOptions::default() };
            Box::new(ModemManagerModem::open(name, options).map_err(|error| explain(&error))?)
        }
        None if named.starts_with("mm:") => {
            return Err(CliError::usage(format!("{named:?} is no modem of ModemManager"))
                .hint("One looks like mm:0; `mmcli -L` lists them."));
        }
        None => {
            let options = AtOptions { baud: radio.baud, pin };
            Box::new(AtModem::open(&named, options).map_err(|error| explain(&error))?)
        }
    };
    let form = if radio.text { Form::Text } else { Form::Binary };
    Ok(SmsLine::new(modem).with_form(form))
}

/// The library's sentence names the next step already.
pub(super) fn explain(error: &ModemError) -> CliError {
    CliError::failure(error.to_string())
}

fn read_pin(file: &Path) -> Result<Pin, CliError> {
    let length = fs::metadata(file).map_err(|error| CliError::file("read the PIN", file, &error))?.len();
    let text = if length <= MAX_PIN_FILE { fs::read_to_string(file) } else { Ok(String::new()) };
    let text = Zeroizing::new(text.map_err(|error| CliError::file("read the PIN", file, &error))?);
    Pin::parse(&text).ok_or_else(|| {
        CliError::failure(format!("{} holds no PIN", file.display())).hint("A SIM card's PIN has 4 to 8 digits.")
    })
}
