//! Runs a test vector of `vectors/` through this build of the library, so that every build, compiler and chip can be seen
//! to agree with the others. It gives an epoch's bare keys away: never in a build that is shipped.

use std::panic::catch_unwind;

use serde_json::{Value, json};

/// The outcome of a vector, given as the text of its file, whose `expect` and `output` are not looked at: a JSON object
/// with an `expect` and an `output` as this library finds them. Keys are sorted, and nothing is spaced.
///
/// `None`: the text is no vector.
#[must_use]
pub fn run(vector: &str) -> Option<String> {
    let vector: Value = serde_json::from_str(vector).ok()?;
    let kind = vector.get("kind")?.as_str()?;
    let input = vector.get("input")?;
    // The runner is the one of the protocol's own tests, which panics at what is no vector.
    let (expect, output) = match catch_unwind(|| runner::run(kind, input)).ok()? {
        Ok(output) => ("success", output),
        Err(refusal) => (refusal.name, refusal.output),
    };
    Some(json!({ "expect": expect, "output": output }).to_string())
}

#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#[path = "../../../crates/protocol/tests/vectors/run.rs"]
mod runner;
