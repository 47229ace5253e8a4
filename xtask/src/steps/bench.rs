//! `cargo xtask bench`, and its quick run as a step: what crates/bench measures, in release.

use std::process::Command;
use std::time::Instant;

use super::Outcome;
use crate::context::Context;
use crate::process;

/// The quick run. It fails on no number, only when something cannot be measured.
pub(super) fn quick(context: &Context) -> Result<Outcome, String> {
    let started = Instant::now();
    build(context)?;
    let build_s = started.elapsed().as_secs();
    let started = Instant::now();
    process::run(bench(context).arg("--quick"))?;
    let run_s = started.elapsed().as_secs();
    Ok(Outcome::Passed(format!("built in {build_s} s, ran in {run_s} s")))
}

/// Runs it as it was asked for.
pub(crate) fn run(context: &Context, arguments: &[String]) -> Result<(), String> {
    build(context)?;
    let mut command = bench(context);
    for word in arguments {
        command.arg(word);
        if word == "--write-docs" {
            command.arg(context.root.join("docs/performance.md"));
        }
    }
    process::run(&mut command)
}

/// Together with the binary that the demo builds, so that both have the same features and share all that they need.
fn build(context: &Context) -> Result<(), String> {
    let arguments = ["build", "--locked", "--release", "--bin", "matchbook", "--bin", "matchbook-bench"];
    process::run(context.cargo().args(arguments))
}

/// The program, with its databases and tables in the target folder: the folder for temporary files is memory on some
/// systems, and a flush of memory costs nothing.
fn bench(context: &Context) -> Command {
    let folder = context.target.join("bench");
    let mut command = Command::new(context.target.join("release").join("matchbook-bench"));
    command.arg("run").arg("--out").arg(&folder).arg("--place").arg(&folder).current_dir(&context.root);
    command
}
