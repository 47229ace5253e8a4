//! What holds a store still while its rows are copied elsewhere. A transaction must not look whether it may write, and
//! commit after the copy has begun to read.
//!
//! Each transaction that writes shares a row, its gate, until it has committed. Who begins a copy notes why, and then
//! shuts all gates: that waits for those who share one. Who comes later finds its gate shut, also when its statement
//! began earlier: a row that is locked is looked at as it is then. Where transactions are serializable and such locks do
//! nothing, one that found its gate open comes before the copy in the order of all, or does not commit.

use std::sync::atomic::{AtomicU32, Ordering};

use super::apply::{Refusal, Step};
use super::rows::{Damage, first};
use super::session::{Outcome, Query};
use crate::rows::number;

/// As many as the layout has: few transactions share one at a time, for which a server takes notes.
const GATES: u32 = 64;

/// Finds a row while the store is copied elsewhere, and after that.
pub(super) const WHY_READ_ONLY: &str = "SELECT value FROM meta WHERE name = 'read_only'";

/// The gate of a transaction.
pub(super) fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) % GATES
}

/// Refuses while the store is copied elsewhere.
pub(super) fn unless_moving() -> Step<'static> {
    let sql = "SELECT is_open, (SELECT value FROM meta WHERE name = 'read_only') FROM gates WHERE slot = $1 FOR SHARE";
    let slot = next();
    Step::checked(Query::new(sql, [number(slot)]), move |outcome| {
        let found = first(&outcome.rows, |it| Ok((it.flag()?, it.opt_blob()?.map(words))))?;
        match found {
            Some((true, None)) => Ok(()),
            Some((_, Some(why))) => Err(Refusal::Moving(why)),
            // It was shut while this one waited for it.
            Some((false, None)) => Err(Refusal::Moving(String::new())),
            None => Err(Refusal::Damaged(format!("gate {slot} is not there"))),
        }
    })
}

/// Shuts all gates, and so waits for those that were let in. Who lets the store be written again meanwhile comes before
/// this or after.
pub(super) fn shut() -> [Step<'static>; 2] {
    let sql = "SELECT 1 FROM meta WHERE name = 'read_only' FOR SHARE";
    let look = Step::checked(Query::new(sql, []), |outcome| {
        let thawed = || Refusal::Conflict("the store was let be written again meanwhile".to_owned());
        if outcome.rows.is_empty() { Err(thawed()) } else { Ok(()) }
    });
    [look, Step::free(Query::new("UPDATE gates SET is_open = 0 WHERE is_open = 1", []))]
}

/// Opens all gates; after the reason why they are shut was taken away.
pub(super) fn open() -> Step<'static> {
    Step::free(Query::new("UPDATE gates SET is_open = 1 WHERE is_open = 0", []))
}

/// Why the store takes no writes; `None`: it does.
pub(super) fn read_only(outcome: &Outcome) -> Result<Option<String>, Damage> {
    first(&outcome.rows, |it| it.blob().map(words))
}

fn words(why: &[u8]) -> String {
    String::from_utf8_lossy(why).into_owned()
}
