//! Moves entries from the journal into their tables. What is there already is left as it is, so that it can be done any
//! number of times.

use std::sync::LazyLock;

use matchbook_rules::{AuditEvent, Changes, Guard, Operation, Write};
use rusqlite::{Connection, params_from_iter};

use super::entry::{Entry, decode};
use super::{Place, Unfolded, entry_at};
use crate::sqlite::apply::{Failure, execute, insert_spend};
use crate::sqlite::rows::{INSERT_EVENT, INSERT_OPERATION, bind_event, bind_operation, column, number};

/// Rows that are read at once.
const ROWS: u32 = 64;

/// Folds the oldest rows and deletes them: about so many entries. Returns how many that were; 0: there are none.
pub(in crate::sqlite) fn oldest(connection: &Connection, entries: usize) -> Result<u64, Failure> {
    let mut found: Vec<Entry> = Vec::new();
    let mut last = None;
    while found.len() < entries {
        let sql = "SELECT batch, entries FROM journal WHERE batch > ?1 ORDER BY batch LIMIT ?2";
        let after = last.unwrap_or(i64::MIN);
        let rows =
            column(connection, sql, [number(after), number(ROWS)], |it| Ok((it.number()?, it.blob()?.to_vec())))?;
        if rows.is_empty() {
            break;
        }
        for (batch, row) in rows {
            if found.len() >= entries {
                break;
            }
            found.extend(decode(batch, &row)?);
            last = Some(batch);
        }
    }
    let Some(last) = last else { return Ok(0) };
    all(connection, &mut found)?;
    execute(connection, "DELETE FROM journal WHERE batch <= ?1", [number(last)])?;
    // A row without entries counts too, so that 0 means the end.
    Ok(u64::try_from(found.len()).unwrap_or(u64::MAX).max(1))
}

/// Folds all that there is.
pub(in crate::sqlite) fn whole(connection: &Connection) -> Result<(), Failure> {
    while oldest(connection, usize::from(u16::MAX))? > 0 {}
    Ok(())
}

/// Folds the entries that these changes read, or delete what was written by, and leaves their rows.
pub(in crate::sqlite) fn touched(
    connection: &Connection,
    unfolded: &Unfolded,
    changes: &Changes,
) -> Result<(), Failure> {
    if unfolded.len() == 0 {
        return Ok(());
    }
    let operation = |it: &Operation| unfolded.of_operation(unfolded.hash(&it.realm, &it.relying_party, &it.id));
    for guard in &changes.guards {
        if let Guard::Operation(seen) = guard {
            each(connection, operation(seen))?;
        }
    }
    for write in &changes.writes {
        match write {
            Write::Spend(spend) => each(connection, unfolded.of_code(&spend.authenticator, spend.index))?,
            Write::DeleteSet { id, .. } => each(connection, unfolded.of_device(id))?,
            Write::InsertOperation(it) => each(connection, operation(it))?,
            Write::PutRealm(_)
            | Write::PutSubscriber(_)
            | Write::InsertAuthenticator(_)
            | Write::PutAuthenticator(_)
            // It looks at sets, and at what was forgotten with them: never at the ledger.
            | Write::InsertSet(_)
            | Write::SetFailures { .. }
            | Write::CountFailure { .. }
            | Write::ClearBucket { .. }
            | Write::InsertOutbox(_)
            | Write::DeleteOutbox { .. }
            | Write::OutboxAttempt { .. }
            | Write::OutboxDue { .. }
            | Write::InsertDispatch(_)
            | Write::SettleDispatch { .. }
            | Write::Audit(_)
            | Write::InsertToken(_)
            | Write::DeleteToken(_)
            | Write::Stage(_)
            | Write::GoLive(_)
            | Write::Probe => {}
        }
    }
    Ok(())
}

fn each(connection: &Connection, places: Vec<Place>) -> Result<(), Failure> {
    let mut entries = Vec::with_capacity(places.len());
    for place in places {
        entries.extend(entry_at(connection, place)?);
    }
    all(connection, &mut entries)
}

/// Table by table, each in the order of its key: what lies together is written together.
fn all(connection: &Connection, entries: &mut [Entry]) -> Result<(), Failure> {
    entries.sort_unstable_by(|a, b| {
        let key = |entry: &Entry| (entry.spend.authenticator, entry.spend.index);
        a.spend.realm.cmp(&b.spend.realm).then_with(|| key(a).cmp(&key(b)))
    });
    for entry in &*entries {
        insert_spend(connection, &entry.spend)?;
    }
    entries.sort_unstable_by(|a, b| {
        let (a, b) = (&a.operation, &b.operation);
        (&a.realm, &a.relying_party, &a.id).cmp(&(&b.realm, &b.relying_party, &b.id))
    });
    for Entry { operation, .. } in &*entries {
        put_operation(connection, operation)?;
    }
    entries.sort_unstable_by(|a, b| (&a.event.realm, a.event.id).cmp(&(&b.event.realm, b.event.id)));
    entries.iter().try_for_each(|Entry { event, .. }| put_event(connection, event))
}

/// Puts the answer there, unless one is there.
pub(super) fn put_operation(connection: &Connection, operation: &Operation) -> Result<(), Failure> {
    static SQL: LazyLock<String> = LazyLock::new(|| or_ignore(INSERT_OPERATION));
    execute(connection, &SQL, params_from_iter(bind_operation(operation))).map(drop)
}

/// Puts the event there, unless it is there.
pub(super) fn put_event(connection: &Connection, event: &AuditEvent) -> Result<(), Failure> {
    static SQL: LazyLock<String> = LazyLock::new(|| or_ignore(INSERT_EVENT));
    execute(connection, &SQL, params_from_iter(bind_event(event))).map(drop)
}

fn or_ignore(insert: &str) -> String {
    insert.replacen("INSERT", "INSERT OR IGNORE", 1)
}
