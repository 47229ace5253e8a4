//! The store and the secrets of this machine's server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use matchbook_rules::Keyring;
use matchbook_server::Secrets;
use matchbook_store::{OpenOptions, SqliteStore, Store};

use crate::config::Settings;
use crate::database::Database;
use crate::error::CliError;

/// Where they are.
pub(crate) struct Local {
    /// The data folder.
    pub(crate) data: PathBuf,
    /// The database.
    pub(crate) database: Database,
    /// The secrets file.
    pub(crate) secrets: PathBuf,
    /// MiB for what is remembered of devices.
    pub(crate) memory_mb: u32,
}

/// What an opened store is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be served or worked on.
    Use,
    /// To be made.
    Create,
    /// To be read alone, because it is moved.
    ReadOnly,
}

impl Local {
    /// Takes the places from the settings.
    ///
    /// # Errors
    /// Exit code 2: neither a home folder nor a setting.
    pub(crate) fn find(settings: &Settings) -> Result<Self, CliError> {
        Ok(Self {
            data: PathBuf::from(settings.needed("store.data")?),
            database: Database::find(settings)?,
            secrets: PathBuf::from(settings.needed("store.secrets")?),
            memory_mb: settings.parsed("store.memory_mb")?,
        })
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

    /// The SQLite file, for what is done with files.
    ///
    /// # Errors
    /// Exit code 2: the store is in a PostgreSQL, whose own tools do it.
    pub(crate) fn sqlite(&self) -> Result<&Path, CliError> {
        match &self.database {
            Database::Sqlite(path) => Ok(path),
            Database::Postgres(_) => {
                Err(CliError::usage(format!("the store is in {}, and this works on an SQLite file", self.database.name()))
                    .hint("PostgreSQL's own tools back it up, put it back and check it; after a restore start the servers with --restored."))
            }
        }
    }

    /// Opens the store, and sees that the secrets are its own.
    ///
    /// # Errors
    /// Exit code 1, with what to do.
    pub(crate) async fn open(&self, keyring: &Keyring, purpose: Purpose) -> Result<Arc<dyn Store>, CliError> {
        match &self.database {
            Database::Sqlite(path) => {
                let options = OpenOptions {
                    check_value: Some(keyring.check_value()),
                    create: purpose == Purpose::Create,
                    read_only: purpose == Purpose::ReadOnly,
                    memory_mb: self.memory_mb,
                };
                let store = SqliteStore::open(path, options);
                Ok(Arc::new(store.map_err(|error| CliError::failure(error.to_string()))?))
            }
            Database::Postgres(_) if purpose == Purpose::ReadOnly => {
                Err(CliError::usage("--read-only is for an SQLite store")
                    .hint("`matchbook store copy` makes a PostgreSQL read-only for all nodes by itself."))
            }
            Database::Postgres(at) => Ok(Arc::new(at.connect(keyring, purpose).await?)),
        }
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
