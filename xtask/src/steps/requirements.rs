//! Every requirement of the specifications is cited where it is tested, and nothing cites one that does not exist.

use std::collections::{BTreeMap, BTreeSet};

use super::{Outcome, none_of};
use crate::context::Context;
use crate::spec_ids;

/// Compares the ids that the specifications define with the ids that tests and vectors cite.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let mut defined = Vec::new();
    for page in SPECIFICATIONS {
        let of_page = spec_ids::defined(&context.read(page)?);
        if of_page.is_empty() {
            return Err(format!("{page} defines no requirement"));
        }
        defined.extend(of_page);
    }
    let known: BTreeSet<String> = defined.iter().cloned().collect();
    let mut findings = twice_defined(&defined);
    let mut cited = BTreeSet::new();
    for file in context.files()?.iter().filter(|file| may_cite(file)) {
        let found = spec_ids::find(&context.read(file)?);
        findings.extend(found.difference(&known).map(|id| format!("{file}: cites {id}, which is not defined")));
        if is_test(file) {
            cited.extend(found);
        }
    }
    findings.extend(known.difference(&cited).map(|id| format!("{id}: no test and no vector cites it")));
    none_of(&findings, "findings", format!("{} requirements", known.len()))
}

const SPECIFICATIONS: [&str; 2] = ["docs/spec/protocol.md", "docs/spec/card.md"];

fn twice_defined(defined: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in defined {
        *counts.entry(id).or_default() += 1;
    }
    let twice = counts.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(id, count)| format!("{id} is defined {count} times")).collect()
}

/// Source, vectors and pages; not this tool, whose own tests make ids up.
fn may_cite(file: &str) -> bool {
    let rooms = ["crates/", "devices/", "interop/", "vectors/", "docs/", "README.md", "SECURITY.md", "CONTRIBUTING.md"];
    let kinds = [".rs", ".py", ".json", ".md", ".txt"];
    rooms.iter().any(|room| file.starts_with(room)) && kinds.iter().any(|kind| file.ends_with(kind))
}

/// Whether a file is a test or a vector.
fn is_test(file: &str) -> bool {
    let is_rust_test = file.ends_with(".rs") && (file.contains("/tests/") || file.ends_with("tests.rs"));
    let is_vector = file.starts_with("vectors/") && file.ends_with(".json");
    let is_interop = file.starts_with("interop/") && file.ends_with(".py");
    is_rust_test || is_vector || is_interop
}
