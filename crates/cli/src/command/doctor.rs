//! `matchbook doctor`: what is wrong with this machine's server, and what to do.

mod checks;

use serde::Serialize;

use crate::args::{Doctor, Global};
use crate::config::Settings;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::local::Local;
use crate::ui::Ui;

/// What one look found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    ok: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct Findings<'a> {
    ok: bool,
    checks: &'a [Finding],
}

impl Finding {
    /// All is well.
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, ok: true, detail: detail.into(), next: None }
    }

    /// It may be meant so; this is what it means, and what to do when it is not.
    fn warning(check: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, ok: true, detail: detail.into(), next: Some(next.into()) }
    }

    /// Something is wrong, and this is what to do.
    fn problem(check: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, ok: false, detail: detail.into(), next: Some(next.into()) }
    }

    /// Something is wrong, as an error of another command says it.
    fn of(check: &'static str, error: CliError) -> Self {
        Self { check, ok: false, detail: error.message, next: error.hint }
    }
}

/// Looks at everything and prints a line each.
///
/// # Errors
/// Exit code 1: something is wrong.
pub(crate) fn run(args: &Doctor, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let mut overrides = args.place.overrides();
    overrides.extend(args.listen.overrides());
    let progress = ui.progress("Looking");
    let findings = match Settings::load(global, &overrides) {
        Ok(settings) => look(&settings),
        // The other looks need the settings.
        Err(error) => vec![Finding::of("config", error)],
    };
    drop(progress);
    let ok = findings.iter().all(|finding| finding.ok);
    if ui.is_json() {
        ui.json(&Findings { ok, checks: &findings })?;
    } else {
        let row = |finding: &Finding| {
            let state = match (finding.ok, &finding.next) {
                (true, None) => "ok",
                (true, Some(_)) => "warning",
                (false, _) => "PROBLEM",
            };
            vec![finding.check.to_owned(), state.to_owned(), finding.detail.clone()]
        };
        ui.table(&["CHECK", "STATE", "FOUND"], &findings.iter().map(row).collect::<Vec<_>>())?;
        for finding in &findings {
            if let Some(next) = &finding.next {
                ui.talk(format!("{}: {next}", finding.check));
            }
        }
    }
    if ok { Ok(()) } else { Err(CliError::silent(ExitCode::Failure)) }
}

fn look(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![checks::config(settings), checks::variables(), checks::clock()];
    let mut is_shared = false;
    match Local::find(settings) {
        Ok(local) => {
            is_shared = local.sqlite().is_err();
            let keyring = local.keyring();
            if let Ok(path) = local.sqlite() {
                findings.push(checks::data(&local, path));
                findings.push(checks::whole(path));
            }
            match keyring {
                Ok(keyring) => {
                    findings.push(Finding::ok("secrets", local.secrets.display().to_string()));
                    findings.push(checks::store(&local, &keyring));
                }
                Err(error) => findings.push(Finding::of("secrets", error)),
            }
        }
        Err(error) => findings.push(Finding::of("data", error)),
    }
    findings.push(checks::tls(settings));
    // Any number of servers may be on a PostgreSQL, also the one of this machine.
    let store_in_use =
        is_shared || findings.iter().any(|finding| finding.check == "store" && finding.detail == checks::IN_USE);
    findings.push(checks::port(settings, store_in_use));
    findings.push(checks::token(settings));
    findings
}
