//! The marked places of a page that hold the last run: its tables, and above all else what matters most of it.

use std::path::Path;

use crate::trouble::{Result, Trouble};

/// The lines around a place.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// The line before it.
    pub begin: &'static str,
    /// The line after it.
    pub end: &'static str,
}

/// The tables'.
pub const TABLES: Marks = Marks {
    begin: "<!-- bench: what follows is written by `cargo xtask bench --write-docs` -->",
    end: "<!-- bench: until here -->",
};

/// The few figures' at the top of the page.
pub const SHORT: Marks = Marks {
    begin: "<!-- bench, in short: what follows is written by `cargo xtask bench --write-docs` -->",
    end: "<!-- bench, in short: until here -->",
};

/// Puts a run's tables, and in short its figures, into the marked places of a page.
///
/// # Errors
/// The page lacks one of the places, or cannot be written.
pub fn write(page: &Path, short: &str, tables: &str) -> Result<()> {
    let at = page.display();
    let mut text = std::fs::read_to_string(page).map_err(Trouble::because(&format!("{at} was not read")))?;
    for (marks, content) in [(SHORT, short), (TABLES, tables)] {
        let missing = || Trouble::new(format!("{at} has no place between {} and {}", marks.begin, marks.end));
        text = replaced(&text, marks, content).ok_or_else(missing)?;
    }
    std::fs::write(page, text).map_err(Trouble::because(&format!("{at} was not written")))
}

pub(super) fn replaced(page: &str, Marks { begin, end }: Marks, content: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_old, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", content.trim()))
}
