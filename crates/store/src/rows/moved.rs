//! Tables `spends`, `forgotten`, `failures` and `buckets`, as whole rows: only a move reads and writes them so.

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{Bucket, BucketKey, Spend};

use super::values::{blob, number, text, time};
use super::words::{read_spend_kind, spend_kind};
use super::{Bad, Bound, Fields, Stored};
use crate::moving::{Failures, Forgotten, NamedBucket};

pub(crate) const INSERT_SPEND: &str = "INSERT INTO spends \
     (realm, authenticator, code, kind, relying_party, operation, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

pub(crate) const INSERT_FORGOTTEN: &str = "INSERT INTO forgotten (realm, authenticator, highest) VALUES (?1, ?2, ?3)";

pub(crate) const INSERT_FAILURES: &str = "INSERT INTO failures (realm, authenticator, count) VALUES (?1, ?2, ?3)";

pub(crate) const INSERT_BUCKET: &str = "INSERT INTO buckets \
     (realm, bucket, failures, window_started_at, last_failure_at) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(crate) fn bind_spend(it: &Spend) -> Bound<'_, 7> {
    [
        text(it.realm.as_str()),
        blob(&it.authenticator.0),
        number(it.index.0),
        number(spend_kind(it.kind)),
        text(it.relying_party.as_str()),
        text(it.operation.as_str()),
        time(it.at),
    ]
}

impl Stored for Spend {
    const TABLE: &'static str = "spends";
    const SELECT: &'static str = "SELECT realm, authenticator, code, kind, relying_party, operation, at";
    const KEY: usize = 3;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            realm: fields.name()?,
            authenticator: AuthenticatorId(fields.array()?),
            index: CodeIndex(fields.number()?),
            kind: read_spend_kind(fields)?,
            relying_party: fields.name()?,
            operation: fields.name()?,
            at: fields.time()?,
        })
    }
}

pub(crate) fn bind_forgotten(it: &Forgotten) -> Bound<'_, 3> {
    [text(it.realm.as_str()), blob(&it.authenticator.0), number(it.highest.0)]
}

impl Stored for Forgotten {
    const TABLE: &'static str = "forgotten";
    const SELECT: &'static str = "SELECT realm, authenticator, highest";
    const KEY: usize = 2;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            realm: fields.name()?,
            authenticator: AuthenticatorId(fields.array()?),
            highest: CodeIndex(fields.number()?),
        })
    }
}

pub(crate) fn bind_failures(it: &Failures) -> Bound<'_, 3> {
    [text(it.realm.as_str()), blob(&it.authenticator.0), number(it.count)]
}

impl Stored for Failures {
    const TABLE: &'static str = "failures";
    const SELECT: &'static str = "SELECT realm, authenticator, count";
    const KEY: usize = 2;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self { realm: fields.name()?, authenticator: AuthenticatorId(fields.array()?), count: fields.number()? })
    }
}

pub(crate) fn bind_bucket(it: &NamedBucket) -> Bound<'_, 5> {
    [
        text(it.realm.as_str()),
        blob(&it.key.0),
        number(it.bucket.failures),
        time(it.bucket.window_started_at),
        time(it.bucket.last_failure_at),
    ]
}

impl Stored for NamedBucket {
    const TABLE: &'static str = "buckets";
    const SELECT: &'static str = "SELECT realm, bucket, failures, window_started_at, last_failure_at";
    const KEY: usize = 2;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            realm: fields.name()?,
            key: BucketKey(fields.array()?),
            bucket: Bucket {
                failures: fields.number()?,
                window_started_at: fields.time()?,
                last_failure_at: fields.time()?,
            },
        })
    }
}
