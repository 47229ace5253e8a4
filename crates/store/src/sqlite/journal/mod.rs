//! Acceptances that are durable and not yet in their tables.
//!
//! Nearly all commits are plain acceptances (`crate::accept`). Those of one commit go into one row of table `journal`,
//! instead of into pages all over `spends`, `operations` and `audit`; here is what they are by device and operation. The
//! writer folds them into the tables when it has nothing else to do, or when they are many, and deletes the row in the
//! same transaction. So each is in the journal, or in the tables, or in both: never in neither.
//!
//! - Loads look at the tables and here ([`Unfolded::codes`], [`Unfolded::operation`]); other reads have all folded first.
//! - A change that reads or deletes what an entry would write has that entry folded in its own transaction, before it
//!   (`fold::touched`). The row stays, so an entry may be folded again later: what is there already is left, and a code is
//!   spent only when a set holds it. A set that was deleted cannot come back: `InsertSet` refuses the indices up to the
//!   highest that was spent.
//! - An entry is put here before its commit and taken out when that fails. Readers see it only with the snapshot that has
//!   its row.

pub(super) mod entry;
pub(super) mod fold;
pub(super) mod pass;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{IssuedSet, Operation, OperationId, RealmId, RelyingPartyId};
use rusqlite::Connection;
use smallvec::SmallVec;

use self::entry::{Entry, decode, decode_one};
use super::rows::{ReadError, column, number};

/// What is in the journal, by device and by operation.
pub(super) struct Unfolded {
    hasher: RandomState,
    /// How often the database was read anew, because it may be another one.
    readings: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the first of `batches`; those before it are folded.
    lowest: i64,
    batches: VecDeque<Vec<Keys>>,
    entries: usize,
    /// Nearly all have one.
    devices: HashMap<AuthenticatorId, SmallVec<[(Place, CodeIndex); 1]>>,
    operations: BTreeSet<(u64, Place)>,
}

/// Where an entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    batch: i64,
    entry: u16,
}

/// What an entry is found by.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) device: AuthenticatorId,
    pub(super) code: CodeIndex,
    pub(super) operation: u64,
}

impl Unfolded {
    /// What the database holds; and the number that the next row gets.
    pub(super) fn read(connection: &Connection) -> Result<(Self, i64), ReadError> {
        let unfolded = Self { hasher: RandomState::new(), readings: AtomicU64::new(0), state: Mutex::default() };
        let next = unfolded.read_again(connection)?;
        Ok((unfolded, next))
    }

    /// Takes what the database holds in the place of what was known of it.
    pub(super) fn read_again(&self, connection: &Connection) -> Result<i64, ReadError> {
        let lowest = lowest(connection)?.unwrap_or(1);
        let newest = newest(connection)?;
        let next = newest.map_or(Some(1), |newest| newest.checked_add(1));
        let rows = column(connection, "SELECT count(*) FROM journal", [], |it| it.number())?.pop().unwrap_or(0);
        // They are numbered without a gap, and folded from the first on.
        let next = next
            .filter(|next| next.checked_sub(lowest) == Some(rows))
            .ok_or_else(|| ReadError::Damaged(format!("rows of table journal are missing from {lowest} on")))?;
        let mut state = State { lowest, ..State::default() };
        for batch in lowest..next {
            let entries = row(connection, batch)?.map_or_else(|| Ok(Vec::new()), |row| decode(batch, &row))?;
            state.stage(batch, entries.iter().map(|entry| self.keys(entry)).collect());
        }
        *self.state() = state;
        self.readings.fetch_add(1, Ordering::Relaxed);
        Ok(next)
    }

    /// Changes with [`Unfolded::read_again`], after which nothing that was read of the journal before holds.
    pub(super) fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    /// A keyed hash, so that nobody can choose operation ids that meet.
    pub(super) fn hash(&self, realm: &RealmId, by: &RelyingPartyId, operation: &OperationId) -> u64 {
        self.hasher.hash_one((realm, by, operation))
    }

    /// Adds the entries of the row that is about to be committed.
    pub(super) fn stage(&self, batch: i64, keys: Vec<Keys>) {
        self.state().stage(batch, keys);
    }

    /// Takes out the row that was staged last and is not committed.
    pub(super) fn unstage(&self) {
        let mut state = self.state();
        if let Some(keys) = state.batches.pop_back() {
            let batch = state.lowest.saturating_add(i64::try_from(state.batches.len()).unwrap_or(i64::MAX));
            state.take_out(batch, &keys);
        }
    }

    /// Takes out what was folded: all rows before this one.
    pub(super) fn folded_below(&self, batch: i64) {
        let mut state = self.state();
        while state.lowest < batch
            && let Some(keys) = state.batches.pop_front()
        {
            let lowest = state.lowest;
            state.take_out(lowest, &keys);
            state.lowest = lowest.saturating_add(1);
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.state().entries
    }

    /// The hashes of all operations.
    pub(super) fn operations(&self) -> Vec<u64> {
        self.state().operations.iter().map(|(hash, _)| *hash).collect()
    }

    /// The entries of a device.
    pub(super) fn of_device(&self, id: &AuthenticatorId) -> Vec<Place> {
        self.state().devices.get(id).map_or_else(Vec::new, |codes| codes.iter().map(|(place, _)| *place).collect())
    }

    /// The entries that spend this code of a device: one at most.
    pub(super) fn of_code(&self, id: &AuthenticatorId, index: CodeIndex) -> Vec<Place> {
        let state = self.state();
        let codes = state.devices.get(id).map_or(&[][..], SmallVec::as_slice);
        codes.iter().filter(|(_, code)| *code == index).map(|(place, _)| *place).collect()
    }

    /// The entries of operations of this hash.
    pub(super) fn of_operation(&self, hash: u64) -> Vec<Place> {
        self.state().places(hash).collect()
    }

    /// The codes of a device that the journal spends, in the snapshot that the connection reads, as far as these sets hold
    /// them; some may be in the ledger too. Its sets have to be read in the same snapshot.
    pub(super) fn codes(
        &self,
        connection: &Connection,
        id: &AuthenticatorId,
        sets: &[IssuedSet],
    ) -> Result<Vec<CodeIndex>, ReadError> {
        let Some(newest) = newest(connection)? else { return Ok(Vec::new()) };
        // In this order: what is taken out from here on is still in this snapshot's rows.
        let (mut codes, lowest) = {
            let state = self.state();
            let codes = state.devices.get(id).map_or(&[][..], SmallVec::as_slice);
            let seen = codes.iter().filter(|(place, _)| place.batch <= newest);
            (seen.map(|(_, code)| *code).collect::<Vec<_>>(), state.lowest)
        };
        for entry in rows_below(connection, lowest)? {
            if entry.spend.authenticator == *id {
                codes.push(entry.spend.index);
            }
        }
        codes.retain(|code| sets.iter().any(|set| holds(set, *code)));
        Ok(codes)
    }

    /// The answer of an operation that the journal holds, in the snapshot that the connection reads.
    pub(super) fn operation(
        &self,
        connection: &Connection,
        (realm, by, id): (&RealmId, &RelyingPartyId, &OperationId),
    ) -> Result<Option<Operation>, ReadError> {
        if newest(connection)?.is_none() {
            return Ok(None);
        }
        let (places, lowest) = {
            let state = self.state();
            (state.places(self.hash(realm, by, id)).collect::<Vec<_>>(), state.lowest)
        };
        let mut found = rows_below(connection, lowest)?;
        for place in places {
            found.extend(entry_at(connection, place)?);
        }
        let wanted = |it: &Operation| it.realm == *realm && it.relying_party == *by && it.id == *id;
        Ok(found.into_iter().map(|entry| entry.operation).find(wanted))
    }

    fn keys(&self, entry: &Entry) -> Keys {
        let Entry { operation, spend, .. } = entry;
        Keys {
            device: spend.authenticator,
            code: spend.index,
            operation: self.hash(&operation.realm, &operation.relying_party, &operation.id),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn places(&self, hash: u64) -> impl Iterator<Item = Place> + '_ {
        let (first, last) = (Place { batch: i64::MIN, entry: 0 }, Place { batch: i64::MAX, entry: u16::MAX });
        self.operations.range((hash, first)..=(hash, last)).map(|(_, place)| *place)
    }

    fn stage(&mut self, batch: i64, keys: Vec<Keys>) {
        for (keys, entry) in keys.iter().zip(0..) {
            let place = Place { batch, entry };
            self.devices.entry(keys.device).or_default().push((place, keys.code));
            self.operations.insert((keys.operation, place));
        }
        self.entries = self.entries.saturating_add(keys.len());
        self.batches.push_back(keys);
    }

    fn take_out(&mut self, batch: i64, keys: &[Keys]) {
        for (keys, entry) in keys.iter().zip(0..) {
            let place = Place { batch, entry };
            self.operations.remove(&(keys.operation, place));
            if let Some(codes) = self.devices.get_mut(&keys.device) {
                codes.retain(|(at, _)| *at != place);
                if codes.is_empty() {
                    self.devices.remove(&keys.device);
                }
            }
        }
        self.entries = self.entries.saturating_sub(keys.len());
    }
}

/// The oldest row that is not folded.
pub(super) fn lowest(connection: &Connection) -> Result<Option<i64>, ReadError> {
    Ok(column(connection, "SELECT min(batch) FROM journal", [], |it| it.opt_number())?.pop().flatten())
}

fn newest(connection: &Connection) -> Result<Option<i64>, ReadError> {
    Ok(column(connection, "SELECT max(batch) FROM journal", [], |it| it.opt_number())?.pop().flatten())
}

fn row(connection: &Connection, batch: i64) -> Result<Option<Vec<u8>>, ReadError> {
    let sql = "SELECT entries FROM journal WHERE batch = ?1";
    Ok(column(connection, sql, [number(batch)], |it| it.blob().map(<[u8]>::to_vec))?.pop())
}

/// None as a rule: rows that were folded after the snapshot began.
fn rows_below(connection: &Connection, lowest: i64) -> Result<Vec<Entry>, ReadError> {
    let sql = "SELECT batch, entries FROM journal WHERE batch < ?1 ORDER BY batch";
    let rows = column(connection, sql, [number(lowest)], |it| Ok((it.number()?, it.blob()?.to_vec())))?;
    let mut entries = Vec::new();
    for (batch, row) in rows {
        entries.extend(decode(batch, &row)?);
    }
    Ok(entries)
}

fn entry_at(connection: &Connection, place: Place) -> Result<Option<Entry>, ReadError> {
    let Some(row) = row(connection, place.batch)? else { return Ok(None) };
    decode_one(place.batch, &row, usize::from(place.entry))
}

pub(super) fn holds(set: &IssuedSet, code: CodeIndex) -> bool {
    let place = code.0.checked_sub(set.first.0).and_then(|place| usize::try_from(place).ok());
    place.is_some_and(|place| place < set.tags.len())
}

#[cfg(all(test, feature = "contract"))]
mod tests;
