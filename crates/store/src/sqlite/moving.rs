//! A store that is moved from or to.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params, params_from_iter};
use tokio::task;

use super::apply::{Failure, execute, one};
use super::open::{OpenError, OpenOptions, Origin};
use super::readers::Readers;
use super::rows::{ReadError, Value, blob, number, text};
use super::{MIN_MEMORY_MB, SqliteStore, freeze, open, sentence};
use crate::moving::{Change, Entity, Key, Kind, Movable, Note};
use crate::{CommitError, LoadError};

/// KiB of pages for a connection that changes a note.
const CACHE_KIB: i64 = 256;

const UNFOLDED: &str = "SELECT count(*) FROM journal";

/// An SQLite store that is moved from or to. No server runs on it meanwhile, but for one that is read-only.
pub struct SqliteMover {
    path: PathBuf,
    access: Access,
}

enum Access {
    /// Nobody else has it.
    Alone(Box<SqliteStore>),
    /// A server that runs read-only has it.
    Beside(Readers),
}

/// What a store is in a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It is moved elsewhere. A server that runs read-only may be on it.
    Source,
    /// It is moved to. Nobody else may be on it.
    Target {
        /// Makes it when it is not there.
        create: bool,
    },
}

impl SqliteMover {
    /// Opens the store at `path`.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when a server that can write is on a source, or anybody on a target; and all else that opening
    /// answers.
    pub fn open(path: impl AsRef<Path>, side: Side) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let create = side == Side::Target { create: true };
        let options = OpenOptions { create, memory_mb: MIN_MEMORY_MB, ..OpenOptions::default() };
        let access = match open::open(path, options, Origin::Moved) {
            Ok((lock, connection)) => Access::Alone(Box::new(SqliteStore::start(path, lock, connection, options)?)),
            Err(OpenError::InUse(_)) if side == Side::Source && freeze::frozen_at(path)?.is_some() => {
                Access::Beside(Readers::new(path.to_path_buf()))
            }
            Err(OpenError::InUse(_)) if side != Side::Source => {
                return Err(OpenError::InUse(format!(
                    "a server or another copy is on {}: stop the one, or wait for the other",
                    path.display()
                )));
            }
            Err(OpenError::InUse(_)) => {
                return Err(OpenError::InUse(format!(
                    "a server is on {}: stop it, or restart it with `matchbook serve --read-only`, then copy",
                    path.display()
                )));
            }
            Err(error) => return Err(error),
        };
        Ok(Self { path: path.to_path_buf(), access })
    }

    fn readers(&self) -> &Readers {
        match &self.access {
            Access::Alone(store) => &store.readers,
            Access::Beside(readers) => readers,
        }
    }

    /// Changes notes beside a server that writes nothing.
    async fn note_beside(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let path = self.path.clone();
        let noting = task::spawn_blocking(move || {
            let unavailable = |error: rusqlite::Error| CommitError::Unavailable(sentence::of_sqlite(&path, &error));
            let mut connection = open::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE, CACHE_KIB)
                .map_err(|error| CommitError::Unavailable(error.to_string()))?;
            connection.pragma_update(None, "synchronous", "FULL").map_err(unavailable)?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
            changes.iter().try_for_each(|change| apply(&transaction, change)).map_err(|failure| match failure {
                Failure::Conflict(why) => CommitError::Conflict(why),
                Failure::Senseless(why) => CommitError::Unavailable(why),
                Failure::Damaged(what) => CommitError::Unavailable(sentence::damaged(&path, &what)),
                Failure::Sqlite(error) => unavailable(error),
            })?;
            transaction.commit().map_err(|error| CommitError::InDoubt(sentence::of_sqlite(&path, &error)))
        });
        noting.await.unwrap_or_else(|error| Err(CommitError::InDoubt(format!("a commit was cut off ({error})"))))
    }
}

#[async_trait]
impl Movable for SqliteMover {
    fn name(&self) -> String {
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone()).display().to_string()
    }

    async fn export(&self, kind: Kind, after: Option<Key>, limit: u32) -> Result<Vec<Entity>, LoadError> {
        self.readers().read(move |connection| page(connection, kind, after.as_ref(), limit)).await
    }

    async fn count(&self, kind: Kind) -> Result<u64, LoadError> {
        let sql = ["SELECT count(*) FROM ", kind.shape().table].concat();
        self.readers().read(move |connection| Ok(one(connection, &sql, [], |it| it.number())?.unwrap_or(0))).await
    }

    async fn note(&self, note: Note) -> Result<Option<Vec<u8>>, LoadError> {
        self.readers().read(move |connection| Ok(noted(connection, note)?)).await
    }

    async fn write(&self, changes: Vec<Change>, entities: Vec<Entity>) -> Result<(), CommitError> {
        let store = match &self.access {
            Access::Alone(store) => store,
            Access::Beside(_) if entities.is_empty() => return self.note_beside(changes).await,
            Access::Beside(_) => {
                return Err(CommitError::Unavailable(format!("a server is on {}: stop it", self.path.display())));
            }
        };
        let write = move |connection: &Connection| {
            changes.iter().try_for_each(|change| apply(connection, change))?;
            entities.iter().try_for_each(|entity| insert(connection, entity))?;
            Ok(0)
        };
        store.writer.step(write).await.map(drop)
    }

    /// Who has the lock is the only one who writes, and a server that runs read-only does not. But a kill may have left
    /// acceptances in the journal, and rows are read from their tables alone.
    async fn hold(&self) -> Result<(), CommitError> {
        if let Access::Alone(store) = &self.access {
            store.writer.fold().await?;
        }
        let left = self.readers().read(|connection| one(connection, UNFOLDED, [], |it| it.number::<u64>()));
        match left.await {
            Ok(None | Some(0)) => Ok(()),
            Ok(Some(_)) => Err(CommitError::Unavailable(format!(
                "{} holds acceptances that are not in their tables yet: restart the server that runs read-only on it, or \
                 stop it, then copy",
                self.path.display()
            ))),
            Err(error) => Err(CommitError::Unavailable(error.to_string())),
        }
    }
}

fn page(connection: &Connection, kind: Kind, after: Option<&Key>, limit: u32) -> Result<Vec<Entity>, ReadError> {
    let shape = kind.shape();
    let key = shape.key().join(", ");
    let values = after.map(Key::values).unwrap_or_default();
    let places: Vec<String> = (1..=values.len()).map(|place| format!("?{place}")).collect();
    let behind = if values.is_empty() { String::new() } else { format!("WHERE ({key}) > ({})", places.join(", ")) };
    let limit_place = values.len().saturating_add(1);
    let sql = format!("{} FROM {} {behind} ORDER BY {key} LIMIT ?{limit_place}", shape.select, shape.table);
    let mut statement = connection.prepare_cached(&sql)?;
    let limit = number(limit);
    let mut rows = statement.query(params_from_iter(values.iter().chain([&limit])))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(kind.read(row).map_err(ReadError::Damaged)?);
    }
    Ok(found)
}

/// A note's text or bytes.
fn noted(connection: &Connection, note: Note) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let read = |row: &rusqlite::Row<'_>| match row.get_ref(0)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => Ok(Vec::new()),
    };
    connection.prepare_cached(sql)?.query_row([note.name()], read).optional()
}

fn apply(connection: &Connection, change: &Change) -> Result<(), Failure> {
    let Change { note, was, becomes } = change;
    if noted(connection, *note)? != *was {
        return Err(Failure::Conflict(format!("what is noted of `{}` was changed meanwhile", note.name())));
    }
    let Some(bytes) = becomes else {
        return execute(connection, "DELETE FROM meta WHERE name = ?1", [note.name()]).map(drop);
    };
    let value = match note {
        // Read as a text by who opens the store.
        Note::ReadOnly => Value::Text(String::from_utf8_lossy(bytes)),
        Note::CheckValue | Note::Moving | Note::Copy | Note::Arrived => blob(bytes),
    };
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    execute(connection, sql, params![note.name(), value]).map(drop)
}

fn insert(connection: &Connection, entity: &Entity) -> Result<(), Failure> {
    let there = || format!("a row of {} is there already", entity.kind().shape().table);
    if let Entity::Authenticator(it) = entity {
        let line = [blob(&it.id.0), text(it.realm.as_str())];
        super::apply::insert(connection, "INSERT INTO directory (authenticator, realm) VALUES (?1, ?2)", line, there)?;
    }
    super::apply::insert(connection, entity.kind().shape().insert, params_from_iter(entity.values()), there)
}
