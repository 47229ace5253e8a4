//! Lists, for operators and for the sweeps.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Dispatch, OutboxItem, Priority, Realm, RealmId, Subscriber,
    SubscriberId, TokenRecord,
};
use rusqlite::Connection;

use super::apply::one;
use super::load;
use super::rows::{
    OUTBOX_ROTATION, OUTBOX_SYNC, ReadError, STATUS_ACTIVE, STATUS_REVOKED, blob, column, number, priority, row, rows,
    text, time,
};
use crate::agreed::page_limit;
use crate::{AuthenticatorFilter, EventFilter, MAX_PAGE, OutboxMark, Page, StoreStats};

/// Longer than any event's id, so that it stands after all of them.
const AFTER_ALL_EVENTS: [u8; 17] = [0xff; 17];

pub(super) fn realms(connection: &Connection) -> Result<Vec<Realm>, ReadError> {
    rows(connection, "ORDER BY realm", [])
}

pub(super) fn subscribers(
    connection: &Connection,
    realm: &RealmId,
    page: &Page<SubscriberId>,
) -> Result<Vec<Subscriber>, ReadError> {
    // The empty text stands before every name.
    let after = page.after.as_ref().map_or("", SubscriberId::as_str);
    let sql = "WHERE realm = ?1 AND subscriber > ?2 ORDER BY subscriber LIMIT ?3";
    rows(connection, sql, [text(realm.as_str()), text(after), number(page_limit(page.limit))])
}

pub(super) fn subscriber(
    connection: &Connection,
    realm: &RealmId,
    id: &SubscriberId,
) -> Result<Option<Subscriber>, ReadError> {
    row(connection, "WHERE realm = ?1 AND subscriber = ?2", [text(realm.as_str()), text(id.as_str())])
}

pub(super) fn authenticators(
    connection: &Connection,
    realm: &RealmId,
    filter: &AuthenticatorFilter,
    page: &Page<AuthenticatorId>,
) -> Result<Vec<Authenticator>, ReadError> {
    // The empty blob stands before every code.
    let after = page.after.as_ref().map_or(&[][..], |id| &id.0);
    let (realm, after, limit) = (text(realm.as_str()), blob(after), number(page_limit(page.limit)));
    match &filter.subscriber {
        None => {
            let sql = "WHERE realm = ?1 AND authenticator > ?2 ORDER BY authenticator LIMIT ?3";
            rows(connection, sql, [realm, after, limit])
        }
        Some(subscriber) => {
            let sql = "INDEXED BY authenticators_by_subscriber \
                       WHERE realm = ?1 AND authenticator > ?2 AND subscriber = ?4 ORDER BY authenticator LIMIT ?3";
            rows(connection, sql, [realm, after, limit, text(subscriber.as_str())])
        }
    }
}

pub(super) fn events(
    connection: &Connection,
    realm: &RealmId,
    filter: &EventFilter,
    page: &Page<[u8; 16]>,
) -> Result<Vec<AuditEvent>, ReadError> {
    let before = page.after.as_ref().map_or(&AFTER_ALL_EVENTS[..], |id| id);
    let (realm, before, limit) = (text(realm.as_str()), blob(before), number(page_limit(page.limit)));
    match &filter.authenticator {
        None => {
            let sql = "WHERE realm = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
            rows(connection, sql, [realm, before, limit])
        }
        Some(id) => {
            let sql = "WHERE realm = ?1 AND id < ?2 AND authenticator = ?4 ORDER BY id DESC LIMIT ?3";
            rows(connection, sql, [realm, before, limit, blob(&id.0)])
        }
    }
}

pub(super) fn tokens(connection: &Connection) -> Result<Vec<TokenRecord>, ReadError> {
    rows(connection, "ORDER BY created_at, token", [])
}

pub(super) fn token_by_hash(connection: &Connection, hash: &[u8; 32]) -> Result<Option<TokenRecord>, ReadError> {
    row(connection, "WHERE hash = ?1", [blob(hash)])
}

pub(super) fn outbox_due(connection: &Connection, now: UnixMillis, limit: u32) -> Result<Vec<OutboxItem>, ReadError> {
    let sql = "WHERE priority = ?1 AND next_attempt_at <= ?2 \
               ORDER BY next_attempt_at, realm, authenticator, message LIMIT ?3";
    let limit = limit.min(MAX_PAGE);
    let due = |class, limit: u32| rows(connection, sql, [number(priority(class)), time(now), number(limit)]);
    let mut found: Vec<OutboxItem> = due(Priority::Prompt, limit)?;
    let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
    if left > 0 {
        found.extend(due(Priority::Bulk, left)?);
    }
    Ok(found)
}

pub(super) fn outbox_since(
    connection: &Connection,
    since: UnixMillis,
    limit: u32,
) -> Result<Vec<OutboxMark>, ReadError> {
    let sql = "SELECT created_at, authenticator, message FROM outbox WHERE created_at >= ?1 ORDER BY created_at, message LIMIT ?2";
    let values = [time(since), number(limit.min(MAX_PAGE))];
    column(connection, sql, values, |fields| Ok((fields.time()?, AuthenticatorId(fields.array()?), fields.array()?)))
}

pub(super) fn dispatches(
    connection: &Connection,
    realm: &RealmId,
    id: &AuthenticatorId,
    limit: u32,
) -> Result<Vec<Dispatch>, ReadError> {
    let sql = "WHERE realm = ?1 AND authenticator = ?2 ORDER BY at DESC, message, attempt DESC, part LIMIT ?3";
    rows(connection, sql, [text(realm.as_str()), blob(&id.0), number(page_limit(limit))])
}

pub(super) fn dispatch_of(
    connection: &Connection,
    centre: &str,
    centre_id: &str,
) -> Result<Option<Dispatch>, ReadError> {
    // Centres begin their numbers anew: the latest is meant.
    let sql = "WHERE centre = ?1 AND centre_id = ?2 ORDER BY at DESC, message LIMIT 1";
    row(connection, sql, [text(centre), text(centre_id)])
}

pub(super) fn buckets(connection: &Connection, realm: &RealmId, keys: &[BucketKey]) -> Result<Vec<Bucket>, ReadError> {
    keys.iter().map(|key| load::bucket(connection, realm, *key)).collect()
}

pub(super) fn work_due(
    connection: &Connection,
    after: Option<&AuthenticatorId>,
    limit: u32,
) -> Result<Vec<AuthenticatorId>, ReadError> {
    let realm: Option<RealmId> = match after {
        Some(id) => {
            let sql = "SELECT realm FROM directory WHERE authenticator = ?1";
            let Some(realm) = one(connection, sql, [blob(&id.0)], |it| it.name())? else { return Ok(Vec::new()) };
            Some(realm)
        }
        None => None,
    };
    let sql = "SELECT authenticator FROM authenticators AS a \
               WHERE (refill_due IS NOT NULL OR rotation_wanted IS NOT NULL) AND status = ?1 AND restored = 0 \
               AND (refill_due IS NOT NULL OR (next_epoch IS NULL AND NOT EXISTS ( \
                   SELECT 1 FROM outbox WHERE outbox.realm = a.realm AND outbox.authenticator = a.authenticator \
                   AND kind IN (?2, ?3)))) \
               AND NOT EXISTS (SELECT 1 FROM subscribers AS s \
                   WHERE s.realm = a.realm AND s.subscriber = a.subscriber AND s.suspended = 1) \
               AND (realm, authenticator) > (?5, ?6) \
               ORDER BY realm, authenticator LIMIT ?4";
    let values = [
        number(STATUS_ACTIVE),
        number(OUTBOX_ROTATION),
        number(OUTBOX_SYNC),
        number(limit.min(MAX_PAGE)),
        // The empty text stands before every name.
        text(realm.as_ref().map_or("", RealmId::as_str)),
        blob(after.map_or(&[][..], |id| &id.0)),
    ];
    column(connection, sql, values, |fields| fields.array().map(AuthenticatorId))
}

/// All sizes but the bytes on disk.
pub(super) fn stats(connection: &Connection) -> Result<StoreStats, ReadError> {
    let count =
        |sql: &str| column(connection, sql, [], |it| it.number()).map(|found| found.first().copied().unwrap_or(0));
    let sql = "SELECT count(*) FROM authenticators WHERE status <> ?1";
    let authenticators = column(connection, sql, [number(STATUS_REVOKED)], |it| it.number())?;
    let oldest = column(connection, "SELECT min(created_at) FROM outbox", [], |it| it.opt_time())?;
    let oldest_unsent =
        column(connection, "SELECT min(created_at) FROM outbox WHERE attempts = 0", [], |it| it.opt_time())?;
    Ok(StoreStats {
        realms: count("SELECT count(*) FROM realms")?,
        authenticators: authenticators.first().copied().unwrap_or(0),
        outbox: count("SELECT count(*) FROM outbox")?,
        oldest_outbox: oldest.first().copied().flatten(),
        unsent: count("SELECT count(*) FROM outbox WHERE attempts = 0")?,
        oldest_unsent: oldest_unsent.first().copied().flatten(),
        bytes: 0,
    })
}
