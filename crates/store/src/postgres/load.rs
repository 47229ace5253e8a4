//! The snapshots that decisions are made on, each in one round trip.

mod device;
mod parts;
mod verify;

use matchbook_rules::{Bucket, BucketKey, RealmId};
use tokio_postgres::Row;

use super::rows::{Damage, each};
use super::session::Query;
use crate::rows::{Value, blob, text};

pub(super) use device::device;
pub(super) use verify::verify;

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
