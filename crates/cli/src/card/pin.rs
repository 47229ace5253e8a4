//! A card's PIN and PUK: from a file, from MATCHBOOK_CARD_PIN, or asked for. Never from the command line, where other users
//! could read it.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use getrandom::SysRng;
use matchbook_card_host::Pin;
use rand_core::{Rng, UnwrapErr};
use zeroize::Zeroizing;

use crate::error::CliError;

const VARIABLE: &str = "MATCHBOOK_CARD_PIN";
/// What gives the PIN of a card where nobody can be asked.
const KNOWN: &str = "Name a file with --card-pin-file FILE, or set MATCHBOOK_CARD_PIN.";
/// The longest PIN file that is read: eight digits and some white space.
const MAX_FILE: u64 = 64;

/// The PIN that the card has.
pub(super) fn known(file: Option<&Path>) -> Result<Pin, CliError> {
    match given(file)? {
        Some(pin) => Ok(pin),
        None => parse(&prompt("PIN of the card: ", KNOWN)?, "that"),
    }
}

/// The PIN that a new card is to have: as it was given, or asked for twice.
pub(crate) fn ask_first(file: Option<&Path>) -> Result<Pin, CliError> {
    match given(file)? {
        Some(pin) => Ok(pin),
        None => twice(KNOWN),
    }
}

/// The PIN that a card is to have in place of another.
pub(crate) fn ask_new(file: Option<&Path>) -> Result<Pin, CliError> {
    match file {
        Some(file) => read(file),
        None => twice("Name a file with --new-pin-file FILE."),
    }
}

/// The card's PUK.
pub(crate) fn ask_puk(file: Option<&Path>) -> Result<Pin, CliError> {
    match file {
        Some(file) => read(file),
        None => parse(&prompt("PUK of the card: ", "Name a file with --puk-file FILE.")?, "that"),
    }
}

/// A PUK of eight digits.
pub(crate) fn draw_puk() -> Zeroizing<String> {
    let mut rng = UnwrapErr(SysRng);
    let mut digits = Zeroizing::new(String::with_capacity(8));
    while digits.len() < 8 {
        // The bytes above a multiple of ten would make some digits more frequent.
        let [byte, ..] = rng.next_u32().to_le_bytes();
        if byte < 250 {
            digits.push(char::from(b'0' + byte % 10));
        }
    }
    digits
}

fn given(file: Option<&Path>) -> Result<Option<Pin>, CliError> {
    if let Some(file) = file {
        return read(file).map(Some);
    }
    match env::var(VARIABLE) {
        Ok(pin) if pin.is_empty() => Ok(None),
        Ok(pin) => parse(&Zeroizing::new(pin), VARIABLE).map(Some),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(CliError::usage(format!("{VARIABLE} is not UTF-8"))),
    }
}

fn read(file: &Path) -> Result<Pin, CliError> {
    let failed = |error: std::io::Error| CliError::file("read", file, &error);
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_FILE).unwrap_or(0) + 1));
    File::open(file).map_err(failed)?.take(MAX_FILE + 1).read_to_string(&mut text).map_err(failed)?;
    parse(text.trim(), &file.display().to_string())
}

fn parse(text: &str, source: &str) -> Result<Pin, CliError> {
    Pin::parse(text).map_err(|_| {
        CliError::failure(format!("{source} is no PIN")).hint("A PIN, and a PUK, is 4 to 8 digits from 0 to 9.")
    })
}

fn twice(otherwise: &str) -> Result<Pin, CliError> {
    let first = prompt("A new PIN for the card, 4 to 8 digits: ", otherwise)?;
    let pin = parse(&first, "that")?;
    if first != prompt("The same again: ", otherwise)? {
        return Err(CliError::failure("the two PINs differ; nothing was done").hint("Try again."));
    }
    Ok(pin)
}

/// Asks for digits on the terminal. `otherwise`: what to do where there is none.
fn prompt(question: &str, otherwise: &str) -> Result<Zeroizing<String>, CliError> {
    rpassword::prompt_password(question)
        .map(Zeroizing::new)
        .map_err(|_| CliError::usage("the card's PIN or PUK is needed, and nobody can be asked here").hint(otherwise))
}
