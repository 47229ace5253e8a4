//! `matchbook store copy`: the store goes to another database.

use matchbook_store::OpenError;
use matchbook_store::moving::{self, CopyError, CopyOptions, Count, Movable, Report};
use matchbook_store::sqlite::{Side, SqliteMover};
use serde::Serialize;
use tokio::signal::unix::SignalKind;

use crate::args::Copy;
use crate::command::serve::{one_of, watch};
use crate::config::Settings;
use crate::database::Database;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::local::runtime;
use crate::ui::Ui;

#[derive(Serialize)]
struct Done<'a> {
    done: &'static str,
    from: &'a str,
    to: &'a str,
    /// It was moved by an earlier call, and nothing was done now.
    was_done: bool,
    /// Rows that an interrupted call had brought.
    resumed_at: u64,
    rows: u64,
    counts: Vec<Counted>,
}

#[derive(Serialize)]
struct Counted {
    table: &'static str,
    from: u64,
    to: u64,
}

/// Moves the store, or goes on with it.
///
/// # Errors
/// Exit code 2: a name is none, or holds a password. Exit code 1: it is not done, and what to do.
pub(super) fn run(args: &Copy, settings: &Settings, ui: &Ui) -> Result<(), CliError> {
    let from =
        Database::named(&args.from, ("--from", "--from-password-file"), args.from_password_file.as_deref(), settings)?;
    let to = Database::named(&args.to, ("--to", "--to-password-file"), args.to_password_file.as_deref(), settings)?;
    if from.is_same(&to) {
        return Err(CliError::usage("--from and --to are the same database"));
    }
    let options = CopyOptions::new(random()?, random()?);
    let report = runtime()?.block_on(async {
        let (mut term, mut int) = (watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
        tokio::select! {
            report = copy(&from, &to, options, ui) => report,
            () = one_of(&mut term, &mut int) => Err(interrupted()),
        }
    })?;
    say(&report, &from.name(), &to.name(), ui)
}

/// The source is looked at first: a copy that cannot be leaves no target behind.
async fn copy(from: &Database, to: &Database, options: CopyOptions, ui: &Ui) -> Result<Report, CliError> {
    let missing = format!("there is no store at {}, which --from names", from.name());
    let source = open(from, Side::Source, missing).await?;
    let bound = moving::check_source(&*source).await.map_err(|error| failed(&error))?;
    let target = open(to, Side::Target { create: bound.is_none() }, bound.unwrap_or_default()).await?;
    let progress = ui.progress("Copying");
    let mut tell = |step: moving::Progress| progress.set(step.done, step.all, "rows");
    moving::copy(&*source, &*target, options, &mut tell).await.map_err(|error| failed(&error))
}

/// `missing`: what is told when there is no store, and none is to be made.
async fn open(database: &Database, side: Side, missing: String) -> Result<Box<dyn Movable>, CliError> {
    Ok(match database {
        Database::Sqlite(path) => Box::new(SqliteMover::open(path, side).map_err(|error| match error {
            OpenError::Missing(_) => CliError::failure(missing),
            error => CliError::failure(error.to_string()),
        })?),
        Database::Postgres(at) => Box::new(at.connect_to_move(side == Side::Target { create: true }, missing).await?),
    })
}

fn interrupted() -> CliError {
    CliError::new(ExitCode::Interrupted, "interrupted; the same command goes on where it stopped")
}

fn random() -> Result<[u8; 16], CliError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| CliError::failure(format!("the system gives no chance: {error}")))?;
    Ok(bytes)
}

fn failed(error: &CopyError) -> CliError {
    let message = match error {
        CopyError::Differ(counts) => {
            let differs = |count: &&Count| count.source != count.target;
            let told = |count: &Count| format!("{}: {} and {}", count.kind.name(), count.source, count.target);
            let all: Vec<String> = counts.iter().filter(differs).map(told).collect();
            format!("{error} ({})", all.join("; "))
        }
        CopyError::Refused(_) | CopyError::Load(_) | CopyError::Commit(_) => error.to_string(),
    };
    match error {
        CopyError::Load(_) | CopyError::Commit(_) => {
            CliError::failure(message).hint("Give the same command again: it goes on where it was.")
        }
        CopyError::Refused(_) | CopyError::Differ(_) => CliError::failure(message),
    }
}

fn say(report: &Report, from: &str, to: &str, ui: &Ui) -> Result<(), CliError> {
    let rows = report.counts.iter().map(|count| count.target).fold(0, u64::saturating_add);
    if ui.is_json() {
        let counted = |count: &Count| Counted { table: count.kind.table(), from: count.source, to: count.target };
        ui.json(&Done {
            done: "copy",
            from,
            to,
            was_done: report.was_done,
            resumed_at: report.resumed_at,
            rows,
            counts: report.counts.iter().map(counted).collect(),
        })?;
    } else if report.was_done {
        ui.line(&format!("{from} was moved to {to} before"))?;
    } else {
        let row =
            |count: &Count| vec![count.kind.name().to_owned(), count.source.to_string(), count.target.to_string()];
        let counts: Vec<Vec<String>> = report.counts.iter().map(row).collect();
        ui.table(&["ROWS", "SOURCE", "TARGET"], &counts)?;
    }
    ui.talk(format!("Serve {to} now, with the same secrets file. {from} stays read-only and is the store no more."));
    Ok(())
}
