//! Where the vault is, and opening it.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use matchbook_device::Wallet;
use matchbook_device::vault::{FileVault, OpenError};

use super::args::VaultArgs;
use super::passphrase;
use crate::error::CliError;
use crate::ui::Ui;

/// How long a command waits for another one that has the vault open, such as two that were started at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// The vault's path and what opens it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    passphrase_file: Option<PathBuf>,
}

impl Place {
    /// `--vault`, MATCHBOOK_VAULT, or the user's data folder.
    pub(super) fn find(args: &VaultArgs) -> Result<Self, CliError> {
        let path =
            args.vault.clone().or_else(|| from_env("MATCHBOOK_VAULT")).or_else(default_path).ok_or_else(|| {
                CliError::usage("there is no home folder for the vault").hint("Name the vault with --vault FILE.")
            })?;
        Ok(Self { path, passphrase_file: args.passphrase_file.clone() })
    }

    /// Opens the wallet to change it.
    pub(super) fn open(&self, ui: &Ui) -> Result<Wallet<FileVault>, CliError> {
        self.check_there()?;
        let passphrase = passphrase::known(self.passphrase_file.as_deref(), ui)?;
        let vault = {
            let _progress = ui.progress("Opening the vault");
            FileVault::open(&self.path, passphrase.as_bytes(), PATIENCE).map_err(explain)?
        };
        Wallet::open(vault).map_err(explain)
    }

    /// Opens the wallet to look at it, also while another command changes it.
    pub(super) fn read(&self, ui: &Ui) -> Result<Wallet<FileVault>, CliError> {
        self.check_there()?;
        let passphrase = passphrase::known(self.passphrase_file.as_deref(), ui)?;
        let vault = FileVault::open_read_only(&self.path, passphrase.as_bytes()).map_err(explain)?;
        Wallet::open(vault).map_err(explain)
    }

    /// Opens the wallet to change it, and makes it when there is none.
    pub(super) fn open_or_create(&self, ui: &Ui) -> Result<Wallet<FileVault>, CliError> {
        if self.path.exists() {
            return self.open(ui);
        }
        ui.talk(format!("A new vault at {}.", self.path.display()));
        let passphrase = passphrase::new(self.passphrase_file.as_deref(), ui)?;
        Wallet::open(FileVault::create(&self.path, passphrase.as_bytes()).map_err(explain)?).map_err(explain)
    }

    /// Before a passphrase is asked for in vain.
    fn check_there(&self) -> Result<(), CliError> {
        if self.path.exists() { Ok(()) } else { Err(explain(OpenError::Missing { path: self.path.clone() })) }
    }
}

/// The library's sentence names the next step; the one that this program knows better is said in its own words.
fn explain(error: OpenError) -> CliError {
    match error {
        OpenError::Missing { path } => CliError::not_found(format!("there is no vault at {}", path.display()))
            .hint("Enrol a device with `matchbook wallet enrol`, or name the vault with --vault FILE."),
        other => CliError::failure(other.to_string()),
    }
}

fn from_env(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The XDG data folder, and within it this program's.
fn default_path() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    from_env("XDG_DATA_HOME")
        .and_then(absolute)
        .or_else(|| from_env("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join(Path::new("matchbook/wallet.vault")))
}
