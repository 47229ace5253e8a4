//! Policies on the command line and in a file.

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::examples;

/// `policy`.
#[derive(Debug, Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

/// What is done with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say whether a policy can be had, and how easily its codes are guessed; needs no server
    #[command(after_help = examples::POLICY_CHECK)]
    Check(PolicyCheck),
}

/// `policy check`.
#[derive(Debug, Args)]
pub(crate) struct PolicyCheck {
    /// Begin with this realm's policy, as the server has it; otherwise with the default policy
    #[arg(short, long, value_name = "REALM")]
    pub(crate) realm: Option<String>,
    #[command(flatten)]
    pub(crate) changes: PolicyFlags,
    #[command(flatten)]
    pub(crate) client: Client,
}

/// A policy's fields; what is left out stays as it is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyFlags {
    /// Take the fields from a TOML file; the flags below go over it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) fields: PolicyFields,
}

/// The fields, as flags and as keys of a TOML file alike.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicyFields {
    /// Which codes count at one attempt
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<ModeName>,
    /// With next-in-order: how many codes count, 1 to 10 [default: 3]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) look_ahead: Option<u8>,
    /// Digits a code, 4 to 12 [default: 6]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digits: Option<u8>,
    /// Codes of digits and unambiguous letters instead of digits alone
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base32: Option<bool>,
    /// Codes a set, 1 to 250 [default: as many as fit one short message]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set_size: Option<u8>,
    /// A refill is due when this many or fewer codes are unused, 0 to 63 [default: 10]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<u8>,
    /// Failures from one source before it is slowed, 1 to 20 [default: 5]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_failures: Option<u8>,
    /// Sets a device may get in a day, 1 to 100 [default: 10]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sets_per_day: Option<u8>,
    /// Codes a user may skip in a day, 0 to 20 [default: 3]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skips_per_day: Option<u8>,
    /// A key is replaced after this many days, 1 to 3650 [default: 90]
    #[arg(long, value_name = "DAYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rotate_after_days: Option<u16>,
    /// Allow any-unused with fewer than 8 digits
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accept_guessable_codes: Option<bool>,
}

/// Which codes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ModeName {
    /// One code, asked for by its number (the default)
    Indexed,
    /// The next unused code or one of the few after it
    NextInOrder,
    /// Any unused code; needs 8 digits
    AnyUnused,
}
