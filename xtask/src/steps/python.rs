//! A Python environment below the target folder, with the oracles that `interop/requirements.txt` pins.

use std::path::Path;
use std::process::Command;

use super::Outcome;
use crate::context::Context;
use crate::process;

/// Makes the environment, or leaves it when it was made from the same list.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let wanted = context.read(REQUIREMENTS)?;
    let venv = context.venv();
    let stamp = venv.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && context.python().is_some() {
        return Ok(Outcome::Passed("it is there already".to_owned()));
    }
    if process::find_program("python3").is_none() {
        return Ok(Outcome::Skipped("there is no python3".to_owned()));
    }
    match make(context, &venv) {
        Ok(()) => {}
        Err(why) if context.is_ci => return Err(why),
        Err(why) => return Ok(Outcome::Skipped(why)),
    }
    std::fs::write(&stamp, wanted).map_err(|why| format!("{} cannot be written: {why}", stamp.display()))?;
    Ok(Outcome::Passed(format!("in {}", venv.display())))
}

fn make(context: &Context, venv: &Path) -> Result<(), String> {
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    process::run(pip.arg("--requirement").arg(context.root.join(REQUIREMENTS)))
}

const REQUIREMENTS: &str = "interop/requirements.txt";
