//! The snapshots that decisions are made on, each in one round trip.

use std::sync::Arc;

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{
    Authenticator, Bucket, BucketKey, Candidate, DeviceSnapshot, IssuedSet, Operation, OutboxItem, Realm, RealmId,
    Subscriber, ThrottleSnapshot, VerifySnapshot, VerifyTarget,
};
use tokio_postgres::Row;

use super::apply::select;
use super::pool::Pool;
use super::rows::{Damage, all, each, one};
use super::session::{Outcome, Query};
use super::{sentence, transaction};
use crate::rows::{Fields, OUTBOX_SET, STATUS_REVOKED, Stored, Value, blob, text};
use crate::{LoadError, VerifyLookup};

/// Beside the columns of an authenticator: what is spent, forgotten and failed, and whether a set is outstanding.
const WITH_LEDGER: &str = ", ARRAY(SELECT code FROM spends AS p WHERE p.realm = a.realm \
         AND p.authenticator = a.authenticator ORDER BY code) AS spent, \
     (SELECT highest FROM forgotten AS g WHERE g.realm = a.realm AND g.authenticator = a.authenticator) AS forgotten, \
     (SELECT count FROM failures AS f WHERE f.realm = a.realm AND f.authenticator = a.authenticator) AS failed, \
     EXISTS (SELECT 1 FROM outbox AS o WHERE o.realm = a.realm AND o.authenticator = a.authenticator \
         AND o.kind = ";

/// An authenticator with its ledger; `rest` begins with `WHERE`.
fn authenticators<'a>(rest: &str, values: impl Into<Vec<Value<'a>>>) -> Query<'a> {
    let outstanding = OUTBOX_SET.to_string();
    let select = [Authenticator::SELECT, WITH_LEDGER, &outstanding, ") AS outstanding FROM authenticators AS a ", rest];
    Query::new(select.concat(), values)
}

pub(super) async fn device(pool: &Pool, id: &AuthenticatorId) -> Result<Option<DeviceSnapshot>, LoadError> {
    // The directory says the realm, which the other statements ask for within themselves: one round trip.
    const HERE: &str = "(SELECT realm FROM directory WHERE authenticator = $1)";
    let key = || vec![blob(&id.0)];
    let of_device = format!("WHERE realm = {HERE} AND authenticator = $1");
    let of_subscriber = format!(
        "WHERE realm = {HERE} AND subscriber = ( \
             SELECT subscriber FROM authenticators WHERE realm = {HERE} AND authenticator = $1)"
    );
    let queries = [
        Query::new("SELECT realm FROM directory WHERE authenticator = $1", key()),
        authenticators(&format!("WHERE a.realm = {HERE} AND a.authenticator = $1"), key()),
        select::<Realm>(&format!("WHERE realm = {HERE}"), key()),
        select::<Subscriber>(&of_subscriber, key()),
        select::<IssuedSet>(&format!("{of_device} ORDER BY first"), key()),
        select::<OutboxItem>(&format!("{of_device} ORDER BY created_at, message"), key()),
    ];
    let answers = transaction::read(pool, &queries).await?;
    device_of(id, &answers).map_err(|damage| sentence::of_damage(&pool.at(), &damage))
}

fn device_of(id: &AuthenticatorId, answers: &[Outcome]) -> Result<Option<DeviceSnapshot>, Damage> {
    let [directory, authenticator, realm, subscriber, sets, outbox] = answers else { return Ok(None) };
    let Some(realm_id) = super::rows::first(&directory.rows, |it| it.name::<RealmId>())? else { return Ok(None) };
    let Some(row) = authenticator.rows.first() else {
        return Err(Damage(format!("device {id} is in the directory and not in realm {realm_id}")));
    };
    let (authenticator, ledger) = with_ledger(row)?;
    let realm = one(&realm.rows)?.ok_or_else(|| Damage(format!("realm {realm_id} of device {id} is not there")))?;
    let subscriber: Subscriber = one(&subscriber.rows)?
        .ok_or_else(|| Damage(format!("user {} of device {id} is not there", authenticator.subscriber)))?;
    Ok(Some(DeviceSnapshot {
        realm,
        subscriber_suspended: subscriber.suspended,
        subscriber_version: subscriber.version,
        authenticator,
        sets: all(&sets.rows)?,
        spent: ledger.spent,
        highest_spent: ledger.highest_spent,
        failures: ledger.failures,
        outbox: all(&outbox.rows)?,
    }))
}

pub(super) async fn verify(pool: &Pool, lookup: &VerifyLookup) -> Result<VerifySnapshot, LoadError> {
    let realm = || text(lookup.realm.as_str());
    let (subscriber, of_target, whose) = match &lookup.target {
        VerifyTarget::Subscriber(id) => {
            let rest = "WHERE realm = $1 AND subscriber = $2";
            (select::<Subscriber>(rest, [realm(), text(id.as_str())]), "a.subscriber = $2", text(id.as_str()))
        }
        VerifyTarget::Authenticator(id) => {
            let rest = "WHERE realm = $1 AND subscriber = ( \
                        SELECT subscriber FROM authenticators WHERE realm = $1 AND authenticator = $2)";
            (select::<Subscriber>(rest, [realm(), blob(&id.0)]), "a.authenticator = $2", blob(&id.0))
        }
    };
    let live = format!("a.realm = $1 AND {of_target} AND a.status <> {STATUS_REVOKED}");
    let sets = format!(
        "WHERE realm = $1 AND authenticator = ANY(ARRAY( \
             SELECT a.authenticator FROM authenticators AS a WHERE {live})) ORDER BY authenticator, first"
    );
    let buckets = [
        lookup.source_bucket,
        lookup.place_bucket,
        lookup.relying_party_bucket,
        lookup.global_bucket,
        lookup.skips_bucket,
    ];
    let mut queries = vec![
        select::<Realm>("WHERE realm = $1", [realm()]),
        subscriber,
        authenticators(&format!("WHERE {live} ORDER BY a.authenticator"), [realm(), whose.clone()]),
        select::<IssuedSet>(&sets, [realm(), whose]),
        find_buckets(&lookup.realm, &buckets),
    ];
    if let Some(id) = &lookup.operation {
        let key = [realm(), text(lookup.relying_party.as_str()), text(id.as_str())];
        queries.push(select::<Operation>("WHERE realm = $1 AND relying_party = $2 AND operation = $3", key));
    }
    let answers = transaction::read(pool, &queries).await?;
    verify_of(&lookup.target, &buckets, &answers).map_err(|damage| sentence::of_damage(&pool.at(), &damage))
}

fn verify_of(target: &VerifyTarget, keys: &[BucketKey], answers: &[Outcome]) -> Result<VerifySnapshot, Damage> {
    let [realm, subscriber, authenticators, sets, buckets, operation @ ..] = answers else {
        return Err(Damage("an answer is missing".to_owned()));
    };
    let realm: Option<Realm> = one(&realm.rows)?;
    let subscriber: Option<Subscriber> = one(&subscriber.rows)?;
    // Nobody answers for a name that is not there, nor in a realm that is not there.
    let is_known = realm.is_some()
        && match target {
            VerifyTarget::Subscriber(_) => subscriber.is_some(),
            VerifyTarget::Authenticator(_) => true,
        };
    let mut candidates = Vec::new();
    if is_known {
        let mut sets: Vec<IssuedSet> = all(&sets.rows)?;
        for row in &authenticators.rows {
            candidates.push(candidate(row, &mut sets)?);
        }
    }
    let mut buckets = buckets_of(keys, &buckets.rows)?.into_iter();
    let mut next = || buckets.next().unwrap_or_default();
    Ok(VerifySnapshot {
        subscriber: subscriber.filter(|_| realm.is_some()).map(Arc::new),
        realm: realm.map(Arc::new),
        candidates,
        throttle: ThrottleSnapshot {
            source: next(),
            place: next(),
            relying_party: next(),
            global: next(),
            skips: next(),
        },
        operation: operation.first().map(|answer| one(&answer.rows)).transpose()?.flatten(),
    })
}

/// Takes the candidate's sets out of all.
fn candidate(row: &Row, sets: &mut Vec<IssuedSet>) -> Result<Candidate, Damage> {
    let (authenticator, ledger) = with_ledger(row)?;
    let theirs: Vec<IssuedSet> = sets.extract_if(.., |set| set.authenticator == authenticator.id).collect();
    Ok(Candidate {
        sets: theirs.into(),
        spent: ledger.spent,
        highest_spent: ledger.highest_spent,
        failures: ledger.failures,
        set_outstanding: ledger.outstanding,
        authenticator: Arc::new(authenticator),
    })
}

struct Ledger {
    spent: Vec<CodeIndex>,
    highest_spent: CodeIndex,
    failures: u32,
    outstanding: bool,
}

fn with_ledger(row: &Row) -> Result<(Authenticator, Ledger), Damage> {
    let authenticator: Authenticator = crate::rows::decode(row).map_err(Damage)?;
    let bad = |what: &str| Damage(format!("{what} of device {} cannot be", authenticator.id));
    let column = |name: &str| row.columns().iter().position(|column| column.name() == name).unwrap_or(usize::MAX);
    let spent: Vec<i64> = row.try_get("spent").map_err(|_| bad("a spend"))?;
    let spent: Result<Vec<CodeIndex>, Damage> =
        spent.into_iter().map(|code| u32::try_from(code).map(CodeIndex).map_err(|_| bad("a spend"))).collect();
    let spent = spent?;
    let count = |name| Fields::at(row, column(name)).opt_number::<u32>().map_err(|error| bad(&error.to_string()));
    let forgotten = count("forgotten")?.map(CodeIndex);
    let highest_spent = spent.last().copied().max(forgotten).unwrap_or(CodeIndex::NONE);
    let failures = count("failed")?.unwrap_or(0);
    let outstanding = count("outstanding")? == Some(1);
    Ok((authenticator, Ledger { spent, highest_spent, failures, outstanding }))
}

/// The buckets of these keys, with their keys, in no order.
pub(super) fn find_buckets<'a>(realm: &'a RealmId, keys: &'a [BucketKey]) -> Query<'a> {
    let places: Vec<String> = (0..keys.len()).map(|at| format!("${}", at.saturating_add(2))).collect();
    let sql = format!(
        "SELECT bucket, failures, window_started_at, last_failure_at FROM buckets WHERE realm = $1 AND bucket IN ({})",
        places.join(", ")
    );
    let values: Vec<Value<'_>> =
        [text(realm.as_str())].into_iter().chain(keys.iter().map(|key| blob(&key.0))).collect();
    Query::new(sql, values)
}

/// Buckets in the order of the keys; one that is not there counts nothing.
pub(super) fn buckets_of(keys: &[BucketKey], rows: &[Row]) -> Result<Vec<Bucket>, Damage> {
    let found = each(rows, |it| {
        let key = BucketKey(it.array()?);
        let bucket = Bucket { failures: it.number()?, window_started_at: it.time()?, last_failure_at: it.time()? };
        Ok((key, bucket))
    })?;
    let of = |key: &BucketKey| found.iter().find(|(it, _)| it == key).map(|(_, bucket)| *bucket).unwrap_or_default();
    Ok(keys.iter().map(of).collect())
}
