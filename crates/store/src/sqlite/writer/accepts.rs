//! Plain acceptances: decided on what is remembered, as the last commit left it, and written to the journal.
//!
//! The writer is the only one that commits, and tells what is remembered of each commit before the next one begins; so
//! what is remembered of a device is what a read in this transaction would say. Whatever is not remembered, or not
//! certain, goes the way of all other changes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use matchbook_protocol::CodeIndex;
use matchbook_rules::{Changes, OperationId, RealmId, RelyingPartyId, Write};
use rusqlite::Connection;

use super::Work;
use super::aside::Aside;
use super::filter::{Bits, Filter};
use super::readings::Readings;
use crate::CommitError;
use crate::accept::Accept;
use crate::hot::{Hot, Standing};
use crate::sqlite::apply::{Failure, is_calm_now, one};
use crate::sqlite::journal::entry::Row;
use crate::sqlite::journal::{self, Keys, Unfolded};
use crate::sqlite::rows::{ReadError, blob, number, text};

/// Of the memory for what is remembered, the part for the filter of operations: at 64 MiB it holds a million of them.
const OPERATIONS_SHARE: u64 = 64;
/// Of the same, bytes for each entry that the journal holds at most: twice the entries from which on it is folded under
/// load. Only a fold that fails lets it come to that; then acceptances go into their tables at once.
const ENTRY_SHARE: u64 = 512;
/// Bytes of the filter of buckets: 100,000 places that failures came from.
const BUCKETS_BYTES: usize = 128 << 10;

/// What the writer needs for it.
pub(in crate::sqlite) struct Accepts {
    hot: Arc<Hot>,
    unfolded: Arc<Unfolded>,
    /// The row of the journal that comes next.
    next: i64,
    /// Entries of the journal, at most.
    most: usize,
    /// The row that comes next is among the unfolded already.
    is_staged: bool,
    /// Changes when somebody else writes to the database, and then only. `None`: it is to be looked at whatever it is,
    /// after a commit in doubt.
    version: Option<i64>,
    operations: Filter,
    buckets: Filter,
    readings: Readings,
    aside: Aside,
}

/// What is to be done with a piece of work.
pub(super) enum Plan {
    /// It is in the journal's row.
    Written,
    /// It lost, and nothing is written for it.
    Lost(String),
    /// It goes its own way.
    Own,
}

impl Accepts {
    /// What the database holds, as it is now.
    pub(in crate::sqlite) fn read(connection: &Connection, hot: Arc<Hot>, memory: u64) -> Result<Self, ReadError> {
        let part = |share: u64| usize::try_from(memory / share).unwrap_or(usize::MAX);
        let version = Some(version(connection)?);
        let (unfolded, next) = Unfolded::read(connection)?;
        Ok(Self {
            hot,
            unfolded: Arc::new(unfolded),
            next,
            most: part(ENTRY_SHARE),
            is_staged: false,
            version,
            operations: Filter::new(part(OPERATIONS_SHARE)),
            buckets: Filter::new(BUCKETS_BYTES),
            readings: Readings::default(),
            aside: Aside::start(connection),
        })
    }

    /// Ends what still reads the store, so that the writer's connection is the last one.
    pub(super) fn close(&mut self) {
        self.readings.end();
        self.aside.end();
    }

    /// The thread for what needs no turn among the commits. It ends before the store is closed.
    pub(super) fn aside(&self) -> &Aside {
        &self.aside
    }

    pub(in crate::sqlite) fn unfolded(&self) -> &Arc<Unfolded> {
        &self.unfolded
    }

    /// To be asked first in each transaction. The lock keeps other servers off, but a file can be taken for a left-over and
    /// deleted; then what is remembered is old, and the tables alone say who has a code. So it is after a commit in doubt.
    pub(super) fn look_out(&mut self, connection: &Connection) -> Result<(), ReadError> {
        let version = Some(version(connection)?);
        if version == self.version {
            return Ok(());
        }
        if self.version.is_some() {
            tracing::warn!("another program has written to the store: see to it that one server alone runs on it");
        }
        self.undo();
        self.next = self.unfolded.read_again(connection)?;
        self.hot.clear();
        self.operations.forget();
        self.buckets.forget();
        self.version = version;
        Ok(())
    }

    /// Decides on the acceptances among the work that was not refused, and writes those that hold, in the transaction that
    /// is open. They come before all else in it.
    pub(super) fn write(
        &mut self,
        path: &Path,
        connection: &Connection,
        work: &[Work],
        refused: &[Option<CommitError>],
    ) -> rusqlite::Result<Vec<Plan>> {
        self.undo();
        if work.iter().any(|work| matches!(work, Work::Changes(changes) if Accept::of(changes).is_some())) {
            self.keep_up(path);
        }
        let (mut row, mut keys) = (Row::new(), Vec::new());
        let room = self.most.saturating_sub(self.unfolded.len());
        let mut plans = Vec::with_capacity(work.len());
        for (work, refused) in work.iter().zip(refused) {
            plans.push(match work {
                Work::Changes(changes) if refused.is_none() && keys.len() < room => {
                    self.plan(connection, changes, &mut row, &mut keys)
                }
                Work::Changes(_) | Work::Step(_) => Plan::Own,
            });
        }
        if !keys.is_empty() {
            let sql = "INSERT INTO journal (batch, entries) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute([number(self.next), blob(row.bytes())])?;
            self.unfolded.stage(self.next, keys);
            self.is_staged = true;
        }
        Ok(plans)
    }

    /// The transaction was not committed.
    pub(super) fn undo(&mut self) {
        if self.is_staged {
            self.unfolded.unstage();
            self.is_staged = false;
        }
    }

    /// The transaction was committed; to be told before anybody is answered.
    pub(super) fn committed(&mut self, connection: &Connection, work: &[Work], results: &[super::batch::Answer]) {
        if self.is_staged {
            self.next = self.next.saturating_add(1);
            self.is_staged = false;
        }
        let mut stepped = false;
        for (work, result) in work.iter().zip(results) {
            match (work, result) {
                (Work::Changes(changes), Ok(_)) => {
                    self.hot.committed(changes);
                    self.note(changes);
                }
                (Work::Changes(_), Err(_)) => {}
                (Work::Step(step), _) => {
                    stepped = true;
                    if step.voids {
                        self.hot.clear();
                    }
                }
            }
        }
        if stepped && self.unfolded.len() > 0 {
            self.take_out_folded(connection);
        }
    }

    /// The transaction may have been committed, for all that is known: the next one looks.
    pub(super) fn in_doubt(&mut self, work: &[Work]) {
        self.version = None;
        for work in work {
            match work {
                Work::Changes(changes) => {
                    self.hot.forget(changes);
                    self.note(changes);
                }
                Work::Step(_) => self.hot.clear(),
            }
        }
    }

    /// Reads what the tables hold, in the background, when that is needed.
    fn keep_up(&mut self, path: &Path) {
        let unfolded = &self.unfolded;
        let readings = &mut self.readings;
        // What is in the journal comes into the table when it is too late for the reading to see it.
        self.operations.keep_up(
            || unfolded.operations(),
            |mut bits, filled| {
                let hasher = Arc::clone(unfolded);
                readings.begin(path, move |connection, go_on| {
                    read_operations(connection, &hasher, &mut bits, go_on)?;
                    // Nobody waits for it when the store was closed meanwhile.
                    let _ = filled.send(bits);
                    Ok(())
                });
            },
        );
        self.buckets.keep_up(Vec::new, |mut bits, filled| {
            readings.begin(path, move |connection, go_on| {
                read_buckets(connection, &mut bits, go_on)?;
                let _ = filled.send(bits);
                Ok(())
            });
        });
    }

    /// A step may have folded, and deleted, rows of the journal.
    fn take_out_folded(&self, connection: &Connection) {
        match journal::lowest(connection) {
            Ok(lowest) => self.unfolded.folded_below(lowest.unwrap_or(self.next)),
            // What is kept too long is only looked up in vain.
            Err(error) => tracing::warn!(?error, "the journal cannot be read"),
        }
    }

    /// Notes what came into the tables of operations and buckets, or comes there from the journal.
    fn note(&mut self, changes: &Changes) {
        for write in &changes.writes {
            if let Write::InsertOperation(it) = write {
                self.operations.insert(self.unfolded.hash(&it.realm, &it.relying_party, &it.id));
            } else if let Write::CountFailure { bucket, .. } = write {
                self.buckets.insert(bucket_hash(&bucket.0));
            }
        }
    }

    fn plan(&self, connection: &Connection, changes: &Changes, row: &mut Row, keys: &mut Vec<Keys>) -> Plan {
        let Some(accept) = Accept::of(changes) else { return Plan::Own };
        let Some(standing) = self.hot.standing(accept.realm, accept.authenticator) else { return Plan::Own };
        let (operation, spend) = (accept.operation, accept.spend);
        let hash = self.unfolded.hash(&operation.realm, &operation.relying_party, &operation.id);
        if standing.subscriber.id != *accept.subscriber {
            return Plan::Own;
        }
        match self.counts_hold(connection, &accept).and_then(|hold| Ok((hold, self.is_new(connection, hash, &accept)?)))
        {
            // The same trouble meets it on its own way, where it harms nobody else.
            Err(_) => return Plan::Own,
            Ok((false, _)) => return Plan::Lost(format!("there were failures in realm {} meanwhile", accept.realm)),
            Ok((true, false)) => return Plan::Lost(format!("operation {} was answered meanwhile", operation.id)),
            Ok((true, true)) => {}
        }
        if keys.iter().any(|it| it.operation == hash) {
            return Plan::Own;
        }
        if !guards_hold(&accept, &standing) {
            return Plan::Lost(format!("device {} was changed meanwhile", accept.authenticator));
        }
        let meanwhile = keys.iter().any(|it| it.device == spend.authenticator && it.code == spend.index);
        if meanwhile || !is_unspent(&standing, spend.index) {
            return Plan::Lost(format!(
                "code {} of device {} is used, or its set is void",
                spend.index, spend.authenticator
            ));
        }
        if !row.push(&accept) {
            return Plan::Own;
        }
        keys.push(Keys { device: spend.authenticator, code: spend.index, operation: hash });
        Plan::Written
    }

    /// Whether the counts are as calm as they were. Most are not there at all.
    fn counts_hold(&self, connection: &Connection, accept: &Accept<'_>) -> Result<bool, Failure> {
        for calm in accept.calm.iter().flatten() {
            if self.buckets.may_hold(bucket_hash(&calm.bucket.0))
                && !is_calm_now(connection, accept.realm, calm.bucket, calm.below, calm.since)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_new(&self, connection: &Connection, hash: u64, accept: &Accept<'_>) -> Result<bool, Failure> {
        if !self.operations.may_hold(hash) {
            return Ok(true);
        }
        let (realm, by, id) = (accept.realm, &accept.operation.relying_party, &accept.operation.id);
        let in_table = is_answered(connection, realm, by, id)?;
        Ok(!in_table && self.unfolded.operation(connection, (realm, by, id))?.is_none())
    }
}

fn version(connection: &Connection) -> Result<i64, ReadError> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn guards_hold(accept: &Accept<'_>, standing: &Standing) -> bool {
    let device = &standing.device;
    device.authenticator.version == accept.version
        && device.failures == accept.failures
        && standing.subscriber.version == accept.subscriber_version
        && standing.realm.version == accept.realm_version
}

fn is_unspent(standing: &Standing, index: CodeIndex) -> bool {
    let device = &standing.device;
    device.sets.iter().any(|set| journal::holds(set, index)) && device.spent.binary_search(&index).is_err()
}

fn is_answered(
    connection: &Connection,
    realm: &RealmId,
    by: &RelyingPartyId,
    id: &OperationId,
) -> Result<bool, ReadError> {
    let sql = "SELECT 1 FROM operations WHERE realm = ?1 AND relying_party = ?2 AND operation = ?3";
    Ok(one(connection, sql, [text(realm.as_str()), text(by.as_str()), text(id.as_str())], |it| it.flag())?.is_some())
}

/// A bucket's key is a keyed hash.
fn bucket_hash(key: &[u8; 16]) -> u64 {
    let [low, high] =
        [key.first_chunk(), key.last_chunk()].map(|half| u64::from_le_bytes(half.copied().unwrap_or([0; 8])));
    low ^ high.rotate_left(17)
}

fn read_operations(
    connection: &Connection,
    hasher: &Unfolded,
    bits: &mut Bits,
    go_on: &AtomicBool,
) -> rusqlite::Result<()> {
    each_row(connection, "SELECT realm, relying_party, operation FROM operations", go_on, |row| {
        let (realm, by, id): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if let (Ok(realm), Ok(by), Ok(id)) = (RealmId::new(realm), RelyingPartyId::new(by), OperationId::new(id)) {
            bits.insert(hasher.hash(&realm, &by, &id));
        }
        Ok(())
    })
}

fn read_buckets(connection: &Connection, bits: &mut Bits, go_on: &AtomicBool) -> rusqlite::Result<()> {
    each_row(connection, "SELECT bucket FROM buckets", go_on, |row| {
        bits.insert(bucket_hash(&row.get(0)?));
        Ok(())
    })
}

/// Ends with an error when the store is closed meanwhile, so that nobody takes a part for the whole.
fn each_row(
    connection: &Connection,
    sql: &str,
    go_on: &AtomicBool,
    mut row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        if !go_on.load(Ordering::Relaxed) {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
        row(found)?;
    }
    Ok(())
}

#[cfg(all(test, feature = "contract"))]
mod tests;
