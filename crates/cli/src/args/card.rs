//! `card`: smart cards.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, Subcommand};
use matchbook_card_host::soft::DEFAULT_PORT;

use super::examples;

/// `card`.
#[derive(Debug, Args)]
pub(crate) struct Card {
    #[command(flatten)]
    pub(crate) reader: crate::card::CardArgs,
    #[command(subcommand)]
    pub(crate) command: CardCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum CardCommand {
    /// Run a card in software behind PC/SC, until Ctrl-C; its file holds its keys in clear, for trying things out
    #[command(after_help = examples::CARD_RUN)]
    Run(Run),
    /// List the card readers of this machine
    List,
    /// Give a new card its account, PIN and PUK, and lock that for good
    #[command(after_help = examples::CARD_PERSONALISE)]
    Personalise(Personalise),
    /// Show where a card stands
    Status,
    /// Check, change or unblock the PIN
    #[command(subcommand, after_help = examples::CARD_PIN)]
    Pin(PinCommand),
    /// Take a code: it is burnt on the card, then shown once
    #[command(after_help = examples::CARD_TAKE)]
    Take(CardTake),
}

/// `card run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The card's file; where there is none, a new card is made
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Where the virtual reader (vpcd) listens
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DEFAULT_PORT))]
    pub(crate) vpcd: SocketAddr,
}

/// `card personalise`.
#[derive(Debug, Args)]
pub(crate) struct Personalise {
    #[command(flatten)]
    pub(crate) source: Source,
    /// With --factory-key: the server's URL, or sms: and its number
    #[arg(long, value_name = "URL", requires = "factory_key")]
    pub(crate) server: Option<String>,
    /// With --factory-key: the realm
    #[arg(long, value_name = "REALM", requires = "factory_key")]
    pub(crate) realm: Option<String>,
    /// With --factory-key: what to call the account
    #[arg(long, value_name = "LABEL", requires = "factory_key")]
    pub(crate) label: Option<String>,
    /// Read the PUK from a file; otherwise one of eight digits is drawn and printed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) puk_file: Option<PathBuf>,
    /// Wrong PINs in a row until it is blocked
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(crate) pin_tries: u8,
    /// Wrong PUKs in a row until the card is of no more use
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(crate) puk_tries: u8,
    /// Take http:// for a server on another machine: messages stay sealed, who sends them shows
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
    /// Do not ask whether to lock the card
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Where the account comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Source {
    /// A file with the enrolment's URI, as `device enrol --out` writes it; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) enrolment: Option<PathBuf>,
    /// A file with a key that the server knows by `device import`: identification code and key, in hexadecimal, on one line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "server")]
    pub(crate) factory_key: Option<PathBuf>,
}

/// `card pin`.
#[derive(Debug, Subcommand)]
pub(crate) enum PinCommand {
    /// Check the PIN; a wrong one costs a try
    Check,
    /// Replace the PIN by a new one
    Change {
        /// Read the new PIN from a file; otherwise it is asked for
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        new_pin_file: Option<PathBuf>,
    },
    /// Replace a PIN whose tries are used up, by the PUK
    Unblock {
        /// Read the PUK from a file; otherwise it is asked for
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        puk_file: Option<PathBuf>,
        /// Read the new PIN from a file; otherwise it is asked for
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        new_pin_file: Option<PathBuf>,
    },
}

/// `card take`.
#[derive(Debug, Args)]
pub(crate) struct CardTake {
    /// Take the code with this number, as a log-in asks for it; otherwise the lowest unused one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) code: Option<u32>,
}
