//! Which database the store is in, as the settings name it.

mod url;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use matchbook_rules::Keyring;
use matchbook_store::moving::CopyFate;
use matchbook_store::{ConnectError, PostgresOptions, PostgresStore};
use zeroize::Zeroizing;

use self::url::without_password;
pub(crate) use self::url::{bare, check, shown};
use crate::config::{Origin, Settings};
use crate::error::CliError;
use crate::local::Purpose;

/// The database's name in the data folder.
const DATABASE: &str = "matchbook.db";

/// The longest password that is read from a file.
const MAX_PASSWORD: u64 = 1_024;

/// A database.
pub(crate) enum Database {
    /// One SQLite file on this machine.
    Sqlite(PathBuf),
    /// A PostgreSQL, by its URL. It has no `Debug`, because it may hold a password.
    Postgres(PostgresUrl),
}

/// A URL, and the password for it.
pub(crate) struct PostgresUrl {
    pub(crate) url: Zeroizing<String>,
    password: Option<Zeroizing<String>>,
    options: PostgresOptions,
}

impl Database {
    /// The one of the settings: `store.database`, or the file in `store.data`.
    ///
    /// # Errors
    /// Exit code 2: neither is set, or a password stands where others can read it.
    pub(crate) fn find(settings: &Settings) -> Result<Self, CliError> {
        let Some(text) = settings.text("store.database") else {
            return Ok(Self::Sqlite(PathBuf::from(settings.needed("store.data")?).join(DATABASE)));
        };
        refuse_readable_password(text, settings.origin("store.database"), "--database-password-file")?;
        Self::read(text, None, settings)
    }

    /// The one that a flag names. Its password is in `password_file`, or else in the file of the settings.
    ///
    /// # Errors
    /// Exit code 2: it is no database's name, or holds a password.
    pub(crate) fn named(
        text: &str,
        (flag, file_flag): (&'static str, &'static str),
        password_file: Option<&Path>,
        settings: &Settings,
    ) -> Result<Self, CliError> {
        check(text).map_err(|good| CliError::usage(format!("{flag} is {:?}, but has to be {good}", shown(text))))?;
        refuse_readable_password(text, Some(&Origin::Flag(flag)), file_flag)?;
        Self::read(text, password_file, settings)
    }

    fn read(text: &str, password_file: Option<&Path>, settings: &Settings) -> Result<Self, CliError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        let file = password_file.map(Path::to_path_buf).or_else(|| settings.path("store.database_password_file"));
        let password = file.map(|file| password(&file)).transpose()?;
        let loss = settings.text("store.allow_loss").unwrap_or_default();
        let options = PostgresOptions {
            allow_loss_at_power_cut: matches!(loss, "power-cut" | "both"),
            allow_loss_at_failover: matches!(loss, "failover" | "both"),
            memory_mb: settings.parsed("store.memory_mb")?,
            ..PostgresOptions::default()
        };
        Ok(Self::Postgres(PostgresUrl { url: Zeroizing::new(text.to_owned()), password, options }))
    }

    /// Whether both are the same, as far as their names tell; a file may have several.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(other)) => {
                let file = |path: &Path| fs::metadata(path).map(|it| (it.dev(), it.ino()));
                one == other || matches!((file(one), file(other)), (Ok(one), Ok(other)) if one == other)
            }
            (Self::Postgres(_), Self::Postgres(_)) => self.name() == other.name(),
            (Self::Sqlite(_), Self::Postgres(_)) | (Self::Postgres(_), Self::Sqlite(_)) => false,
        }
    }

    /// What it is called in sentences: never with a password.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(at) => shown(&at.url),
        }
    }
}

/// Command lines can be read by other users of the machine, and so can some files.
fn refuse_readable_password(text: &str, origin: Option<&Origin>, file_flag: &str) -> Result<(), CliError> {
    if without_password(text).is_none() {
        return Ok(());
    }
    let file_mode = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.mode() & 0o077);
    let place = match origin {
        Some(Origin::Flag(flag)) => format!("{flag} holds a password, which others can read in the list of processes"),
        Some(Origin::File(path, line)) if file_mode(path) != 0 => {
            format!("line {line} of {} holds a password, and others can read the file", path.display())
        }
        Some(Origin::File(..) | Origin::Variable(_) | Origin::Default) | None => return Ok(()),
    };
    let hint = format!("Put it into a file of mode 0600 and name that with {file_flag}");
    Err(CliError::usage(place).hint(match origin {
        Some(Origin::Flag("--database") | Origin::File(..)) => format!("{hint}, or set MATCHBOOK_DATABASE."),
        Some(Origin::Flag(_) | Origin::Variable(_) | Origin::Default) | None => format!("{hint}."),
    }))
}

fn password(file: &Path) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: std::io::Error| CliError::file("read the database's password", file, &error);
    let metadata = fs::metadata(file).map_err(failed)?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let sentence = format!("{} holds a password and can be read by others (mode {mode:04o})", file.display());
        return Err(CliError::failure(sentence).hint(format!("Run `chmod 0600 {}`.", file.display())));
    }
    if metadata.len() > MAX_PASSWORD {
        return Err(CliError::failure(format!("{} is too long for a password", file.display()))
            .hint("The file holds the password alone, on one line."));
    }
    let text = Zeroizing::new(fs::read_to_string(file).map_err(failed)?);
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(CliError::failure(format!("{} is empty", file.display()))
            .hint("The file holds the password alone, on one line."));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

impl PostgresUrl {
    /// Connects, and sees that the secrets are the store's own and that what the server confirms is durable.
    ///
    /// # Errors
    /// Exit code 1, with what to do.
    pub(crate) async fn connect(&self, keyring: &Keyring, purpose: Purpose) -> Result<PostgresStore, CliError> {
        let options = PostgresOptions { check_value: Some(keyring.check_value()), ..self.options };
        let options = PostgresOptions { migrate: purpose == Purpose::Create, ..options };
        PostgresStore::connect(&self.with_password(), options).await.map_err(failed)
    }

    /// Brings the layout up to date; returns how many steps that took.
    ///
    /// # Errors
    /// Exit code 1, with what to do.
    pub(crate) async fn migrate(&self) -> Result<u32, CliError> {
        PostgresStore::migrate(&self.with_password(), self.options).await.map_err(failed)
    }

    /// Connects to move a store from or to it. A new target's layout is made first; else `missing` is told when there is
    /// none.
    ///
    /// # Errors
    /// Exit code 1, with what to do.
    pub(crate) async fn connect_to_move(&self, create: bool, missing: String) -> Result<PostgresStore, CliError> {
        let options = PostgresOptions { migrate: create, ..self.options };
        PostgresStore::connect_to_move(&self.with_password(), options).await.map_err(|error| match error {
            ConnectError::Missing(_) => CliError::failure(missing),
            error => failed(error),
        })
    }

    /// Lets the store be written again; returns how many devices that voided, `None` when it was not read-only.
    ///
    /// # Errors
    /// Exit code 1, with what to do.
    pub(crate) async fn thaw(&self, keyring: &Keyring, copy: CopyFate) -> Result<Option<u64>, CliError> {
        let options = PostgresOptions { check_value: Some(keyring.check_value()), ..self.options };
        PostgresStore::thaw(&self.with_password(), options, copy).await.map_err(failed)
    }

    fn with_password(&self) -> Zeroizing<String> {
        let Some(password) = &self.password else { return self.url.clone() };
        let mut url = self.url.clone();
        let before = if url.contains('?') { "&password=" } else { "?password=" };
        url.push_str(before);
        for byte in password.bytes() {
            // Writing into a String cannot fail.
            let _written = if byte.is_ascii_alphanumeric() {
                write!(*url, "{}", char::from(byte))
            } else {
                write!(*url, "%{byte:02X}")
            };
        }
        url
    }
}

fn failed(error: ConnectError) -> CliError {
    let hint = match &error {
        ConnectError::Missing(_) => "Run `matchbook init --database URL` first, or name another database.",
        ConnectError::Schema(_) => "`matchbook migrate --database URL` brings an older one up to date.",
        ConnectError::Unsafe(_) => {
            "Set what the sentence names. `--allow-loss power-cut` (settings) or `failover` (standbys) takes the risk."
        }
        ConnectError::Address(_) => return CliError::usage(error.to_string()),
        ConnectError::Foreign(_) => "`createdb` makes one, and the URL's last part names it.",
        ConnectError::Unavailable(_)
        | ConnectError::WrongSecrets(_)
        | ConnectError::Damaged(_)
        | ConnectError::Moved(_) => {
            return CliError::failure(error.to_string());
        }
    };
    CliError::failure(error.to_string()).hint(hint)
}
