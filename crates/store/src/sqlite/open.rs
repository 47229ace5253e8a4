//! Opens a store: takes the lock, checks what the file is, sets SQLite up and checks that it took it, brings the layout
//! up to date.

use std::fmt;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use super::lock::Lock;
use super::migrations::{MIGRATIONS, migrate};
use super::rows::ReadError;
use super::sentence::Trouble;
use super::{
    ASIDE_CACHE_KIB, BUSY_TIMEOUT, READER_CACHE_KIB, STATEMENT_CACHE, WRITER_CACHE_KIB, files, freeze, sentence,
};
use crate::moving::MADE;

/// "MBKS": stands in the header of every database of ours.
pub(super) const APPLICATION_ID: i32 = 0x4D42_4B53;

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// A value that follows from the KEK and the pepper and tells nothing of them. It is kept in the store when that
    /// has none, and compared when it has: so the wrong secrets are found at the start. `None`: not compared.
    pub check_value: Option<[u8; 16]>,
    /// Makes the store when there is none. Default: false, which refuses.
    pub create: bool,
    /// Opens it for reads alone: every commit is refused, and the store is marked so that no other server writes to it
    /// either, until [`super::thaw`]. Default: false, which refuses a store that is so marked.
    pub read_only: bool,
    /// MiB for what is remembered of devices that were verified lately; less than [`MIN_MEMORY_MB`] is taken as that.
    /// A device takes about 2 KiB. Default: [`DEFAULT_MEMORY_MB`].
    pub memory_mb: u32,
}

/// The least that is remembered: about 8,000 devices, more than log in at the same minute in most places.
pub const MIN_MEMORY_MB: u32 = 16;

/// What is remembered unless it is told otherwise: about 32,000 devices. A site of that size reads none of them twice,
/// a larger one reads most of a day's anew, which costs it a tenth of a millisecond each.
pub const DEFAULT_MEMORY_MB: u32 = 64;

impl Default for OpenOptions {
    fn default() -> Self {
        Self { check_value: None, create: false, memory_mb: DEFAULT_MEMORY_MB, read_only: false }
    }
}

impl OpenOptions {
    pub(super) fn memory_bytes(self) -> u64 {
        u64::from(self.memory_mb.max(MIN_MEMORY_MB)) << 20
    }

    /// Entries of the journal from which on it is folded also while others wait. They are found by about 150 bytes in
    /// memory, so they take an eighth as much as what is remembered; a pass over them takes 350 more each, 22 MiB at most.
    pub(super) fn journal_bound(self) -> usize {
        usize::try_from(self.memory_bytes() / 1_024).unwrap_or(usize::MAX)
    }
}

/// A store was not opened. Each holds one sentence that says what to do.
#[derive(Debug)]
pub enum OpenError {
    /// There is no store.
    Missing(String),
    /// The file or its folder cannot be written.
    Unwritable(String),
    /// The disk is full.
    Full(String),
    /// Another process has the store open.
    InUse(String),
    /// The file is something else.
    NotAStore(String),
    /// The file is damaged.
    Damaged(String),
    /// The layout is newer than this release, or not the one that it knows.
    Schema(String),
    /// The store was made with another KEK or pepper.
    WrongSecrets(String),
    /// The file is a backup, which may only be served once it is marked as restored: see [`super::restore`].
    Backup(String),
    /// The store is read-only: it is being moved, or was.
    ReadOnly(String),
    /// The store is an unfinished copy of another one.
    Unfinished(String),
    /// Anything else: the system or SQLite refused.
    Unavailable(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(why)
            | Self::Unwritable(why)
            | Self::Full(why)
            | Self::InUse(why)
            | Self::NotAStore(why)
            | Self::Damaged(why)
            | Self::Schema(why)
            | Self::WrongSecrets(why)
            | Self::Backup(why)
            | Self::ReadOnly(why)
            | Self::Unfinished(why)
            | Self::Unavailable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for OpenError {}

impl OpenError {
    pub(super) fn of_read(path: &Path, error: ReadError) -> Self {
        match error {
            ReadError::Sqlite(error) => Self::of_sqlite(path, &error),
            ReadError::Damaged(what) => Self::Damaged(sentence::damaged(path, &what)),
        }
    }

    pub(super) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let why = sentence::of_sqlite(path, error);
        match sentence::trouble(error) {
            Trouble::Full => Self::Full(why),
            Trouble::Unwritable => Self::Unwritable(why),
            Trouble::Busy => Self::InUse(why),
            Trouble::Damaged => Self::Damaged(why),
            Trouble::NotADatabase => Self::NotAStore(why),
            Trouble::Disk | Trouble::Other => Self::Unavailable(why),
        }
    }
}

/// What the file was marked as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A store, or a new one.
    Store,
    /// A copy that [`super::backup`] made, to be marked as restored by the caller.
    Backup,
    /// A store, read-only or not and whole or not, that is moved from or to: nobody serves it by this opening.
    Moved,
}

/// Takes the lock and opens the connection that writes.
pub(super) fn open(path: &Path, options: OpenOptions, origin: Origin) -> Result<(Lock, Connection), OpenError> {
    let exists = path.try_exists().map_err(|error| OpenError::Unwritable(sentence::of_io(path, &error)))?;
    if !exists && !options.create {
        return Err(missing(path));
    }
    let lock = Lock::take(path)?;
    if !exists {
        create(path)?;
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE_KIB)?;
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    identify(&connection, path, options.create)?;
    make_durable(&connection, path)?;
    // Who makes it for a copy may be killed before that begins.
    migrate(&mut connection, path, MIGRATIONS, (origin == Origin::Moved).then_some(MADE))?;
    check_origin(&connection, path, origin)?;
    check_secrets(&connection, path, options.check_value)?;
    if origin != Origin::Moved {
        freeze::check(&connection, path, options.read_only)?;
    }
    // After a kill, the log may hold commits that were never flushed. This write flushes them too, before anybody can
    // read them and answer "accepted" on what a power cut could still take back.
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'probes'", []).map_err(failed)?;
    Ok((lock, connection))
}

/// A connection for reads only.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE_KIB)
}

/// A connection beside the writer's, which reads the journal, copies the log and writes nothing else.
pub(super) fn open_beside(path: &Path) -> Result<Connection, OpenError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, ASIDE_CACHE_KIB)?;
    make_durable(&connection, path)?;
    Ok(connection)
}

fn missing(path: &Path) -> OpenError {
    let at = path.display();
    OpenError::Missing(format!(
        "there is no store at {at}: make one with `matchbook init`, or name its folder with --data"
    ))
}

fn create(path: &Path) -> Result<(), OpenError> {
    let made = files::private().write(true).create_new(true).open(path).and_then(|_| files::sync_folder_of(path));
    made.map_err(|error| OpenError::Unwritable(sentence::of_io(path, &error)))
}

pub(super) fn connect(path: &Path, flags: OpenFlags, cache_kib: i64) -> Result<Connection, OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.pragma_update(None, "cache_size", -cache_kib).map_err(failed)?;
    // Savepoints and sorting stay in memory: no temporary file to fail, and none to leave behind.
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
    // No table has a foreign key: the decisions are guarded by versions, and rows are only ever put beside their owner.
    connection.pragma_update(None, "foreign_keys", false).map_err(failed)?;
    // Without this, a statement whose plan could depend on a bound value is parsed anew each time it gets one.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    // A damaged file must not make SQLite run what stands in its schema.
    connection.pragma_update(None, "trusted_schema", false).map_err(failed)?;
    connection.pragma_update(None, "cell_size_check", true).map_err(failed)?;
    Ok(connection)
}

/// Refuses a file that is not ours, before anything is written to it.
fn identify(connection: &Connection, path: &Path, create: bool) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(failed)?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    match (id, tables, create) {
        // New, or left so by a creation that did not come to its end.
        (0, 0, true) => Ok(()),
        (0, 0, false) => Err(missing(path)),
        _ => Err(OpenError::NotAStore(sentence::not_a_database(path))),
    }
}

/// Sets what durability needs, and reads it back: SQLite answers a setting that it did not take with silence.
fn make_durable(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    // On macOS, fsync alone does not reach the platter.
    connection.pragma_update(None, "fullfsync", true).map_err(failed)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true).map_err(failed)?;
    connection.pragma_update(None, "secure_delete", "FAST").map_err(failed)?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" || synchronous != 2 {
        return Err(OpenError::Unavailable(format!(
            "{} cannot be made durable here (journal {mode}, synchronous {synchronous}): keep the store on a local \
             disk, not on a network share",
            path.display()
        )));
    }
    Ok(())
}

fn check_origin(connection: &Connection, path: &Path, origin: Origin) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    let sql = "SELECT count(*) FROM meta WHERE name = 'backup'";
    let is_backup: bool = connection.query_row(sql, [], |row| row.get(0)).map_err(failed)?;
    let unfinished = freeze::unfinished(connection, path)?;
    match (is_backup, origin) {
        (_, Origin::Store | Origin::Backup) if unfinished.is_some() => {
            Err(OpenError::Unfinished(unfinished.unwrap_or_default()))
        }
        (true, Origin::Store | Origin::Moved) => Err(OpenError::Backup(format!(
            "{} is a backup, and codes spent since it was made would be good again: put it back with `matchbook \
             store restore`, which voids them",
            path.display()
        ))),
        (false, Origin::Backup) => Err(OpenError::NotAStore(format!(
            "{} is no backup made by `matchbook store backup`: name the right file",
            path.display()
        ))),
        (true, Origin::Backup) | (false, Origin::Store | Origin::Moved) => Ok(()),
    }
}

fn check_secrets(connection: &Connection, path: &Path, expected: Option<[u8; 16]>) -> Result<(), OpenError> {
    let Some(expected) = expected else { return Ok(()) };
    let failed = |error: rusqlite::Error| OpenError::of_sqlite(path, &error);
    let sql = "INSERT INTO meta (name, value) VALUES ('check_value', ?1) ON CONFLICT DO NOTHING";
    connection.execute(sql, params![expected.as_slice()]).map_err(failed)?;
    let sql = "SELECT value = ?1 FROM meta WHERE name = 'check_value'";
    let same: bool = connection.query_row(sql, params![expected.as_slice()], |row| row.get(0)).map_err(failed)?;
    if same {
        return Ok(());
    }
    Err(OpenError::WrongSecrets(format!(
        "{} was made with other secrets: give this server the secrets file that `matchbook init` made with the store",
        path.display()
    )))
}
