//! The second implementation, in Python over an off-the-shelf COSE library, runs the same vectors.

use std::process::Command;

use super::{Outcome, passed};
use crate::context::Context;
use crate::process;

/// Runs `interop/vectors.py`.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let Some(python) = context.python() else {
        return Ok(Outcome::Skipped("there is no Python environment; run the step python".to_owned()));
    };
    process::run(Command::new(python).args(["-B", "interop/vectors.py"]).current_dir(&context.root))?;
    Ok(passed())
}
