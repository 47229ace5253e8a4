//! Forgets what no decision needs any more, in steps that are short for the writer: what has to be searched for is
//! searched by a reader, and the writer checks it again.

use std::sync::Arc;

use matchbook_protocol::{CodeIndex, UnixMillis};
use rusqlite::Connection;

use super::apply::{Failure, execute, forget_set};
use super::readers::Readers;
use super::rows::{ReadError, blob, column, number, text, time};
use super::writer::Writer;
use crate::agreed::event_prefix;
use crate::hot::Hot;
use crate::{CommitError, LoadError};

/// Rows that the writer deletes in one step.
const STEP_ROWS: u32 = 256;
/// Rows that a reader looks at in one step.
const SEARCH_ROWS: u32 = 4_096;

pub(super) async fn operations(writer: &Writer, before: UnixMillis) -> Result<u64, CommitError> {
    until_none(writer, move |connection| {
        let sql = "DELETE FROM operations WHERE (realm, relying_party, operation) IN ( \
                       SELECT realm, relying_party, operation FROM operations WHERE at < ?1 ORDER BY at LIMIT ?2)";
        execute(connection, sql, [time(before), number(STEP_ROWS)])
    })
    .await
}

pub(super) async fn imports(writer: &Writer, before: UnixMillis) -> Result<u64, CommitError> {
    until_none(writer, move |connection| {
        let sql = "DELETE FROM imports WHERE (realm, import) IN ( \
                       SELECT realm, import FROM imports WHERE is_live = 1 AND at < ?1 LIMIT ?2)";
        execute(connection, sql, [time(before), number(STEP_ROWS)])
    })
    .await
}

pub(super) async fn dispatches(writer: &Writer, before: UnixMillis) -> Result<u64, CommitError> {
    until_none(writer, move |connection| {
        let sql = "DELETE FROM dispatches WHERE (realm, authenticator, message, attempt, part) IN ( \
                       SELECT realm, authenticator, message, attempt, part FROM dispatches WHERE at < ?1 \
                       ORDER BY at LIMIT ?2)";
        execute(connection, sql, [time(before), number(STEP_ROWS)])
    })
    .await
}

/// An event's id begins with its time, so the old ones stand first in each realm.
pub(super) async fn events(writer: &Writer, realms: &[String], before: UnixMillis) -> Result<u64, CommitError> {
    let mut forgotten: u64 = 0;
    for realm in realms {
        let realm = realm.clone();
        let rows = until_none(writer, move |connection| {
            let sql = "DELETE FROM audit WHERE realm = ?1 AND id IN ( \
                           SELECT id FROM audit WHERE realm = ?1 AND id < ?2 AND at < ?3 ORDER BY id LIMIT ?4)";
            execute(connection, sql, [text(&realm), blob(&event_prefix(before)), time(before), number(STEP_ROWS)])
        });
        forgotten = forgotten.saturating_add(rows.await?);
    }
    Ok(forgotten)
}

pub(super) async fn buckets(readers: &Readers, writer: &Writer, before: UnixMillis) -> Result<u64, CommitError> {
    let mut forgotten: u64 = 0;
    let mut after = Some(BucketPlace::default());
    while let Some(from) = after {
        let found =
            readers.read(move |connection| old_buckets(connection, &from, before)).await.map_err(search_failed)?;
        after = found.next;
        let rows = writer.step(move |connection| {
            found.rows.iter().try_fold(0, |sum: u64, place| {
                let sql = "DELETE FROM buckets WHERE realm = ?1 AND bucket = ?2 AND last_failure_at < ?3";
                Ok(sum.saturating_add(count(execute(
                    connection,
                    sql,
                    [text(&place.realm), blob(&place.bucket), time(before)],
                )?)))
            })
        });
        forgotten = forgotten.saturating_add(rows.await?);
    }
    Ok(forgotten)
}

pub(super) async fn spent_sets(readers: &Readers, writer: &Writer, hot: &Hot) -> Result<u64, CommitError> {
    let mut forgotten: u64 = 0;
    let mut after = Some(SetPlace::default());
    while let Some(from) = after {
        let found = readers.read(move |connection| whole_sets(connection, &from)).await.map_err(search_failed)?;
        after = found.next;
        let places = Arc::new(found.rows);
        let gone = Arc::clone(&places);
        let rows = writer.step(move |connection| {
            gone.iter().try_fold(0, |sum: u64, place| {
                let gone = place.is_whole(connection)?;
                if gone {
                    forget_set(connection, &place.realm, &place.id, place.first, place.last)?;
                }
                Ok(sum.saturating_add(u64::from(gone)))
            })
        });
        let rows = rows.await;
        // Until here it was remembered with its codes all spent, which is as good.
        places.iter().for_each(|place| hot.pruned(&place.realm, &place.id));
        forgotten = forgotten.saturating_add(rows?);
    }
    Ok(forgotten)
}

/// All realms that have events, also those that were never made: a name that somebody tried leaves no event.
pub(super) fn realms(connection: &Connection) -> Result<Vec<String>, ReadError> {
    // Steps from realm to realm, instead of over all events.
    let sql = "WITH RECURSIVE names (realm) AS ( \
                   SELECT min(realm) FROM audit UNION ALL \
                   SELECT (SELECT min(realm) FROM audit WHERE realm > names.realm) FROM names \
                   WHERE names.realm IS NOT NULL) \
               SELECT realm FROM names WHERE realm IS NOT NULL";
    column(connection, sql, [], |fields| fields.text().map(str::to_owned))
}

/// What one step of a search found, and from where the next one goes on.
struct Found<T> {
    rows: Vec<T>,
    next: Option<T>,
}

#[derive(Clone, Default)]
struct BucketPlace {
    realm: String,
    bucket: Vec<u8>,
}

fn old_buckets(
    connection: &Connection,
    from: &BucketPlace,
    before: UnixMillis,
) -> Result<Found<BucketPlace>, ReadError> {
    let sql = "SELECT realm, bucket, last_failure_at < ?3 FROM buckets WHERE (realm, bucket) > (?1, ?2) \
               ORDER BY realm, bucket LIMIT ?4";
    let values = [text(&from.realm), blob(&from.bucket), time(before), number(SEARCH_ROWS)];
    let seen = column(connection, sql, values, |fields| {
        Ok((BucketPlace { realm: fields.text()?.to_owned(), bucket: fields.blob()?.to_vec() }, fields.flag()?))
    })?;
    Ok(found(seen))
}

#[derive(Clone, Default)]
struct SetPlace {
    realm: String,
    id: Vec<u8>,
    first: CodeIndex,
    last: CodeIndex,
}

impl SetPlace {
    /// Whether the set is there and each of its codes is spent.
    fn is_whole(&self, connection: &Connection) -> Result<bool, ReadError> {
        let sql = "SELECT count(*) = ?4 - ?3 + 1 FROM spends \
                   WHERE realm = ?1 AND authenticator = ?2 AND code BETWEEN ?3 AND ?4";
        let values = [text(&self.realm), blob(&self.id), number(self.first.0), number(self.last.0)];
        Ok(column(connection, sql, values, |it| it.flag())?.contains(&true))
    }
}

fn whole_sets(connection: &Connection, from: &SetPlace) -> Result<Found<SetPlace>, ReadError> {
    let sql = "SELECT realm, authenticator, first, last, last - first + 1 = ( \
                   SELECT count(*) FROM spends WHERE spends.realm = sets.realm \
                   AND spends.authenticator = sets.authenticator AND code BETWEEN first AND last) \
               FROM sets WHERE (realm, authenticator, first) > (?1, ?2, ?3) \
               ORDER BY realm, authenticator, first LIMIT ?4";
    let values = [text(&from.realm), blob(&from.id), number(from.first.0), number(SEARCH_ROWS)];
    let seen = column(connection, sql, values, |fields| {
        let place = SetPlace {
            realm: fields.text()?.to_owned(),
            id: fields.blob()?.to_vec(),
            first: CodeIndex(fields.number()?),
            last: CodeIndex(fields.number()?),
        };
        Ok((place, fields.flag()?))
    })?;
    Ok(found(seen))
}

/// The rows that are to go: at most a step's worth, the next search going on after the last of them.
fn found<T: Clone>(seen: Vec<(T, bool)>) -> Found<T> {
    let more = seen.len() >= usize_of(SEARCH_ROWS);
    let end = seen.last().map(|(place, _)| place.clone()).filter(|_| more);
    let mut rows: Vec<T> = seen.into_iter().filter(|(_, goes)| *goes).map(|(place, _)| place).collect();
    if rows.len() > usize_of(STEP_ROWS) {
        rows.truncate(usize_of(STEP_ROWS));
        return Found { next: rows.last().cloned(), rows };
    }
    Found { rows, next: end }
}

/// Steps until one finds nothing.
async fn until_none(
    writer: &Writer,
    step: impl Fn(&Connection) -> Result<usize, Failure> + Clone + Send + 'static,
) -> Result<u64, CommitError> {
    let mut sum: u64 = 0;
    loop {
        let step = step.clone();
        let rows = writer.step(move |connection| Ok(count(step(connection)?))).await?;
        sum = sum.saturating_add(rows);
        if rows < u64::from(STEP_ROWS) {
            return Ok(sum);
        }
    }
}

fn search_failed(error: LoadError) -> CommitError {
    CommitError::Unavailable(error.to_string())
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

fn usize_of(rows: u32) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}
