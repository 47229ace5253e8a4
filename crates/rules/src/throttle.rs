//! How guessing is slowed: who has to wait, and how long. All counts are durable and keyed by hashes, the same for
//! names that exist and names that do not, so that no answer tells which is which.
//!
//! Five limits, each of which touches no more than where the failures come from:
//!
//! - a *source* that failed at a name waits longer with each further failure, for that name only;
//! - a *place*, a source at one relying party over all names, waits after each failure once it has made many;
//! - in a *relying party* that very many failures come through, the places that made some of them are let in one
//!   attempt at a time;
//! - when a whole *realm* has too many failures, likewise in the relying parties that a good part of them came through;
//! - an *authenticator* with [`HARD_STOP`] consecutive failures is locked until its operator unlocks it.

use std::net::{IpAddr, Ipv6Addr};

use matchbook_protocol::UnixMillis;

use crate::keyring::{BucketKind, Keyring};
use crate::model::{Bucket, BucketKey, RealmId, RelyingPartyId, ThrottleSnapshot, VerifyTarget};

/// Consecutive failures after which an authenticator is locked: what NIST SP 800-63B §5.2.2 allows at most. Only an
/// operator ends it: no success, set, rotation, restart or time does.
pub const HARD_STOP: u32 = 100;

/// How long a source's failures at a name are counted together, from the first on: a day.
pub const SOURCE_WINDOW_MS: u64 = 24 * 3_600_000;

/// How long a source waits after the failure that reaches the policy's limit; each further failure doubles it.
pub const FIRST_DELAY_MS: u64 = 30_000;

/// The longest that a source waits after a failure. Longer would punish a person for yesterday's typing.
pub const LONGEST_DELAY_MS: u64 = 3_600_000;

/// Failures of one place in its window before it is slowed: six times what a user makes who is slowed at one name.
pub const PLACE_FAILURES: u32 = 30;

/// How long a place's failures are counted together. No success ends it: an attacker has a code of his own.
pub const PLACE_WINDOW_MS: u64 = 600_000;

/// How long a slowed place waits after each failure.
pub const PLACE_SPACING_MS: u64 = 5_000;

/// Failures of one relying party in its window before it is slowed: ten times what a busy log-in page of honest
/// people makes.
pub const RELYING_PARTY_FAILURES: u32 = 600;

/// How long a relying party's failures are counted together.
pub const RELYING_PARTY_WINDOW_MS: u64 = 600_000;

/// How long the places with failures in a slowed relying party wait after each of its failures: a slow trickle. A place
/// without a failure in the window does not wait.
pub const RELYING_PARTY_SPACING_MS: u64 = 5_000;

/// Failures of a whole realm in its window before the relying parties that they come through are slowed further.
pub const GLOBAL_FAILURES: u32 = 6_000;

/// How long a realm's failures are counted together.
pub const GLOBAL_WINDOW_MS: u64 = 600_000;

/// How long the places with failures in those relying parties wait after each failure.
pub const GLOBAL_SPACING_MS: u64 = 30_000;

/// A relying party with at least one in so many of the realm's failures counts as a cause of them.
pub const GLOBAL_SHARE: u32 = 10;

/// How long skipped challenges are counted together: a day.
pub const SKIPS_WINDOW_MS: u64 = 24 * 3_600_000;

/// A bucket whose last failure is longer ago than this decides nothing any more: the longest of the windows.
pub const BUCKET_KEPT_MS: u64 = SOURCE_WINDOW_MS;

/// So many doublings of the first delay are past the longest.
const ENOUGH_DOUBLINGS: u32 = 16;

const _: () = assert!(FIRST_DELAY_MS << ENOUGH_DOUBLINGS > LONGEST_DELAY_MS);
const _: () = assert!(
    BUCKET_KEPT_MS >= SOURCE_WINDOW_MS
        && BUCKET_KEPT_MS >= SKIPS_WINDOW_MS
        && BUCKET_KEPT_MS >= PLACE_WINDOW_MS
        && BUCKET_KEPT_MS >= RELYING_PARTY_WINDOW_MS
        && BUCKET_KEPT_MS >= GLOBAL_WINDOW_MS
);

/// Whether so many consecutive failures lock an authenticator.
#[must_use]
pub const fn is_locked(failures: u32) -> bool {
    failures >= HARD_STOP
}

/// How long this attempt has to wait, in milliseconds; 0: it may go ahead. `max_failures` is the policy's.
#[must_use]
pub fn wait_ms(seen: &ThrottleSnapshot, max_failures: u8, now: UnixMillis) -> u64 {
    let source = source_wait_ms(&seen.source, max_failures, now);
    source.max(place_wait_ms(&seen.place, now)).max(relying_party_wait_ms(seen, now))
}

/// How long a source waits after so many failures at a name, in milliseconds: nothing below `max_failures`, then
/// [`FIRST_DELAY_MS`], doubled by each further failure up to [`LONGEST_DELAY_MS`].
#[must_use]
pub fn source_delay_ms(failures: u32, max_failures: u8) -> u64 {
    let Some(doublings) = failures.checked_sub(u32::from(max_failures)) else { return 0 };
    (FIRST_DELAY_MS << doublings.min(ENOUGH_DOUBLINGS)).min(LONGEST_DELAY_MS)
}

/// How many guesses one source has at one name in a window of a day: those before it is slowed, then one after each
/// wait.
#[must_use]
pub fn guesses_a_day(max_failures: u8) -> u32 {
    let mut guesses = u32::from(max_failures);
    let mut elapsed_ms = source_delay_ms(guesses, max_failures);
    while elapsed_ms < SOURCE_WINDOW_MS {
        guesses = guesses.saturating_add(1);
        elapsed_ms = elapsed_ms.saturating_add(source_delay_ms(guesses, max_failures).max(1));
    }
    guesses
}

/// The failures that a bucket still counts: none once its window has ended.
#[must_use]
pub fn in_window(bucket: &Bucket, window_ms: u64, now: UnixMillis) -> u32 {
    if now.since(bucket.window_started_at) < window_ms { bucket.failures } else { 0 }
}

/// Who asks about whom, and from where: what the buckets are keyed by.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The realm that the relying party is of; the buckets are kept there.
    pub home: &'a RealmId,
    /// The realm that it named.
    pub realm: &'a RealmId,
    /// Whose code, as it was named.
    pub target: &'a VerifyTarget,
    /// Who asks.
    pub relying_party: &'a RelyingPartyId,
    /// Where the user is, as the relying party sees it: an address, as a rule.
    pub source: Option<&'a str>,
}

/// The buckets of one attempt, all of them in the relying party's own realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Of this name from this source.
    pub source: BucketKey,
    /// Of this source at the relying party, over all names.
    pub place: BucketKey,
    /// Of the relying party.
    pub relying_party: BucketKey,
    /// Of everybody in the realm.
    pub global: BucketKey,
    /// Of skipped challenges for this name.
    pub skips: BucketKey,
    /// Written where a name without an authenticator has no count of its own to write; never read.
    pub stand_in: BucketKey,
}

impl Buckets {
    /// The buckets of an attempt. Without a source, all attempts of a relying party at a name are of one source, which
    /// no other relying party shares. Addresses of IPv6 count by their /64, which one customer has to himself.
    #[must_use]
    pub fn of(attempt: &Attempt<'_>, keyring: &Keyring) -> Self {
        let Attempt { home, realm, target, relying_party, source } = *attempt;
        let (kind, name) = match target {
            VerifyTarget::Subscriber(id) => ("user", id.to_string()),
            VerifyTarget::Authenticator(id) => ("device", id.to_string()),
        };
        let (origin, whence) = match source {
            Some(source) => ("source", network(source)),
            None => ("relying-party", relying_party.as_str().to_owned()),
        };
        let named = [realm.as_str(), kind, &name];
        let from = [realm.as_str(), kind, &name, origin, &whence];
        Self {
            source: keyring.bucket(BucketKind::Source, home, &from),
            place: keyring.bucket(BucketKind::Place, home, &[relying_party.as_str(), origin, &whence]),
            relying_party: keyring.bucket(BucketKind::RelyingParty, home, &[relying_party.as_str()]),
            global: keyring.bucket(BucketKind::Global, home, &[]),
            skips: keyring.bucket(BucketKind::Skips, home, &named),
            stand_in: keyring.bucket(BucketKind::Source, home, &named),
        }
    }
}

fn source_wait_ms(bucket: &Bucket, max_failures: u8, now: UnixMillis) -> u64 {
    let failures = in_window(bucket, SOURCE_WINDOW_MS, now);
    remaining_ms(bucket, source_delay_ms(failures, max_failures), now)
}

fn place_wait_ms(bucket: &Bucket, now: UnixMillis) -> u64 {
    let is_slowed = in_window(bucket, PLACE_WINDOW_MS, now) >= PLACE_FAILURES;
    remaining_ms(bucket, if is_slowed { PLACE_SPACING_MS } else { 0 }, now)
}

/// Only a place that made some of the failures waits for them.
fn relying_party_wait_ms(seen: &ThrottleSnapshot, now: UnixMillis) -> u64 {
    if in_window(&seen.place, PLACE_WINDOW_MS, now) == 0 {
        return 0;
    }
    let own = in_window(&seen.relying_party, RELYING_PARTY_WINDOW_MS, now);
    let all = in_window(&seen.global, GLOBAL_WINDOW_MS, now);
    let spacing_ms = if all >= GLOBAL_FAILURES && own.saturating_mul(GLOBAL_SHARE) >= all {
        GLOBAL_SPACING_MS
    } else if own >= RELYING_PARTY_FAILURES {
        RELYING_PARTY_SPACING_MS
    } else {
        0
    };
    remaining_ms(&seen.relying_party, spacing_ms, now)
}

/// What is left of a delay since the bucket's last failure. A failure that is still to come was counted by a clock that
/// was ahead, and says nothing of when it was: nobody waits for it.
fn remaining_ms(bucket: &Bucket, delay_ms: u64, now: UnixMillis) -> u64 {
    if bucket.last_failure_at > now {
        return 0;
    }
    delay_ms.saturating_sub(now.since(bucket.last_failure_at))
}

/// An address of IPv6 without its lower half, and one that only wraps an IPv4 address as that; other text as it is.
fn network(source: &str) -> String {
    match source.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => source.to_owned(),
    }
}

#[cfg(test)]
mod tests;
