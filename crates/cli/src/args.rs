//! The command line: what there is to say, and how `--help` teaches it.

mod admin;
mod card;
mod client;
mod duration;
mod estimate;
mod examples;
mod factory;
mod policy;
mod relying;
mod server;
mod smsc;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, Parser, Subcommand};

pub(crate) use admin::{
    Device, DeviceCommand, Enrol, Realm, RealmCommand, RealmPolicyCommand, RoleName, Sms, SmsCommand, Token,
    TokenCommand, TokenCreate, User, UserCommand,
};
pub(crate) use card::{Card, CardCommand, Personalise, PinCommand, Run};
pub(crate) use estimate::Estimate;
pub(crate) use factory::{Export, FormatName, Import, Unlocking};
pub(crate) use policy::{ModeName, Policy, PolicyCheck, PolicyCommand, PolicyFields, PolicyFlags};
pub(crate) use relying::{Challenge, Target, Verify};
pub(crate) use server::{Config, ConfigCommand, Copy, Doctor, Init, Migrate, Serve, Store, StoreCommand, Thaw};
pub(crate) use smsc::{CentreArgs, ModemArg, PhoneArgs, RadioArgs, Smsc};

use duration::duration;

use crate::ui::OutputFormat;

/// Sets of one-time access codes, sealed to devices and verified exactly once.
#[derive(Debug, Parser)]
#[command(name = "matchbook", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = examples::MATCHBOOK)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// How data is printed
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: OutputFormat,
    /// The config file [env: MATCHBOOK_CONFIG]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Say nothing on standard error but warnings and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a server's folder, secrets, database, config file and first token
    #[command(after_help = examples::INIT)]
    Init(Init),
    /// Run the server
    #[command(after_help = examples::SERVE)]
    Serve(Serve),
    /// Realms: name spaces with a policy each
    #[command(after_help = examples::REALM)]
    Realm(Realm),
    /// Users: the people who get codes
    #[command(after_help = examples::USER)]
    User(User),
    /// Devices: enrol, watch and stop what holds the codes
    #[command(after_help = examples::DEVICE)]
    Device(Device),
    /// Short messages: what became of them
    #[command(after_help = examples::SMS_TRACE)]
    Sms(Sms),
    /// Verify a code, exactly once; exit code 5 when it is refused
    #[command(after_help = examples::VERIFY)]
    Verify(Verify),
    /// Ask which code a user is to be asked for
    #[command(after_help = examples::CHALLENGE)]
    Challenge(Challenge),
    /// Try policies out
    #[command(after_help = examples::POLICY_CHECK)]
    Policy(Policy),
    /// Reckon the short messages and the money that devices cost a month; needs no server
    #[command(after_help = examples::ESTIMATE)]
    Estimate(Estimate),
    /// Tokens: who may call the server
    #[command(after_help = examples::TOKEN)]
    Token(Token),
    /// Back the store up, put it back, check it, move it; on the server's own machine
    #[command(after_help = examples::STORE)]
    Store(Store),
    /// Bring the layout of a PostgreSQL up to date, before the servers of a new release start
    #[command(after_help = examples::MIGRATE)]
    Migrate(Migrate),
    /// Settings and where they come from
    #[command(after_help = examples::CONFIG)]
    Config(Config),
    /// Look for what is wrong with this machine's server, and say what to do
    #[command(after_help = examples::DOCTOR)]
    Doctor(Doctor),
    /// The software device: codes in a sealed vault, each shown once
    Wallet(crate::wallet::Args),
    /// Smart cards: personalise one, ask it, take its codes; or run one in software
    #[command(after_help = examples::CARD)]
    Card(Card),
    /// Run a simulated mobile network: an SMPP centre, and phones whose messages are lost, doubled and late
    #[command(after_help = examples::SMSC)]
    Smsc(Smsc),
    /// Walk through the main job on this machine, and check every requirement of it
    #[command(after_help = examples::DEMO)]
    Demo(crate::demo::Args),
    /// Print a shell's completion script
    #[command(after_help = examples::COMPLETION)]
    Completion(Completion),
    /// Print the manual page, or write one a command into a folder
    #[command(after_help = examples::MAN)]
    Man(Man),
}

/// `completion`.
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write matchbook.1, matchbook-serve.1 … into this folder instead
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
}
