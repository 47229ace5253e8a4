//! `matchbook migrate`.

use serde::Serialize;

use crate::args::{Global, Migrate};
use crate::config::Settings;
use crate::database::Database;
use crate::error::CliError;
use crate::local::{Local, Purpose, runtime};
use crate::ui::Ui;

#[derive(Serialize)]
struct Report {
    database: String,
    /// Steps that were taken; `None` for SQLite, which takes them when it is opened.
    steps: Option<u32>,
}

/// Brings the layout of the store up to date.
///
/// # Errors
/// Exit code 1: the database cannot be reached, or its layout is of a newer release.
pub(crate) fn run(args: &Migrate, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let settings = Settings::load(global, &args.place.overrides())?;
    let local = Local::find(&settings)?;
    let progress = ui.progress("Bringing the layout up to date");
    let steps = runtime()?.block_on(async {
        match &local.database {
            Database::Postgres(at) => at.migrate().await.map(Some),
            Database::Sqlite(_) => local.open(&local.keyring()?, Purpose::Use).await.map(|_| None),
        }
    })?;
    drop(progress);
    let report = Report { database: local.database.name(), steps };
    if ui.is_json() {
        return ui.json(&report);
    }
    match steps {
        Some(0) | None => ui.line(&format!("{} is up to date", report.database)),
        Some(1) => ui.line(&format!("{}: one step taken", report.database)),
        Some(steps) => ui.line(&format!("{}: {steps} steps taken", report.database)),
    }
}
