//! `matchbook config show`.

use serde::Serialize;

use crate::args::{Config, ConfigCommand, Global};
use crate::config::{KEYS, Settings};
use crate::database::shown;
use crate::error::CliError;
use crate::ui::Ui;

#[derive(Serialize)]
struct Shown<'a> {
    config_file: String,
    config_file_is_there: bool,
    settings: Vec<Setting<'a>>,
}

#[derive(Serialize)]
struct Setting<'a> {
    key: &'a str,
    value: Option<String>,
    origin: Option<String>,
    variable: &'a str,
    flag: &'a str,
    what: &'a str,
}

/// Prints the settings as they count. None of them is a secret: tokens and keys are in files of their own, a token in
/// `MATCHBOOK_TOKEN` is no setting, and the password in a database's URL is covered.
///
/// # Errors
/// A setting is wrong.
pub(crate) fn run(args: &Config, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let ConfigCommand::Show { origin } = args.command;
    let settings = Settings::load(global, &Vec::new())?;
    warn_of_strangers(ui);
    let shown: Vec<Setting<'_>> = KEYS
        .iter()
        .map(|key| Setting {
            key: key.name,
            value: settings.text(key.name).map(shown),
            origin: settings.origin(key.name).map(ToString::to_string),
            variable: key.variable,
            flag: key.flag,
            what: key.what,
        })
        .collect();
    if ui.is_json() {
        let config_file = settings.config_file().map(|path| path.display().to_string()).unwrap_or_default();
        return ui.json(&Shown { config_file, config_file_is_there: settings.config_file_is_there(), settings: shown });
    }
    let value = |setting: &Setting<'_>| setting.value.clone().unwrap_or_else(|| "-".to_owned());
    if !origin {
        let rows: Vec<Vec<String>> = shown.iter().map(|setting| vec![setting.key.to_owned(), value(setting)]).collect();
        return ui.table(&["KEY", "VALUE"], &rows);
    }
    let row = |setting: &Setting<'_>| {
        vec![setting.key.to_owned(), value(setting), setting.origin.clone().unwrap_or_else(|| "-".to_owned())]
    };
    ui.table(&["KEY", "VALUE", "ORIGIN"], &shown.iter().map(row).collect::<Vec<_>>())
}

fn warn_of_strangers(ui: &Ui) {
    for name in crate::config::unknown_variables() {
        ui.warn(format!("{name} is not a variable that Matchbook knows"));
    }
}
