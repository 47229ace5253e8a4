//! `matchbook store`: the database's files, on the server's own machine.

mod copy;

use std::path::Path;
use std::time::Duration;

use matchbook_protocol::UnixMillis;
use matchbook_rules::throttle::BUCKET_KEPT_MS;
use matchbook_rules::verify::OPERATION_KEPT_MS;
use matchbook_store::moving::CopyFate;
use matchbook_store::{OpenOptions, sqlite};
use serde::Serialize;

use crate::args::{Global, Store, StoreCommand, Thaw};
use crate::clock;
use crate::config::Settings;
use crate::database::Database;
use crate::error::CliError;
use crate::local::{Local, Purpose, runtime};
use crate::ui::Ui;

/// How long events are kept; as a running server does.
const EVENTS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

#[derive(Serialize)]
struct Done<'a> {
    done: &'static str,
    database: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

/// Runs a subcommand of `store`.
///
/// # Errors
/// Exit code 1, with what to do.
pub(crate) fn run(args: &Store, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let settings = Settings::load(global, &args.command.overrides())?;
    let local = || Local::find(&settings);
    match &args.command {
        StoreCommand::Backup { file, .. } => backup(&local()?, file, ui),
        StoreCommand::Restore { file, .. } => restore(&local()?, file, ui),
        StoreCommand::Check { .. } => check(&local()?, ui),
        StoreCommand::Prune { .. } => prune(&local()?, ui),
        StoreCommand::Copy(args) => copy::run(args, &settings, ui),
        StoreCommand::Thaw(args) => thaw(&local()?, args, ui),
    }
}

fn check(local: &Local, ui: &Ui) -> Result<(), CliError> {
    let path = local.sqlite()?;
    let progress = ui.progress("Reading the database");
    sqlite::check(path).map_err(|error| CliError::failure(error.to_string()))?;
    drop(progress);
    let done = Done { done: "check", database: local.database.name(), file: None, count: None };
    say(&done, &format!("{} is whole", path.display()), ui)
}

fn backup(local: &Local, file: &Path, ui: &Ui) -> Result<(), CliError> {
    let path = local.sqlite()?;
    let progress = ui.progress("Copying");
    let copied = sqlite::backup(path, file, |step| progress.set(step.done.into(), step.pages.into(), "pages"));
    drop(progress);
    copied.map_err(|error| CliError::failure(error.to_string()))?;
    ui.talk(format!(
        "It is worth nothing without the secrets file {}: keep a copy of that one elsewhere.",
        local.secrets.display()
    ));
    let done = Done { done: "backup", database: local.database.name(), file: Some(file), count: None };
    say(&done, &file.display().to_string(), ui)
}

fn restore(local: &Local, file: &Path, ui: &Ui) -> Result<(), CliError> {
    let path = local.sqlite()?;
    let keyring = local.keyring()?;
    let options = OpenOptions { check_value: Some(keyring.check_value()), create: false, ..OpenOptions::default() };
    let progress = ui.progress("Putting the backup back");
    let restored = runtime()?.block_on(sqlite::restore(file, path, options, clock::now()));
    drop(progress);
    let (store, marked) = restored.map_err(|error| CliError::failure(error.to_string()))?;
    drop(store);
    ui.talk("All codes are void: each device gets new ones when it calls, and is refused until then.");
    let done = Done { done: "restore", database: local.database.name(), file: Some(file), count: Some(marked) };
    say(&done, &format!("{marked} devices wait in {}", path.display()), ui)
}

fn prune(local: &Local, ui: &Ui) -> Result<(), CliError> {
    let keyring = local.keyring()?;
    let progress = ui.progress("Forgetting");
    let now = clock::now().0;
    let before = |kept_ms: u64| UnixMillis(now.saturating_sub(kept_ms));
    let events = before(u64::try_from(EVENTS_KEPT.as_millis()).unwrap_or(u64::MAX));
    let rows = runtime()?.block_on(async {
        let store = local.open(&keyring, Purpose::Use).await?;
        let pruned = store.prune(before(OPERATION_KEPT_MS), before(BUCKET_KEPT_MS), events).await;
        pruned.map_err(|error| CliError::failure(error.to_string()))
    })?;
    drop(progress);
    let done = Done { done: "prune", database: local.database.name(), file: None, count: Some(rows) };
    say(&done, &format!("{rows} rows forgotten"), ui)
}

fn thaw(local: &Local, args: &Thaw, ui: &Ui) -> Result<(), CliError> {
    let keyring = local.keyring()?;
    let copy = match (args.copy_never_served, args.copy_was_dropped) {
        (_, true) => CopyFate::Dropped,
        (true, false) => CopyFate::NeverServed,
        (false, false) => {
            if !args.void_codes {
                ask_whether_void(local, ui)?;
            }
            CopyFate::MayHaveServed(clock::now())
        }
    };
    let voided = match &local.database {
        Database::Sqlite(path) => {
            let options = OpenOptions { check_value: Some(keyring.check_value()), ..OpenOptions::default() };
            sqlite::thaw(path, options, copy).map_err(|error| CliError::failure(error.to_string()))?
        }
        Database::Postgres(at) => runtime()?.block_on(at.thaw(&keyring, copy))?,
    };
    let Some(voided) = voided else { return is_not_read_only(local, args, ui) };
    if voided > 0 {
        ui.talk("All codes are void: each device gets new ones when it calls, and is refused until then.");
    }
    let done = Done { done: "thaw", database: local.database.name(), file: None, count: Some(voided) };
    say(&done, &format!("{} can be written again", done.database), ui)
}

/// Who wants codes to be void must not believe that they are.
fn is_not_read_only(local: &Local, args: &Thaw, ui: &Ui) -> Result<(), CliError> {
    let database = local.database.name();
    let sentence = format!("{database} is not read-only: nothing was done");
    if args.void_codes {
        let hint = "Its codes are as they were. `matchbook serve --restored` makes all void.";
        return Err(CliError::failure(sentence).hint(hint));
    }
    say(&Done { done: "thaw", database, file: None, count: None }, &sentence, ui)
}

/// Nobody loses all codes by a command without a flag.
fn ask_whether_void(local: &Local, ui: &Ui) -> Result<(), CliError> {
    let hint = "--copy-never-served keeps them, when it was never copied or no server ever ran on the copy";
    let name = local.database.name();
    if !ui.can_ask() {
        let sentence = format!("all codes of {name} would become void, and nobody can be asked here");
        return Err(CliError::usage(sentence).hint(format!("Add --void-codes when you are sure. {hint}.")));
    }
    ui.confirm(&format!("All codes of {name} become void; {hint}. Go on?"), "--void-codes")
}

fn say(done: &Done<'_>, text: &str, ui: &Ui) -> Result<(), CliError> {
    if ui.is_json() { ui.json(done) } else { ui.line(text) }
}
