//! What a run comes to: a JSON file for programs, a Markdown page for people.

pub mod docs;
mod goals;
mod headline;
mod machine;
mod markdown;

use std::path::Path;

use serde::Serialize;

pub use self::goals::{Goal, goals};
pub use self::headline::headline;
pub use self::machine::Machine;
pub use self::markdown::markdown;
use crate::rows::growth::GrowthRow;
use crate::rows::plain::PlainRow;
use crate::rows::sets::SetRow;
use crate::rows::sizes::SizeRow;
use crate::rows::store::StoreRow;
use crate::rows::verify::VerifyRow;
use crate::trouble::{Result, Trouble};

/// All that one run measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// `full` or `quick`.
    pub scale: &'static str,
    /// Turns of floor and subject.
    pub rounds: usize,
    /// What a turn measures, in ms.
    pub spell_ms: u64,
    /// Verifies.
    pub verify: Vec<VerifyRow>,
    /// What PostgreSQL does by itself.
    pub plain: Vec<PlainRow>,
    /// The store alone.
    pub store: Vec<StoreRow>,
    /// Sets and keys.
    pub sets: Vec<SetRow>,
    /// Many devices.
    pub sizes: Vec<SizeRow>,
    /// What grows.
    pub growth: Vec<GrowthRow>,
    /// What has a place here and was not measured, and why.
    pub not_measured: Vec<String>,
    /// The goals, and what was seen of them.
    pub goals: Vec<Goal>,
}

/// The names of the files in the output folder.
const JSON: &str = "bench.json";
const MARKDOWN: &str = "bench.md";

/// Writes both files.
///
/// # Errors
/// The folder cannot be written.
pub fn write(report: &Report, folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Trouble::because(&format!("{} was not written", folder.display()))(error);
    let json = serde_json::to_string_pretty(report).map_err(Trouble::because("the report has no JSON form"))?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(folder.join(JSON), json + "\n").map_err(failed)?;
    std::fs::write(folder.join(MARKDOWN), markdown(report)).map_err(failed)
}

#[cfg(test)]
mod tests;
