//! The store and the secrets on this machine.

use std::path::{Path, PathBuf};

use matchbook_rules::Keyring;
use matchbook_server::Secrets;
use matchbook_store::{OpenOptions, SqliteStore};

use crate::config::Settings;
use crate::error::CliError;

/// The database's name in the data folder.
const DATABASE: &str = "matchbook.db";

/// Where they are.
#[derive(Debug)]
pub(crate) struct Local {
    /// The data folder.
    pub(crate) data: PathBuf,
    /// The database.
    pub(crate) database: PathBuf,
    /// The secrets file.
    pub(crate) secrets: PathBuf,
}

impl Local {
    /// Takes the places from the settings.
    ///
    /// # Errors
    /// Exit code 2: neither a home folder nor a setting.
    pub(crate) fn find(settings: &Settings) -> Result<Self, CliError> {
        let data = PathBuf::from(settings.needed("store.data")?);
        let database = data.join(DATABASE);
        Ok(Self { database, data, secrets: PathBuf::from(settings.needed("store.secrets")?) })
    }

    /// Reads the secrets file, which others must not be able to read.
    ///
    /// # Errors
    /// Exit code 1, with what to do.
    pub(crate) fn keyring(&self) -> Result<Keyring, CliError> {
        Secrets::read(&self.secrets).map(Secrets::into_keyring).map_err(|error| {
            let error = CliError::failure(error.to_string());
            if self.secrets.exists() {
                error
            } else {
                error.hint("Run `matchbook init` first, or name the file with --secrets FILE.")
            }
        })
    }

    /// Opens the store for this process alone, and sees that the secrets are its own.
    ///
    /// # Errors
    /// Exit code 1, with what to do.
    pub(crate) fn open(&self, keyring: &Keyring, create: bool) -> Result<SqliteStore, CliError> {
        let options = OpenOptions { check_value: Some(keyring.check_value()), create, ..OpenOptions::default() };
        SqliteStore::open(&self.database, options).map_err(|error| CliError::failure(error.to_string()))
    }
}

/// A path that stays right wherever a later command is run.
///
/// # Errors
/// The current folder is gone.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path).map_err(|error| CliError::file("find", path, &error))
}

/// A runtime for what the server's library does.
///
/// # Errors
/// The system gives no threads.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failure(format!("the system gives no threads: {error}")))
}
