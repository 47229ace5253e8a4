//! Checks the guards of a change and makes its writes, inside a transaction that the writer holds.

mod issue;
mod outbox;
mod state;

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{BucketKey, Changes, Guard, Operation, RealmId, Version, Write};
use rusqlite::{Connection, Params, ffi};

use super::import;
use super::rows::{Bad, BucketRow, Fields, ReadError, Value, blob, column, row, text};
use crate::agreed::{is_answer, is_calm};

/// A change was not made.
#[derive(Debug)]
pub(super) enum Failure {
    /// A guard did not hold, or a row was there.
    Conflict(String),
    /// The change makes no sense.
    Senseless(String),
    /// A row that was read makes no sense.
    Damaged(String),
    /// SQLite failed.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Sqlite(error) => Self::Sqlite(error),
            ReadError::Damaged(what) => Self::Damaged(what),
        }
    }
}

/// Checks all guards, then makes the writes in their order.
pub(super) fn apply(connection: &Connection, changes: &Changes) -> Result<(), Failure> {
    let first = changes.writes.first();
    let mut needed = changes.guards.iter().filter(|guard| !is_of_write(guard, first));
    needed.try_for_each(|guard| check(connection, guard))?;
    changes.writes.iter().try_for_each(|write| make(connection, write))
}

/// Whether the first write, which writes nothing when it loses, checks the same by itself.
fn is_of_write(guard: &Guard, first: Option<&Write>) -> bool {
    let (Guard::Authenticator { realm, id, version }, Some(Write::PutAuthenticator(it))) = (guard, first) else {
        return false;
    };
    it.realm == *realm && it.id == *id && it.version == *version
}

fn check(connection: &Connection, guard: &Guard) -> Result<(), Failure> {
    match guard {
        Guard::Authenticator { realm, id, version } => {
            let sql = "SELECT version FROM authenticators WHERE realm = ?1 AND authenticator = ?2";
            let found = one(connection, sql, [text(realm.as_str()), blob(&id.0)], |it| it.number())?;
            guard_holds(Version(found.unwrap_or(0)) == *version, || format!("device {id} was changed meanwhile"))
        }
        Guard::Failures { realm, id, count } => {
            let sql = "SELECT count FROM failures WHERE realm = ?1 AND authenticator = ?2";
            let found: Option<u32> = one(connection, sql, [text(realm.as_str()), blob(&id.0)], |it| it.number())?;
            guard_holds(found.unwrap_or(0) == *count, || format!("device {id} had another failure meanwhile"))
        }
        Guard::Subscriber { realm, id, version } => {
            let sql = "SELECT version FROM subscribers WHERE realm = ?1 AND subscriber = ?2";
            let found = one(connection, sql, [text(realm.as_str()), text(id.as_str())], |it| it.number())?;
            guard_holds(Version(found.unwrap_or(0)) == *version, || format!("user {id} was changed meanwhile"))
        }
        Guard::Realm { id, version } => {
            let sql = "SELECT version FROM realms WHERE realm = ?1";
            let found = one(connection, sql, [text(id.as_str())], |it| it.number())?;
            guard_holds(Version(found.unwrap_or(0)) == *version, || format!("realm {id} was changed meanwhile"))
        }
        Guard::Calm { realm, bucket, below, since } => {
            guard_holds(is_calm_now(connection, realm, bucket, *below, *since)?, || {
                format!("there were failures in realm {realm} meanwhile")
            })
        }
        Guard::Operation(seen) => {
            let key = [text(seen.realm.as_str()), text(seen.relying_party.as_str()), text(seen.id.as_str())];
            let found: Option<Operation> =
                row(connection, "WHERE realm = ?1 AND relying_party = ?2 AND operation = ?3", key)?;
            let holds = found.is_some_and(|found| is_answer(&found, seen));
            guard_holds(holds, || format!("operation {} of {} is not there so", seen.id, seen.relying_party))
        }
    }
}

/// Whether a bucket counts fewer than `below` in a window that began after `since`.
pub(super) fn is_calm_now(
    connection: &Connection,
    realm: &RealmId,
    bucket: &BucketKey,
    below: u32,
    since: UnixMillis,
) -> Result<bool, ReadError> {
    let found: Option<BucketRow> =
        row(connection, "WHERE realm = ?1 AND bucket = ?2", [text(realm.as_str()), blob(&bucket.0)])?;
    Ok(is_calm(found.as_ref().map(|row| &row.0), below, since))
}

fn make(connection: &Connection, write: &Write) -> Result<(), Failure> {
    match write {
        Write::PutRealm(realm) => state::put_realm(connection, realm),
        Write::PutSubscriber(subscriber) => state::put_subscriber(connection, subscriber),
        Write::InsertAuthenticator(authenticator) => state::insert_authenticator(connection, authenticator),
        Write::PutAuthenticator(authenticator) => state::put_authenticator(connection, authenticator),
        Write::SetFailures { realm, id, count } => state::set_failures(connection, realm, id, *count),
        Write::InsertSet(set) => issue::insert_set(connection, set),
        Write::DeleteSet { realm, id, first } => issue::delete_set(connection, realm, id, *first),
        Write::Spend(spend) => issue::spend(connection, spend),
        Write::InsertOperation(operation) => state::insert_operation(connection, operation),
        Write::CountFailure { realm, bucket, at, window_ms } => {
            state::count_failure(connection, realm, *bucket, *at, *window_ms)
        }
        Write::ClearBucket { realm, bucket } => execute(
            connection,
            "DELETE FROM buckets WHERE realm = ?1 AND bucket = ?2",
            [text(realm.as_str()), blob(&bucket.0)],
        )
        .map(drop),
        Write::InsertOutbox(item) => outbox::insert(connection, item),
        Write::DeleteOutbox { realm, id, message } => {
            outbox::delete(connection, &outbox::MessageKey { realm, id, message })
        }
        Write::OutboxAttempt { realm, id, message, at, next_attempt_at } => {
            let key = outbox::MessageKey { realm, id, message };
            outbox::attempt(connection, &key, *at, *next_attempt_at)
        }
        Write::OutboxDue { realm, id, message, next_attempt_at } => {
            outbox::due(connection, &outbox::MessageKey { realm, id, message }, *next_attempt_at)
        }
        Write::InsertDispatch(dispatch) => outbox::insert_dispatch(connection, dispatch),
        Write::SettleDispatch { id, state, at, error } => outbox::settle_dispatch(connection, id, *state, *at, error),
        Write::Audit(event) => state::insert_event(connection, event),
        Write::InsertToken(token) => state::insert_token(connection, token),
        Write::DeleteToken(id) => state::delete_token(connection, *id),
        Write::Stage(staged) => import::stage(connection, staged),
        Write::GoLive(it) => import::go_live(connection, it),
        Write::Probe => probe(connection),
    }
}

pub(super) use issue::{forget_set, insert_spend};

/// A write that nobody reads.
pub(super) fn probe(connection: &Connection) -> Result<(), Failure> {
    execute(connection, "UPDATE meta SET value = value + 1 WHERE name = 'probes'", []).map(drop)
}

/// Runs a statement; the number of rows that it changed.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, Failure> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// Inserts a row; a conflict, told by `taken`, when its key is there.
pub(super) fn insert(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    taken: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match execute(connection, sql, params) {
        Ok(_) => Ok(()),
        Err(Failure::Sqlite(error)) if is_taken(&error) => Err(Failure::Conflict(taken())),
        Err(failure) => Err(failure),
    }
}

fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        matches!(error.extended_code, ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE)
    })
}

/// The first column of the first row.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&mut Fields<'_>) -> Result<T, Bad>,
) -> Result<Option<T>, ReadError> {
    Ok(column(connection, sql, params, read)?.into_iter().next())
}

fn guard_holds(holds: bool, else_what: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Conflict(else_what())) }
}

/// The two columns that nearly every key begins with.
fn key<'a>(realm: &'a RealmId, id: &'a AuthenticatorId) -> [Value<'a>; 2] {
    [text(realm.as_str()), blob(&id.0)]
}
