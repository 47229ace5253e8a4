//! The marked place of a page that holds the last run.

use std::path::Path;

use crate::trouble::{Result, Trouble};

/// The line before the place.
pub const BEGIN: &str = "<!-- bench: what follows is written by `cargo xtask bench --write-docs` -->";
/// The line after it.
pub const END: &str = "<!-- bench: until here -->";

/// Puts a run's tables into the marked place of a page.
///
/// # Errors
/// The page has no such place, or cannot be written.
pub fn write(page: &Path, tables: &str) -> Result<()> {
    let at = page.display();
    let text = std::fs::read_to_string(page).map_err(Trouble::because(&format!("{at} was not read")))?;
    let text = replaced(&text, tables).ok_or_else(|| Trouble::new(format!("{at} has no place between the marks")))?;
    std::fs::write(page, text).map_err(Trouble::because(&format!("{at} was not written")))
}

pub(super) fn replaced(page: &str, tables: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_old, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", tables.trim()))
}
