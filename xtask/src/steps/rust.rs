//! What cargo itself does: format, clippy, tests, documentation.

use super::{Outcome, passed};
use crate::context::Context;
use crate::process;

/// `cargo fmt --check`.
pub(super) fn format(context: &Context) -> Result<Outcome, String> {
    process::run(context.cargo().args(["fmt", "--all", "--check"]))?;
    // A workspace of its own.
    process::run(context.cargo().args(["fmt", "--check", "--manifest-path", "interop/no-std/Cargo.toml"]))?;
    Ok(passed())
}

/// Clippy, warnings denied.
pub(super) fn clippy(context: &Context) -> Result<Outcome, String> {
    let arguments = ["clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    process::run(context.cargo().args(arguments))?;
    Ok(passed())
}

/// Every test, by nextest when it is there.
pub(super) fn test(context: &Context) -> Result<Outcome, String> {
    let has_nextest = process::succeeds(context.cargo().args(["nextest", "--version"]));
    let arguments: &[&str] = if has_nextest {
        &["nextest", "run", "--locked", "--workspace", "--all-features", "--no-fail-fast"]
    } else {
        &["test", "--locked", "--workspace", "--all-features", "--no-fail-fast", "--lib", "--bins", "--tests"]
    };
    process::run(context.cargo().args(arguments))?;
    Ok(passed())
}

/// The examples in the documentation, then the documentation itself, warnings denied.
pub(super) fn doc(context: &Context) -> Result<Outcome, String> {
    process::run(context.cargo().args(["test", "--locked", "--workspace", "--all-features", "--doc"]))?;
    let arguments = ["doc", "--locked", "--workspace", "--all-features", "--no-deps"];
    process::run(context.cargo().args(arguments).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(passed())
}
