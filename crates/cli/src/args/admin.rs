//! `realm`, `user`, `device`, `token`: the operator's commands over the API.

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, Subcommand, ValueEnum};

use super::client::{Client, InRealm};
use super::examples;
use super::factory::{Export, Import};
use super::policy::PolicyFlags;

/// `realm`.
#[derive(Debug, Args)]
pub(crate) struct Realm {
    #[command(flatten)]
    pub(crate) client: Client,
    #[command(subcommand)]
    pub(crate) command: RealmCommand,
}

/// What is done with realms.
#[derive(Debug, Subcommand)]
pub(crate) enum RealmCommand {
    /// Make a realm; its policy is the default one unless flags say otherwise
    #[command(after_help = examples::REALM_CREATE)]
    Create {
        /// Its name: 1 to 32 of a-z, 0-9 and -
        realm: String,
        /// What people read
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        #[command(flatten)]
        policy: PolicyFlags,
    },
    /// List the realms
    List,
    /// Show a realm
    Show {
        /// The realm [env: MATCHBOOK_REALM]
        realm: Option<String>,
    },
    /// Show or change a realm's policy
    Policy {
        #[command(subcommand)]
        command: RealmPolicyCommand,
    },
    /// Print what happened in a realm, the newest first
    #[command(after_help = examples::REALM_EVENTS)]
    Events {
        /// The realm [env: MATCHBOOK_REALM]
        realm: Option<String>,
        /// Only what is about this device
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
        /// At most so many
        #[arg(short, long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
}

/// What is done with a realm's policy.
#[derive(Debug, Subcommand)]
pub(crate) enum RealmPolicyCommand {
    /// Show it, and how easily its codes are guessed
    Show {
        /// The realm [env: MATCHBOOK_REALM]
        realm: Option<String>,
    },
    /// Change it; codes that were issued keep their format
    #[command(after_help = examples::POLICY_SET)]
    Set {
        /// The realm [env: MATCHBOOK_REALM]
        realm: Option<String>,
        #[command(flatten)]
        policy: PolicyFlags,
    },
}

/// `user`.
#[derive(Debug, Args)]
pub(crate) struct User {
    #[command(flatten)]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) realm: InRealm,
    #[command(subcommand)]
    pub(crate) command: UserCommand,
}

/// What is done with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a person who is to get codes
    Create {
        /// The log-in name
        user: String,
        /// What people read
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
    },
    /// List the users of a realm
    List,
    /// Show a user and the user's devices
    Show {
        /// The log-in name
        user: String,
    },
    /// Refuse all codes of a user
    Suspend {
        /// The log-in name
        user: String,
    },
    /// Take a user's codes again
    Resume {
        /// The log-in name
        user: String,
    },
}

/// `device`.
#[derive(Debug, Args)]
pub(crate) struct Device {
    #[command(flatten)]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) realm: InRealm,
    #[command(subcommand)]
    pub(crate) command: DeviceCommand,
}

/// What is done with devices.
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// List the devices of a realm or of a user
    List {
        /// Only this user's
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Show a device and its counters
    Show(DeviceName),
    /// Make an enrolment: the secret for one new device, shown once
    #[command(after_help = examples::ENROL)]
    Enrol(Enrol),
    /// Take in devices that were given their keys where they were made: PSKC (RFC 6030) or CSV
    #[command(after_help = examples::IMPORT)]
    Import(Import),
    /// Write the keys of imported devices that were never used into a PSKC file; the server has to allow it
    #[command(after_help = examples::EXPORT)]
    Export(Export),
    /// Stop a device for a while
    Suspend(DeviceName),
    /// Let a suspended device go on
    Resume(DeviceName),
    /// Stop a device for good and erase its key; asks first
    Revoke {
        #[command(flatten)]
        name: DeviceName,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Let a device go on that 100 wrong guesses have locked
    Unlock(DeviceName),
    /// Replace a device's key
    Rotate(DeviceName),
    /// Send a device a new set now
    Push(DeviceName),
    /// Set the number that short messages to a device go to
    Number {
        #[command(flatten)]
        name: DeviceName,
        /// The number, such as +491701234567
        #[arg(required_unless_present = "none")]
        number: Option<String>,
        /// Send it no short messages
        #[arg(long, conflicts_with = "number")]
        none: bool,
    },
}

/// Which device.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeviceName {
    /// The identification code, 16 hexadecimal digits, as `device list` shows it
    pub(crate) device: String,
}

/// `device enrol`.
#[derive(Debug, Args)]
pub(crate) struct Enrol {
    /// Whose device it is: the log-in name
    pub(crate) user: String,
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// The cryptography that the device speaks
    #[arg(long, value_enum, default_value = "x25519")]
    pub(crate) suite: SuiteName,
    /// Seal each set to the device's public key, not to the shared key
    #[arg(long)]
    pub(crate) public_key: bool,
    /// The number that short messages to it go to, such as +491701234567
    #[arg(long, value_name = "NUMBER")]
    pub(crate) number: Option<String>,
    /// It has short messages alone, and no data connection
    #[arg(long, requires = "number")]
    pub(crate) sms_only: bool,
    /// The enrolment stops working after this time, 1m to 7d [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    pub(crate) valid_for: Option<u64>,
    /// Print groups to type in, each with a check character, instead of the URI
    #[arg(long, conflicts_with = "out")]
    pub(crate) typed: bool,
    /// Write the URI into this new file (mode 0600), not on the screen
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
}

/// The cryptography of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SuiteName {
    /// Shared keys only
    Symmetric,
    /// Shared keys, replaced under X25519
    X25519,
    /// Shared keys, replaced under P-256
    P256,
}

impl SuiteName {
    /// As the API spells it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Symmetric => "symmetric",
            Self::X25519 => "x25519",
            Self::P256 => "p256",
        }
    }
}

/// `sms`.
#[derive(Debug, Args)]
pub(crate) struct Sms {
    #[command(flatten)]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) realm: InRealm,
    #[command(subcommand)]
    pub(crate) command: SmsCommand,
}

/// What is done with short messages.
#[derive(Debug, Subcommand)]
pub(crate) enum SmsCommand {
    /// Show a device's short messages: parts, receipts and retries, never what is in them
    #[command(after_help = examples::SMS_TRACE)]
    Trace {
        #[command(flatten)]
        name: DeviceName,
        /// At most so many
        #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
}

/// `token`.
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) client: Client,
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

/// What is done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it once, alone on standard output
    #[command(after_help = examples::TOKEN_CREATE)]
    Create(TokenCreate),
    /// List the tokens; never the tokens themselves
    List,
    /// Make a token stop working; asks first
    Revoke {
        /// The token's id, 16 hexadecimal digits, as `token list` shows it
        id: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `token create`.
#[derive(Debug, Args)]
pub(crate) struct TokenCreate {
    /// What its bearer may do
    #[arg(value_enum)]
    pub(crate) role: RoleName,
    /// The realm, for realm-operator and relying-party [env: MATCHBOOK_REALM]
    #[arg(short, long, value_name = "REALM")]
    pub(crate) realm: Option<String>,
    /// The relying party's name in the ledger and the throttle, such as vpn
    #[arg(long, value_name = "NAME", required_if_eq("role", "relying-party"))]
    pub(crate) name: Option<String>,
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// It stops working after this time, such as 90d [default: when it is revoked]
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    pub(crate) valid_for: Option<u64>,
    /// Write it into this new file (mode 0600), not on standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
}

/// What a token's bearer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Everything, in every realm
    Operator,
    /// Everything in one realm
    RealmOperator,
    /// Verify and challenge in one realm
    RelyingParty,
}

impl RoleName {
    /// As the API spells it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::RealmOperator => "realm-operator",
            Self::RelyingParty => "relying-party",
        }
    }
}
