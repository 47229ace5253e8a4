//! What a verify is decided on.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    Authenticator, Bucket, BucketKey, Candidate, IssuedSet, Operation, Realm, Status, Subscriber, ThrottleSnapshot,
    VerifySnapshot, VerifyTarget,
};
use tokio_postgres::Row;

use super::parts::{LEDGER, Ledger, Parts, ledger_once};
use crate::postgres::pool::Pool;
use crate::postgres::rows::Damage;
use crate::postgres::session::Query;
use crate::postgres::{sentence, transaction};
use crate::rows::{OUTBOX_SET, STATUS_REVOKED, blob, columns, text};
use crate::{LoadError, VerifyLookup};

/// The statements without an operation and with one.
struct Statements {
    without: String,
    with: String,
}

static OF_SUBSCRIBER: LazyLock<Statements> = LazyLock::new(|| {
    let devices = devices(&format!("a.subscriber = $2 AND a.status <> {STATUS_REVOKED}"));
    Statements::of(&format!("{} {devices}", user("$2")))
});

/// A device that is revoked still says whose it is.
static OF_AUTHENTICATOR: LazyLock<Statements> = LazyLock::new(|| {
    let devices = devices("a.authenticator BETWEEN $2 AND $2");
    Statements::of(&format!("{devices} {}", user("a.subscriber")))
});

// What is joined stands in queries of their own, in order or limited: so the planner looks each up by its key, whatever it
// takes a table for. Left to itself, it joins what it planned for empty tables by reading a whole realm. A device's order is
// that of the primary key, as it has a range: with an equal sign, the index by subscriber is as good in an empty table.

/// Joins a user.
fn user(which: &str) -> String {
    format!(
        "LEFT JOIN LATERAL (SELECT * FROM subscribers WHERE realm = $1 AND subscriber = {which} LIMIT 1) AS u ON TRUE"
    )
}

/// Joins devices with their ledgers.
fn devices(which: &str) -> String {
    format!(
        "LEFT JOIN LATERAL (SELECT a.*, {LEDGER}, EXISTS (SELECT 1 FROM outbox AS m WHERE m.realm = a.realm \
             AND m.authenticator = a.authenticator AND m.kind = {OUTBOX_SET}) AS outstanding \
         FROM authenticators AS a WHERE a.realm = $1 AND {which} ORDER BY a.authenticator) AS a ON TRUE"
    )
}

impl Statements {
    /// A row for each set of each device, or one where there is none; what there is one of stands in all of them. `whose`
    /// joins the user as `u` and the devices as `a`.
    fn of(whose: &str) -> Self {
        let (realm, user) = (columns::<Realm>("r"), columns::<Subscriber>("u"));
        let (device, set) = (columns::<Authenticator>("a"), columns::<IssuedSet>("s"));
        let keys = "$3::bytea, $4, $5, $6, $7";
        let buckets = format!(
            "ARRAY(SELECT n.number FROM buckets AS b CROSS JOIN LATERAL unnest( \
                 ARRAY[array_position(ARRAY[{keys}], b.bucket), b.failures, b.window_started_at, b.last_failure_at] \
             ) WITH ORDINALITY AS n (number, place) \
             WHERE b.realm = $1 AND b.bucket IN ({keys}) ORDER BY b.bucket, n.place)"
        );
        let ledger = ledger_once("s.place");
        let statement = |operation: &str, join: &str| {
            format!(
                "SELECT {realm}, {user}, {buckets}{operation}, {device}, {ledger}, a.outstanding, {set} \
                 FROM (SELECT 1) AS one LEFT JOIN realms AS r ON r.realm = $1 {whose} \
                 LEFT JOIN LATERAL (SELECT sets.*, row_number() OVER (ORDER BY sets.first) AS place FROM sets \
                     WHERE realm = $1 AND sets.authenticator = a.authenticator) AS s ON TRUE{join}"
            )
        };
        let join = " LEFT JOIN operations AS o ON o.realm = $1 AND o.relying_party = $8 AND o.operation = $9";
        let operation = format!(", {}", columns::<Operation>("o"));
        Self { without: statement("", ""), with: statement(&operation, join) }
    }
}

/// By one statement, which sees one moment without a transaction around it.
pub(in crate::postgres) async fn verify(pool: &Pool, lookup: &VerifyLookup) -> Result<VerifySnapshot, LoadError> {
    let (statements, whose) = match &lookup.target {
        VerifyTarget::Subscriber(id) => (&*OF_SUBSCRIBER, text(id.as_str())),
        VerifyTarget::Authenticator(id) => (&*OF_AUTHENTICATOR, blob(&id.0)),
    };
    let mut values = vec![text(lookup.realm.as_str()), whose];
    values.extend(buckets(lookup).map(|key| blob(&key.0)));
    let sql = match &lookup.operation {
        Some(id) => {
            values.extend([text(lookup.relying_party.as_str()), text(id.as_str())]);
            &statements.with
        }
        None => &statements.without,
    };
    let answers = transaction::read(pool, &[Query::new(sql.as_str(), values)]).await?;
    let rows = answers.first().map(|answer| answer.rows.as_slice()).unwrap_or_default();
    verify_of(lookup, rows).map_err(|damage| sentence::of_damage(&pool.at(), &damage))
}

fn verify_of(lookup: &VerifyLookup, rows: &[Row]) -> Result<VerifySnapshot, Damage> {
    let first = rows.first().ok_or_else(|| Damage("an answer is missing".to_owned()))?;
    let mut parts = Parts::at(first, 0);
    let realm: Option<Realm> = parts.one()?;
    let subscriber: Option<Subscriber> = parts.one()?;
    let throttle = throttle(lookup, &parts.numbers()?.unwrap_or_default())?;
    let operation = if lookup.operation.is_some() { parts.one()? } else { None };
    // Nobody answers for a name that is not there, nor in a realm that is not there.
    let is_known = realm.is_some()
        && match &lookup.target {
            VerifyTarget::Subscriber(_) => subscriber.is_some(),
            VerifyTarget::Authenticator(_) => true,
        };
    let mut devices = BTreeMap::new();
    if is_known {
        for row in rows {
            Device::read(&mut devices, Parts::at(row, parts.place()))?;
        }
    }
    let live = devices.into_values().filter(|device: &Device| device.authenticator.status != Status::Revoked);
    let candidates = live.map(Device::candidate).collect::<Result<_, _>>()?;
    Ok(VerifySnapshot {
        subscriber: subscriber.filter(|_| realm.is_some()).map(Arc::new),
        realm: realm.map(Arc::new),
        candidates,
        throttle,
        operation,
    })
}

struct Device {
    authenticator: Authenticator,
    ledger: Option<Ledger>,
    outstanding: bool,
    sets: Vec<IssuedSet>,
}

impl Device {
    /// Reads a device and a set of it, or another set of one that was read.
    fn read(devices: &mut BTreeMap<AuthenticatorId, Self>, mut parts: Parts<'_>) -> Result<(), Damage> {
        let Some(authenticator) = parts.one::<Authenticator>()? else { return Ok(()) };
        let ledger = parts.ledger(&authenticator.id)?;
        let outstanding = parts.read(|it| it.flag())?;
        let set = parts.one()?;
        let it = devices.entry(authenticator.id);
        let it = it.or_insert_with(|| Self { authenticator, ledger: None, outstanding, sets: Vec::new() });
        it.ledger = it.ledger.take().or(ledger);
        it.sets.extend(set);
        Ok(())
    }

    fn candidate(mut self) -> Result<Candidate, Damage> {
        let id = self.authenticator.id;
        let missing = || Damage(format!("the ledger of device {id} is missing from an answer"));
        let ledger = self.ledger.ok_or_else(missing)?;
        self.sets.sort_unstable_by_key(|set| set.first);
        Ok(Candidate {
            sets: self.sets.into(),
            spent: ledger.spent,
            highest_spent: ledger.highest_spent,
            failures: ledger.failures,
            set_outstanding: self.outstanding,
            authenticator: Arc::new(self.authenticator),
        })
    }
}

/// The buckets in the order of their values.
fn buckets(lookup: &VerifyLookup) -> [&BucketKey; 5] {
    let VerifyLookup { source_bucket, place_bucket, relying_party_bucket, global_bucket, skips_bucket, .. } = lookup;
    [source_bucket, place_bucket, relying_party_bucket, global_bucket, skips_bucket]
}

/// Reads four numbers a bucket, of which the first is its place; one that is not there counts nothing.
fn throttle(lookup: &VerifyLookup, numbers: &[i64]) -> Result<ThrottleSnapshot, Damage> {
    let mut found = Vec::new();
    for four in numbers.chunks(4) {
        let read = |place: i64, failures: i64, began: i64, last: i64| {
            let key = *buckets(lookup).get(usize::try_from(place).ok()?.checked_sub(1)?)?;
            let (failures, began, last) =
                (u32::try_from(failures).ok()?, u64::try_from(began).ok()?, u64::try_from(last).ok()?);
            let (window_started_at, last_failure_at) = (UnixMillis(began), UnixMillis(last));
            Some((key, Bucket { failures, window_started_at, last_failure_at }))
        };
        let bucket = if let [place, failures, began, last] = *four { read(place, failures, began, last) } else { None };
        found.push(bucket.ok_or_else(|| Damage("a row of table buckets: a number is out of range".to_owned()))?);
    }
    let of = |key: &BucketKey| found.iter().find(|(it, _)| *it == key).map(|(_, bucket)| *bucket).unwrap_or_default();
    Ok(ThrottleSnapshot {
        source: of(&lookup.source_bucket),
        place: of(&lookup.place_bucket),
        relying_party: of(&lookup.relying_party_bucket),
        global: of(&lookup.global_bucket),
        skips: of(&lookup.skips_bucket),
    })
}
