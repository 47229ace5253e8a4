//! Writes of realms, subscribers, authenticators, counts, events and tokens.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, BucketKey, Operation, Realm, RealmId, Subscriber, TokenId, TokenRecord, Version,
};
use rusqlite::{Connection, params, params_from_iter};

use super::{Failure, execute, guard_holds, insert, key};
use crate::agreed;
use crate::sqlite::rows::{
    BucketRow, INSERT_AUTHENTICATOR, INSERT_EVENT, INSERT_OPERATION, INSERT_REALM, INSERT_SUBSCRIBER, INSERT_TOKEN,
    UPDATE_AUTHENTICATOR, UPDATE_AUTHENTICATOR_KEEPING, UPDATE_REALM, UPDATE_SUBSCRIBER, bind_authenticator,
    bind_event, bind_operation, bind_realm, bind_subscriber, bind_token, blob, number, row, text, time,
};

pub(super) fn put_realm(connection: &Connection, realm: &Realm) -> Result<(), Failure> {
    let (values, meanwhile) =
        (params_from_iter(bind_realm(realm)), || format!("realm {} was changed meanwhile", realm.id));
    if realm.version == Version(0) {
        return insert(connection, INSERT_REALM, values, meanwhile);
    }
    guard_holds(execute(connection, UPDATE_REALM, values)? == 1, meanwhile)
}

pub(super) fn put_subscriber(connection: &Connection, subscriber: &Subscriber) -> Result<(), Failure> {
    let values = params_from_iter(bind_subscriber(subscriber));
    let meanwhile = || format!("user {} of realm {} was changed meanwhile", subscriber.id, subscriber.realm);
    if subscriber.version == Version(0) {
        return insert(connection, INSERT_SUBSCRIBER, values, meanwhile);
    }
    guard_holds(execute(connection, UPDATE_SUBSCRIBER, values)? == 1, meanwhile)
}

pub(super) fn insert_authenticator(connection: &Connection, authenticator: &Authenticator) -> Result<(), Failure> {
    let Authenticator { realm, id, .. } = authenticator;
    let taken = || format!("identification code {id} is taken");
    let line = params![blob(&id.0), text(realm.as_str())];
    insert(connection, "INSERT INTO directory (authenticator, realm) VALUES (?1, ?2)", line, taken)?;
    insert(connection, INSERT_AUTHENTICATOR, params_from_iter(bind_authenticator(authenticator)), taken)
}

pub(super) fn put_authenticator(connection: &Connection, authenticator: &Authenticator) -> Result<(), Failure> {
    let values = bind_authenticator(authenticator);
    let kept = execute(connection, &UPDATE_AUTHENTICATOR_KEEPING, params_from_iter(&values))?;
    let changed = if kept == 1 { kept } else { execute(connection, UPDATE_AUTHENTICATOR, params_from_iter(&values))? };
    guard_holds(changed == 1, || format!("device {} was changed meanwhile", authenticator.id))
}

pub(super) fn set_failures(
    connection: &Connection,
    realm: &RealmId,
    id: &AuthenticatorId,
    count: u32,
) -> Result<(), Failure> {
    let [realm, id] = key(realm, id);
    if count == 0 {
        let sql = "DELETE FROM failures WHERE realm = ?1 AND authenticator = ?2";
        return execute(connection, sql, [realm, id]).map(drop);
    }
    let sql = "INSERT INTO failures (realm, authenticator, count) VALUES (?1, ?2, ?3) \
               ON CONFLICT DO UPDATE SET count = excluded.count";
    execute(connection, sql, [realm, id, number(count)]).map(drop)
}

pub(super) fn insert_operation(connection: &Connection, operation: &Operation) -> Result<(), Failure> {
    insert(connection, INSERT_OPERATION, params_from_iter(bind_operation(operation)), || {
        format!("operation {} of {} was answered meanwhile", operation.id, operation.relying_party)
    })
}

pub(super) fn count_failure(
    connection: &Connection,
    realm: &RealmId,
    bucket: BucketKey,
    at: UnixMillis,
    window_ms: u64,
) -> Result<(), Failure> {
    let found: Option<BucketRow> =
        row(connection, "WHERE realm = ?1 AND bucket = ?2", [text(realm.as_str()), blob(&bucket.0)])?;
    let counted = agreed::count_failure(found.map(|row| row.0), at, window_ms);
    let sql = "INSERT OR REPLACE INTO buckets (realm, bucket, failures, window_started_at, last_failure_at) \
               VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(
        connection,
        sql,
        [
            text(realm.as_str()),
            blob(&bucket.0),
            number(counted.failures),
            time(counted.window_started_at),
            time(counted.last_failure_at),
        ],
    )
    .map(drop)
}

pub(super) fn insert_event(connection: &Connection, event: &AuditEvent) -> Result<(), Failure> {
    insert(connection, INSERT_EVENT, params_from_iter(bind_event(event)), || {
        format!("an event of realm {} has the same id", event.realm)
    })
}

pub(super) fn insert_token(connection: &Connection, token: &TokenRecord) -> Result<(), Failure> {
    insert(connection, INSERT_TOKEN, params_from_iter(bind_token(token)), || {
        format!("there is a token of that id or hash ({})", token.label)
    })
}

pub(super) fn delete_token(connection: &Connection, id: TokenId) -> Result<(), Failure> {
    let deleted = execute(connection, "DELETE FROM tokens WHERE token = ?1", [blob(&id.0)])?;
    guard_holds(deleted == 1, || "there is no such token (any more)".to_owned())
}
