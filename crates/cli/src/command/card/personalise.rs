//! `matchbook card personalise`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use matchbook_card_host::{Account, CardError, Life, Personal, Pin};
use matchbook_device::bearer::HttpOptions;
use matchbook_device::protocol::sms::server_number;
use matchbook_protocol::{AuthenticatorId, Delivery, Enrolment, Party, Profile, Secret, Suite};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::Personalise;
use crate::card::{CardArgs, Held, ask_first, ask_puk, draw_puk, explain};
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::{Ui, visible};
use crate::wallet::enrol;

/// Bytes of a factory key's file, at most: 80 digits, and some white space.
const MAX_KEY_FILE: u64 = 256;

/// Gives the card in the reader its account, PIN and PUK, and locks it.
pub(super) fn run(at: &CardArgs, args: &Personalise, ui: &Ui) -> Result<(), CliError> {
    // All that may be wrong is looked at before the card is touched.
    let given = Given::read(args)?;
    let server = given.server(args);
    if !(server.is_empty() && args.source.factory_key.is_none()) && server_number(server).is_none() {
        let options = HttpOptions { allow_plain_http: args.allow_plain_http, ..HttpOptions::default() };
        enrol::check_address(server, given.party(), &options)?;
    }
    let mut card = at.open()?;
    if card.about().map_err(|error| explain(&error))?.life == Life::Operational {
        return Err(CliError::failure("the card in the reader was personalised before, and that is for good")
            .hint("Put a new one in."));
    }
    if !args.yes {
        let at = if server.is_empty() { "no server on the network".to_owned() } else { visible(server) };
        let question = format!("Give this card the account {} with {at}, and lock it for good?", given.label());
        ui.confirm(&question, "--yes")?;
    }
    let pin = ask_first(at.card_pin_file.as_deref())?;
    let drawn = args.puk_file.is_none().then(draw_puk);
    let puk = match &drawn {
        Some(drawn) => Pin::parse(drawn).map_err(|error| CliError::failure(error.to_string()))?,
        None => ask_puk(args.puk_file.as_deref())?,
    };
    let (pin_tries, puk_tries) = (args.pin_tries, args.puk_tries);
    let personal = Personal { account: given.account(args), pin: &pin, puk: &puk, pin_tries, puk_tries };
    card.give(&personal).map_err(|error| refused(&error))?;
    // Before the lock, so that no card is ever locked whose PUK nobody saw.
    let id = given.party().id.to_string();
    show(&id, drawn.as_ref().map(|drawn| drawn.as_str()), ui)?;
    lock(&mut card)?;
    ui.talk(format!("The card has identification code {id}, and is locked."));
    ui.talk("Its first codes come with `matchbook wallet --bearer card sync`.");
    Ok(())
}

/// Shows the PUK that was drawn.
fn show(id: &str, drawn: Option<&str>, ui: &Ui) -> Result<(), CliError> {
    let shown = match drawn {
        drawn if ui.is_json() => ui.json(&Made { id, puk: drawn }),
        None => return Ok(()),
        Some(drawn) => {
            ui.talk("The PUK, which unblocks the card's PIN, is shown this once:");
            ui.write(Zeroizing::new(format!("{drawn}\n")).as_bytes())
        }
    };
    let why = |error: CliError| match error.exit {
        ExitCode::Yes => "nobody read standard output".to_owned(),
        _ => error.message,
    };
    shown.map_err(|error| {
        CliError::failure(format!("{}; the card is new still", why(error)))
            .hint("Run this again. The PUK of this try is void.")
    })
}

fn lock(card: &mut Held) -> Result<(), CliError> {
    let Err(error) = card.lock() else { return Ok(()) };
    // Its answer may be lost, and the card locked all the same.
    let hint = match card.about().map(|about| about.life) {
        Ok(Life::Operational) => return Ok(()),
        Ok(Life::Initialisation) => "The card is new still: run this again. The PUK of this try is void.".to_owned(),
        Err(_) => {
            "Whether the card is in use, `matchbook card status` tells: it has the PUK of this try then. If it is \
                   new, run this again."
                .to_owned()
        }
    };
    Err(CliError::failure(format!("the card was not locked: {}", explain(&error).message)).hint(hint))
}

/// Where the account comes from.
enum Given {
    Enrolment(Box<Enrolment>),
    FactoryKey { party: Party, key: Secret<32> },
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
            (None, Some(file)) => read_key(file),
            (None, None) => Err(CliError::usage("an account is needed: --enrolment FILE or --factory-key FILE")),
        }
    }

    fn party(&self) -> Party {
        match self {
            Self::Enrolment(enrolment) => enrolment.party,
            Self::FactoryKey { party, .. } => *party,
        }
    }

    fn server<'a>(&'a self, args: &'a Personalise) -> &'a str {
        match self {
            Self::Enrolment(enrolment) => &enrolment.server,
            Self::FactoryKey { .. } => args.server.as_deref().unwrap_or_default(),
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Enrolment(enrolment) if !enrolment.label.is_empty() => visible(&enrolment.label),
            Self::Enrolment(enrolment) => enrolment.party.id.to_string(),
            Self::FactoryKey { party, .. } => party.id.to_string(),
        }
    }

    fn account<'a>(&'a self, args: &'a Personalise) -> Account<'a> {
        match self {
            Self::Enrolment(enrolment) => Account::Enrolment(enrolment),
            Self::FactoryKey { party, key } => Account::FactoryKey {
                id: party.id,
                key,
                realm: args.realm.as_deref().unwrap_or_default(),
                label: args.label.as_deref().unwrap_or_default(),
                server: self.server(args),
            },
        }
    }
}

/// Identification code and key, in hexadecimal, with white space or a comma between.
fn read_key(file: &Path) -> Result<Given, CliError> {
    let failed = |error: std::io::Error| CliError::file("read the key", file, &error);
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_KEY_FILE).unwrap_or(0) + 1));
    File::open(file).map_err(failed)?.take(MAX_KEY_FILE + 1).read_to_string(&mut text).map_err(failed)?;
    let mut words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let id = words.next().and_then(|word| HEX.decode(word.as_bytes()).ok()).and_then(|id| id.try_into().ok());
    let key = words.next().and_then(|word| HEX.decode(word.as_bytes()).ok().map(Zeroizing::new));
    let key = key.and_then(|key| Secret::from_slice(&key));
    // The one suite of keys from a factory (protocol.md, 7.1).
    let profile = Profile::new(Suite::Symmetric, Delivery::Shared);
    let profile = profile.map_err(|error| CliError::failure(error.to_string()))?;
    match (id, key, words.next()) {
        (Some(id), Some(key), None) => Ok(Given::FactoryKey { party: Party { id: AuthenticatorId(id), profile }, key }),
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
