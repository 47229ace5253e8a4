//! The snapshots that decisions are made on.

use std::sync::{Arc, LazyLock};

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{
    Authenticator, Bucket, BucketKey, Candidate, DeviceSnapshot, IssuedSet, Operation, OutboxItem, Realm, RealmId,
    Status, Subscriber, ThrottleSnapshot, VerifySnapshot, VerifyTarget,
};
use rusqlite::Connection;

use super::apply::one;
use super::journal::Unfolded;
use super::rows::{
    BucketRow, Cells, Fields, OUTBOX_SET, ReadError, blob, column, columns, decode_at, number, row, rows, text,
};
use crate::VerifyLookup;

const BY_KEY: &str = "WHERE realm = ?1 AND authenticator = ?2";

pub(super) fn device(
    connection: &Connection,
    unfolded: &Unfolded,
    id: &AuthenticatorId,
) -> Result<Option<DeviceSnapshot>, ReadError> {
    let Some(one) = OneRows::load(connection, id)? else { return missing(connection, id) };
    let OneRows { realm, authenticator, subscriber, failures, forgotten } = one;
    let ledger = Ledger::load(connection, unfolded, &realm.id, id, forgotten)?;
    let sql = "WHERE realm = ?1 AND authenticator = ?2 ORDER BY created_at, message";
    let outbox = rows::<OutboxItem>(connection, sql, [text(realm.id.as_str()), blob(&id.0)])?;
    Ok(Some(DeviceSnapshot {
        realm,
        subscriber_suspended: subscriber.suspended,
        subscriber_version: subscriber.version,
        authenticator,
        sets: ledger.sets,
        spent: ledger.spent,
        highest_spent: ledger.highest_spent,
        failures,
        outbox,
    }))
}

/// What there is one of, or none, for a device. One statement for six rows: each of its own would cost more than its row.
struct OneRows {
    realm: Realm,
    authenticator: Authenticator,
    subscriber: Subscriber,
    failures: u32,
    forgotten: Option<CodeIndex>,
}

/// `CROSS JOIN` keeps the order.
static ONE_ROWS: LazyLock<String> = LazyLock::new(|| {
    let (device, user, realm) = (columns::<Authenticator>("a"), columns::<Subscriber>("s"), columns::<Realm>("r"));
    format!(
        "SELECT {device}, {user}, {realm}, f.count, g.highest FROM directory AS d \
         CROSS JOIN authenticators AS a ON a.realm = d.realm AND a.authenticator = d.authenticator \
         CROSS JOIN realms AS r ON r.realm = d.realm \
         CROSS JOIN subscribers AS s ON s.realm = d.realm AND s.subscriber = a.subscriber \
         LEFT JOIN failures AS f ON f.realm = d.realm AND f.authenticator = d.authenticator \
         LEFT JOIN forgotten AS g ON g.realm = d.realm AND g.authenticator = d.authenticator \
         WHERE d.authenticator = ?1"
    )
});

impl OneRows {
    fn load(connection: &Connection, id: &AuthenticatorId) -> Result<Option<Self>, ReadError> {
        let mut statement = connection.prepare_cached(&ONE_ROWS)?;
        let mut found = statement.query([blob(&id.0)])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Self::decode(row).map(Some).map_err(ReadError::Damaged)
    }

    fn decode(row: &dyn Cells) -> Result<Self, String> {
        let (authenticator, end) = decode_at(row, 0)?;
        let (subscriber, end) = decode_at(row, end)?;
        let (realm, end) = decode_at(row, end)?;
        let mut fields = Fields::at(row, end);
        let counts = fields.opt_number().and_then(|failures| Ok((failures, fields.opt_number()?)));
        let (failures, forgotten) = counts.map_err(|bad| format!("a count of a device: {bad}"))?;
        let forgotten = forgotten.map(CodeIndex);
        Ok(Self { realm, authenticator, subscriber, failures: failures.unwrap_or(0), forgotten })
    }
}

/// Nobody has this identification code; or which row is not there that belongs to it.
fn missing<T>(connection: &Connection, id: &AuthenticatorId) -> Result<Option<T>, ReadError> {
    let sql = "SELECT realm FROM directory WHERE authenticator = ?1";
    let Some(realm_id): Option<RealmId> = one(connection, sql, [blob(&id.0)], |it| it.name())? else {
        return Ok(None);
    };
    let authenticator = authenticator(connection, &realm_id, id)?
        .ok_or_else(|| gone(format!("device {id} is in the directory and not in realm {realm_id}")))?;
    realm(connection, &realm_id)?.ok_or_else(|| gone(format!("realm {realm_id} of device {id} is not there")))?;
    Err(gone(format!("user {} of device {id} is not there", authenticator.subscriber)))
}

pub(super) fn verify(
    connection: &Connection,
    unfolded: &Unfolded,
    lookup: &VerifyLookup,
) -> Result<VerifySnapshot, ReadError> {
    let realm = realm(connection, &lookup.realm)?;
    let (subscriber, authenticators) = match &realm {
        Some(_) => target(connection, lookup)?,
        None => (None, Vec::new()),
    };
    let live = authenticators.into_iter().filter(|it| it.status != Status::Revoked);
    let operation = match &lookup.operation {
        Some(id) => {
            let (realm, by) = (&lookup.realm, &lookup.relying_party);
            let key = [text(realm.as_str()), text(by.as_str()), text(id.as_str())];
            match row::<Operation>(connection, "WHERE realm = ?1 AND relying_party = ?2 AND operation = ?3", key)? {
                Some(found) => Some(found),
                None => unfolded.operation(connection, (realm, by, id))?,
            }
        }
        None => None,
    };
    Ok(VerifySnapshot {
        realm: realm.map(Arc::new),
        subscriber: subscriber.map(Arc::new),
        candidates: live.map(|it| candidate(connection, unfolded, it)).collect::<Result<_, _>>()?,
        throttle: ThrottleSnapshot {
            source: bucket(connection, &lookup.realm, lookup.source_bucket)?,
            place: bucket(connection, &lookup.realm, lookup.place_bucket)?,
            relying_party: bucket(connection, &lookup.realm, lookup.relying_party_bucket)?,
            global: bucket(connection, &lookup.realm, lookup.global_bucket)?,
            skips: bucket(connection, &lookup.realm, lookup.skips_bucket)?,
        },
        operation,
    })
}

/// Whose code it is, and which authenticators that gives.
fn target(
    connection: &Connection,
    lookup: &VerifyLookup,
) -> Result<(Option<Subscriber>, Vec<Authenticator>), ReadError> {
    let realm = text(lookup.realm.as_str());
    match &lookup.target {
        VerifyTarget::Subscriber(id) => {
            let key = [realm, text(id.as_str())];
            // Left to itself, SQLite reads all of the realm: it takes one column of the primary key for as good as two here.
            let by_subscriber =
                "INDEXED BY authenticators_by_subscriber WHERE realm = ?1 AND subscriber = ?2 ORDER BY authenticator";
            let subscriber: Option<Subscriber> = row(connection, "WHERE realm = ?1 AND subscriber = ?2", key.clone())?;
            let authenticators = if subscriber.is_some() { rows(connection, by_subscriber, key)? } else { Vec::new() };
            Ok((subscriber, authenticators))
        }
        VerifyTarget::Authenticator(id) => match authenticator(connection, &lookup.realm, id)? {
            Some(authenticator) => {
                let subscriber = self::subscriber(connection, &authenticator)?;
                Ok((subscriber, vec![authenticator]))
            }
            None => Ok((None, Vec::new())),
        },
    }
}

fn candidate(
    connection: &Connection,
    unfolded: &Unfolded,
    authenticator: Authenticator,
) -> Result<Candidate, ReadError> {
    let Authenticator { realm, id, .. } = &authenticator;
    let forgotten = forgotten(connection, realm, id)?;
    let ledger = Ledger::load(connection, unfolded, realm, id, forgotten)?;
    let sql = "SELECT 1 FROM outbox WHERE realm = ?1 AND authenticator = ?2 AND kind = ?3 LIMIT 1";
    let outstanding =
        one(connection, sql, [text(realm.as_str()), blob(&id.0), number(OUTBOX_SET)], |it| it.flag())?.is_some();
    Ok(Candidate {
        sets: ledger.sets.into(),
        spent: ledger.spent,
        highest_spent: ledger.highest_spent,
        failures: failures(connection, realm, id)?,
        set_outstanding: outstanding,
        authenticator: Arc::new(authenticator),
    })
}

struct Ledger {
    sets: Vec<IssuedSet>,
    spent: Vec<CodeIndex>,
    highest_spent: CodeIndex,
}

impl Ledger {
    fn load(
        connection: &Connection,
        unfolded: &Unfolded,
        realm: &RealmId,
        id: &AuthenticatorId,
        forgotten: Option<CodeIndex>,
    ) -> Result<Self, ReadError> {
        let key = [text(realm.as_str()), blob(&id.0)];
        let sql = "WHERE realm = ?1 AND authenticator = ?2 ORDER BY first";
        let sets: Vec<IssuedSet> = rows(connection, sql, key.clone())?;
        // Rows of the ledger go with their set, so all that are there are within the sets.
        if sets.is_empty() {
            return Ok(Self { sets, spent: Vec::new(), highest_spent: forgotten.unwrap_or(CodeIndex::NONE) });
        }
        let sql = "SELECT code FROM spends WHERE realm = ?1 AND authenticator = ?2 ORDER BY code";
        let mut spent: Vec<CodeIndex> = column(connection, sql, key, |fields| fields.number().map(CodeIndex))?;
        let in_journal = unfolded.codes(connection, id, &sets)?;
        if !in_journal.is_empty() {
            spent.extend(in_journal);
            spent.sort_unstable();
            spent.dedup();
        }
        let highest_spent = spent.last().copied().max(forgotten).unwrap_or(CodeIndex::NONE);
        Ok(Self { sets, spent, highest_spent })
    }
}

pub(super) fn realm(connection: &Connection, id: &RealmId) -> Result<Option<Realm>, ReadError> {
    row(connection, "WHERE realm = ?1", [text(id.as_str())])
}

fn authenticator(
    connection: &Connection,
    realm: &RealmId,
    id: &AuthenticatorId,
) -> Result<Option<Authenticator>, ReadError> {
    row(connection, BY_KEY, [text(realm.as_str()), blob(&id.0)])
}

fn subscriber(connection: &Connection, of: &Authenticator) -> Result<Option<Subscriber>, ReadError> {
    row(connection, "WHERE realm = ?1 AND subscriber = ?2", [text(of.realm.as_str()), text(of.subscriber.as_str())])
}

fn forgotten(connection: &Connection, realm: &RealmId, id: &AuthenticatorId) -> Result<Option<CodeIndex>, ReadError> {
    let sql = "SELECT highest FROM forgotten WHERE realm = ?1 AND authenticator = ?2";
    one(connection, sql, [text(realm.as_str()), blob(&id.0)], |it| it.number().map(CodeIndex))
}

fn failures(connection: &Connection, realm: &RealmId, id: &AuthenticatorId) -> Result<u32, ReadError> {
    let sql = "SELECT count FROM failures WHERE realm = ?1 AND authenticator = ?2";
    Ok(one(connection, sql, [text(realm.as_str()), blob(&id.0)], |it| it.number())?.unwrap_or(0))
}

pub(super) fn bucket(connection: &Connection, realm: &RealmId, key: BucketKey) -> Result<Bucket, ReadError> {
    let found: Option<BucketRow> =
        row(connection, "WHERE realm = ?1 AND bucket = ?2", [text(realm.as_str()), blob(&key.0)])?;
    Ok(found.map(|row| row.0).unwrap_or_default())
}

fn gone(what: String) -> ReadError {
    ReadError::Damaged(what)
}
