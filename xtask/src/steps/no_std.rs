//! The protocol and the card without the standard library. No bare-metal target is needed: `interop/no-std` is a program without
//! std, libc and start files, so a std that creeps in makes two panic handlers and the build fails; and then it runs.

use std::process::Command;

use super::Outcome;
use crate::context::Context;
use crate::process;

/// Checks the feature set, links the program and runs it.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let arguments = ["check", "--locked", "--package", "matchbook-protocol", "--no-default-features"];
    process::run(context.cargo().args(arguments))?;
    let folder = context.root.join(FOLDER);
    // Its own workspace, because panics abort in it; the versions are those of the one Cargo.lock.
    let lock = folder.join("Cargo.lock");
    std::fs::copy(context.root.join("Cargo.lock"), &lock)
        .map_err(|why| format!("{} cannot be written: {why}", lock.display()))?;
    let target = context.scratch("no-std")?;
    let mut build = context.cargo();
    build.current_dir(&folder).args(["build", "--target-dir"]).arg(&target);
    process::run(&mut build)?;
    process::run(&mut Command::new(target.join("debug").join("matchbook-no-std")))?;
    Ok(Outcome::Passed(
        "linked without std and libc; it sealed, opened and took a code, and a card lived on 48 KiB of heap".to_owned(),
    ))
}

const FOLDER: &str = "interop/no-std";
