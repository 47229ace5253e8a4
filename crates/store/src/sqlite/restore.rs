//! After a backup was put back: what was spent since it was made is not known, so every code it holds is void.

use std::fs;
use std::path::Path;

use matchbook_protocol::UnixMillis;
use matchbook_rules::RealmId;
use rusqlite::{Connection, params_from_iter};

use super::apply::{Failure, execute};
use super::journal::fold;
use super::open::{OpenError, OpenOptions, Origin};
use super::rows::{Fields, INSERT_EVENT, bind_event, column};
use super::{SqliteStore, files, open, sentence};
use crate::{CommitError, agreed};

/// Puts a backup back as the store at `path`, marks every authenticator as restored at `at`, and opens it. Returns the
/// store and how many authenticators wait for their device to call.
///
/// `options.create` is of no account. A file that is killed half-way through is no store and no backup yet, and is
/// refused as what it is; delete it and begin anew.
///
/// # Errors
/// [`OpenError::NotAStore`] when `backup` is no file that [`super::backup`] made; [`OpenError::Unwritable`] when
/// something is at `path` or beside it already; and all that [`SqliteStore::open`] answers.
pub async fn restore(
    backup: &Path,
    path: &Path,
    options: OpenOptions,
    at: UnixMillis,
) -> Result<(SqliteStore, u64), OpenError> {
    put_back(backup, path)?;
    let opened = open::open(path, OpenOptions { create: false, ..options }, Origin::Backup);
    let (lock, connection) = opened.map_err(|error| undo(error, backup, path))?;
    let store = SqliteStore::start(path, lock, connection, options)?;
    let marked =
        store.writer.voiding_step(move |connection| mark(connection, at)).await.map_err(|error| match error {
            CommitError::Conflict(why)
            | CommitError::Unavailable(why)
            | CommitError::ReadOnly(why)
            | CommitError::InDoubt(why) => OpenError::Unavailable(why),
        })?;
    Ok((store, marked))
}

/// Takes away what was put back and cannot be opened, so that another backup can be tried.
fn undo(error: OpenError, backup: &Path, path: &Path) -> OpenError {
    // Not the lock: should another process hold it, a new file of that name would let in a third.
    for copied in ["", "-wal", "-shm"].map(|suffix| files::beside(path, suffix)) {
        // One that was never made is no trouble.
        let _ = fs::remove_file(copied);
    }
    match error {
        OpenError::Damaged(_) => {
            OpenError::Damaged(format!("the backup {} is damaged: use an older one", backup.display()))
        }
        other => other,
    }
}

fn put_back(backup: &Path, path: &Path) -> Result<(), OpenError> {
    if !backup.is_file() {
        return Err(OpenError::Missing(format!("there is no backup at {}: name the right file", backup.display())));
    }
    // A log beside the new file would be taken for its own and written into it.
    for old in [path.to_path_buf(), files::beside(path, "-wal"), files::beside(path, "-shm")] {
        if old.try_exists().unwrap_or(true) {
            return Err(OpenError::Unwritable(format!(
                "{} is in the way: stop the server, move the old store and the files beside it to another folder, \
                 then restore",
                old.display()
            )));
        }
    }
    let unwritable = |error: std::io::Error| OpenError::Unwritable(sentence::of_io(path, &error));
    let partial = files::beside(path, ".partial");
    let copied = fs::File::open(backup).and_then(|mut from| {
        let mut to = files::private().write(true).create(true).truncate(true).open(&partial)?;
        std::io::copy(&mut from, &mut to)?;
        to.sync_all()?;
        fs::rename(&partial, path)?;
        files::sync_folder_of(path)
    });
    if copied.is_err() {
        let _ = fs::remove_file(&partial);
    }
    copied.map_err(unwritable)
}

/// Voids all sets, empties the outbox, sets `restored`, and takes the mark of a backup off.
pub(super) fn mark(connection: &Connection, at: UnixMillis) -> Result<u64, Failure> {
    // What the journal spends is forgotten too.
    fold::whole(connection)?;
    let highest = "INSERT INTO forgotten (realm, authenticator, highest) \
                   SELECT realm, authenticator, max(code) FROM spends WHERE true GROUP BY realm, authenticator \
                   ON CONFLICT DO UPDATE SET highest = max(highest, excluded.highest)";
    for sql in [highest].into_iter().chain(agreed::VOIDED) {
        execute(connection, sql, [])?;
    }
    let sql = "SELECT realm, count(*) FROM authenticators GROUP BY realm";
    let realms: Vec<(RealmId, u64)> =
        column(connection, sql, [], |fields: &mut Fields<'_>| Ok((fields.name()?, fields.number()?)))?;
    for (realm, count) in &realms {
        let event = agreed::restored_event(realm, at, *count);
        execute(
            connection,
            &INSERT_EVENT.replacen("INSERT", "INSERT OR IGNORE", 1),
            params_from_iter(bind_event(&event)),
        )?;
    }
    let marked = execute(connection, "UPDATE authenticators SET restored = 1, version = version + 1", [])?;
    execute(connection, "DELETE FROM meta WHERE name = 'backup'", [])?;
    Ok(u64::try_from(marked).unwrap_or(u64::MAX))
}
