//! Where files are when nobody says: the XDG base directories, then /etc.

use std::path::{Path, PathBuf};

use crate::error::CliError;

/// The config file that a machine's administrator writes.
const SYSTEM_CONFIG: &str = "/etc/matchbook/config.toml";

/// The environment's view of the file system.
#[derive(Debug)]
pub(crate) struct Places {
    config: Option<PathBuf>,
    data: Option<PathBuf>,
    credential: Option<PathBuf>,
}

impl Places {
    /// Finds the config file: the one that was named, or the user's, or the system's when only that is there.
    pub(super) fn find(named: Option<&Path>) -> Self {
        let own = xdg("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("matchbook/config.toml"));
        let system = PathBuf::from(SYSTEM_CONFIG);
        let config = match (named, own) {
            (Some(named), _) => Some(named.to_owned()),
            (None, Some(own)) if own.exists() || !system.exists() => Some(own),
            (None, Some(_)) => Some(system),
            (None, None) => system.exists().then_some(system),
        };
        Self {
            config,
            data: xdg("XDG_DATA_HOME", ".local/share").map(|folder| folder.join("matchbook")),
            credential: matchbook_server::Secrets::credential_path(),
        }
    }

    /// The config file, whether it is there or not.
    ///
    /// # Errors
    /// There is no home folder to have one in.
    pub(crate) fn config(&self) -> Result<&Path, CliError> {
        self.config.as_deref().ok_or_else(|| {
            CliError::usage("there is no home folder for the config file").hint("Name the file with --config FILE.")
        })
    }

    /// A file in the config file's folder.
    pub(super) fn beside_config(&self, name: &str) -> Option<String> {
        let folder = self.config.as_deref()?.parent()?;
        folder.join(name).to_str().map(str::to_owned)
    }

    /// The database's folder.
    pub(super) fn data(&self) -> Option<String> {
        self.data.as_deref()?.to_str().map(str::to_owned)
    }

    /// The secrets file that systemd handed over.
    pub(super) fn credential(&self) -> Option<String> {
        self.credential.as_deref()?.to_str().map(str::to_owned)
    }
}

fn xdg(variable: &str, in_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(in_home)))
}
