//! `matchbook init`: everything that a server needs, made once and never overwritten.

use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use matchbook_rules::{Keyring, Role};
use matchbook_server::{NewToken, Secrets, SecretsError};
use matchbook_store::Store;
use matchbook_store::sqlite::{OpenError, OpenOptions, SqliteStore};
use serde::Serialize;

use crate::args::{Global, Init};
use crate::config::{Origin, Settings};
use crate::database::{Database, bare};
use crate::error::CliError;
use crate::local::{Local, Purpose, absolute, runtime};
use crate::ui::Ui;

/// What was made.
#[derive(Serialize)]
struct Report {
    config: PathBuf,
    /// The folder, when the database is the one in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// The database, when it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    secrets: PathBuf,
    token_file: PathBuf,
    server: String,
}

/// Makes the data folder, the secrets, the database, a token and the config file.
///
/// # Errors
/// Exit code 1: something is there already, or a folder cannot be written. Then nothing is left of this run.
pub(crate) fn run(args: &Init, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let mut overrides = args.place.overrides();
    overrides.extend(args.listen.overrides());
    let settings = Settings::load_or_new(global, &overrides)?;
    let config = absolute(settings.config_file()?)?;
    let found = Local::find(&settings)?;
    let database = match found.database {
        Database::Sqlite(path) => Database::Sqlite(absolute(&path)?),
        Database::Postgres(at) => Database::Postgres(at),
    };
    let local = Local { data: absolute(&found.data)?, database, secrets: absolute(&found.secrets)?, ..found };
    let token_file = absolute(Path::new(settings.needed("client.token_file")?))?;
    let mut files = vec![&config, &local.secrets, &token_file];
    if let Database::Sqlite(path) = &local.database {
        files.push(path);
    }
    refuse_what_is_there(&files)?;
    let mut made = Made::default();
    for file in [&config, &local.secrets, &token_file] {
        made.folder_of(file)?;
    }
    if let Database::Sqlite(path) = &local.database {
        made.folder_of(path)?;
    }
    let server = server_url(&settings)?;
    make(&local, &token_file, &mut made)?;
    made.text_file(&config, 0o644, &config_text(&settings, &local, &token_file, &server)?)?;
    made.keep();
    // Later commands find a config file in another place only when they are told.
    let chosen = global.config.as_ref().map_or_else(String::new, |_| format!(" --config {}", config.display()));
    ui.talk(format!(
        "Keep a copy of {} in a safe place apart from the backups: without it no device works again.\n\
         Next: run `matchbook serve{chosen}`, and in another terminal `matchbook realm create NAME{chosen}`.",
        local.secrets.display()
    ));
    let (data, database) = match settings.text("store.database") {
        None => (Some(local.data), None),
        Some(_) => (None, Some(local.database.name())),
    };
    print(&Report { config, data, database, secrets: local.secrets, token_file, server }, ui)
}

fn refuse_what_is_there(files: &[&PathBuf]) -> Result<(), CliError> {
    let there: Vec<String> =
        files.iter().filter(|file| file.symlink_metadata().is_ok()).map(|file| file.display().to_string()).collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(CliError::failure(format!("already there, and not overwritten: {}", there.join(", ")))
        .hint("Run `matchbook doctor` to see whether all is well, or choose other places with --config and --data."))
}

fn make(local: &Local, token_file: &Path, made: &mut Made) -> Result<(), CliError> {
    let secrets = Secrets::generate();
    made.claim(&local.secrets, || match secrets.write_new(&local.secrets) {
        Ok(()) => Ok(()),
        Err(error) => Err((matches!(error, SecretsError::Io(..)), CliError::failure(error.to_string()))),
    })?;
    let keyring = secrets.into_keyring();
    let runtime = runtime()?;
    let store: Arc<dyn Store> = match &local.database {
        Database::Sqlite(path) => Arc::new(sqlite(path, &keyring, made)?),
        Database::Postgres(_) => runtime.block_on(local.open(&keyring, Purpose::Create))?,
    };
    let (changes, token) = NewToken::make(Role::Operator, "made by init".to_owned(), None).into_changes();
    made.text_file(token_file, 0o600, &format!("{}\n", token.as_str()))?;
    runtime.block_on(store.commit(changes)).map_err(|error| CliError::failure(error.to_string()))
}

fn sqlite(path: &Path, keyring: &Keyring, made: &mut Made) -> Result<SqliteStore, CliError> {
    let options = OpenOptions { check_value: Some(keyring.check_value()), create: true, ..OpenOptions::default() };
    let store = made.claim(path, || {
        SqliteStore::open(path, options)
            .map_err(|error| (matches!(error, OpenError::Full(_)), CliError::failure(error.to_string())))
    })?;
    for suffix in ["-wal", "-shm", ".lock"] {
        let mut name = path.to_owned().into_os_string();
        name.push(suffix);
        made.files.push(PathBuf::from(name));
    }
    Ok(store)
}

fn server_url(settings: &Settings) -> Result<String, CliError> {
    if let Some(url) = settings.text("serve.public_url") {
        return Ok(url.to_owned());
    }
    let listen: std::net::SocketAddr = settings.parsed("serve.listen")?;
    Ok(match (listen.ip().is_unspecified(), listen.port()) {
        (_, 0) => "http://127.0.0.1:8470".to_owned(),
        (true, port) => format!("http://127.0.0.1:{port}"),
        (false, _) => format!("http://{listen}"),
    })
}

fn config_text(settings: &Settings, local: &Local, token_file: &Path, server: &str) -> Result<String, CliError> {
    let quote = |text: &str| toml::Value::from(text).to_string();
    let path = |path: &Path| quote(&path.display().to_string());
    let mut database = match (settings.text("store.database"), &local.database) {
        (None, _) => String::new(),
        (Some(_), Database::Sqlite(file)) => format!("database = {}\n", quote(&format!("sqlite:{}", file.display()))),
        // A password does not go into a file that others read: it has one of its own.
        (Some(url), Database::Postgres(_)) => format!("database = {}\n", quote(&bare(url))),
    };
    if let Some(file) = settings.path("store.database_password_file") {
        // Relative, it would be looked for in the config file's folder.
        database.push_str(&format!("database_password_file = {}\n", path(&absolute(&file)?)));
    }
    let data = match settings.text("store.database") {
        None => format!("data = {}\n", path(&local.data)),
        // Nothing is kept in the folder.
        Some(_) => String::new(),
    };
    let mut text = format!(
        "# Matchbook. `matchbook config show --origin` tells what counts; an unknown key is an error.\n\n\
         [client]\nserver = {}\ntoken_file = {}\n\n[store]\n{data}{database}secrets = {}\n\n[serve]\nlisten = {}\n",
        quote(server),
        path(token_file),
        path(&local.secrets),
        quote(settings.text("serve.listen").unwrap_or_default()),
    );
    match settings.origin("serve.public_url") {
        Some(Origin::Default) | None => {
            text.push_str("# The URL that devices reach the server at; it goes into enrolments.\n");
            text.push_str("# public_url = \"https://codes.example.org\"\n");
        }
        Some(_) => text.push_str(&format!("public_url = {}\n", quote(server))),
    }
    Ok(text)
}

fn print(report: &Report, ui: &Ui) -> Result<(), CliError> {
    if ui.is_json() {
        return ui.json(report);
    }
    let path = |path: &Path| path.display().to_string();
    let place = match (&report.data, &report.database) {
        (Some(data), _) => ("data", path(data)),
        (None, database) => ("database", database.clone().unwrap_or_default()),
    };
    ui.fields(&[
        ("config", path(&report.config)),
        place,
        ("secrets", path(&report.secrets)),
        ("token", path(&report.token_file)),
        ("server", report.server.clone()),
    ])
}

/// What this run makes; it is removed again unless the run gets to its end.
#[derive(Default)]
struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    /// Makes a file. It counts as made by this run, and is removed with it, when making it succeeded, or failed with
    /// `true`: half made. One that another run made meanwhile is left alone.
    fn claim<T>(&mut self, path: &Path, make: impl FnOnce() -> Result<T, (bool, CliError)>) -> Result<T, CliError> {
        let made = make();
        if matches!(made, Ok(_) | Err((true, _))) {
            self.files.push(path.to_owned());
        }
        made.map_err(|(_, error)| error)
    }

    /// Writes a text into a file that is not there yet.
    fn text_file(&mut self, path: &Path, mode: u32, text: &str) -> Result<(), CliError> {
        let mut file = self.claim(path, || {
            let made = OpenOptionsExt::mode(fs::OpenOptions::new().write(true).create_new(true), mode).open(path);
            made.map_err(|error| (false, CliError::file("make", path, &error)))
        })?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| CliError::file("write", path, &error))
    }

    fn folder_of(&mut self, file: &Path) -> Result<(), CliError> {
        file.parent().map_or(Ok(()), |folder| self.folder(folder))
    }

    /// Makes a folder and those above it that only the owner can enter; one that is there stays as it is.
    fn folder(&mut self, path: &Path) -> Result<(), CliError> {
        let missing: Vec<PathBuf> =
            path.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
        self.folders.extend(missing.into_iter().rev());
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| CliError::file("make the folder", path, &error))
    }

    fn keep(&mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for file in self.files.drain(..) {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}
