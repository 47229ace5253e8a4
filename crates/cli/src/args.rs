//! The command line: what there is to say, and how `--help` teaches it.

mod examples;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::ui::OutputFormat;

/// Sets of one-time access codes, sealed to devices and verified exactly once.
#[derive(Debug, Parser)]
#[command(name = "matchbook", version, max_term_width = 100, arg_required_else_help = true)]
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
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say nothing on standard error but warnings and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // The wallet author: add `Wallet(crate::wallet::Args)` here and its arm in main.rs.
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
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
