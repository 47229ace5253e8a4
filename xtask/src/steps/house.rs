//! The house's own rules that no ready-made linter has: how long a file may be, and which names nothing may have.

use std::path::Path;

use super::{Outcome, none_of};
use crate::context::Context;
use crate::rust_source;

/// Reads every source file.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let mut findings = Vec::new();
    let mut sources = 0_usize;
    for file in context.files()? {
        if file.ends_with(".md") {
            findings.extend(dead_links(context, &file)?);
        }
        if !SOURCES.iter().any(|ending| file.ends_with(ending)) {
            continue;
        }
        let text = context.read(&file)?;
        sources += 1;
        findings.extend(too_long(&file, &text));
        if file.ends_with(".rs") {
            findings.extend(bad_names(&file, &text));
        }
    }
    none_of(&findings, "findings", format!("{sources} source files"))
}

/// The most lines of a source file; a longer one has a seam to split at. Functions are clippy's (`too_many_lines`).
const MAX_LINES: usize = 500;

const SOURCES: &[&str] = &[".rs", ".py", ".sh"];

fn too_long(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MAX_LINES).then(|| format!("{file}: {lines} lines, and {MAX_LINES} is the limit"))
}

/// Names that break the glossary. A code of ours is looked up, never computed, so it is no OTP; what a subscriber holds
/// is an authenticator, so that a token can only be a bearer token of the API.
fn bad_names(file: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (line, name) in rust_source::identifiers(text) {
        let words = rust_source::words(&name);
        let has = |word: &str| words.iter().any(|other| other == word);
        if COMPUTED.iter().any(|word| has(word)) {
            findings.push(format!("{file}:{line}: {name}: the word is Code, CodeTag or CodeSet"));
        }
        if (has("token") || has("tokens")) && HELD.iter().any(|word| has(word)) {
            findings.push(format!("{file}:{line}: {name}: what a subscriber holds is an authenticator"));
        }
    }
    findings
}

const COMPUTED: &[&str] = &["otp", "otps", "hotp", "totp"];

/// Beside "token", these make it the thing that a person carries.
const HELD: &[&str] = &["card", "device", "hard", "hardware", "soft", "software", "subscriber", "user", "wallet"];

/// Links of a page to files that are not there. Addresses and places within the page are left alone.
fn dead_links(context: &Context, file: &str) -> Result<Vec<String>, String> {
    let page = context.read(file)?;
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let is_dead = |link: &&str| !context.root.join(folder).join(link).exists();
    Ok(links(&page).into_iter().filter(is_dead).map(|link| format!("{file}: there is no {link}")).collect())
}

/// The files that a page links to, without the places in them.
fn links(page: &str) -> Vec<&str> {
    let opened = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = opened.filter(|link| !link.contains("://")).filter_map(|link| link.split('#').next());
    files.filter(|file| !file.is_empty()).collect()
}

#[cfg(test)]
#[path = "house_tests.rs"]
mod tests;
