//! Short messages: how many may be sent, when one is sent again, and what a receipt changes.
//!
//! Each costs money, and whoever can make the server send some can spend the operator's. So they are counted in windows
//! of a day: by device, by the first digits of the number (a range that somebody rents), and by realm.

use std::collections::BTreeMap;

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::Address;
use rand_core::CryptoRng;

use crate::admin::HELD_BACK_UNTIL;
use crate::audit::{Subject, event};
use crate::keyring::{BucketKind, Keyring};
use crate::model::{
    Authenticator, Bucket, BucketKey, Changes, Content, Dispatch, DispatchState, EventKind, OutboxItem, OutboxKind,
    RealmId, Write,
};
use crate::throttle::in_window;

/// The window of the caps: a day, which begins with the first message in it.
pub const CAP_WINDOW_MS: u64 = 24 * 3_600_000;

/// A message that the phone has, says its receipt, is not sent again before this. A receipt is no proof, so it is sent
/// again one day; and at once when the device asks.
pub const DELIVERED_PAUSE_MS: u64 = 24 * 3_600_000;

/// The longest pause before a message is sent again.
const LONGEST_PAUSE_MS: u64 = 24 * 3_600_000;

/// How much may be sent in a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Short messages to one device.
    pub messages_per_device: u32,
    /// Short messages of a realm to numbers that begin alike.
    pub messages_per_prefix: u32,
    /// Short messages of a realm.
    pub messages_per_realm: u32,
    /// Sets of a realm to numbers that begin alike. A device's are capped by the realm's policy.
    pub sets_per_prefix: u32,
    /// Sets of a realm.
    pub sets_per_realm: u32,
    /// How many first digits make a prefix.
    pub prefix_digits: u8,
    /// At this share of a cap, in per cent, an event warns.
    pub alarm_percent: u8,
}

/// The counts that bear on the messages of one round, as they stand with those that were admitted in it.
#[derive(Debug, Default)]
pub struct Tally {
    buckets: BTreeMap<(RealmId, BucketKey), Bucket>,
}

/// What is counted for one message.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// For whom it is.
    pub authenticator: &'a Authenticator,
    /// Where it goes.
    pub number: &'a Address,
    /// What it is.
    pub item: &'a OutboxItem,
    /// How many short messages it takes.
    pub parts: u8,
}

/// Whether a message may go.
#[derive(Debug)]
pub enum Admission {
    /// It may; the writes count it, and are to be committed before it goes.
    Admitted(Vec<Write>),
    /// It may not.
    Capped {
        /// When it is looked at again.
        until: UnixMillis,
        /// To be committed: the event, when no message before it told of the cap.
        writes: Vec<Write>,
    },
}

impl Tally {
    /// The buckets that bear on a message and were not loaded yet.
    #[must_use]
    pub fn missing(&self, counted: &Counted<'_>, caps: &Caps, keyring: &Keyring) -> Vec<BucketKey> {
        let realm = &counted.authenticator.realm;
        let keys = limits(counted, caps, keyring).into_iter().map(|limit| limit.key);
        keys.filter(|key| !self.buckets.contains_key(&(realm.clone(), *key))).collect()
    }

    /// Puts in what was loaded.
    pub fn load(&mut self, realm: &RealmId, key: BucketKey, bucket: Bucket) {
        self.buckets.entry((realm.clone(), key)).or_insert(bucket);
    }

    /// Decides whether a message may go, and counts it when it may. The event at the share that warns, and the one at
    /// the cap, come with the message that reaches it: one each a window. A message of several parts that would go
    /// beyond a cap that is not reached uses up what is left of it: so an event tells of it, once.
    pub fn admit(
        &mut self,
        counted: &Counted<'_>,
        caps: &Caps,
        keyring: &Keyring,
        now: UnixMillis,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Admission {
        let realm = &counted.authenticator.realm;
        let limits = limits(counted, caps, keyring);
        for limit in &limits {
            let (sent, bucket) = self.standing(realm, limit.key, now);
            if sent.saturating_add(limit.count) > limit.cap {
                let left = limit.cap.saturating_sub(sent);
                let at = if sent == 0 { now } else { bucket.window_started_at };
                let rest = Limit { count: left, ..limit.clone() };
                let writes = if left == 0 { Vec::new() } else { self.count(&rest, counted, caps, now, rng) };
                return Admission::Capped { until: at.plus(CAP_WINDOW_MS), writes };
            }
        }
        let counts = limits.iter().flat_map(|limit| self.count(limit, counted, caps, now, rng));
        Admission::Admitted(counts.collect())
    }

    /// Counts a message against one cap, with the event of it when it is reached.
    fn count(
        &mut self,
        limit: &Limit,
        counted: &Counted<'_>,
        caps: &Caps,
        now: UnixMillis,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<Write> {
        let realm = &counted.authenticator.realm;
        let (sent, bucket) = self.standing(realm, limit.key, now);
        let at = if sent == 0 { now } else { bucket.window_started_at };
        let after = Bucket { failures: sent + limit.count, window_started_at: at, last_failure_at: now };
        self.buckets.insert((realm.clone(), limit.key), after);
        let mut writes = alarms(limit, sent, counted, caps, now, rng);
        let count = Write::CountFailure { realm: realm.clone(), bucket: limit.key, at: now, window_ms: CAP_WINDOW_MS };
        writes.extend((0..limit.count).map(|_| count.clone()));
        writes
    }

    /// How many were sent in the window that is on, and the bucket.
    fn standing(&self, realm: &RealmId, key: BucketKey, now: UnixMillis) -> (u32, Bucket) {
        let bucket = self.buckets.get(&(realm.clone(), key)).copied().unwrap_or_default();
        (in_window(&bucket, CAP_WINDOW_MS, now), bucket)
    }
}

/// When a message is due again after its `attempt`-th sending, unless it is acknowledged first; `first_ms` is the pause
/// after the first one, which doubles up to a day. An answer is not sent again by itself.
#[must_use]
pub fn due_again(kind: OutboxKind, attempt: u32, first_ms: u64, now: UnixMillis) -> UnixMillis {
    match kind {
        OutboxKind::Answer => HELD_BACK_UNTIL,
        OutboxKind::Set { .. } | OutboxKind::Rotation | OutboxKind::Sync => {
            let factor = 1_u64.checked_shl(attempt.saturating_sub(1).min(31)).unwrap_or(u64::MAX);
            now.plus(first_ms.saturating_mul(factor).min(LONGEST_PAUSE_MS))
        }
    }
}

/// What became of a short message, from its receipt. A message that is on the phone is left alone for a day; of what
/// failed or was not delivered in time an event tells.
#[must_use]
pub fn settle(
    dispatch: &Dispatch,
    state: DispatchState,
    error: &str,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Changes {
    let id = &dispatch.id;
    let settled = Write::SettleDispatch { id: id.clone(), state, at: now, error: error.to_owned() };
    let mut writes = vec![settled];
    match state {
        DispatchState::Submitted | DispatchState::InDoubt => {}
        // One part says nothing of the others.
        DispatchState::Delivered if dispatch.parts > 1 => {}
        DispatchState::Delivered => writes.push(Write::OutboxDue {
            realm: id.realm.clone(),
            id: id.authenticator,
            message: id.message,
            next_attempt_at: now.plus(DELIVERED_PAUSE_MS),
        }),
        DispatchState::Failed => writes.push(failure(dispatch, EventKind::MessageFailed, error, now, rng)),
        DispatchState::Expired => writes.push(failure(dispatch, EventKind::MessageExpired, error, now, rng)),
    }
    Changes { guards: Vec::new(), writes }
}

/// The event of a short message that did not get through.
#[must_use]
pub fn failure(
    dispatch: &Dispatch,
    kind: EventKind,
    error: &str,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Write {
    let subject =
        Subject { realm: &dispatch.id.realm, subscriber: None, authenticator: Some(dispatch.id.authenticator) };
    let what = match dispatch.content {
        Content::Set => "a set",
        Content::Rotation => "a key",
        Content::Sync => "an answer",
    };
    let Dispatch { parts, centre, .. } = dispatch;
    let why = if error.is_empty() { String::new() } else { format!(": {error}") };
    let detail = format!("part {} of {parts} of {what} by {centre}{why}", dispatch.id.part);
    event(subject, kind, detail, now, rng)
}

/// A cap on one bucket.
#[derive(Clone)]
struct Limit {
    key: BucketKey,
    /// What it caps, in the event's words.
    what: String,
    cap: u32,
    /// What the message adds to it.
    count: u32,
}

fn limits(counted: &Counted<'_>, caps: &Caps, keyring: &Keyring) -> Vec<Limit> {
    let Counted { authenticator, number, item, parts } = counted;
    let realm = &authenticator.realm;
    let number = number.to_string();
    let prefix: String = number.chars().take(usize::from(caps.prefix_digits) + 1).collect();
    let parts = u32::from(*parts);
    let device = authenticator.id.to_string();
    let limit = |kind, name: &[&str], what: String, cap, count| Limit {
        key: keyring.bucket(kind, realm, name),
        what,
        cap,
        count,
    };
    let mut limits = vec![
        limit(BucketKind::DeviceMessages, &[&device], "messages to the device".into(), caps.messages_per_device, parts),
        limit(
            BucketKind::PrefixMessages,
            &[&prefix],
            format!("messages to {prefix}…"),
            caps.messages_per_prefix,
            parts,
        ),
        limit(BucketKind::RealmMessages, &[], "messages of the realm".into(), caps.messages_per_realm, parts),
    ];
    // A set that is sent again is no other set.
    if matches!(item.kind, OutboxKind::Set { .. }) && item.attempts == 0 {
        limits.push(limit(BucketKind::PrefixSets, &[&prefix], format!("sets to {prefix}…"), caps.sets_per_prefix, 1));
        limits.push(limit(BucketKind::RealmSets, &[], "sets of the realm".into(), caps.sets_per_realm, 1));
    }
    limits
}

fn alarms(
    limit: &Limit,
    sent: u32,
    counted: &Counted<'_>,
    caps: &Caps,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Vec<Write> {
    let Authenticator { realm, id, subscriber, .. } = counted.authenticator;
    let subject = Subject { realm, subscriber: Some(subscriber), authenticator: Some(*id) };
    let after = sent.saturating_add(limit.count);
    let near = u64::from(limit.cap) * u64::from(caps.alarm_percent);
    let reaches = |hundredths: u64| u64::from(sent) * 100 < hundredths && u64::from(after) * 100 >= hundredths;
    let mut events = Vec::new();
    if after >= limit.cap {
        let detail = format!("{after} {} in a day: the cap is reached, and more wait", limit.what);
        events.push(event(subject, EventKind::MessagesCapped, detail, now, rng));
    } else if reaches(near) {
        let detail = format!("{after} {} in a day, of {} that may be sent", limit.what, limit.cap);
        events.push(event(subject, EventKind::MessagesNearCap, detail, now, rng));
    }
    events
}

#[cfg(test)]
mod tests;
