//! The project's own commands. `cargo xtask check` runs everything that CI runs, in the same order.

mod check;
mod context;
mod process;
mod rust_source;
mod spec_ids;
mod steps;

use std::process::ExitCode;

use check::Selection;
use context::Context;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Command::parse(&arguments) {
        Ok(Command::Help) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::List) => {
            check::list();
            ExitCode::SUCCESS
        }
        Ok(Command::Check(selection)) => check::run(&selection),
        Ok(Command::Bench(arguments)) => bench(&arguments),
        Err(why) => {
            eprintln!("{why}\n\n{HELP}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// What was asked for.
enum Command {
    Help,
    List,
    Check(Selection),
    /// With what the program that measures is given.
    Bench(Vec<String>),
}

impl Command {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] | ["help" | "--help" | "-h"] => Ok(Self::Help),
            ["check", rest @ ..] => Self::parse_check(rest),
            ["bench", rest @ ..] => Ok(Self::Bench(rest.iter().map(|word| (*word).to_owned()).collect())),
            [other, ..] => Err(format!("there is no command {other:?}")),
        }
    }

    fn parse_check(words: &[&str]) -> Result<Self, String> {
        match words {
            [] => Ok(Self::Check(Selection::All)),
            ["--list"] => Ok(Self::List),
            ["--only", names @ ..] if !names.is_empty() => check::select_only(names).map(Self::Check),
            ["--from", name] => check::select_from(name).map(Self::Check),
            other => Err(format!("cargo xtask check does not take {:?}", other.join(" "))),
        }
    }
}

fn bench(arguments: &[String]) -> ExitCode {
    match Context::find().and_then(|context| steps::bench::run(&context, arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

const EXIT_USAGE: u8 = 2;

const HELP: &str = "\
cargo xtask check                   run everything that CI runs; stop at the first step that fails
cargo xtask check --list            list the steps
cargo xtask check --only STEP ...   run these steps only
cargo xtask check --from STEP       run this step and all that follow it
cargo xtask bench                   measure, about an hour; the tables go to target/bench (docs/performance.md)
cargo xtask bench --quick           the same in under two minutes, with coarse figures
cargo xtask bench --write-docs      put the tables into docs/performance.md as well
cargo xtask bench --only KIND       verify, store, sets, sizes or growth; may be given several times
cargo xtask bench --place FOLDER    make the databases there, on the disk that is to be measured

The steps install what they need when they may: Debian packages with root or a sudo that asks for no password, Python
packages into target/xtask/venv. With CI=true a step that cannot run fails; elsewhere it says what was skipped.";
