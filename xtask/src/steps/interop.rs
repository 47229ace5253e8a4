//! Other people's code against ours: a second implementation in Python runs the vectors, and an off-the-shelf COSE library
//! opens what a real server and a real device said to each other.

use std::process::Command;

use super::{Outcome, passed};
use crate::context::Context;
use crate::process;

/// Runs `interop/vectors.py`.
pub(super) fn vectors(context: &Context) -> Result<Outcome, String> {
    let Some(python) = context.python() else { return Ok(no_python()) };
    process::run(Command::new(python).args(["-B", "interop/vectors.py"]).current_dir(&context.root))?;
    Ok(passed())
}

/// Runs `interop/schema.py`.
pub(super) fn schema(context: &Context) -> Result<Outcome, String> {
    let Some(python) = context.python() else { return Ok(no_python()) };
    process::run(Command::new(python).args(["-B", "interop/schema.py"]).current_dir(&context.root))?;
    Ok(passed())
}

/// Runs `interop/capture.py` with the release binary.
pub(super) fn capture(context: &Context) -> Result<Outcome, String> {
    let Some(python) = context.python() else { return Ok(no_python()) };
    let binary = context.release_binary();
    if !binary.is_file() {
        return Err("there is no release binary; the step demo builds it".to_owned());
    }
    process::run(Command::new(python).args(["-B", "interop/capture.py"]).arg(binary).current_dir(&context.root))?;
    Ok(passed())
}

fn no_python() -> Outcome {
    Outcome::Skipped("there is no Python environment; run the step python".to_owned())
}
