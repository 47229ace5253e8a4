//! Who does what only one may do: leases by name, and messages that a node sends. The database's clock decides.

use matchbook_protocol::UnixMillis;
use matchbook_rules::{OutboxItem, Priority};

use super::apply::Step;
use super::gates::unless_moving;
use super::pool::{Pool, STATEMENT_TIMEOUT};
use super::rows::all;
use super::session::Query;
use super::transaction::{Tally, transact};
use super::{now, sentence};
use crate::rows::{blob, long, number, priority, text, time};
use crate::{CommitError, LoadError, MAX_PAGE, NodeId};

pub(super) async fn take(
    pool: &Pool,
    tally: &Tally,
    name: &str,
    node: NodeId,
    hold_ms: u64,
) -> Result<bool, CommitError> {
    let sql = concat!(
        "INSERT INTO leases (name, node, held_until) VALUES ($1, $2, ",
        now!(),
        " + $3) ON CONFLICT (name) DO UPDATE SET node = excluded.node, held_until = excluded.held_until \
         WHERE leases.node = excluded.node OR leases.held_until <= ",
        now!()
    );
    let step = Step::free(Query::new(sql, [text(name), blob(&node.0), hold(hold_ms)]));
    let outcomes = transact(pool, tally, &[step], None, STATEMENT_TIMEOUT).await?;
    Ok(outcomes.first().is_some_and(|outcome| outcome.changed == 1))
}

pub(super) async fn give(pool: &Pool, tally: &Tally, name: &str, node: NodeId) -> Result<(), CommitError> {
    let sql = "DELETE FROM leases WHERE name = $1 AND node = $2";
    let step = Step::free(Query::new(sql, [text(name), blob(&node.0)]));
    transact(pool, tally, &[step], None, STATEMENT_TIMEOUT).await.map(drop)
}

/// Messages that are due and that no other node sends, for this node to send.
pub(super) async fn take_due(
    pool: &Pool,
    tally: &Tally,
    now: UnixMillis,
    limit: u32,
    node: NodeId,
    hold_ms: u64,
) -> Result<Vec<OutboxItem>, LoadError> {
    let limit = limit.min(MAX_PAGE);
    let mut found: Vec<OutboxItem> = Vec::new();
    for class in [Priority::Prompt, Priority::Bulk] {
        let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        if left == 0 {
            break;
        }
        let values = [number(priority(class)), time(now), number(left), blob(&node.0), hold(hold_ms)];
        let steps = [Step::free(Query::new(TAKE_DUE, values)), unless_moving()];
        let outcomes = transact(pool, tally, &steps, None, STATEMENT_TIMEOUT).await;
        // A message is sent twice at worst, which its device takes in its stride: no doubt here.
        let outcomes = outcomes.map_err(|error| LoadError::Unavailable(error.to_string()))?;
        let rows = outcomes.first().map(|outcome| outcome.rows.as_slice()).unwrap_or_default();
        let mut taken: Vec<OutboxItem> = all(rows).map_err(|damage| sentence::of_damage(&pool.at(), &damage))?;
        taken.sort_by(|one, other| {
            let place = |it: &OutboxItem| (it.next_attempt_at, it.realm.clone(), it.authenticator, it.message);
            place(one).cmp(&place(other))
        });
        found.extend(taken);
    }
    Ok(found)
}

const TAKE_DUE: &str = concat!(
    "WITH due AS (SELECT realm, authenticator, message FROM outbox \
         WHERE priority = $1 AND next_attempt_at <= $2 \
         AND (leased_until IS NULL OR leased_by = $4 OR leased_until <= ",
    now!(),
    ") ORDER BY next_attempt_at, realm, authenticator, message LIMIT $3 FOR UPDATE SKIP LOCKED) \
     UPDATE outbox AS o SET leased_by = $4, leased_until = ",
    now!(),
    " + $5 FROM due WHERE o.realm = due.realm AND o.authenticator = due.authenticator AND o.message = due.message \
     RETURNING o.realm, o.authenticator, o.message, kind, first, last, priority, epoch, bytes, created_at, attempts, \
     sent_at, next_attempt_at"
);

/// Long enough is for ever: a sum with the time stays a number.
fn hold(hold_ms: u64) -> crate::rows::Value<'static> {
    const LONGEST: u64 = 1 << 52;
    long(hold_ms.min(LONGEST))
}
