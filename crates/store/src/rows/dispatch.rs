//! Table `dispatches`.

use matchbook_protocol::AuthenticatorId;
use matchbook_rules::{Dispatch, DispatchId};

use super::values::{blob, number, opt, text, time};
use super::words::{content, dispatch_state, read_content, read_dispatch_state};
use super::{Bad, Bound, Fields, Stored};

pub(crate) const INSERT_DISPATCH: &str = "INSERT INTO dispatches \
     (realm, authenticator, message, attempt, part, parts, content, bytes, centre, centre_id, at, state, settled_at, \
     error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

pub(crate) fn bind_dispatch(it: &Dispatch) -> Bound<'_, 14> {
    [
        text(it.id.realm.as_str()),
        blob(&it.id.authenticator.0),
        blob(&it.id.message),
        number(it.id.attempt),
        number(it.id.part),
        number(it.parts),
        number(content(it.content)),
        number(it.bytes),
        text(&it.centre),
        opt(it.centre_id.as_deref(), text),
        time(it.at),
        number(dispatch_state(it.state)),
        opt(it.settled_at, time),
        text(&it.error),
    ]
}

impl Stored for Dispatch {
    const TABLE: &'static str = "dispatches";
    const SELECT: &'static str = "SELECT realm, authenticator, message, attempt, part, parts, content, bytes, centre, \
         centre_id, at, state, settled_at, error";
    const KEY: usize = 5;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            id: DispatchId {
                realm: fields.name()?,
                authenticator: AuthenticatorId(fields.array()?),
                message: fields.array()?,
                attempt: fields.number()?,
                part: fields.number()?,
            },
            parts: fields.number()?,
            content: read_content(fields)?,
            bytes: fields.number()?,
            centre: fields.text()?.to_owned(),
            centre_id: fields.opt_text()?.map(str::to_owned),
            at: fields.time()?,
            state: read_dispatch_state(fields)?,
            settled_at: fields.opt_time()?,
            error: fields.text()?.to_owned(),
        })
    }
}
