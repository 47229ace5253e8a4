//! A card in a reader of this machine: opening it, and its PIN.

mod pin;

use std::path::PathBuf;

use clap::builder::ValueHint;
use matchbook_card_host::{CardError, Host, Identity, Life, PcscReader, Pin, ReaderError};

use crate::error::CliError;
use crate::ui::visible;

pub(crate) use pin::{ask_first, ask_new, ask_puk, draw_puk};

/// Which card, and its PIN.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Card")]
pub(crate) struct CardArgs {
    /// The card reader; needed when several have cards
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) reader: Option<String>,
    /// Read the card's PIN from a file; otherwise from MATCHBOOK_CARD_PIN, otherwise it is asked for
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) card_pin_file: Option<PathBuf>,
}

/// A card that is held.
pub(crate) type Held = Host<PcscReader>;

impl CardArgs {
    /// Takes the card in the reader, for this program alone.
    pub(crate) fn open(&self) -> Result<Held, CliError> {
        self.hold().map_err(|error| explain(&error))
    }

    /// As [`CardArgs::open`], with the card's own error.
    pub(crate) fn hold(&self) -> Result<Held, CardError> {
        let mut reader = PcscReader::start()?;
        reader.connect(self.reader.as_deref())?;
        Host::select(reader)
    }

    /// The card of this account, its PIN verified. `account`: its label or identification code; `None`: whichever.
    pub(crate) fn open_with_pin(&self, account: Option<&str>) -> Result<Held, CliError> {
        // A card that is not there costs no typing; and while a PIN is typed, others may have the card.
        self.open_account(account)?;
        let pin = self.known_pin()?;
        let (mut card, _) = self.open_account(account)?;
        card.verify_pin(&pin).map_err(|error| explain(&error))?;
        Ok(card)
    }

    /// The card, and whose account it has.
    pub(crate) fn open_account(&self, account: Option<&str>) -> Result<(Held, Identity), CliError> {
        let mut card = self.open_in_use()?;
        let identity = card.identity().map_err(|error| explain(&error))?;
        let identity = identity.ok_or_else(|| CliError::not_found("the card has no account"))?;
        check_account(&identity, account)?;
        Ok((card, identity))
    }

    /// As [`CardArgs::open`], and refuses a card that was not personalised.
    pub(crate) fn open_in_use(&self) -> Result<Held, CliError> {
        let mut card = self.open()?;
        match card.about().map_err(|error| explain(&error))?.life {
            Life::Operational => Ok(card),
            Life::Initialisation => Err(CliError::not_found("the card in the reader is new")
                .hint("Give it an account with `matchbook card personalise`.")),
        }
    }

    /// The PIN, as it was given or is typed.
    pub(crate) fn known_pin(&self) -> Result<Pin, CliError> {
        pin::known(self.card_pin_file.as_deref())
    }

    /// Refuses what means nothing without a card.
    pub(crate) fn refuse_without_card(&self) -> Result<(), CliError> {
        if self.reader.is_none() && self.card_pin_file.is_none() {
            return Ok(());
        }
        Err(CliError::usage("--reader and --card-pin-file are for an account on a card")
            .hint("Add --bearer card, or leave them out."))
    }
}

/// What the account on a card is called on the screen.
pub(crate) fn name(identity: &Identity) -> String {
    if identity.label.is_empty() { identity.party.id.to_string() } else { visible(&identity.label) }
}

/// Refuses a card whose account is not the one that was named.
pub(crate) fn check_account(identity: &Identity, named: Option<&str>) -> Result<(), CliError> {
    match named {
        Some(named) if named != identity.label && !named.eq_ignore_ascii_case(&identity.party.id.to_string()) => {
            Err(CliError::not_found(format!("the card in the reader has no account {named:?}"))
                .hint(format!("It has {}.", name(identity))))
        }
        Some(_) | None => Ok(()),
    }
}

/// A card's refusal, with what to do.
pub(crate) fn explain(error: &CardError) -> CliError {
    let failure = CliError::failure(visible(&error.to_string()));
    match error {
        CardError::Reader(error) => in_the_way(error),
        CardError::WrongPin { left: 0 } | CardError::Blocked => {
            failure.hint("Unblock the PIN with the PUK: `matchbook card pin unblock`.")
        }
        CardError::NoApplication => failure.hint("Put another in, or name its reader with --reader."),
        CardError::NoRoom => failure.hint("It holds as many codes as it keeps: take some first."),
        _ => failure,
    }
}

fn in_the_way(error: &ReaderError) -> CliError {
    // The names of readers are the drivers' words.
    let what = visible(&error.what());
    let failure = match error {
        ReaderError::NoReader { .. } | ReaderError::NoCard => CliError::not_found(what),
        ReaderError::Several { .. } => CliError::usage(what),
        ReaderError::NoProgram
        | ReaderError::NoLibrary
        | ReaderError::NoService
        | ReaderError::InUse
        | ReaderError::Denied
        | ReaderError::Other(_) => CliError::failure(what),
    };
    match error.hint() {
        Some(hint) => failure.hint(sentence(&visible(&hint))),
        None => failure,
    }
}

/// The rest of a sentence as one of its own.
pub(crate) fn sentence(rest: &str) -> String {
    let mut letters = rest.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
