//! The steps of `cargo xtask check`, cheap ones first.

mod arrows;
pub(crate) mod bench;
mod demo;
mod house;
mod interop;
mod libraries;
mod licences;
mod no_std;
mod packages;
mod python;
mod readme;
mod requirements;
mod rust;

use crate::context::Context;

/// One step of the check.
pub(crate) struct Step {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it does, for the heading.
    pub(crate) what: &'static str,
    /// Does it; the error says what is wrong.
    pub(crate) run: fn(&Context) -> Result<Outcome, String>,
}

/// How a step ended that did not fail.
pub(crate) enum Outcome {
    /// Well; a remark, or nothing.
    Passed(String),
    /// It could not run here; why.
    Skipped(String),
}

/// Every step, in the order in which they run.
pub(crate) const ALL: &[Step] = &[
    Step { name: "packages", what: "the programs that the steps need", run: packages::run },
    Step { name: "format", what: "rustfmt", run: rust::format },
    Step { name: "house", what: "file lengths, names, links", run: house::run },
    Step { name: "arrows", what: "which room needs which", run: arrows::run },
    Step { name: "must", what: "every requirement of the specification has a test", run: requirements::run },
    Step { name: "python", what: "a Python environment for the oracles", run: python::run },
    Step { name: "licences", what: "licences, banned crates and sources of the dependencies", run: licences::run },
    Step { name: "clippy", what: "the linter, on every target and feature", run: rust::clippy },
    Step { name: "no-std", what: "protocol and card without the standard library, linked and run", run: no_std::run },
    Step { name: "test", what: "every test", run: rust::test },
    Step { name: "doc", what: "the documentation and the examples in it", run: rust::doc },
    Step { name: "cddl", what: "the COSE messages of the vectors against the schema", run: interop::schema },
    Step { name: "vectors", what: "a second implementation runs the vectors", run: interop::vectors },
    Step { name: "demo", what: "the README's first command, in release and with an empty home", run: demo::run },
    Step {
        name: "libraries",
        what: "the libraries for Python and C, and the samples of their pages",
        run: libraries::run,
    },
    Step { name: "bench", what: "a short measurement of all that is measured", run: bench::quick },
    Step { name: "capture", what: "a COSE library opens what went over the wire", run: interop::capture },
    Step { name: "readme", what: "the commands that the pages show", run: readme::run },
];

/// A step that passed with nothing to remark.
fn passed() -> Outcome {
    Outcome::Passed(String::new())
}

/// Turns findings into a failure that lists them.
fn none_of(findings: &[String], what: &str, note: String) -> Result<Outcome, String> {
    if findings.is_empty() {
        return Ok(Outcome::Passed(note));
    }
    for finding in findings {
        println!("{finding}");
    }
    Err(format!("{} {what}", findings.len()))
}
