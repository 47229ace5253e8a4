//! A fold of many entries in small steps: each table in the order of its key, so that a page that several of them go to is
//! written once, or twice, and not by each.
//!
//! Between two steps others commit. Until the last step the journal's rows stay, so entries lie in the journal and in
//! tables for a while, and a process that is killed in the middle folds them again. Whoever folds all the rows ends the
//! pass: it writes nothing once its first row is gone, and so brings back nothing that was deleted after that.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::entry::{Raw, raw, raw_at, senseless};
use super::fold::{put_event, put_operation};
use super::{Unfolded, lowest, row};
use crate::sqlite::apply::{Failure, execute, insert_spend};
use crate::sqlite::rows::{ReadError, column, number};

/// Rows that are read at once.
const ROWS: u32 = 64;
/// Entries that a pass takes, about: they and their orders take 350 bytes each while it is read. The next pass takes the
/// rest.
const MOST: usize = 65_536;
/// The tables that an entry goes to: spends, operations, audit.
const TABLES: usize = 3;
/// What an entry takes of a step: a row in each table, and itself, when it is deleted from the journal.
pub(in crate::sqlite) const PARTS: usize = TABLES + 1;

/// The rows of the journal at one time, and the order in which they are folded.
pub(in crate::sqlite) struct Pass {
    unfolded: Arc<Unfolded>,
    readings: u64,
    rows: Vec<Row>,
    spends: Vec<At>,
    operations: Vec<At>,
    events: Vec<At>,
}

struct Row {
    batch: i64,
    bytes: Vec<u8>,
    /// Entries up to the end of this row.
    entries: usize,
}

/// Where an entry lies: the row, and the byte in it.
#[derive(Clone, Copy)]
struct At {
    row: u32,
    begins: u32,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Stepped {
    /// The next one begins here.
    Next(usize),
    /// That was the last one, or others have folded the rows meanwhile.
    Ended,
}

impl Pass {
    /// Reads what the journal holds, from its first row on; `None`: nothing, or it was to stop.
    pub(in crate::sqlite) fn read(
        connection: &Connection,
        unfolded: Arc<Unfolded>,
        go_on: &AtomicBool,
    ) -> Result<Option<Self>, ReadError> {
        let (readings, mut rows, mut entries) = (unfolded.readings(), Vec::new(), 0_usize);
        while entries < MOST {
            let sql = "SELECT batch, entries FROM journal WHERE batch > ?1 ORDER BY batch LIMIT ?2";
            let after = rows.last().map_or(i64::MIN, |row: &Row| row.batch);
            let found =
                column(connection, sql, [number(after), number(ROWS)], |it| Ok((it.number()?, it.blob()?.to_vec())))?;
            if found.is_empty() {
                break;
            }
            for (batch, bytes) in found {
                entries = entries.saturating_add(raw(batch, &bytes)?.len());
                rows.push(Row { batch, bytes, entries });
            }
            if !go_on.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        let mut all = Vec::with_capacity(entries);
        for (at, row) in rows.iter().enumerate() {
            for (begins, raw) in raw(row.batch, &row.bytes)? {
                let (Ok(row), Ok(begins)) = (u32::try_from(at), u32::try_from(begins)) else {
                    return Err(senseless(row.batch));
                };
                all.push((At { row, begins }, raw));
            }
        }
        let spends = in_order(&mut all, |a, b| a.key_of_spend().cmp(&b.key_of_spend()));
        let operations = in_order(&mut all, |a, b| a.key_of_operation().cmp(&b.key_of_operation()));
        let events = in_order(&mut all, |a, b| a.key_of_event().cmp(&b.key_of_event()));
        drop(all);
        Ok((!rows.is_empty()).then_some(Self { unfolded, readings, rows, spends, operations, events }))
    }

    /// Writes, or deletes, about so many from there on, in the transaction that is open.
    pub(in crate::sqlite) fn step(
        &self,
        connection: &Connection,
        from: usize,
        most: usize,
    ) -> Result<Stepped, Failure> {
        let entries = self.rows.last().map_or(0, |row| row.entries).max(1);
        let (table, done) = (from / entries, from % entries);
        let to_delete = match (table, done) {
            (0..TABLES, _) | (_, 0) => 0,
            _ => self.rows.partition_point(|row| row.entries <= done),
        };
        let Some(first) = self.rows.get(to_delete) else { return Ok(Stepped::Ended) };
        // The bytes too: numbers are given anew when the journal was empty at a start, or the file is another one.
        let is_there =
            lowest(connection)? == Some(first.batch) && row(connection, first.batch)?.as_ref() == Some(&first.bytes);
        if self.readings != self.unfolded.readings() || !is_there {
            return Ok(Stepped::Ended);
        }
        let upto = done.saturating_add(most.max(1)).min(entries);
        match table {
            0 => self.each(&self.spends, done..upto, |raw| raw.spend(), |it| insert_spend(connection, it).map(drop))?,
            1 => self.each(&self.operations, done..upto, |raw| raw.operation(), |it| put_operation(connection, it))?,
            2 => self.each(&self.events, done..upto, |raw| raw.event(), |it| put_event(connection, it))?,
            _ => {
                let next = self.rows.partition_point(|row| row.entries <= upto).max(to_delete + 1);
                return self.delete(connection, next);
            }
        }
        Ok(Stepped::Next(table * entries + upto))
    }

    fn each<T>(
        &self,
        order: &[At],
        part: Range<usize>,
        read: impl Fn(&Raw<'_>) -> Option<T>,
        write: impl Fn(&T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for at in order.get(part).unwrap_or_default() {
            let row = usize::try_from(at.row).ok().and_then(|row| self.rows.get(row));
            let Some(row) = row else { continue };
            let begins = usize::try_from(at.begins).unwrap_or(usize::MAX);
            let it = raw_at(&row.bytes, begins).and_then(|raw| read(&raw)).ok_or_else(|| senseless(row.batch))?;
            write(&it)?;
        }
        Ok(())
    }

    /// Deletes the rows before this one.
    fn delete(&self, connection: &Connection, next: usize) -> Result<Stepped, Failure> {
        let Some(last) = next.checked_sub(1).and_then(|last| self.rows.get(last)) else { return Ok(Stepped::Ended) };
        execute(connection, "DELETE FROM journal WHERE batch <= ?1", [number(last.batch)])?;
        let entries = self.rows.last().map_or(0, |row| row.entries);
        Ok(if next < self.rows.len() { Stepped::Next(TABLES * entries + last.entries) } else { Stepped::Ended })
    }
}

/// The places in this order.
fn in_order<'a>(all: &mut [(At, Raw<'a>)], order: impl Fn(&Raw<'a>, &Raw<'a>) -> std::cmp::Ordering) -> Vec<At> {
    all.sort_unstable_by(|(_, a), (_, b)| order(a, b));
    all.iter().map(|(at, _)| *at).collect()
}

#[cfg(all(test, feature = "contract"))]
mod tests;
