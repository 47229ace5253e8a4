//! Acceptances as columns, in the order of the statement's places.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use matchbook_rules::{BucketKey, RealmId, Version};
use tokio_postgres::types::ToSql;

use super::MAX_BATCH;
use crate::accept::{Accept, Calm, MAX_CALM};
use crate::postgres::gates;
use crate::rows::{event_word, spend_kind};

/// Whether the statement can make it: it writes down one time and one event about the device, its user and who asked,
/// which is what acceptances are; and a text of PostgreSQL holds no NUL.
pub(super) fn fits(accept: &Accept<'_>) -> bool {
    let Accept { spend, operation, event, .. } = accept;
    let is_there = |version: Version| version > Version(0) && i64::try_from(version.0).is_ok();
    operation.at == spend.at
        && event.at == spend.at
        && i64::try_from(spend.at.0).is_ok()
        && event.authenticator.as_ref() == Some(accept.authenticator)
        && event.subscriber.as_ref() == Some(accept.subscriber)
        && event.relying_party.as_ref() == Some(&spend.relying_party)
        && !event.detail.contains('\0')
        && [accept.version, accept.subscriber_version, accept.realm_version].into_iter().all(is_there)
}

/// How many bits the place of a count has: a batch has fewer counts, and [`MAX_CALM`] of them fit into a number.
const PLACE_BITS: u32 = 16;
const _: () = assert!(MAX_CALM * PLACE_BITS as usize == 64 && MAX_BATCH * MAX_CALM < 1 << PLACE_BITS);

/// All columns. Counts that many acceptances share are asked for once.
#[derive(Default)]
pub(super) struct Columns<'a> {
    realms: Vec<&'a str>,
    realm_versions: Vec<i64>,
    hot: Hot<'a>,
    realm: Vec<&'a str>,
    realm_version: Vec<i64>,
    authenticator: Vec<&'a [u8]>,
    version: Vec<i64>,
    subscriber: Vec<&'a str>,
    subscriber_version: Vec<i64>,
    failures: Vec<i64>,
    code: Vec<i64>,
    kind: Vec<i32>,
    relying_party: Vec<&'a str>,
    operation: Vec<&'a str>,
    fingerprint: Vec<&'a [u8]>,
    at: Vec<i64>,
    event: Vec<&'a [u8]>,
    event_kind: Vec<String>,
    detail: Vec<&'a str>,
    /// The places of the counts, [`PLACE_BITS`] each.
    calm: Vec<i64>,
    gate: i32,
}

/// The distinct counts.
#[derive(Default)]
struct Hot<'a> {
    places: HashMap<(&'a RealmId, BucketKey, u32), usize>,
    realm: Vec<&'a str>,
    bucket: Vec<&'a [u8]>,
    below: Vec<i64>,
    since: Vec<i64>,
}

impl<'a> Hot<'a> {
    /// The place of a count, from 1; 0 for none. Of several times the earliest is asked for: it is the strictest, and a
    /// conflict that was none only costs a decision.
    fn place(&mut self, realm: &'a RealmId, calm: Option<&Calm<'a>>) -> u16 {
        let Some(calm) = calm else { return 0 };
        let since = long(calm.since.0);
        let place = match self.places.entry((realm, *calm.bucket, calm.below)) {
            Entry::Occupied(known) => {
                if let Some(earliest) = self.since.get_mut(*known.get()) {
                    *earliest = since.min(*earliest);
                }
                *known.get()
            }
            Entry::Vacant(new) => {
                self.realm.push(realm.as_str());
                self.bucket.push(&calm.bucket.0);
                self.below.push(calm.below.into());
                self.since.push(since);
                *new.insert(self.realm.len().saturating_sub(1))
            }
        };
        u16::try_from(place).unwrap_or(u16::MAX).saturating_add(1)
    }
}

impl<'a> Columns<'a> {
    pub(super) fn of(accepts: &[Accept<'a>]) -> Self {
        let gate = i32::try_from(gates::next()).unwrap_or(0);
        let mut columns = Self { gate, ..Self::default() };
        for accept in accepts {
            columns.push(accept);
        }
        columns
    }

    fn push(&mut self, it: &Accept<'a>) {
        let (realm, version) = (it.realm.as_str(), long(it.realm_version.0));
        // From the last, because they come sorted by realm.
        if !self.realms.iter().zip(&self.realm_versions).rev().any(|known| known == (&realm, &version)) {
            self.realms.push(realm);
            self.realm_versions.push(version);
        }
        self.realm.push(realm);
        self.realm_version.push(version);
        self.authenticator.push(&it.authenticator.0);
        self.version.push(long(it.version.0));
        self.subscriber.push(it.subscriber.as_str());
        self.subscriber_version.push(long(it.subscriber_version.0));
        self.failures.push(it.failures.into());
        self.code.push(it.spend.index.0.into());
        self.kind.push(spend_kind(it.spend.kind).into());
        self.relying_party.push(it.spend.relying_party.as_str());
        self.operation.push(it.operation.id.as_str());
        self.fingerprint.push(&it.operation.fingerprint);
        self.at.push(long(it.spend.at.0));
        self.event.push(&it.event.id);
        self.event_kind.push(event_word(it.event.kind));
        self.detail.push(&it.event.detail);
        let packed = it.calm.iter().zip(0_u32..).fold(0_u64, |packed, (calm, nth)| {
            packed | u64::from(self.hot.place(it.realm, calm.as_ref())) << (nth * PLACE_BITS)
        });
        self.calm.push(packed.cast_signed());
    }

    /// The values in the order of the statement's places.
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 24] {
        [
            &self.realms,
            &self.realm_versions,
            &self.hot.realm,
            &self.hot.bucket,
            &self.hot.below,
            &self.hot.since,
            &self.realm,
            &self.realm_version,
            &self.authenticator,
            &self.version,
            &self.subscriber,
            &self.subscriber_version,
            &self.failures,
            &self.code,
            &self.kind,
            &self.relying_party,
            &self.operation,
            &self.fingerprint,
            &self.at,
            &self.event,
            &self.event_kind,
            &self.detail,
            &self.calm,
            &self.gate,
        ]
    }
}

fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
impl Columns<'_> {
    /// How many realms and counts there are, and since when each count is asked for.
    pub(super) fn counts(&self) -> (usize, usize, Vec<i64>) {
        (self.realms.len(), self.hot.realm.len(), self.hot.since.clone())
    }
}
