//! `matchbook`: the server, the operator's commands, a software device and the demo, in one binary.
#![allow(dead_code, reason = "the commands land one by one; this line goes with the last of them")]

mod api;
mod args;
mod command;
mod config;
mod error;
mod exit;
mod ui;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::error::CliError;
use crate::ui::Ui;

fn main() -> ExitCode {
    // One provider for the whole process, before anything speaks TLS. A second installation cannot happen here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let ui = Ui::new(cli.global.output, cli.global.quiet);
    match run(cli, &ui) {
        Ok(()) => exit::ExitCode::Yes.into(),
        Err(error) => {
            ui::print_error(&error);
            error.exit.into()
        }
    }
}

fn run(cli: Cli, ui: &Ui) -> Result<(), CliError> {
    match cli.command {
        Command::Completion(args) => command::completion::run(&args, ui),
        Command::Man(args) => command::man::run(&args, ui),
    }
}
