//! Writes of realms, subscribers, authenticators, counts, events and tokens.

use std::sync::atomic::{AtomicU32, Ordering};

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, BucketKey, Operation, Realm, RealmId, Subscriber, TokenId, TokenRecord, Version,
};

use super::{Step, dollars, key, unless_there};
use crate::postgres::session::Query;
use crate::rows::{
    INSERT_AUTHENTICATOR, INSERT_EVENT, INSERT_OPERATION, INSERT_REALM, INSERT_SUBSCRIBER, INSERT_TOKEN,
    UPDATE_AUTHENTICATOR, UPDATE_REALM, UPDATE_SUBSCRIBER, bind_authenticator, bind_event, bind_operation, bind_realm,
    bind_subscriber, bind_token, blob, long, number, text, time,
};

/// Rows that probes are written to, so that few wait for each other.
const PROBES: u32 = 64;

pub(super) fn put_realm(realm: &Realm) -> Step<'_> {
    let sql = if realm.version == Version(0) { unless_there(INSERT_REALM) } else { dollars(UPDATE_REALM) };
    Step::sole(Query::new(sql, bind_realm(realm)), || format!("realm {} was changed meanwhile", realm.id))
}

pub(super) fn put_subscriber(subscriber: &Subscriber) -> Step<'_> {
    let sql =
        if subscriber.version == Version(0) { unless_there(INSERT_SUBSCRIBER) } else { dollars(UPDATE_SUBSCRIBER) };
    Step::sole(Query::new(sql, bind_subscriber(subscriber)), || {
        format!("user {} of realm {} was changed meanwhile", subscriber.id, subscriber.realm)
    })
}

pub(super) fn insert_authenticator(authenticator: &Authenticator) -> [Step<'_>; 2] {
    let Authenticator { realm, id, .. } = authenticator;
    let taken = move || format!("identification code {id} is taken");
    let line = "INSERT INTO directory (authenticator, realm) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    [
        Step::sole(Query::new(line, [blob(&id.0), text(realm.as_str())]), taken),
        Step::sole(Query::new(unless_there(INSERT_AUTHENTICATOR), bind_authenticator(authenticator)), taken),
    ]
}

pub(super) fn put_authenticator(authenticator: &Authenticator) -> Step<'_> {
    Step::sole(Query::new(dollars(UPDATE_AUTHENTICATOR), bind_authenticator(authenticator)), || {
        format!("device {} was changed meanwhile", authenticator.id)
    })
}

/// Sets the failures; when they were `seen`, then only from that count.
pub(super) fn set_failures<'a>(realm: &'a RealmId, id: &'a AuthenticatorId, count: u32, seen: Option<u32>) -> Step<'a> {
    let key = || key(realm, id).to_vec();
    let counted = || [key(), vec![number(count)]].concat();
    let another = move || format!("device {id} had another failure meanwhile");
    match (count, seen) {
        (0, None | Some(_)) => {
            // A guard has locked the row, if there is one, and who inserts one may as well do so a moment later.
            let sql = "DELETE FROM failures WHERE realm = $1 AND authenticator = $2";
            Step::free(Query::new(sql, key()))
        }
        (_, None) => {
            let sql = "INSERT INTO failures (realm, authenticator, count) VALUES ($1, $2, $3) \
                       ON CONFLICT (realm, authenticator) DO UPDATE SET count = excluded.count";
            Step::free(Query::new(sql, counted()))
        }
        (_, Some(0)) => {
            let sql = "INSERT INTO failures (realm, authenticator, count) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            Step::sole(Query::new(sql, counted()), another)
        }
        (_, Some(seen)) => {
            let sql = "UPDATE failures SET count = $3 WHERE realm = $1 AND authenticator = $2 AND count = $4";
            Step::sole(Query::new(sql, [counted(), vec![number(seen)]].concat()), another)
        }
    }
}

pub(super) fn insert_operation(operation: &Operation) -> Step<'_> {
    Step::sole(Query::new(unless_there(INSERT_OPERATION), bind_operation(operation)), || {
        format!("operation {} of {} was answered meanwhile", operation.id, operation.relying_party)
    })
}

/// Counts where the row is, as [`crate::agreed::count_failure`] says.
pub(super) fn count_failure<'a>(realm: &'a RealmId, bucket: &'a BucketKey, at: UnixMillis, window_ms: u64) -> Step<'a> {
    let sql = "INSERT INTO buckets (realm, bucket, failures, window_started_at, last_failure_at) \
               VALUES ($1, $2, 1, $3, $3) ON CONFLICT (realm, bucket) DO UPDATE SET \
               failures = CASE WHEN buckets.window_started_at > $3 OR $3 - buckets.window_started_at < $4 \
                   THEN least(buckets.failures + 1, 4294967295) ELSE 1 END, \
               window_started_at = CASE WHEN buckets.window_started_at <= $3 \
                   AND $3 - buckets.window_started_at < $4 THEN buckets.window_started_at ELSE $3 END, \
               last_failure_at = $3";
    Step::free(Query::new(sql, [text(realm.as_str()), blob(&bucket.0), time(at), long(window_ms)]))
}

pub(super) fn clear_bucket<'a>(realm: &'a RealmId, bucket: &'a BucketKey) -> Step<'a> {
    let sql = "DELETE FROM buckets WHERE realm = $1 AND bucket = $2";
    Step::free(Query::new(sql, [text(realm.as_str()), blob(&bucket.0)]))
}

pub(super) fn insert_event(event: &AuditEvent) -> Step<'_> {
    Step::sole(Query::new(unless_there(INSERT_EVENT), bind_event(event)), || {
        format!("an event of realm {} has the same id", event.realm)
    })
}

pub(super) fn insert_token(token: &TokenRecord) -> Step<'_> {
    Step::sole(Query::new(unless_there(INSERT_TOKEN), bind_token(token)), || {
        format!("there is a token of that id or hash ({})", token.label)
    })
}

pub(super) fn delete_token(id: &TokenId) -> Step<'_> {
    Step::sole(Query::new("DELETE FROM tokens WHERE token = $1", [blob(&id.0)]), || {
        "there is no such token (any more)".to_owned()
    })
}

/// A write that nobody reads.
pub(in crate::postgres) fn probe() -> Query<'static> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let sql = "INSERT INTO probes (slot, count) VALUES ($1, 1) \
               ON CONFLICT (slot) DO UPDATE SET count = probes.count + 1";
    Query::new(sql, [number(NEXT.fetch_add(1, Ordering::Relaxed) % PROBES)])
}
