//! Lists, for operators and for the sweeps.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Dispatch, OutboxItem, Priority, Realm, RealmId, Subscriber,
    SubscriberId, TokenRecord,
};

use super::apply::select;
use super::pool::Pool;
use super::rows::{Damage, all, each, first, one};
use super::session::{Outcome, Query};
use super::{load, sentence, transaction};
use crate::agreed::page_limit;
use crate::rows::{
    OUTBOX_ROTATION, OUTBOX_SYNC, STATUS_ACTIVE, STATUS_REVOKED, Stored, Value, blob, number, priority, text, time,
};
use crate::{AuthenticatorFilter, EventFilter, LoadError, MAX_PAGE, OutboxMark, Page, StoreStats};

/// Longer than any event's id, so that it stands after all of them.
const AFTER_ALL_EVENTS: [u8; 17] = [0xff; 17];

/// Asks one question, and reads the answer.
async fn ask<T>(
    pool: &Pool,
    query: Query<'_>,
    read: impl FnOnce(&Outcome) -> Result<T, Damage>,
) -> Result<T, LoadError> {
    let outcomes = transaction::read(pool, &[query]).await?;
    let outcome = outcomes.into_iter().next().unwrap_or_default();
    read(&outcome).map_err(|damage| sentence::of_damage(&pool.at(), &damage))
}

/// Whole rows; `rest` follows the table's name.
async fn rows<T: Stored>(pool: &Pool, rest: &str, values: impl Into<Vec<Value<'_>>>) -> Result<Vec<T>, LoadError> {
    ask(pool, select::<T>(rest, values), |outcome| all(&outcome.rows)).await
}

async fn row<T: Stored>(pool: &Pool, rest: &str, values: impl Into<Vec<Value<'_>>>) -> Result<Option<T>, LoadError> {
    ask(pool, select::<T>(rest, values), |outcome| one(&outcome.rows)).await
}

pub(super) async fn realms(pool: &Pool) -> Result<Vec<Realm>, LoadError> {
    rows(pool, "ORDER BY realm", []).await
}

pub(super) async fn realm(pool: &Pool, id: &RealmId) -> Result<Option<Realm>, LoadError> {
    row(pool, "WHERE realm = $1", [text(id.as_str())]).await
}

pub(super) async fn subscribers(
    pool: &Pool,
    realm: &RealmId,
    page: &Page<SubscriberId>,
) -> Result<Vec<Subscriber>, LoadError> {
    // The empty text stands before every name.
    let after = page.after.as_ref().map_or("", SubscriberId::as_str);
    let rest = "WHERE realm = $1 AND subscriber > $2 ORDER BY subscriber LIMIT $3";
    rows(pool, rest, [text(realm.as_str()), text(after), number(page_limit(page.limit))]).await
}

pub(super) async fn subscriber(
    pool: &Pool,
    realm: &RealmId,
    id: &SubscriberId,
) -> Result<Option<Subscriber>, LoadError> {
    row(pool, "WHERE realm = $1 AND subscriber = $2", [text(realm.as_str()), text(id.as_str())]).await
}

pub(super) async fn authenticators(
    pool: &Pool,
    realm: &RealmId,
    filter: &AuthenticatorFilter,
    page: &Page<AuthenticatorId>,
) -> Result<Vec<Authenticator>, LoadError> {
    // No bytes stand before every code.
    let after = page.after.as_ref().map_or(&[][..], |id| &id.0);
    let (realm, after, limit) = (text(realm.as_str()), blob(after), number(page_limit(page.limit)));
    match &filter.subscriber {
        None => {
            let rest = "WHERE realm = $1 AND authenticator > $2 ORDER BY authenticator LIMIT $3";
            rows(pool, rest, [realm, after, limit]).await
        }
        Some(subscriber) => {
            let rest = "WHERE realm = $1 AND authenticator > $2 AND subscriber = $4 ORDER BY authenticator LIMIT $3";
            rows(pool, rest, [realm, after, limit, text(subscriber.as_str())]).await
        }
    }
}

pub(super) async fn events(
    pool: &Pool,
    realm: &RealmId,
    filter: &EventFilter,
    page: &Page<[u8; 16]>,
) -> Result<Vec<AuditEvent>, LoadError> {
    let before = page.after.as_ref().map_or(&AFTER_ALL_EVENTS[..], |id| id);
    let (realm, before, limit) = (text(realm.as_str()), blob(before), number(page_limit(page.limit)));
    match &filter.authenticator {
        None => {
            let rest = "WHERE realm = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
            rows(pool, rest, [realm, before, limit]).await
        }
        Some(id) => {
            let rest = "WHERE realm = $1 AND id < $2 AND authenticator = $4 ORDER BY id DESC LIMIT $3";
            rows(pool, rest, [realm, before, limit, blob(&id.0)]).await
        }
    }
}

pub(super) async fn tokens(pool: &Pool) -> Result<Vec<TokenRecord>, LoadError> {
    rows(pool, "ORDER BY created_at, token", []).await
}

pub(super) async fn token_by_hash(pool: &Pool, hash: &[u8; 32]) -> Result<Option<TokenRecord>, LoadError> {
    row(pool, "WHERE hash = $1", [blob(hash)]).await
}

pub(super) async fn outbox_due(pool: &Pool, now: UnixMillis, limit: u32) -> Result<Vec<OutboxItem>, LoadError> {
    let rest = "WHERE priority = $1 AND next_attempt_at <= $2 \
                ORDER BY next_attempt_at, realm, authenticator, message LIMIT $3";
    let limit = limit.min(MAX_PAGE);
    let mut found: Vec<OutboxItem> = Vec::new();
    for class in [Priority::Prompt, Priority::Bulk] {
        let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        if left > 0 {
            found.extend(rows::<OutboxItem>(pool, rest, [number(priority(class)), time(now), number(left)]).await?);
        }
    }
    Ok(found)
}

pub(super) async fn outbox_since(pool: &Pool, since: UnixMillis, limit: u32) -> Result<Vec<OutboxMark>, LoadError> {
    let sql = "SELECT created_at, authenticator, message FROM outbox WHERE created_at >= $1 \
               ORDER BY created_at, message LIMIT $2";
    ask(pool, Query::new(sql, [time(since), number(limit.min(MAX_PAGE))]), |outcome| {
        each(&outcome.rows, |it| Ok((it.time()?, AuthenticatorId(it.array()?), it.array()?)))
    })
    .await
}

pub(super) async fn dispatches(
    pool: &Pool,
    realm: &RealmId,
    id: &AuthenticatorId,
    limit: u32,
) -> Result<Vec<Dispatch>, LoadError> {
    let rest = "WHERE realm = $1 AND authenticator = $2 ORDER BY at DESC, message, attempt DESC, part LIMIT $3";
    rows(pool, rest, [text(realm.as_str()), blob(&id.0), number(page_limit(limit))]).await
}

pub(super) async fn dispatch_of(pool: &Pool, centre: &str, centre_id: &str) -> Result<Option<Dispatch>, LoadError> {
    // Centres begin their numbers anew: the latest is meant.
    let rest = "WHERE centre = $1 AND centre_id = $2 ORDER BY at DESC, message LIMIT 1";
    row(pool, rest, [text(centre), text(centre_id)]).await
}

pub(super) async fn buckets(pool: &Pool, realm: &RealmId, keys: &[BucketKey]) -> Result<Vec<Bucket>, LoadError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    ask(pool, load::find_buckets(realm, keys), |outcome| load::buckets_of(keys, &outcome.rows)).await
}

pub(super) async fn work_due(
    pool: &Pool,
    after: Option<&AuthenticatorId>,
    limit: u32,
) -> Result<Vec<AuthenticatorId>, LoadError> {
    let realm: Option<RealmId> = match after {
        Some(id) => {
            let query = Query::new("SELECT realm FROM directory WHERE authenticator = $1", [blob(&id.0)]);
            let found = ask(pool, query, |outcome| first(&outcome.rows, |it| it.name())).await?;
            if found.is_none() {
                return Ok(Vec::new());
            }
            found
        }
        None => None,
    };
    let sql = "SELECT authenticator FROM authenticators AS a \
               WHERE (refill_due IS NOT NULL OR rotation_wanted IS NOT NULL) AND status = $1 AND restored = 0 \
               AND (refill_due IS NOT NULL OR (next_epoch IS NULL AND NOT EXISTS ( \
                   SELECT 1 FROM outbox AS o WHERE o.realm = a.realm AND o.authenticator = a.authenticator \
                   AND o.kind IN ($2, $3)))) \
               AND NOT EXISTS (SELECT 1 FROM subscribers AS s \
                   WHERE s.realm = a.realm AND s.subscriber = a.subscriber AND s.suspended = 1) \
               AND (realm, authenticator) > ($5, $6) \
               ORDER BY realm, authenticator LIMIT $4";
    let values = [
        number(STATUS_ACTIVE),
        number(OUTBOX_ROTATION),
        number(OUTBOX_SYNC),
        number(limit.min(MAX_PAGE)),
        // The empty text stands before every name.
        text(realm.as_ref().map_or("", RealmId::as_str)),
        blob(after.map_or(&[][..], |id| &id.0)),
    ];
    ask(pool, Query::new(sql, values), |outcome| each(&outcome.rows, |it| it.array().map(AuthenticatorId))).await
}

/// All sizes but the bytes on disk.
pub(super) async fn stats(pool: &Pool) -> Result<StoreStats, LoadError> {
    let sql = "SELECT (SELECT count(*) FROM realms), (SELECT count(*) FROM authenticators WHERE status <> $1), \
               (SELECT count(*) FROM outbox), (SELECT min(created_at) FROM outbox), \
               (SELECT count(*) FROM outbox WHERE attempts = 0), \
               (SELECT min(created_at) FROM outbox WHERE attempts = 0)";
    let stats = ask(pool, Query::new(sql, [number(STATUS_REVOKED)]), |outcome| {
        first(&outcome.rows, |it| {
            Ok(StoreStats {
                realms: it.number()?,
                authenticators: it.number()?,
                outbox: it.number()?,
                oldest_outbox: it.opt_time()?,
                unsent: it.number()?,
                oldest_unsent: it.opt_time()?,
                bytes: 0,
            })
        })
    });
    Ok(stats.await?.unwrap_or_default())
}

/// Bytes on disk; 0 where the engine does not tell.
pub(super) async fn bytes(pool: &Pool) -> u64 {
    let query = Query::new("SELECT pg_database_size(current_database())", []);
    ask(pool, query, |outcome| first(&outcome.rows, |it| it.number())).await.ok().flatten().unwrap_or(0)
}

/// The database's time.
pub(super) async fn clock(pool: &Pool) -> Result<UnixMillis, LoadError> {
    let sql = concat!("SELECT ", super::now!());
    let now = ask(pool, Query::new(sql, []), |outcome| first(&outcome.rows, |it| it.time())).await?;
    now.ok_or_else(|| LoadError::Unavailable(format!("{} does not tell its time", pool.at())))
}
