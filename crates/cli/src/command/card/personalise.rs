//! `matchbook card personalise`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use matchbook_card_host::{Account, CardError, Life, Personal, Pin};
use matchbook_protocol::{AuthenticatorId, Enrolment, Secret};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::Personalise;
use crate::card::{CardArgs, ask_new, ask_puk, draw_puk, explain};
use crate::error::CliError;
use crate::ui::{Ui, visible};
use crate::wallet::enrol;

/// Bytes of a factory key's file, at most: 80 digits, and some white space.
const MAX_KEY_FILE: u64 = 256;

/// Gives the card in the reader its account, PIN and PUK, and locks it.
pub(super) fn run(at: &CardArgs, args: &Personalise, ui: &Ui) -> Result<(), CliError> {
    // All that may be wrong is looked at before the card is touched.
    let given = Given::read(args)?;
    let mut card = at.open()?;
    if card.about().map_err(|error| explain(&error))?.life == Life::Operational {
        return Err(CliError::failure("the card in the reader was personalised before, and that is for good")
            .hint("Put a new one in."));
    }
    if !args.yes {
        let label = given.label();
        ui.confirm(&format!("Give this card the account {label}, and lock it for good?"), "--yes")?;
    }
    let pin = ask_new(at.card_pin_file.as_deref(), true)?;
    let drawn = args.puk_file.is_none().then(draw_puk);
    let puk = match &drawn {
        Some(drawn) => Pin::parse(drawn).map_err(|error| CliError::failure(error.to_string()))?,
        None => ask_puk(args.puk_file.as_deref())?,
    };
    let (pin_tries, puk_tries) = (args.pin_tries, args.puk_tries);
    let personal = Personal { account: given.account(args), pin: &pin, puk: &puk, pin_tries, puk_tries };
    card.personalise(&personal).map_err(|error| refused(&error))?;
    let identity = card.identity().map_err(|error| explain(&error))?;
    let id = identity.map(|identity| identity.party.id.to_string()).unwrap_or_default();
    if ui.is_json() {
        return ui.json(&Made { id: &id, puk: drawn.as_deref().map(String::as_str) });
    }
    ui.talk(format!("The card has identification code {id}, and is locked."));
    ui.talk("Its first codes come with `matchbook wallet --bearer card sync`.");
    let Some(drawn) = drawn else { return Ok(()) };
    ui.talk("Its PUK, which unblocks the PIN, is shown this once:");
    let line = Zeroizing::new(format!("{}\n", drawn.as_str()));
    ui.write(line.as_bytes())
}

/// Where the account comes from.
enum Given {
    Enrolment(Box<Enrolment>),
    FactoryKey { id: AuthenticatorId, key: Secret<32> },
}

#[derive(Serialize)]
struct Made<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    puk: Option<&'a str>,
}

impl Given {
    fn read(args: &Personalise) -> Result<Self, CliError> {
        match (&args.source.enrolment, &args.source.factory_key) {
            (Some(file), _) => enrol::from_file(file).map(|enrolment| Self::Enrolment(Box::new(enrolment))),
            (None, Some(file)) => read_key(file).map(|(id, key)| Self::FactoryKey { id, key }),
            (None, None) => Err(CliError::usage("an account is needed: --enrolment FILE or --factory-key FILE")),
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Enrolment(enrolment) if !enrolment.label.is_empty() => visible(&enrolment.label),
            Self::Enrolment(enrolment) => enrolment.party.id.to_string(),
            Self::FactoryKey { id, .. } => id.to_string(),
        }
    }

    fn account<'a>(&'a self, args: &'a Personalise) -> Account<'a> {
        match self {
            Self::Enrolment(enrolment) => Account::Enrolment(enrolment),
            Self::FactoryKey { id, key } => Account::FactoryKey {
                id: *id,
                key,
                realm: args.realm.as_deref().unwrap_or_default(),
                label: args.label.as_deref().unwrap_or_default(),
                server: args.server.as_deref().unwrap_or_default(),
            },
        }
    }
}

/// Identification code and key, in hexadecimal, with white space or a comma between.
fn read_key(file: &Path) -> Result<(AuthenticatorId, Secret<32>), CliError> {
    let failed = |error: std::io::Error| CliError::file("read the key", file, &error);
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_KEY_FILE).unwrap_or(0) + 1));
    File::open(file).map_err(failed)?.take(MAX_KEY_FILE + 1).read_to_string(&mut text).map_err(failed)?;
    let mut words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let id = words.next().and_then(|word| HEX.decode(word.as_bytes()).ok()).and_then(|id| id.try_into().ok());
    let key = words.next().and_then(|word| HEX.decode(word.as_bytes()).ok().map(Zeroizing::new));
    let key = key.and_then(|key| Secret::from_slice(&key));
    match (id, key, words.next()) {
        (Some(id), Some(key), None) => Ok((AuthenticatorId(id), key)),
        _ => Err(CliError::failure(format!("{} holds no factory key", file.display())).hint(
            "It is one line: the identification code (16 hexadecimal digits) and the key (64), with a space or comma \
             between.",
        )),
    }
}

fn refused(error: &CardError) -> CliError {
    match error {
        CardError::NotSupported => CliError::failure("the card does not have the suite of this enrolment")
            .hint("Make one with `matchbook device enrol --suite p256` or `--suite symmetric`."),
        CardError::NoRoom | CardError::WrongData => {
            CliError::failure("the card does not take this account").hint("Its realm, label or server may be too long.")
        }
        other => explain(other),
    }
}
