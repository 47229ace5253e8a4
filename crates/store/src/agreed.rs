//! What every store has to agree on, beyond the trait's signatures.

use matchbook_protocol::codes::MAX_SET_CODES;
use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{AuditEvent, Bucket, EventKind, IssuedSet, Operation, RealmId};
use sha2::{Digest, Sha256};

use crate::MAX_PAGE;

/// The index of a set's last code; `None` for a set that cannot be: no codes, too many, a first index of 0, or a last
/// one beyond 2^32 − 1.
pub(crate) fn last_index(set: &IssuedSet) -> Option<CodeIndex> {
    let more = set.tags.len().checked_sub(1).filter(|more| *more < MAX_SET_CODES)?;
    if set.first == CodeIndex::NONE {
        return None;
    }
    set.first.checked_add(u32::try_from(more).ok()?)
}

/// A page's limit within its range.
pub(crate) fn page_limit(limit: u32) -> u32 {
    limit.clamp(1, MAX_PAGE)
}

/// The bucket with one failure more, at `at`, in a window of `window_ms`. A window that begins in the future, because
/// the clock was ahead, begins anew with the count that it has.
pub(crate) fn count_failure(bucket: Option<Bucket>, at: UnixMillis, window_ms: u64) -> Bucket {
    match bucket {
        Some(bucket) if bucket.window_started_at > at => {
            Bucket { failures: bucket.failures.saturating_add(1), window_started_at: at, last_failure_at: at }
        }
        Some(bucket) if at.since(bucket.window_started_at) < window_ms => Bucket {
            failures: bucket.failures.saturating_add(1),
            window_started_at: bucket.window_started_at,
            last_failure_at: at,
        },
        Some(_) | None => Bucket { failures: 1, window_started_at: at, last_failure_at: at },
    }
}

/// Whether a bucket counts fewer than `below` in a window that began after `since`.
pub(crate) fn is_calm(bucket: Option<&Bucket>, below: u32, since: UnixMillis) -> bool {
    bucket.is_none_or(|bucket| bucket.failures < below || bucket.window_started_at <= since)
}

/// Whether an operation was answered as `seen` says; when it was is of no account.
pub(crate) fn is_answer(found: &Operation, seen: &Operation) -> bool {
    found.fingerprint == seen.fingerprint && found.verdict == seen.verdict
}

/// The 6 bytes that the ids of a time's events begin with; a time beyond them is taken as their last.
pub(crate) fn event_prefix(at: UnixMillis) -> [u8; 6] {
    let [_, _, time @ ..] = at.0.min(LAST_EVENT_TIME).to_be_bytes();
    time
}

/// What 6 bytes hold: the year 10889.
const LAST_EVENT_TIME: u64 = (1 << 48) - 1;

/// What is emptied when a backup is put back, after what was spent is remembered as the highest code that was: all of it
/// may have gone on in the store that was lost. An import that was put aside would make devices that are not marked.
pub(crate) const VOIDED: [&str; 6] = [
    "DELETE FROM spends",
    "DELETE FROM sets",
    "DELETE FROM outbox",
    "DELETE FROM staged_authenticators",
    "DELETE FROM staged_subscribers",
    "DELETE FROM imports",
];

/// The event that marking a realm as restored leaves. Its id follows from the realm and the time, so that no chance is
/// needed here.
pub(crate) fn restored_event(realm: &RealmId, at: UnixMillis, authenticators: u64) -> AuditEvent {
    let chance = Sha256::new_with_prefix(b"matchbook restored ").chain_update(realm.as_str()).finalize();
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(event_prefix(at).iter().chain(chance.iter())) {
        *to = *from;
    }
    AuditEvent {
        realm: realm.clone(),
        id,
        at,
        kind: EventKind::DeviceRestored,
        authenticator: None,
        subscriber: None,
        relying_party: None,
        detail: format!(
            "put back from a backup: the codes of {authenticators} devices are void until each device has called"
        ),
    }
}
