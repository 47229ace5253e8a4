//! What a device's message, a push and a refill are decided on.

use std::sync::LazyLock;

use matchbook_protocol::AuthenticatorId;
use matchbook_rules::{Authenticator, DeviceSnapshot, IssuedSet, OutboxItem, Realm, RealmId, Subscriber};
use tokio_postgres::Row;

use super::parts::{LEDGER, Parts, ledger_once};
use crate::LoadError;
use crate::postgres::pool::Pool;
use crate::postgres::rows::Damage;
use crate::postgres::session::Query;
use crate::postgres::{sentence, transaction};
use crate::rows::{Stored, blob, columns};

/// A row for each set and for each message of a device, or one where there is neither; what there is one of stands in all
/// of them. The directory says the realm. Each is joined by its key, as for a verify.
static DEVICE: LazyLock<String> = LazyLock::new(|| {
    let (realm, device, user) = (columns::<Realm>("r"), columns::<Authenticator>("a"), columns::<Subscriber>("u"));
    let (set, message, ledger) = (columns::<IssuedSet>("s"), columns::<OutboxItem>("m"), ledger_once("h.place"));
    format!(
        "SELECT d.realm, {realm}, {device}, {ledger}, {user}, h.* FROM directory AS d \
         LEFT JOIN LATERAL (SELECT * FROM realms WHERE realms.realm = d.realm LIMIT 1) AS r ON TRUE \
         LEFT JOIN LATERAL (SELECT a.*, {LEDGER} FROM authenticators AS a \
             WHERE a.realm = d.realm AND a.authenticator BETWEEN d.authenticator AND d.authenticator \
             ORDER BY a.authenticator LIMIT 1) AS a ON TRUE \
         LEFT JOIN LATERAL (SELECT * FROM subscribers AS s \
             WHERE s.realm = d.realm AND s.subscriber = a.subscriber LIMIT 1) AS u ON TRUE \
         LEFT JOIN LATERAL (SELECT h.*, row_number() OVER () AS place FROM ( \
             SELECT {set}, {} FROM sets AS s WHERE s.realm = d.realm AND s.authenticator = d.authenticator \
             UNION ALL \
             SELECT {}, {message} FROM outbox AS m WHERE m.realm = d.realm AND m.authenticator = d.authenticator \
         ) AS h) AS h ON TRUE WHERE d.authenticator = $1",
        nothing::<OutboxItem>(),
        nothing::<IssuedSet>(),
    )
});

/// As many columns as the type has, with nothing in them.
fn nothing<T: Stored>() -> String {
    let names = T::SELECT.trim_start_matches("SELECT").split(',');
    names.map(|name| format!("NULL AS {}", name.trim())).collect::<Vec<_>>().join(", ")
}

/// By one statement, which sees one moment without a transaction around it.
pub(in crate::postgres) async fn device(
    pool: &Pool,
    id: &AuthenticatorId,
) -> Result<Option<DeviceSnapshot>, LoadError> {
    let answers = transaction::read(pool, &[Query::new(DEVICE.as_str(), [blob(&id.0)])]).await?;
    let rows = answers.first().map(|answer| answer.rows.as_slice()).unwrap_or_default();
    device_of(id, rows).map_err(|damage| sentence::of_damage(&pool.at(), &damage))
}

fn device_of(id: &AuthenticatorId, rows: &[Row]) -> Result<Option<DeviceSnapshot>, Damage> {
    let Some(first) = rows.first() else { return Ok(None) };
    let mut parts = Parts::at(first, 0);
    let realm_id: RealmId = parts.read(|it| it.name())?;
    let realm: Option<Realm> = parts.one()?;
    let Some(authenticator) = parts.one::<Authenticator>()? else {
        return Err(Damage(format!("device {id} is in the directory and not in realm {realm_id}")));
    };
    let of_ledger = parts.place();
    parts.ledger(id)?;
    let realm = realm.ok_or_else(|| Damage(format!("realm {realm_id} of device {id} is not there")))?;
    let subscriber = parts
        .one::<Subscriber>()?
        .ok_or_else(|| Damage(format!("user {} of device {id} is not there", authenticator.subscriber)))?;
    let (mut ledger, mut sets, mut outbox) = (None, Vec::new(), Vec::new());
    for row in rows {
        ledger = ledger.or(Parts::at(row, of_ledger).ledger(id)?);
        let mut parts = Parts::at(row, parts.place());
        sets.extend(parts.one::<IssuedSet>()?);
        outbox.extend(parts.one::<OutboxItem>()?);
    }
    let ledger = ledger.ok_or_else(|| Damage(format!("the ledger of device {id} is missing from an answer")))?;
    sets.sort_unstable_by_key(|set| set.first);
    outbox.sort_unstable_by_key(|item| (item.created_at, item.message));
    Ok(Some(DeviceSnapshot {
        realm,
        subscriber_suspended: subscriber.suspended,
        subscriber_version: subscriber.version,
        authenticator,
        sets,
        spent: ledger.spent,
        highest_spent: ledger.highest_spent,
        failures: ledger.failures,
        outbox,
    }))
}
