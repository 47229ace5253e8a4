//! Forgets what no decision needs any more, in steps that are short, so that nobody waits long for a row.

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{ImportId, RealmId};

use super::apply::{Step, dollars, forget_set};
use super::gates::unless_moving;
use super::pool::{Pool, STATEMENT_TIMEOUT};
use super::rows::{Damage, each, first};
use super::session::{Outcome, Query};
use super::transaction::{Tally, read, transact};
use super::{apply::Refusal, sentence};
use crate::agreed::event_prefix;
use crate::hot::Hot;
use crate::rows::{HOLD_IMPORT, Value, blob, import_key, number, text, time};
use crate::{CommitError, LoadError};

/// Rows that one transaction deletes.
const STEP_ROWS: u32 = 512;
/// Rows that a search looks at in one step.
const SEARCH_ROWS: u32 = 4_096;

/// What a step needs.
#[derive(Clone, Copy)]
pub(super) struct Pruner<'a> {
    pub(super) pool: &'a Pool,
    pub(super) tally: &'a Tally,
}

impl Pruner<'_> {
    pub(super) async fn operations(self, before: UnixMillis) -> Result<u64, CommitError> {
        let sql = "DELETE FROM operations WHERE (realm, relying_party, operation) IN ( \
                       SELECT realm, relying_party, operation FROM operations WHERE at < $1 ORDER BY at LIMIT $2)";
        self.until_none(sql, &[time(before)]).await
    }

    pub(super) async fn imports(self, before: UnixMillis) -> Result<u64, CommitError> {
        let sql = "DELETE FROM imports WHERE (realm, import) IN ( \
                       SELECT realm, import FROM imports WHERE is_live = 1 AND at < $1 LIMIT $2)";
        self.until_none(sql, &[time(before)]).await
    }

    /// Deletes what is put aside for an import, and the import itself unless it is live. Each step holds it, so that none
    /// comes between what another has counted and what it copies.
    pub(super) async fn import(self, realm: &RealmId, id: &ImportId) -> Result<u64, CommitError> {
        let key = || import_key(realm, id);
        let hold = || Step::quiet(Query::new(dollars(HOLD_IMPORT), key()));
        let devices = "DELETE FROM staged_authenticators WHERE realm = $1 AND import = $2 AND authenticator IN \
             (SELECT authenticator FROM staged_authenticators WHERE realm = $1 AND import = $2 LIMIT $3)";
        let people = "DELETE FROM staged_subscribers WHERE realm = $1 AND import = $2 AND subscriber IN \
             (SELECT subscriber FROM staged_subscribers WHERE realm = $1 AND import = $2 LIMIT $3)";
        let mut sum: u64 = 0;
        for sql in [devices, people] {
            let mut rows = u64::MAX;
            while rows >= u64::from(STEP_ROWS) {
                let [realm, import] = key();
                let delete = Step::free(Query::new(sql, [realm, import, number(STEP_ROWS)]));
                rows = self.delete(vec![hold(), delete]).await?;
                sum = sum.saturating_add(rows);
            }
        }
        let sql = "DELETE FROM imports WHERE realm = $1 AND import = $2 AND is_live = 0";
        self.delete(vec![hold(), Step::quiet(Query::new(sql, key()))]).await?;
        Ok(sum)
    }

    pub(super) async fn dispatches(self, before: UnixMillis) -> Result<u64, CommitError> {
        let sql = "DELETE FROM dispatches WHERE (realm, authenticator, message, attempt, part) IN ( \
                       SELECT realm, authenticator, message, attempt, part FROM dispatches WHERE at < $1 \
                       ORDER BY at LIMIT $2)";
        self.until_none(sql, &[time(before)]).await
    }

    /// An event's id begins with its time, so the old ones stand first in each realm.
    pub(super) async fn events(self, before: UnixMillis) -> Result<u64, CommitError> {
        let sql = "DELETE FROM audit WHERE realm = $1 AND id IN ( \
                       SELECT id FROM audit WHERE realm = $1 AND id < $2 AND at < $3 ORDER BY id LIMIT $4)";
        let (mut forgotten, mut realm) = (0_u64, self.next_realm("").await?);
        while let Some(name) = realm {
            let prefix = event_prefix(before);
            let rows = self.until_none(sql, &[text(&name), blob(&prefix), time(before)]).await?;
            forgotten = forgotten.saturating_add(rows);
            realm = self.next_realm(&name).await?;
        }
        Ok(forgotten)
    }

    /// The realm after `name` that has events.
    async fn next_realm(self, name: &str) -> Result<Option<String>, CommitError> {
        let sql = "SELECT realm FROM audit WHERE realm > $1 ORDER BY realm LIMIT 1";
        let found = self.search(Query::new(sql, [text(name)])).await?;
        self.understood(first(&found.rows, |it| it.text().map(str::to_owned)))
    }

    pub(super) async fn buckets(self, before: UnixMillis) -> Result<u64, CommitError> {
        let search = "SELECT realm, bucket, last_failure_at < $3 FROM buckets WHERE (realm, bucket) > ($1, $2) \
                      ORDER BY realm, bucket LIMIT $4";
        let mut forgotten: u64 = 0;
        let mut after = Some((String::new(), Vec::new()));
        while let Some((realm, bucket)) = after {
            let values = [text(&realm), blob(&bucket), time(before), number(SEARCH_ROWS)];
            let found = self.search(Query::new(search, values)).await?;
            let seen = self
                .understood(each(&found.rows, |it| Ok(((it.text()?.to_owned(), it.blob()?.to_vec()), it.flag()?))))?;
            let found = Found::of(seen);
            let steps = found.rows.iter().map(|(realm, bucket)| {
                let sql = "DELETE FROM buckets WHERE realm = $1 AND bucket = $2 AND last_failure_at < $3";
                Step::free(Query::new(sql, [text(realm), blob(bucket), time(before)]))
            });
            forgotten = forgotten.saturating_add(self.delete(steps.collect()).await?);
            after = found.next;
        }
        Ok(forgotten)
    }

    pub(super) async fn spent_sets(self, hot: &Hot) -> Result<u64, CommitError> {
        let search = "SELECT realm, authenticator, first, last - first + 1 = ( \
                          SELECT count(*) FROM spends AS p WHERE p.realm = s.realm \
                          AND p.authenticator = s.authenticator AND p.code BETWEEN s.first AND s.last) \
                      FROM sets AS s WHERE (realm, authenticator, first) > ($1, $2, $3) \
                      ORDER BY realm, authenticator, first LIMIT $4";
        let mut forgotten: u64 = 0;
        let mut after = Some((String::new(), Vec::new(), 0_u32));
        while let Some((realm, id, set)) = after {
            let values = [text(&realm), blob(&id), number(set), number(SEARCH_ROWS)];
            let found = self.search(Query::new(search, values)).await?;
            let seen = self.understood(each(&found.rows, |it| {
                Ok(((it.text()?.to_owned(), it.blob()?.to_vec(), it.number()?), it.flag()?))
            }))?;
            let found = Found::of(seen);
            // What is spent stays spent, so a set that was spent whole still is, or is gone.
            let steps = found.rows.iter().flat_map(|(realm, id, first)| {
                let [lock, keep, spends, set] = forget_set(realm, id, CodeIndex(*first));
                [Step::quiet(lock), Step::quiet(keep), Step::quiet(spends), Step::free(set)]
            });
            let deleted = self.delete(steps.collect()).await;
            // Also after an error: they may have been deleted.
            found.rows.iter().for_each(|(realm, id, _)| hot.pruned(realm, id));
            forgotten = forgotten.saturating_add(deleted?);
            after = found.next;
        }
        Ok(forgotten)
    }

    /// Makes steps in one transaction; how many rows the steps that count have deleted.
    async fn delete(self, mut steps: Vec<Step<'_>>) -> Result<u64, CommitError> {
        if steps.is_empty() {
            return Ok(0);
        }
        steps.push(unless_moving().quietly());
        let outcomes = transact(self.pool, self.tally, &steps, None, STATEMENT_TIMEOUT).await?;
        let counted = steps.iter().zip(&outcomes).filter(|(step, _)| step.counts);
        Ok(counted.map(|(_, outcome)| outcome.changed).fold(0, u64::saturating_add))
    }

    /// Steps until one finds nothing. The statement's last place is how many rows it deletes.
    async fn until_none(self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, CommitError> {
        let mut sum: u64 = 0;
        loop {
            let values = [values, &[number(STEP_ROWS)]].concat();
            let rows = self.delete(vec![Step::free(Query::new(sql, values))]).await?;
            sum = sum.saturating_add(rows);
            if rows < u64::from(STEP_ROWS) {
                return Ok(sum);
            }
        }
    }

    async fn search(self, query: Query<'_>) -> Result<Outcome, CommitError> {
        let found = read(self.pool, &[query]).await.map_err(|error| match error {
            LoadError::Unavailable(why) | LoadError::Damaged(why) => CommitError::Unavailable(why),
        })?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    fn understood<T>(self, read: Result<T, Damage>) -> Result<T, CommitError> {
        read.map_err(|damage| match Refusal::from(damage) {
            Refusal::Damaged(what) => CommitError::Unavailable(sentence::damaged(&self.pool.at(), &what)),
            Refusal::Conflict(why) | Refusal::Senseless(why) => CommitError::Unavailable(why),
            Refusal::Moving(why) => CommitError::ReadOnly(sentence::moving(&self.pool.at(), &why)),
            Refusal::Changing => CommitError::Unavailable(sentence::changing(&self.pool.at())),
        })
    }
}

/// What one step of a search found, and from where the next one goes on.
struct Found<T> {
    rows: Vec<T>,
    next: Option<T>,
}

impl<T: Clone> Found<T> {
    /// The rows that are to go: at most a step's worth, the next search going on after the last of them.
    fn of(seen: Vec<(T, bool)>) -> Self {
        let more = seen.len() >= usize_of(SEARCH_ROWS);
        let end = seen.last().map(|(place, _)| place.clone()).filter(|_| more);
        let mut rows: Vec<T> = seen.into_iter().filter(|(_, goes)| *goes).map(|(place, _)| place).collect();
        if rows.len() > usize_of(STEP_ROWS) {
            rows.truncate(usize_of(STEP_ROWS));
            return Self { next: rows.last().cloned(), rows };
        }
        Self { rows, next: end }
    }
}

fn usize_of(rows: u32) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}
