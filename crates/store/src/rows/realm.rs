//! Tables `realms`, `subscribers` and `audit`.

use matchbook_protocol::AuthenticatorId;
use matchbook_rules::{AuditEvent, Mode, Policy, Realm, Subscriber, Version};

use super::values::{Value, blob, long, number, opt, owned_text, text, time};
use super::words::{MODE_ANY_UNUSED, MODE_INDEXED, MODE_NEXT_IN_ORDER, event, read_event};
use super::{Bad, Bound, Fields, Stored};

macro_rules! realm_values {
    () => {
        "display_name, mode, look_ahead, digits, base32, set_size, threshold, max_failures, sets_per_day, \
         skips_per_day, rotate_after_days, accept_guessable_codes, created_at, version"
    };
}

macro_rules! realm_bound {
    () => {
        "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15"
    };
}

pub(crate) const INSERT_REALM: &str =
    concat!("INSERT INTO realms (realm, ", realm_values!(), ") VALUES (?1, ", realm_bound!(), ")");

/// Changes no row unless the row is at the version before the bound one.
pub(crate) const UPDATE_REALM: &str = concat!(
    "UPDATE realms SET (",
    realm_values!(),
    ") = (",
    realm_bound!(),
    ") WHERE realm = ?1 AND version = ?15 - 1"
);

pub(crate) const INSERT_SUBSCRIBER: &str = "INSERT INTO subscribers \
     (realm, subscriber, display_name, suspended, created_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Changes no row unless the row is at the version before the bound one.
pub(crate) const UPDATE_SUBSCRIBER: &str = "UPDATE subscribers \
     SET (display_name, suspended, created_at, version) = (?3, ?4, ?5, ?6) \
     WHERE realm = ?1 AND subscriber = ?2 AND version = ?6 - 1";

pub(crate) const INSERT_EVENT: &str = "INSERT INTO audit \
     (realm, id, at, kind, authenticator, subscriber, relying_party, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// The version that a write gives the row: one more than the model's.
pub(crate) fn next_version(version: Version) -> Value<'static> {
    long(version.0.saturating_add(1))
}

pub(crate) fn bind_realm(it: &Realm) -> Bound<'_, 15> {
    // Taken apart, so that a new field of the policy does not compile until it has a column.
    let Policy {
        mode,
        digits,
        base32,
        set_size,
        threshold,
        max_failures,
        sets_per_day,
        skips_per_day,
        rotate_after_days,
        accept_guessable_codes,
    } = it.policy;
    let (mode, look_ahead) = match mode {
        Mode::Indexed => (MODE_INDEXED, Value::Null),
        Mode::NextInOrder { look_ahead } => (MODE_NEXT_IN_ORDER, number(look_ahead)),
        Mode::AnyUnused => (MODE_ANY_UNUSED, Value::Null),
    };
    [
        text(it.id.as_str()),
        text(&it.display_name),
        number(mode),
        look_ahead,
        number(digits),
        number(base32),
        opt(set_size, number),
        number(threshold),
        number(max_failures),
        number(sets_per_day),
        number(skips_per_day),
        number(rotate_after_days),
        number(accept_guessable_codes),
        time(it.created_at),
        next_version(it.version),
    ]
}

impl Stored for Realm {
    const TABLE: &'static str = "realms";
    const SELECT: &'static str = concat!("SELECT realm, ", realm_values!());
    const KEY: usize = 1;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            id: fields.name()?,
            display_name: fields.text()?.to_owned(),
            policy: Policy {
                mode: mode(fields)?,
                digits: fields.number()?,
                base32: fields.flag()?,
                set_size: fields.opt_number()?,
                threshold: fields.number()?,
                max_failures: fields.number()?,
                sets_per_day: fields.number()?,
                skips_per_day: fields.number()?,
                rotate_after_days: fields.number()?,
                accept_guessable_codes: fields.flag()?,
            },
            created_at: fields.time()?,
            version: Version(fields.number()?),
        })
    }
}

fn mode(fields: &mut Fields<'_>) -> Result<Mode, Bad> {
    match (fields.number()?, fields.opt_number()?) {
        (MODE_INDEXED, None) => Ok(Mode::Indexed),
        (MODE_NEXT_IN_ORDER, Some(look_ahead)) => Ok(Mode::NextInOrder { look_ahead }),
        (MODE_ANY_UNUSED, None) => Ok(Mode::AnyUnused),
        _ => Err(fields.bad("does not fit the mode, or there is no such mode")),
    }
}

pub(crate) fn bind_subscriber(it: &Subscriber) -> Bound<'_, 6> {
    [
        text(it.realm.as_str()),
        text(it.id.as_str()),
        text(&it.display_name),
        number(it.suspended),
        time(it.created_at),
        next_version(it.version),
    ]
}

impl Stored for Subscriber {
    const TABLE: &'static str = "subscribers";
    const SELECT: &'static str = "SELECT realm, subscriber, display_name, suspended, created_at, version";
    const KEY: usize = 2;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            realm: fields.name()?,
            id: fields.name()?,
            display_name: fields.text()?.to_owned(),
            suspended: fields.flag()?,
            created_at: fields.time()?,
            version: Version(fields.number()?),
        })
    }
}

pub(crate) fn bind_event(it: &AuditEvent) -> Bound<'_, 8> {
    [
        text(it.realm.as_str()),
        blob(&it.id),
        time(it.at),
        owned_text(event(it.kind)),
        opt(it.authenticator.as_ref(), |id| blob(&id.0)),
        opt(it.subscriber.as_ref(), |id| text(id.as_str())),
        opt(it.relying_party.as_ref(), |id| text(id.as_str())),
        text(&it.detail),
    ]
}

impl Stored for AuditEvent {
    const TABLE: &'static str = "audit";
    const SELECT: &'static str = "SELECT realm, id, at, kind, authenticator, subscriber, relying_party, detail";
    const KEY: usize = 2;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            realm: fields.name()?,
            id: fields.array()?,
            at: fields.time()?,
            kind: read_event(fields)?,
            authenticator: fields.opt_array()?.map(AuthenticatorId),
            subscriber: fields.opt_name()?,
            relying_party: fields.opt_name()?,
            detail: fields.text()?.to_owned(),
        })
    }
}
