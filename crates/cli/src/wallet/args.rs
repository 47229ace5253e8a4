//! The command line of `matchbook wallet`.

use std::path::PathBuf;

use clap::builder::ValueHint;
use matchbook_device::bearer::modem::DEFAULT_BAUD;
use matchbook_device::protocol::sms::Address;

use crate::card::CardArgs;
use crate::error::CliError;

/// The software device: keeps codes in a sealed vault, and shows each once.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) vault: VaultArgs,
    /// How messages travel [default: modem when the account's server is sms: or --modem is given, otherwise http]
    #[arg(long, global = true, value_enum, value_name = "BEARER")]
    pub(super) bearer: Option<BearerName>,
    #[command(flatten)]
    pub(super) card: CardArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Where the vault is, and what opens it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Vault")]
pub(super) struct VaultArgs {
    /// The vault's file [env: MATCHBOOK_VAULT] [default: ~/.local/share/matchbook/wallet.vault]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) vault: Option<PathBuf>,
    /// Read the passphrase from a file; otherwise from MATCHBOOK_PASSPHRASE, otherwise it is asked for
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) passphrase_file: Option<PathBuf>,
}

impl VaultArgs {
    /// Refuses what means nothing for an account on a card.
    pub(super) fn refuse_with_card(&self) -> Result<(), CliError> {
        if self.vault.is_none() && self.passphrase_file.is_none() {
            return Ok(());
        }
        Err(CliError::usage("--vault and --passphrase-file are for accounts in a vault")
            .hint("Leave them out, or leave out --bearer card."))
    }
}

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Begin an account from an enrolment: its URI, a file with it, or its groups typed in
    #[command(after_help = ENROL_EXAMPLES)]
    Enrol(Enrol),
    /// List the accounts
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// List an account's codes by number: used or not, never the codes themselves
    #[command(after_help = CODES_EXAMPLES)]
    Codes(One),
    /// Take a code: it is burnt in the vault, then shown once
    #[command(after_help = TAKE_EXAMPLES)]
    Take(Take),
    /// Ask the server for a new set now
    #[command(after_help = REQUEST_EXAMPLES)]
    Request(Exchange),
    /// Exchange with the server what there is: acknowledgements, refills, pushes, keys
    #[command(after_help = SYNC_EXAMPLES)]
    Sync(Sync),
    /// Take in what comes by SMS, and answer it, until Ctrl-C; codes can be taken meanwhile
    ///
    /// Each event is a line on standard output; with -o json, each is a JSON object on a line of its own.
    #[command(after_help = LISTEN_EXAMPLES)]
    Listen(Listen),
    /// Ask the server for a new key, and switch to it
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate(Exchange),
    /// Show where an account stands
    #[command(after_help = STATUS_EXAMPLES)]
    Status(One),
    /// Remove an account with its keys and codes, for good
    #[command(after_help = FORGET_EXAMPLES)]
    Forget(Forget),
}

impl Command {
    /// The flags of those that may go by modem.
    pub(super) fn radio(&mut self) -> Option<&mut Radio> {
        match self {
            Self::Enrol(enrol) => Some(&mut enrol.radio),
            Self::Take(take) => Some(&mut take.radio),
            Self::Request(exchange) | Self::Rotate(exchange) => Some(&mut exchange.radio),
            Self::Sync(sync) => Some(&mut sync.radio),
            Self::Listen(listen) => Some(&mut listen.radio),
            Self::List | Self::Codes(_) | Self::Status(_) | Self::Forget(_) => None,
        }
    }

    /// The flags of those that go over the network.
    pub(super) fn network(&mut self) -> Option<&mut Network> {
        match self {
            Self::Enrol(enrol) => Some(&mut enrol.network),
            Self::Take(take) => Some(&mut take.network),
            Self::Request(exchange) | Self::Rotate(exchange) => Some(&mut exchange.network),
            Self::Sync(sync) => Some(&mut sync.network),
            Self::List | Self::Codes(_) | Self::Listen(_) | Self::Status(_) | Self::Forget(_) => None,
        }
    }
}

/// Which account.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct One {
    /// The account: its number, label or identification code; needed when there are several
    #[arg(short, long, value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
}

/// How the server is reached.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Network")]
pub(super) struct Network {
    /// PEM certificates to believe, instead of the public ones [env: MATCHBOOK_CA_FILE]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) ca_file: Option<PathBuf>,
    /// Take http:// for a server on another machine: messages stay sealed, who sends them shows
    #[arg(long)]
    pub(super) allow_plain_http: bool,
    /// Not a flag: gives up soon, for what only happens on the side.
    #[arg(skip)]
    pub(super) is_brief: bool,
}

/// How short messages go.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "SMS")]
pub(super) struct Radio {
    /// Not a flag: --bearer stands before the subcommands too.
    #[arg(skip)]
    pub(super) bearer: Option<BearerName>,
    /// The modem: a serial port such as /dev/ttyUSB0, or mm or mm:0 for ModemManager's [env: MATCHBOOK_MODEM]
    #[arg(long, value_name = "MODEM", value_hint = ValueHint::AnyPath)]
    pub(super) modem: Option<String>,
    /// The number that the server takes short messages at, instead of the account's own
    #[arg(long, value_name = "NUMBER", value_parser = number, allow_hyphen_values = true)]
    pub(super) to: Option<Address>,
    /// Read the SIM card's PIN from a file, for a card that asks for one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) pin_file: Option<PathBuf>,
    /// The serial port's speed
    #[arg(long, value_name = "BAUD", default_value_t = DEFAULT_BAUD,
          value_parser = clap::value_parser!(u32).range(300..=4_000_000))]
    pub(super) baud: u32,
    /// Send as text, for operators that carry no binary messages
    #[arg(long)]
    pub(super) text: bool,
}

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum BearerName {
    /// The data network
    Http,
    /// Short messages
    Modem,
    /// The account is on a smart card: its messages are carried as its server's address says
    Card,
}

/// A number that can be sent to.
fn number(text: &str) -> Result<Address, String> {
    let number: Address =
        text.parse().map_err(|error: matchbook_device::protocol::sms::AddressError| error.to_string())?;
    if number.is_name() { Err("a number is needed, such as +4912345678 or 16020".to_owned()) } else { Ok(number) }
}

/// How long an answer by SMS is waited for.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "SMS")]
pub(super) struct Patience {
    /// By SMS: wait up to this many seconds for the answer [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub(super) wait: Option<u32>,
}

/// `enrol`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).multiple(false))]
pub(super) struct Enrol {
    /// The enrolment: matchbook:enrol?… in quotes. Other users of this machine can see it while this runs
    #[arg(group = "source", value_name = "URI")]
    pub(super) uri: Option<String>,
    /// Read the URI from a file; - is standard input
    #[arg(long, group = "source", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,
    /// Type the groups in, one by one
    #[arg(long, group = "source")]
    pub(super) typed: bool,
    /// With --typed: the server's URL
    #[arg(long, requires = "typed", value_name = "URL")]
    pub(super) server: Option<String>,
    /// With --typed: the realm
    #[arg(long, requires = "typed", value_name = "REALM")]
    pub(super) realm: Option<String>,
    /// With --typed: what to call the account
    #[arg(long, requires = "typed", value_name = "LABEL")]
    pub(super) label: Option<String>,
    /// Do not ask whether the server is the right one
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Only store the account; the first `sync` enrols it
    #[arg(long)]
    pub(super) offline: bool,
    #[command(flatten)]
    pub(super) network: Network,
    #[command(flatten)]
    pub(super) radio: Radio,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// `take`.
#[derive(Debug, clap::Args)]
pub(super) struct Take {
    /// Take the code with this number, as a log-in asks for it; otherwise the lowest unused one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) code: Option<u32>,
    /// Do not send the request for a new set when few codes are left
    #[arg(long)]
    pub(super) offline: bool,
    #[command(flatten)]
    pub(super) one: One,
    #[command(flatten)]
    pub(super) network: Network,
    #[command(flatten)]
    pub(super) radio: Radio,
}

/// `request` and `rotate`.
#[derive(Debug, clap::Args)]
pub(super) struct Exchange {
    #[command(flatten)]
    pub(super) one: One,
    #[command(flatten)]
    pub(super) network: Network,
    #[command(flatten)]
    pub(super) radio: Radio,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// `sync`.
#[derive(Debug, clap::Args)]
pub(super) struct Sync {
    /// Stay on the line up to this many seconds, until the server pushes something; by SMS, until it answers [default by
    /// SMS: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub(super) wait: Option<u32>,
    #[command(flatten)]
    pub(super) one: One,
    #[command(flatten)]
    pub(super) network: Network,
    #[command(flatten)]
    pub(super) radio: Radio,
}

/// `listen`.
#[derive(Debug, clap::Args)]
pub(super) struct Listen {
    /// Listen for this many seconds, and not until Ctrl-C
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=31_536_000))]
    pub(super) seconds: Option<u32>,
    /// End once something came and was answered
    #[arg(long)]
    pub(super) once: bool,
    #[command(flatten)]
    pub(super) one: One,
    #[command(flatten)]
    pub(super) radio: Radio,
}

/// `forget`.
#[derive(Debug, clap::Args)]
pub(super) struct Forget {
    #[command(flatten)]
    pub(super) one: One,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  matchbook wallet enrol --file enrolment.txt
  matchbook wallet codes
  matchbook wallet take --code 17
  matchbook wallet sync
  matchbook wallet --bearer card take --code 17";

const ENROL_EXAMPLES: &str = "\
Examples:
  matchbook wallet enrol 'matchbook:enrol?v=1&k=…&s=…&r=…&l=…'
  matchbook wallet enrol --file enrolment.txt
  matchbook wallet enrol --typed --server https://codes.example.org
  matchbook wallet enrol --file enrolment.txt --modem /dev/ttyUSB0 --wait 120";

const LIST_EXAMPLES: &str = "\
Examples:
  matchbook wallet list
  matchbook wallet list -o json";

const CODES_EXAMPLES: &str = "\
Examples:
  matchbook wallet codes
  matchbook wallet codes --account phone -o json";

const TAKE_EXAMPLES: &str = "\
Examples:
  matchbook wallet take
  matchbook wallet take --code 17
  matchbook wallet take --code 17 --passphrase-file pass.txt --offline";

const REQUEST_EXAMPLES: &str = "\
Examples:
  matchbook wallet request
  matchbook wallet request --account phone
  matchbook wallet request --bearer modem --modem mm --to +4912345678";

const SYNC_EXAMPLES: &str = "\
Examples:
  matchbook wallet sync
  matchbook wallet sync --wait 600
  matchbook wallet sync --modem /dev/ttyUSB0 --pin-file sim.pin";

const LISTEN_EXAMPLES: &str = "\
Examples:
  matchbook wallet listen --modem /dev/ttyUSB0
  matchbook wallet listen --modem mm --for 3600
  matchbook wallet listen --modem mm:0 --once -o json";

const ROTATE_EXAMPLES: &str = "\
Examples:
  matchbook wallet rotate
  matchbook wallet rotate --account phone -o json";

const STATUS_EXAMPLES: &str = "\
Examples:
  matchbook wallet status
  matchbook wallet status --account phone -o json";

const FORGET_EXAMPLES: &str = "\
Examples:
  matchbook wallet forget --account old-phone
  matchbook wallet forget --account old-phone --yes";
