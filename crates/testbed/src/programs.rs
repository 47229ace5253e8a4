//! Where PostgreSQL's programs are.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::trouble::Trouble;

#[cfg(test)]
mod tests;

/// The variable that names the folder of PostgreSQL's programs.
const VARIABLE: &str = "MATCHBOOK_PG_BIN";

/// Debian keeps the programs of each major version in a folder of its own, out of the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// What a folder has to have.
const NEEDED: [&str; 4] = ["initdb", "postgres", "pg_basebackup", "psql"];

/// PostgreSQL's programs: of the folder that `MATCHBOOK_PG_BIN` names; without that the first in the path that has all,
/// or Debian's newest.
///
/// # Errors
/// Says what is missing and what to install.
pub fn find() -> Result<Programs, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(std::env::var_os(VARIABLE), std::env::split_paths(&path), Path::new(DEBIAN))
}

/// A folder that has the programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// One of the programs, by name.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// PostgreSQL's programs are not on this machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

impl From<Missing> for Trouble {
    fn from(missing: Missing) -> Self {
        Self::new(missing.0)
    }
}

fn find_in(named: Option<OsString>, path: impl Iterator<Item = PathBuf>, debian: &Path) -> Result<Programs, Missing> {
    if let Some(named) = named {
        let folder = PathBuf::from(named);
        return match first_without(&folder) {
            None => Ok(Programs { folder }),
            Some(name) => Err(Missing(format!("{VARIABLE} names {}, where {name} is missing", folder.display()))),
        };
    }
    let folder = path.chain(debian_folders(debian)).find(|folder| first_without(folder).is_none());
    folder.map(|folder| Programs { folder }).ok_or_else(|| {
        Missing(format!(
            "PostgreSQL's programs are missing: install the package postgresql, or set {VARIABLE} to their folder"
        ))
    })
}

/// The first program that a folder lacks.
fn first_without(folder: &Path) -> Option<&'static str> {
    NEEDED.into_iter().find(|name| !folder.join(name).is_file())
}

/// Debian's folders, the newest version first.
fn debian_folders(debian: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(debian).into_iter().flatten().flatten();
    let mut versions: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable();
    versions.into_iter().rev().map(|version| debian.join(version.to_string()).join("bin")).collect()
}
