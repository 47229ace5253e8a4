//! What every command over the API begins with: settings, a client, a realm.

use crate::api::Api;
use crate::args::Global;
use crate::config::{Overrides, Settings};
use crate::error::CliError;
use crate::ui::Ui;

/// Settings and a client.
pub(super) struct Session {
    pub(super) settings: Settings,
    pub(super) api: Api,
}

impl Session {
    /// Reads the settings and the token. Nothing is sent yet.
    pub(super) fn open(global: &Global, overrides: &Overrides<'_>, ui: &Ui) -> Result<Self, CliError> {
        let settings = Settings::load(global, overrides)?;
        let api = Api::new(&settings, ui)?;
        Ok(Self { settings, api })
    }

    /// The realm that the command names, or the one of the settings.
    pub(super) fn realm<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str, CliError> {
        match named {
            Some(named) => Ok(named),
            None => self.settings.text("client.realm").ok_or_else(|| {
                CliError::usage("which realm is not said")
                    .hint("Name it with --realm REALM (realm commands: as the argument), or set MATCHBOOK_REALM, or client.realm in the config file.")
            }),
        }
    }
}
