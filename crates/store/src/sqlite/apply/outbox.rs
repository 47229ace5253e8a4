//! Writes of the outbox, and of what became of the short messages that left it.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{Dispatch, DispatchId, DispatchState, OutboxItem, RealmId};
use rusqlite::{Connection, params_from_iter};

use super::{Failure, execute, insert as insert_row};
use crate::sqlite::rows::{
    INSERT_DISPATCH, INSERT_OUTBOX, Value, bind_dispatch, bind_outbox, blob, dispatch_state, number, text, time,
};

/// Which message.
pub(super) struct MessageKey<'a> {
    pub(super) realm: &'a RealmId,
    pub(super) id: &'a AuthenticatorId,
    pub(super) message: &'a [u8; 16],
}

impl<'a> MessageKey<'a> {
    fn values(&self) -> [Value<'a>; 3] {
        [text(self.realm.as_str()), blob(&self.id.0), blob(self.message)]
    }
}

pub(super) fn insert(connection: &Connection, item: &OutboxItem) -> Result<(), Failure> {
    insert_row(connection, INSERT_OUTBOX, params_from_iter(bind_outbox(item)), || {
        format!("a message for device {} has the same id", item.authenticator)
    })
}

pub(super) fn delete(connection: &Connection, key: &MessageKey<'_>) -> Result<(), Failure> {
    let sql = "DELETE FROM outbox WHERE realm = ?1 AND authenticator = ?2 AND message = ?3";
    execute(connection, sql, key.values()).map(drop)
}

pub(super) fn attempt(
    connection: &Connection,
    key: &MessageKey<'_>,
    at: UnixMillis,
    next_attempt_at: UnixMillis,
) -> Result<(), Failure> {
    let sql = "UPDATE outbox SET attempts = min(attempts + 1, 4294967295), sent_at = ?4, next_attempt_at = ?5 \
               WHERE realm = ?1 AND authenticator = ?2 AND message = ?3";
    let values = key.values().into_iter().chain([time(at), time(next_attempt_at)]);
    execute(connection, sql, params_from_iter(values)).map(drop)
}

pub(super) fn due(connection: &Connection, key: &MessageKey<'_>, next_attempt_at: UnixMillis) -> Result<(), Failure> {
    let sql = "UPDATE outbox SET next_attempt_at = ?4 WHERE realm = ?1 AND authenticator = ?2 AND message = ?3";
    execute(connection, sql, params_from_iter(key.values().into_iter().chain([time(next_attempt_at)]))).map(drop)
}

pub(super) fn insert_dispatch(connection: &Connection, dispatch: &Dispatch) -> Result<(), Failure> {
    insert_row(connection, INSERT_DISPATCH, params_from_iter(bind_dispatch(dispatch)), || {
        format!("that sending of a message for device {} is noted", dispatch.id.authenticator)
    })
}

pub(super) fn settle_dispatch(
    connection: &Connection,
    id: &DispatchId,
    state: DispatchState,
    at: UnixMillis,
    error: &str,
) -> Result<(), Failure> {
    let sql = "UPDATE dispatches SET state = ?6, settled_at = ?7, error = ?8 \
               WHERE realm = ?1 AND authenticator = ?2 AND message = ?3 AND attempt = ?4 AND part = ?5";
    let values = [
        text(id.realm.as_str()),
        blob(&id.authenticator.0),
        blob(&id.message),
        number(id.attempt),
        number(id.part),
        number(dispatch_state(state)),
        time(at),
        text(error),
    ];
    execute(connection, sql, values).map(drop)
}
