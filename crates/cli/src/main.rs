//! `matchbook`: the server, the operator's commands, a software device and the demo, in one binary.

mod api;
mod args;
mod card;
mod clock;
mod command;
mod config;
mod database;
mod demo;
mod error;
mod exit;
mod local;
mod private;
mod qr;
mod ui;
mod wallet;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use crate::args::{Cli, Command};
use crate::error::CliError;
use crate::ui::Ui;

/// A request's memory is taken on one thread and given back on another, which the C library's allocator makes dear.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    let global = &cli.global;
    match cli.command {
        Command::Init(args) => command::init::run(&args, global, ui),
        Command::Serve(args) => command::serve::run(&args, global, ui),
        Command::Realm(args) => command::realm::run(&args, global, ui),
        Command::User(args) => command::user::run(&args, global, ui),
        Command::Device(args) => command::device::run(&args, global, ui),
        Command::Sms(args) => command::sms::run(&args, global, ui),
        Command::Verify(args) => command::verify::verify(&args, global, ui),
        Command::Challenge(args) => command::verify::challenge(&args, global, ui),
        Command::Policy(args) => command::policy::run(&args, global, ui),
        Command::Estimate(args) => command::estimate::run(&args, ui),
        Command::Token(args) => command::token::run(&args, global, ui),
        Command::Store(args) => command::store::run(&args, global, ui),
        Command::Migrate(args) => command::migrate::run(&args, global, ui),
        Command::Config(args) => command::config::run(&args, global, ui),
        Command::Doctor(args) => command::doctor::run(&args, global, ui),
        Command::Smsc(args) => command::smsc::run(&args, ui),
        Command::Demo(args) => demo::run(&args, ui),
        Command::Wallet(args) => wallet::run(args, global, ui),
        Command::Card(args) => command::card::run(&args, ui),
        Command::Completion(args) => command::completion::run(&args, ui),
        Command::Man(args) => command::man::run(&args, ui),
    }
}
