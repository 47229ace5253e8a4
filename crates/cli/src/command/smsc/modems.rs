//! Modems of the simulated network, and where programs find them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use matchbook_smsc::Network;
use matchbook_smsc::modem::{self, ModemHandle, ModemOptions};

use crate::args::ModemArg;
use crate::error::CliError;
use crate::ui::Ui;

/// The modems that are plugged in. Dropping them unplugs them and removes their links.
pub(super) struct Modems {
    /// Held until they are dropped.
    handles: Vec<ModemHandle>,
    links: Vec<PathBuf>,
}

impl Modems {
    /// Plugs a modem in for each number, and says where it is.
    pub(super) fn plug(network: &Arc<Network>, args: &[ModemArg], ui: &Ui) -> Result<Self, CliError> {
        let mut modems = Self { handles: Vec::new(), links: Vec::new() };
        for ModemArg { number, link } in args {
            let plugged = modem::pty(network.phone(number.clone()), ModemOptions::default());
            let (path, handle) = plugged
                .map_err(|error| CliError::failure(format!("there is no pseudo-terminal to be had: {error}")))?;
            modems.handles.push(handle);
            if let Some(link) = link {
                replace_link(&path, link).map_err(|error| CliError::file("link the modem at", link, &error))?;
                modems.links.push(link.clone());
            }
            let path = link.as_ref().unwrap_or(&path);
            ui.talk(format!("The modem of {number} is at {}.", path.display()));
        }
        Ok(modems)
    }
}

impl Drop for Modems {
    fn drop(&mut self) {
        for link in &self.links {
            // One that is gone already is no trouble.
            let _ = fs::remove_file(link);
        }
    }
}

/// Makes the link, in place of one that an earlier run left; anything else that is there stays.
fn replace_link(to: &Path, link: &Path) -> io::Result<()> {
    if fs::symlink_metadata(link).is_ok_and(|there| there.is_symlink()) {
        fs::remove_file(link)?;
    }
    symlink(to, link)
}
