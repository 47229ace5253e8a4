//! `verify` and `challenge`: what a relying party asks.

use clap::Args;

use super::client::{Client, InRealm};

/// Whose code.
#[derive(Clone, Debug, Args)]
#[group(id = "target", required = true, multiple = false)]
pub(crate) struct Target {
    /// The user's log-in name
    pub(crate) user: Option<String>,
    /// A device's identification code, instead of a user
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Read the code from standard input, also when that is a terminal
    #[arg(long)]
    pub(crate) code_stdin: bool,
    /// Where the user sits, such as an address: failures slow this source only
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// Names the attempt: the same id gets the same answer [default: a random one]
    #[arg(long, value_name = "ID")]
    pub(crate) operation_id: Option<String>,
    #[command(flatten)]
    pub(crate) realm: InRealm,
    #[command(flatten)]
    pub(crate) client: Client,
}

/// `challenge`.
#[derive(Debug, Args)]
pub(crate) struct Challenge {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The user no longer has the code of this number: give it up and ask for the next one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) unavailable: Option<u32>,
    /// Where the user sits, as in verify
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) realm: InRealm,
    #[command(flatten)]
    pub(crate) client: Client,
}
