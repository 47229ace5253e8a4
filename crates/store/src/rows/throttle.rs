//! Tables `operations` and `buckets`.

use matchbook_rules::{Bucket, Operation};

use super::values::{blob, number, text, time};
use super::words::{read_verdict, verdict};
use super::{Bad, Bound, Fields, Stored};

pub(crate) const INSERT_OPERATION: &str = "INSERT INTO operations \
     (realm, relying_party, operation, fingerprint, verdict, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(crate) fn bind_operation(it: &Operation) -> Bound<'_, 6> {
    [
        text(it.realm.as_str()),
        text(it.relying_party.as_str()),
        text(it.id.as_str()),
        blob(&it.fingerprint),
        number(verdict(it.verdict)),
        time(it.at),
    ]
}

impl Stored for Operation {
    const TABLE: &'static str = "operations";
    const SELECT: &'static str = "SELECT realm, relying_party, operation, fingerprint, verdict, at";
    const KEY: usize = 3;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            realm: fields.name()?,
            relying_party: fields.name()?,
            id: fields.name()?,
            fingerprint: fields.array()?,
            verdict: read_verdict(fields)?,
            at: fields.time()?,
        })
    }
}

/// A bucket as a row: its key is not needed once it is found.
pub(crate) struct BucketRow(pub(crate) Bucket);

impl Stored for BucketRow {
    const TABLE: &'static str = "buckets";
    const SELECT: &'static str = "SELECT realm, bucket, failures, window_started_at, last_failure_at";
    const KEY: usize = 2;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        let _key = (fields.text()?, fields.array::<16>()?);
        Ok(Self(Bucket {
            failures: fields.number()?,
            window_started_at: fields.time()?,
            last_failure_at: fields.time()?,
        }))
    }
}
