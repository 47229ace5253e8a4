//! A change of a realm is announced before it is made: what is guarded by the realm shares a lock of its row, and while
//! one after the other has that, who wants to change the row would wait for ever. Whoever sees the announcement steps
//! back for a moment. It is for fairness alone: versions and locks are what makes a change safe.

use matchbook_rules::{Changes, RealmId, Version, Write};

use super::apply::{Refusal, Step};
use super::gates::unless_moving;
use super::now;
use super::pool::{Pool, STATEMENT_TIMEOUT};
use super::session::Query;
use super::transaction::{Tally, transact};
use crate::CommitError;
use crate::rows::{Value, blob, number, owned_text, text};

/// How long an announcement counts: longer than the transactions that are under way, and no longer than a realm may do
/// without an answer when who has announced a change dies.
const HOLD_MS: u32 = 2_000;

/// Nothing else in the table of leases has a blank in its name.
fn name(realm: &RealmId) -> Value<'static> {
    owned_text(format!("realm {realm}"))
}

/// The realms that are to be changed; one that is new has no row to wait for.
fn changed(changes: &Changes) -> Vec<&RealmId> {
    let mut realms = Vec::new();
    for write in &changes.writes {
        if let Write::PutRealm(realm) = write
            && realm.version > Version(0)
        {
            realms.push(&realm.id);
        }
    }
    realms
}

/// Whether changes have to be announced.
pub(super) fn is_due(changes: &Changes) -> bool {
    !changed(changes).is_empty()
}

/// Lets all nodes step back from the realms of these changes.
pub(super) async fn begin(pool: &Pool, tally: &Tally, changes: &Changes) -> Result<(), CommitError> {
    let sql = concat!(
        "INSERT INTO leases (name, node, held_until) VALUES ($1, $2, ",
        now!(),
        " + $3) ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until"
    );
    let step = |realm| Step::free(Query::new(sql, [name(realm), blob(&[]), number(HOLD_MS)]));
    let steps: Vec<Step<'_>> = changed(changes).into_iter().map(step).chain([unless_moving()]).collect();
    match transact(pool, tally, &steps, None, STATEMENT_TIMEOUT).await {
        Ok(_) => Ok(()),
        Err(CommitError::ReadOnly(why)) => Err(CommitError::ReadOnly(why)),
        // Nothing of the change itself was written.
        Err(CommitError::InDoubt(why) | CommitError::Unavailable(why) | CommitError::Conflict(why)) => {
            Err(CommitError::Unavailable(why))
        }
    }
}

/// Lets them go on. When that fails the announcement is over soon anyway.
pub(super) async fn end(pool: &Pool, tally: &Tally, changes: &Changes) {
    let sql = "DELETE FROM leases WHERE name = $1";
    let steps: Vec<Step<'_>> =
        changed(changes).into_iter().map(|realm| Step::free(Query::new(sql, [name(realm)]))).collect();
    if let Err(error) = transact(pool, tally, &steps, None, STATEMENT_TIMEOUT).await {
        tracing::debug!(%error, "the announcement of a change ends by itself");
    }
}

/// Steps back while a change of the realm is announced.
pub(super) fn unless_changing(realm: &RealmId) -> Step<'static> {
    let sql = concat!("SELECT 1 FROM leases WHERE name = $1 AND held_until > ", now!());
    Step::checked(
        Query::new(sql, [name(realm)]),
        |outcome| {
            if outcome.rows.is_empty() { Ok(()) } else { Err(Refusal::Changing) }
        },
    )
}

/// The version of a realm, whose row is shared unless a change of it is announced: then there is none.
pub(super) fn shared_version(realm: &RealmId) -> Query<'_> {
    let sql = concat!(
        "SELECT version FROM realms WHERE realm = $1 AND NOT EXISTS ( \
             SELECT 1 FROM leases AS l WHERE l.name = $2 AND l.held_until > ",
        now!(),
        ") FOR SHARE"
    );
    Query::new(sql, [text(realm.as_str()), name(realm)])
}
