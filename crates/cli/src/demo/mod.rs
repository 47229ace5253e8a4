//! `matchbook demo`: a real server, real devices and real HTTP on this machine, walked through requirement by
//! requirement. Each act does one part of the main job, checks it, and says what was seen.

mod caller;
mod card;
mod device;
mod first_set;
mod library;
mod once;
mod public_key;
mod refills;
mod rotation;
mod short_messages;
mod stage;
mod tape;

use serde::Serialize;

use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::Ui;
use stage::Stage;

/// Walks through the main job on this machine: a server, devices, and every requirement checked
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave the server running afterwards, and print how to go on by hand
    #[arg(long)]
    keep: bool,
}

/// One requirement, and what showed it.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    id: &'static str,
    /// `None`: what it needs is not on this machine, and the evidence says what to install.
    passed: Option<bool>,
    evidence: String,
}

#[derive(Serialize)]
struct Rows<'a> {
    rows: &'a [Row],
}

/// What an act found: the evidence, or what was not as it should be.
type Finding = Result<String, String>;

/// Runs the demo.
///
/// # Errors
/// Exit code 1: the server could not be started, or a row failed.
pub(crate) fn run(args: &Args, ui: &Ui) -> Result<(), CliError> {
    let mut stage = Stage::build(ui).map_err(|why| CliError::failure(format!("the demo could not start: {why}")))?;
    ui.talk(format!("A server listens on {}; its store is in {}.", stage.url(), stage.folder().display()));
    let mut rows = Vec::new();
    first_set::play(&mut stage, ui, &mut rows);
    refills::play(&mut stage, ui, &mut rows);
    rotation::play(&mut stage, ui, &mut rows);
    public_key::play(&mut stage, ui, &mut rows);
    once::play(&mut stage, ui, &mut rows);
    short_messages::play(&mut stage, ui, &mut rows);
    card::play(&mut stage, ui, &mut rows);
    library::play(&mut stage, ui, &mut rows);
    rows.sort_by_key(|row| number(row.id));
    ui.talk("");
    print(&rows, ui)?;
    if args.keep {
        stage.keep(ui)?;
    }
    let failed: Vec<&str> = rows.iter().filter(|row| row.passed == Some(false)).map(|row| row.id).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(CliError::new(ExitCode::Failure, format!("failed: {}", failed.join(", "))))
}

/// Notes what an act found about a requirement.
fn note(rows: &mut Vec<Row>, id: &'static str, finding: Finding) {
    let passed = Some(finding.is_ok());
    let evidence = finding.unwrap_or_else(|why| format!("FAILED: {why}"));
    rows.push(Row { id, passed, evidence });
}

/// The number of a requirement, whose rows stand together.
fn number(id: &str) -> u8 {
    let digits = id.trim_start_matches('M').split('-').next().unwrap_or_default();
    digits.parse().unwrap_or(u8::MAX)
}

/// Turns a condition into a finding.
fn check(holds: bool, otherwise: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

fn print(rows: &[Row], ui: &Ui) -> Result<(), CliError> {
    if ui.is_json() {
        return ui.json(&Rows { rows });
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let passed = match row.passed {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "left out",
            };
            vec![row.id.to_owned(), passed.to_owned(), row.evidence.clone()]
        })
        .collect();
    ui.table(&["ROW", "PASSED", "EVIDENCE"], &cells)
}
