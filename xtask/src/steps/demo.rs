//! The README's first command as a new user runs it: in release, with an empty home.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use super::Outcome;
use crate::context::Context;
use crate::process;

/// Builds the binary, runs the demo for people and for programs, and reads its table.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let started = Instant::now();
    process::run(context.cargo().args(["build", "--locked", "--release", "--bin", "matchbook"]))?;
    // The card's row needs the program that links PC/SC's library; where that is missing the row says so.
    let has_reader =
        process::succeeds(context.cargo().args(["build", "--locked", "--release", "-p", "matchbook-reader"]));
    let build_s = started.elapsed().as_secs();
    let home = empty_home(context)?;
    let started = Instant::now();
    process::run(at_home(&context.release_binary(), &home).arg("demo"))?;
    let run_s = started.elapsed().as_secs_f32();
    if run_s > MAX_RUN_S {
        return Err(format!("the demo took {run_s:.1} s, and {MAX_RUN_S} s is the limit"));
    }
    let json = process::output_of(at_home(&context.release_binary(), &home).args(["demo", "-o", "json"]))?;
    check_rows(&json)?;
    if std::env::var_os("CI").is_some() && !(has_reader && shows_card(&json)) {
        return Err("the card's row was left out, and CI has all that it needs".to_owned());
    }
    Ok(Outcome::Passed(format!("built in {build_s} s, ran in {run_s:.1} s, {} rows", ROWS.len())))
}

/// The longest run of the demo, in seconds. On two idle cores it is to stay under 10; a loaded machine gets some room.
const MAX_RUN_S: f32 = 30.0;

/// What the demo has to show.
const ROWS: &[&str] =
    &["M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11", "M12", "M12-card", "M13", "M14"];

/// The row that needs a card reader.
const CARD: &str = "M12-card";

fn shows_card(json: &str) -> bool {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let rows = value.get("rows").and_then(Value::as_array);
    let card = rows.into_iter().flatten().find(|row| row.get("id").and_then(Value::as_str) == Some(CARD));
    card.and_then(|row| row.get("passed")) == Some(&Value::Bool(true))
}

/// A home with nothing in it.
pub(super) fn empty_home(context: &Context) -> Result<PathBuf, String> {
    let home = context.scratch("home")?;
    std::fs::remove_dir_all(&home).map_err(|why| format!("{} cannot be emptied: {why}", home.display()))?;
    context.scratch("home")
}

/// A program that knows of no home but this one, and of no setting of ours.
pub(super) fn at_home(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("MATCHBOOK_") || name.starts_with("XDG_") {
            command.env_remove(&*name);
        }
    }
    command.env("HOME", home).current_dir(home);
    command
}

/// Whether the JSON has every row, in order, and all of them passed.
fn check_rows(json: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(json).map_err(|why| format!("its output is not one JSON value: {why}"))?;
    let rows = value.get("rows").and_then(Value::as_array).ok_or("its JSON has no rows")?;
    let ids: Vec<&str> = rows.iter().filter_map(|row| row.get("id")).filter_map(Value::as_str).collect();
    if ids != ROWS {
        return Err(format!("its rows are {ids:?} and should be {ROWS:?}"));
    }
    for (row, id) in rows.iter().zip(&ids) {
        let is_left_out = **id == *CARD && row.get("passed") == Some(&Value::Null);
        if !is_left_out && row.get("passed") != Some(&Value::Bool(true)) {
            return Err(format!("row {id} did not pass: {row}"));
        }
        if row.get("evidence").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(format!("row {id} shows no evidence"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "demo_tests.rs"]
mod tests;
