//! `smsc`: the simulated network.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::ValueHint;
use matchbook_protocol::sms::Address;
use matchbook_smsc::ReceiptForm;

use super::duration::short_time;

/// `smsc`.
#[derive(Debug, Args)]
pub(crate) struct Smsc {
    #[command(flatten)]
    pub(crate) centre: CentreArgs,
    #[command(flatten)]
    pub(crate) radio: RadioArgs,
    #[command(flatten)]
    pub(crate) phones: PhoneArgs,
}

/// The SMPP centre.
#[derive(Debug, Args)]
#[command(next_help_heading = "Centre")]
pub(crate) struct CentreArgs {
    /// Where the SMPP centre listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2775")]
    pub(crate) listen: SocketAddr,
    /// Only this ESME may bind; its password stands in --password-file. Otherwise anybody may
    #[arg(long, value_name = "NAME", requires = "password_file", value_parser = system_id)]
    pub(crate) system_id: Option<String>,
    /// A file with the ESME's password: one line of at most 8 ASCII characters
    #[arg(long, value_name = "FILE", requires = "system_id", value_hint = ValueHint::FilePath)]
    pub(crate) password_file: Option<PathBuf>,
    /// Submits a second, 1 to 100000; ESMEs above it are throttled [default: as many as come]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) per_second: Option<u32>,
    /// How delivery receipts are written
    #[arg(long, value_enum, value_name = "FORM", default_value = "both")]
    pub(crate) receipts: Receipts,
}

/// How delivery receipts are written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Receipts {
    /// As optional parameters, and as text
    Both,
    /// As optional parameters alone
    Tlv,
    /// As text alone
    Text,
    /// None, whatever an ESME asks for
    None,
}

/// What happens between phones and the centre.
#[derive(Debug, Args)]
#[command(next_help_heading = "Radio")]
pub(crate) struct RadioArgs {
    /// What all chance comes from: the same seed loses the same messages [default: a new one, which is printed]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How many messages are lost, 0 to 1, in each direction
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    pub(crate) loss: f64,
    /// How many arrive twice, 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    pub(crate) duplication: f64,
    /// How many are kept back until a later one has overtaken them, 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    pub(crate) reordering: f64,
    /// How many arrive with flipped bits, 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    pub(crate) corruption: f64,
    /// How long each message takes, up to 1h
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = short_time)]
    pub(crate) delay: Duration,
    /// How much longer it may take, up to 1h; messages overtake each other by it
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = short_time)]
    pub(crate) jitter: Duration,
}

/// The phones.
#[derive(Debug, Args)]
#[command(next_help_heading = "Phones")]
pub(crate) struct PhoneArgs {
    /// A phone with this number, whose messages are printed: who from, which part, how long. May be given several times
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub(crate) phone: Vec<Address>,
    /// A phone with this number that is a modem: the port to open is printed, and linked at LINK. May be given several times
    #[arg(long, value_name = "NUMBER[=LINK]", value_parser = modem)]
    pub(crate) modem: Vec<ModemArg>,
    /// Print what the messages hold, too
    #[arg(long)]
    pub(crate) show_bytes: bool,
}

/// A modem's number, and where its port is linked.
#[derive(Clone, Debug)]
pub(crate) struct ModemArg {
    pub(crate) number: Address,
    pub(crate) link: Option<PathBuf>,
}

impl From<Receipts> for ReceiptForm {
    fn from(receipts: Receipts) -> Self {
        match receipts {
            Receipts::Both => Self::Both,
            Receipts::Tlv => Self::Tlv,
            Receipts::Text => Self::Text,
            Receipts::None => Self::None,
        }
    }
}

/// A probability.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is from 0 (none) to 1 (all), such as 0.2".to_owned())
}

/// A number that a phone can have.
fn number(text: &str) -> Result<Address, String> {
    let number: Address = text.parse().map_err(|error| format!("{error}"))?;
    if number.text().bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(number)
    } else {
        Err("a phone has a number, such as +491700000001".to_owned())
    }
}

fn modem(text: &str) -> Result<ModemArg, String> {
    match text.split_once('=') {
        Some((_, "")) => Err("the link behind = is empty".to_owned()),
        Some((digits, link)) => Ok(ModemArg { number: number(digits)?, link: Some(link.into()) }),
        None => Ok(ModemArg { number: number(text)?, link: None }),
    }
}

fn system_id(text: &str) -> Result<String, String> {
    let is_good = (1..=MAX_SYSTEM_ID_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good { Ok(text.to_owned()) } else { Err("a system_id is 1 to 15 ASCII characters without blanks".to_owned()) }
}

/// SMPP 3.4 §5.2.1, without the NUL.
const MAX_SYSTEM_ID_LEN: usize = 15;
