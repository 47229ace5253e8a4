//! Table `authenticators`.

use std::sync::LazyLock;

use matchbook_protocol::sms::Address;
use matchbook_protocol::{AuthenticatorId, CodeIndex, Epoch, Handle, Profile, UnixMillis};
use matchbook_rules::{
    Authenticator, AuthenticatorKeys, CachedReply, DayCount, EpochKey, NextKey, RequestWindow, SealedKey, Status,
    Version,
};

use super::values::{bits, blob, number, opt, owned_text, text, time};
use super::words::{
    STATUS_ACTIVE, STATUS_PENDING, STATUS_REVOKED, STATUS_SUSPENDED, read_refill, read_rotation, refill, rotation,
};
use super::{Bad, Bound, Fields, Stored, next_version};

macro_rules! values {
    () => {
        "subscriber, label, msisdn, profile, handle, status, expires_at, key_epoch, key_sealed, key_since, key_messages, \
         next_epoch, next_sealed, next_ephemeral, next_counter, public_key, request_highest, request_seen, \
         reply_counter, reply_bytes, reply_at, sync_sequence, next_index, acknowledged, restored, rotation_wanted, refill_due, \
         day, day_sets, reported_unused, created_at, last_seen_at, version"
    };
}

macro_rules! bound {
    () => {
        "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, \
         ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35"
    };
}

pub(crate) const INSERT_AUTHENTICATOR: &str =
    concat!("INSERT INTO authenticators (realm, authenticator, ", values!(), ") VALUES (?1, ?2, ", bound!(), ")");

/// Changes no row unless the row is at the version before the bound one.
pub(crate) const UPDATE_AUTHENTICATOR: &str = concat!(
    "UPDATE authenticators SET (",
    values!(),
    ") = (",
    bound!(),
    ") WHERE realm = ?1 AND authenticator = ?2 AND version = ?35 - 1"
);

/// Columns that indices are made of, or made by.
const INDEXED: &[&str] = &["subscriber", "status", "rotation_wanted", "refill_due"];

/// As [`UPDATE_AUTHENTICATOR`], for a row that keeps what is [`INDEXED`]; it changes no other. SQLite writes an index anew when
/// a column of it is set, also when it is set to what it was.
pub(crate) static UPDATE_AUTHENTICATOR_KEEPING: LazyLock<String> = LazyLock::new(|| {
    let columns = values!().split(',').map(str::trim).zip(3..);
    let (kept, set): (Vec<_>, Vec<_>) = columns.partition(|(column, _)| INDEXED.contains(column));
    let set: Vec<String> = set.iter().map(|(column, place)| format!("{column} = ?{place}")).collect();
    let kept: String = kept.iter().map(|(column, place)| format!(" AND {column} IS ?{place}")).collect();
    let set = set.join(", ");
    format!("UPDATE authenticators SET {set} WHERE realm = ?1 AND authenticator = ?2 AND version = ?35 - 1{kept}")
});

/// The values to bind; the version is one more than the model's.
pub(crate) fn bind(it: &Authenticator) -> Bound<'_, 35> {
    let (status, expires_at) = match it.status {
        Status::Pending { expires_at } => (STATUS_PENDING, Some(expires_at)),
        Status::Active => (STATUS_ACTIVE, None),
        Status::Suspended => (STATUS_SUSPENDED, None),
        Status::Revoked => (STATUS_REVOKED, None),
    };
    let (current, next) = (&it.keys.current, it.keys.next.as_ref());
    [
        text(it.realm.as_str()),
        blob(&it.id.0),
        text(it.subscriber.as_str()),
        text(&it.label),
        opt(it.msisdn.as_ref(), |number| owned_text(number.to_string())),
        number(it.profile.to_byte()),
        number(it.handle.0),
        number(status),
        opt(expires_at, time),
        number(current.epoch.0),
        blob(&current.sealed.0),
        time(current.since),
        number(current.messages),
        opt(next, |key| number(key.epoch.0)),
        opt(next, |key| blob(&key.sealed.0)),
        opt(next, |key| blob(&key.ephemeral)),
        opt(next, |key| number(key.counter)),
        blob(&it.public_key),
        number(it.requests.highest),
        bits(it.requests.seen),
        opt(it.last_reply.as_ref(), |reply| number(reply.counter)),
        opt(it.last_reply.as_ref(), |reply| blob(&reply.bytes)),
        opt(it.last_reply.as_ref(), |reply| time(reply.at)),
        number(it.sync_sequence),
        number(it.next_index.0),
        number(it.acknowledged.0),
        number(it.restored),
        opt(it.rotation_wanted, |reason| number(rotation(reason))),
        opt(it.refill_due, |reason| number(refill(reason))),
        number(it.day.day),
        number(it.day.sets),
        opt(it.reported_unused, number),
        time(it.created_at),
        opt(it.last_seen_at, time),
        next_version(it.version),
    ]
}

impl Stored for Authenticator {
    const TABLE: &'static str = "authenticators";
    const SELECT: &'static str = concat!("SELECT realm, authenticator, ", values!());
    const KEY: usize = 2;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            realm: fields.name()?,
            id: AuthenticatorId(fields.array()?),
            subscriber: fields.name()?,
            label: fields.text()?.to_owned(),
            msisdn: msisdn(fields)?,
            profile: Profile::from_byte(fields.number()?).map_err(|_| fields.bad("is no profile"))?,
            handle: Handle(fields.number()?),
            status: status(fields)?,
            keys: AuthenticatorKeys { current: current(fields)?, next: next(fields)? },
            public_key: fields.blob()?.to_vec(),
            requests: RequestWindow { highest: fields.number()?, seen: fields.bits()? },
            last_reply: last_reply(fields)?,
            sync_sequence: fields.number()?,
            next_index: CodeIndex(fields.number()?),
            acknowledged: CodeIndex(fields.number()?),
            restored: fields.flag()?,
            rotation_wanted: read_rotation(fields)?,
            refill_due: read_refill(fields)?,
            day: DayCount { day: fields.number()?, sets: fields.number()? },
            reported_unused: fields.opt_number()?,
            created_at: fields.time()?,
            last_seen_at: fields.opt_time()?,
            version: Version(fields.number()?),
        })
    }
}

fn msisdn(fields: &mut Fields<'_>) -> Result<Option<Address>, Bad> {
    let Some(text) = fields.opt_text()? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| fields.bad("is no number"))
}

fn status(fields: &mut Fields<'_>) -> Result<Status, Bad> {
    let status: u8 = fields.number()?;
    let expires_at = fields.opt_time()?;
    match (status, expires_at) {
        (STATUS_PENDING, Some(expires_at)) => Ok(Status::Pending { expires_at }),
        (STATUS_ACTIVE, None) => Ok(Status::Active),
        (STATUS_SUSPENDED, None) => Ok(Status::Suspended),
        (STATUS_REVOKED, None) => Ok(Status::Revoked),
        _ => Err(fields.bad("does not fit the status, or there is no such status")),
    }
}

fn current(fields: &mut Fields<'_>) -> Result<EpochKey, Bad> {
    Ok(EpochKey {
        epoch: Epoch(fields.number()?),
        sealed: SealedKey(fields.blob()?.to_vec()),
        since: fields.time()?,
        messages: fields.number()?,
    })
}

fn next(fields: &mut Fields<'_>) -> Result<Option<NextKey>, Bad> {
    match (fields.opt_number()?, fields.opt_blob()?, fields.opt_blob()?, fields.opt_number()?) {
        (Some(epoch), Some(sealed), Some(ephemeral), Some(counter)) => Ok(Some(NextKey {
            epoch: Epoch(epoch),
            sealed: SealedKey(sealed.to_vec()),
            ephemeral: ephemeral.to_vec(),
            counter,
        })),
        (None, None, None, None) => Ok(None),
        _ => Err(fields.bad("and the other columns of the next key are not all there")),
    }
}

fn last_reply(fields: &mut Fields<'_>) -> Result<Option<CachedReply>, Bad> {
    match (fields.opt_number()?, fields.opt_blob()?, fields.opt_time()?) {
        (Some(counter), Some(bytes), at) => {
            // Rows from before the column have no time, which is long ago.
            Ok(Some(CachedReply { counter, bytes: bytes.to_vec(), at: at.unwrap_or(UnixMillis(0)) }))
        }
        (None, None, _) => Ok(None),
        (Some(_), None, _) | (None, Some(_), _) => Err(fields.bad("and reply_counter are not both there")),
    }
}
