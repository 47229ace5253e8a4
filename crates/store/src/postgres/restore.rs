//! After a backup was put back: what was spent since it was made is not known, so every code it holds is void.

use std::time::Duration;

use matchbook_protocol::UnixMillis;
use matchbook_rules::RealmId;

use super::apply::{Refusal, Step, dollars};
use super::gates::unless_moving;
use super::pool::Pool;
use super::rows::each;
use super::sentence;
use super::session::Query;
use super::transaction::{Tally, read, transact};
use crate::rows::{INSERT_EVENT, bind_event};
use crate::{CommitError, agreed};

/// How long it may take: it writes to every device.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Voids all sets, empties the outbox, and sets `restored`. Nobody serves the store meanwhile. `also` is done in the same
/// transaction.
pub(super) async fn mark(pool: &Pool, tally: &Tally, at: UnixMillis, also: Vec<Step<'_>>) -> Result<u64, CommitError> {
    let unavailable = |why: String| CommitError::Unavailable(why);
    let sql = "SELECT realm, count(*) FROM authenticators GROUP BY realm";
    let found = read(pool, &[Query::new(sql, [])]).await.map_err(|error| unavailable(error.to_string()))?;
    let found = found.into_iter().next().unwrap_or_default();
    let realms: Vec<(RealmId, u64)> = each(&found.rows, |it| Ok((it.name()?, it.number()?)))
        .map_err(|damage| unavailable(sentence::damaged(&pool.at(), &damage.0)))?;
    let events: Vec<_> = realms.iter().map(|(realm, count)| agreed::restored_event(realm, at, *count)).collect();
    let sum = realms.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
    let highest = "INSERT INTO forgotten (realm, authenticator, highest) \
                   SELECT realm, authenticator, max(code) FROM spends GROUP BY realm, authenticator \
                   ON CONFLICT (realm, authenticator) \
                   DO UPDATE SET highest = greatest(forgotten.highest, excluded.highest)";
    let patience = format!("SET LOCAL statement_timeout = {}", PATIENCE.as_millis());
    let mut steps: Vec<Step<'_>> = [patience.as_str(), highest]
        .into_iter()
        .chain(agreed::VOIDED)
        .map(|sql| Step::free(Query::new(sql, [])))
        .chain(also)
        .collect();
    let insert = dollars(INSERT_EVENT) + " ON CONFLICT DO NOTHING";
    steps.extend(events.iter().map(|event| Step::free(Query::new(insert.clone(), bind_event(event)))));
    let sql = "UPDATE authenticators SET restored = 1, version = version + 1";
    // One that came in between would be told of in no event.
    steps.push(Step::checked(Query::new(sql, []), move |outcome| {
        let meanwhile = || Refusal::Conflict("a device was enrolled meanwhile: stop all servers first".to_owned());
        if outcome.changed == sum { Ok(()) } else { Err(meanwhile()) }
    }));
    steps.push(unless_moving());
    transact(pool, tally, &steps, None, PATIENCE).await?;
    Ok(sum)
}
