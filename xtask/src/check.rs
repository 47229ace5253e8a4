//! Runs the steps: a heading, the step, its time; the first failure ends the run and says how to repeat it alone.

use std::process::ExitCode;
use std::time::Instant;

use crate::context::Context;
use crate::steps::{self, Outcome, Step};

/// Which steps to run.
pub(crate) enum Selection {
    /// All of them.
    All,
    /// These, in the order of the list of steps.
    Some(Vec<&'static str>),
}

/// The steps of these names.
pub(crate) fn select_only(names: &[&str]) -> Result<Selection, String> {
    for name in names {
        known(name)?;
    }
    let chosen = steps::ALL.iter().map(|step| step.name).filter(|name| names.contains(name)).collect();
    Ok(Selection::Some(chosen))
}

/// The step of this name and all that follow it.
pub(crate) fn select_from(name: &str) -> Result<Selection, String> {
    known(name)?;
    let chosen = steps::ALL.iter().map(|step| step.name).skip_while(|step| *step != name).collect();
    Ok(Selection::Some(chosen))
}

/// Prints the steps.
pub(crate) fn list() {
    for step in steps::ALL {
        println!("{:<12} {}", step.name, step.what);
    }
}

/// Runs the selected steps.
pub(crate) fn run(selection: &Selection) -> ExitCode {
    let context = match Context::find() {
        Ok(context) => context,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let started = Instant::now();
    let mut tally = Tally::default();
    for step in steps::ALL.iter().filter(|step| selected(selection, step)) {
        if !run_step(step, &context, &mut tally) {
            println!("\nFAILED: {}. Alone: cargo xtask check --only {}", step.name, step.name);
            return ExitCode::FAILURE;
        }
    }
    for (name, why) in &tally.skipped {
        println!("skipped: {name}: {why}");
    }
    println!("\nAll of it took {} s.", started.elapsed().as_secs());
    println!("steps: {} passed, 0 failed, {} skipped", tally.passed, tally.skipped.len());
    ExitCode::SUCCESS
}

#[derive(Default)]
struct Tally {
    passed: usize,
    skipped: Vec<(&'static str, String)>,
}

/// Whether the step passed, or may be skipped here.
fn run_step(step: &Step, context: &Context, tally: &mut Tally) -> bool {
    println!("\n=== {}: {}", step.name, step.what);
    let started = Instant::now();
    let outcome = (step.run)(context);
    let seconds = started.elapsed().as_secs_f32();
    match outcome {
        Ok(Outcome::Passed(note)) => {
            println!("--- {} passed in {seconds:.1} s{}", step.name, prefixed(": ", &note));
            tally.passed += 1;
            true
        }
        Ok(Outcome::Skipped(why)) if context.is_ci => {
            println!("--- {} could not run, and CI skips nothing: {why}", step.name);
            false
        }
        Ok(Outcome::Skipped(why)) => {
            println!("--- {} skipped: {why}", step.name);
            tally.skipped.push((step.name, why));
            true
        }
        Err(why) => {
            println!("--- {} failed after {seconds:.1} s: {why}", step.name);
            false
        }
    }
}

fn selected(selection: &Selection, step: &Step) -> bool {
    match selection {
        Selection::All => true,
        Selection::Some(names) => names.contains(&step.name),
    }
}

fn known(name: &str) -> Result<(), String> {
    if steps::ALL.iter().any(|step| step.name == name) {
        return Ok(());
    }
    Err(format!("there is no step {name:?}; cargo xtask check --list names them"))
}

fn prefixed(prefix: &str, note: &str) -> String {
    if note.is_empty() { String::new() } else { format!("{prefix}{note}") }
}
