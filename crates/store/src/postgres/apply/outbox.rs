//! Writes of the outbox, and of what became of the short messages that left it.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{Dispatch, DispatchId, DispatchState, OutboxItem, RealmId};

use super::{Step, unless_there};
use crate::postgres::session::Query;
use crate::rows::{
    INSERT_DISPATCH, INSERT_OUTBOX, Value, bind_dispatch, bind_outbox, blob, dispatch_state, number, text, time,
};

/// Which message.
pub(super) struct MessageKey<'a> {
    pub(super) realm: &'a RealmId,
    pub(super) id: &'a AuthenticatorId,
    pub(super) message: &'a [u8; 16],
}

impl<'a> MessageKey<'a> {
    fn values(&self, more: impl IntoIterator<Item = Value<'a>>) -> Vec<Value<'a>> {
        [text(self.realm.as_str()), blob(&self.id.0), blob(self.message)].into_iter().chain(more).collect()
    }
}

pub(super) fn insert(item: &OutboxItem) -> Step<'_> {
    Step::sole(Query::new(unless_there(INSERT_OUTBOX), bind_outbox(item)), || {
        format!("a message for device {} has the same id", item.authenticator)
    })
}

pub(super) fn delete<'a>(key: &MessageKey<'a>) -> Step<'a> {
    let sql = "DELETE FROM outbox WHERE realm = $1 AND authenticator = $2 AND message = $3";
    Step::free(Query::new(sql, key.values([])))
}

pub(super) fn attempt<'a>(key: &MessageKey<'a>, at: UnixMillis, next_attempt_at: UnixMillis) -> Step<'a> {
    let sql = "UPDATE outbox SET attempts = least(attempts + 1, 4294967295), sent_at = $4, next_attempt_at = $5, \
               leased_by = NULL, leased_until = NULL WHERE realm = $1 AND authenticator = $2 AND message = $3";
    Step::free(Query::new(sql, key.values([time(at), time(next_attempt_at)])))
}

pub(super) fn due<'a>(key: &MessageKey<'a>, next_attempt_at: UnixMillis) -> Step<'a> {
    let sql = "UPDATE outbox SET next_attempt_at = $4, leased_by = NULL, leased_until = NULL \
               WHERE realm = $1 AND authenticator = $2 AND message = $3";
    Step::free(Query::new(sql, key.values([time(next_attempt_at)])))
}

pub(super) fn insert_dispatch(dispatch: &Dispatch) -> Step<'_> {
    Step::sole(Query::new(unless_there(INSERT_DISPATCH), bind_dispatch(dispatch)), || {
        format!("that sending of a message for device {} is noted", dispatch.id.authenticator)
    })
}

pub(super) fn settle_dispatch<'a>(
    id: &'a DispatchId,
    state: DispatchState,
    at: UnixMillis,
    error: &'a str,
) -> Step<'a> {
    let sql = "UPDATE dispatches SET state = $6, settled_at = $7, error = $8 \
               WHERE realm = $1 AND authenticator = $2 AND message = $3 AND attempt = $4 AND part = $5";
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
    Step::free(Query::new(sql, values))
}
