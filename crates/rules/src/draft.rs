//! An authenticator as a decision leaves it, with the writes that lead there. Every decision about a device begins with
//! a draft of the snapshot and ends with [`Draft::finish`], which guards all of it by the version that was seen.

use std::iter;

use matchbook_protocol::wire::{MAX_THRESHOLD, Sync};
use matchbook_protocol::{AuthenticatorId, CodeIndex, Epoch, EpochKeys, Party, SealError, Suite, UnixMillis};
use rand_core::CryptoRng;

use crate::audit::{Subject, event};
use crate::holding::indices;
use crate::keyring::{KeyPlace, Keyring};
use crate::model::{
    Authenticator, Changes, DeviceSnapshot, EventKind, Guard, IssuedSet, Mode, OutboxItem, OutboxKind, Policy,
    Priority, SealedKey, Status, Write,
};
use crate::refusal::Refusal;
use crate::request::BearerLimits;

/// When a message that went out in a reply is due again, unless it is acknowledged first.
pub(crate) const RESEND_AFTER_MS: u64 = 30_000;

/// The work in progress of one decision.
pub(crate) struct Draft<'a> {
    pub(crate) now: UnixMillis,
    pub(crate) policy: &'a Policy,
    /// As it will be written.
    pub(crate) authenticator: Authenticator,
    snapshot: &'a DeviceSnapshot,
    /// Those that are not voided.
    sets: Vec<&'a IssuedSet>,
    /// Those that are not deleted, and the new ones.
    outbox: Vec<OutboxItem>,
    writes: Vec<Write>,
}

/// How a new message leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// By the outbox, at once.
    Push(Priority),
    /// In the reply to a request; by the outbox only when that got lost.
    Reply,
}

impl<'a> Draft<'a> {
    pub(crate) fn of(snapshot: &'a DeviceSnapshot, now: UnixMillis) -> Self {
        Self {
            now,
            policy: &snapshot.realm.policy,
            authenticator: snapshot.authenticator.clone(),
            snapshot,
            sets: snapshot.sets.iter().collect(),
            outbox: snapshot.outbox.clone(),
            writes: Vec::new(),
        }
    }

    /// All of it, guarded by the version that was seen; where a set or a key goes out, also by the subscriber's, so that
    /// none does after a suspension.
    pub(crate) fn finish(self) -> Changes {
        let Authenticator { realm, id, subscriber, version, .. } = &self.authenticator;
        let mut guards = vec![Guard::Authenticator { realm: realm.clone(), id: *id, version: *version }];
        let goes_out = |write: &Write| match write {
            Write::InsertSet(_) => true,
            Write::InsertOutbox(item) => item.kind == OutboxKind::Rotation,
            _ => false,
        };
        if self.writes.iter().any(goes_out) {
            let version = self.snapshot.subscriber_version;
            guards.push(Guard::Subscriber { realm: realm.clone(), id: subscriber.clone(), version });
        }
        let put = Write::PutAuthenticator(Box::new(self.authenticator));
        Changes { guards, writes: iter::once(put).chain(self.writes).collect() }
    }

    /// No sets go to it, and nothing of it verifies, until it or its subscriber is resumed.
    pub(crate) fn is_suspended(&self) -> bool {
        is_suspended(self.snapshot)
    }

    /// Notes what happened. `detail` holds no code, key or sealed bytes.
    pub(crate) fn note(&mut self, kind: EventKind, detail: impl Into<String>, rng: &mut (impl CryptoRng + ?Sized)) {
        let Authenticator { realm, id, subscriber, .. } = &self.authenticator;
        let subject = Subject { realm, subscriber: Some(subscriber), authenticator: Some(*id) };
        self.writes.push(event(subject, kind, detail, self.now, rng));
    }

    /// Whether anything is written beside the authenticator's row.
    pub(crate) const fn has_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Adds a write of another table.
    pub(crate) fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// A message was sealed or opened under the key in use.
    pub(crate) const fn count_message(&mut self) {
        let messages = &mut self.authenticator.keys.current.messages;
        *messages = messages.saturating_add(1);
    }
}

/// Sets and codes.
impl<'a> Draft<'a> {
    /// The sets that are not voided.
    pub(crate) fn sets(&self) -> &[&'a IssuedSet] {
        &self.sets
    }

    /// The codes that could still be accepted, by index: issued, unspent, not passed over, under the keyring's pepper.
    pub(crate) fn live_codes(&self, keyring: &Keyring) -> Vec<CodeIndex> {
        let sets = self.sets.iter().filter(|set| set.pepper_version == keyring.version());
        sets.flat_map(|set| indices(set)).filter(|index| self.is_live(*index)).collect()
    }

    /// Whether an issued code could still be accepted.
    pub(crate) fn is_live(&self, index: CodeIndex) -> bool {
        let floor = match self.policy.mode {
            Mode::NextInOrder { .. } => self.snapshot.highest_spent,
            Mode::Indexed | Mode::AnyUnused => CodeIndex::NONE,
        };
        index > floor && self.snapshot.spent.binary_search(&index).is_err()
    }

    /// Voids sets: their codes never verify again, and their messages are not sent any more. Says how many.
    pub(crate) fn void_sets(&mut self, doomed: impl Fn(&IssuedSet) -> bool) -> usize {
        let (gone, kept) = std::mem::take(&mut self.sets).into_iter().partition(|set| doomed(set));
        self.sets = kept;
        let gone: Vec<&IssuedSet> = gone;
        for set in &gone {
            self.writes.push(Write::DeleteSet { realm: set.realm.clone(), id: set.authenticator, first: set.first });
        }
        self.drop_outbox(|item| match item.kind {
            OutboxKind::Set { first, .. } => gone.iter().any(|set| set.first == first),
            OutboxKind::Rotation | OutboxKind::Sync | OutboxKind::Answer => false,
        });
        gone.len()
    }
}

/// The outbox.
impl Draft<'_> {
    /// The messages that wait to be acknowledged, oldest first.
    pub(crate) fn outbox(&self) -> &[OutboxItem] {
        &self.outbox
    }

    /// The set that waits to be acknowledged; there is one at most.
    pub(crate) fn outstanding_set(&self) -> Option<&OutboxItem> {
        self.outbox.iter().find(|item| matches!(item.kind, OutboxKind::Set { .. }))
    }

    /// The message of the offered key.
    pub(crate) fn outstanding_rotation(&self) -> Option<&OutboxItem> {
        self.outbox.iter().find(|item| item.kind == OutboxKind::Rotation)
    }

    /// Deletes messages. Says which.
    pub(crate) fn drop_outbox(&mut self, doomed: impl Fn(&OutboxItem) -> bool) -> Vec<OutboxItem> {
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.outbox).into_iter().partition(|item| doomed(item));
        self.outbox = kept;
        for item in &gone {
            let (realm, id, message) = (item.realm.clone(), item.authenticator, item.message);
            self.writes.push(Write::DeleteOutbox { realm, id, message });
        }
        gone
    }

    /// Puts a message that was sealed under the key in use into the outbox.
    pub(crate) fn queue(
        &mut self,
        kind: OutboxKind,
        bytes: Vec<u8>,
        sending: Sending,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        let mut message = [0; 16];
        rng.fill_bytes(&mut message);
        let (priority, sent_at, wait_ms) = match sending {
            Sending::Push(priority) => (priority, None, 0),
            Sending::Reply => (Priority::Prompt, Some(self.now), RESEND_AFTER_MS),
        };
        let item = OutboxItem {
            realm: self.authenticator.realm.clone(),
            authenticator: self.authenticator.id,
            message,
            kind,
            priority,
            epoch: self.authenticator.keys.current.epoch,
            bytes,
            created_at: self.now,
            attempts: sent_at.map_or(0, |_| 1),
            sent_at,
            next_attempt_at: self.now.plus(wait_ms),
        };
        self.outbox.push(item.clone());
        self.writes.push(Write::InsertOutbox(Box::new(item)));
        self.count_message();
    }

    /// Puts the SYNC that answers a request into the outbox, in place of an older one.
    pub(crate) fn queue_answer(&mut self, bytes: Vec<u8>, rng: &mut (impl CryptoRng + ?Sized)) {
        self.drop_outbox(|item| item.kind == OutboxKind::Answer);
        let messages = self.authenticator.keys.current.messages;
        self.queue(OutboxKind::Answer, bytes, Sending::Push(Priority::Prompt), rng);
        // It was counted when it was sealed.
        self.authenticator.keys.current.messages = messages;
    }

    /// Whether a message is of this decision.
    pub(crate) fn is_new(&self, item: &OutboxItem) -> bool {
        is_new(self.snapshot, item)
    }

    /// Notes that stored messages go out with this answer, and when they are sent next. New ones stay as they are.
    pub(crate) fn sent_now(&mut self, at: UnixMillis, chosen: impl Fn(&OutboxItem) -> bool) {
        let snapshot = self.snapshot;
        for item in self.outbox.iter_mut().filter(|item| chosen(item) && !is_new(snapshot, item)) {
            item.sent_at = Some(self.now);
            item.next_attempt_at = at;
            self.writes.push(Write::OutboxAttempt {
                realm: item.realm.clone(),
                id: item.authenticator,
                message: item.message,
                at: self.now,
                next_attempt_at: at,
            });
        }
    }

    /// Makes stored messages due, by the outbox. Those that were sent a moment ago stay as they are: what asks for them
    /// again has crossed them on the way, or comes from somebody who repeats what he heard.
    pub(crate) fn make_due(&mut self, limits: &BearerLimits, chosen: impl Fn(&OutboxItem) -> bool) {
        for item in self.outbox.iter_mut().filter(|item| chosen(item)) {
            let was_sent_lately = item.sent_at.is_some_and(|at| is_recent(at, self.now, limits));
            if !was_sent_lately && item.next_attempt_at > self.now {
                self.writes.push(due(item, self.now));
            }
        }
    }

    /// Sets when messages are sent next.
    pub(crate) fn set_due(&mut self, at: UnixMillis, chosen: impl Fn(&OutboxItem) -> bool) {
        for item in self.outbox.iter_mut().filter(|item| chosen(item)) {
            self.writes.push(due(item, at));
        }
    }

    /// Seals a SYNC under the key in use.
    pub(crate) fn seal_sync(
        &mut self,
        keys: &EpochKeys,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Refusal> {
        let used_up = || Refusal::operator("the device's SYNC numbers are used up; enrol it anew");
        let sequence = self.authenticator.sync_sequence.checked_add(1).ok_or_else(used_up)?;
        self.authenticator.sync_sequence = sequence;
        let sync = Sync {
            last_request: self.authenticator.requests.highest,
            rotate: wants_ephemeral_key(&self.authenticator),
            suspended: self.is_suspended(),
            threshold: self.policy.threshold.min(MAX_THRESHOLD),
        };
        self.count_message();
        keys.seal_sync(self.authenticator.handle, sequence, &sync, rng).map_err(seal_refusal)
    }
}

fn due(item: &mut OutboxItem, at: UnixMillis) -> Write {
    item.next_attempt_at = at;
    Write::OutboxDue { realm: item.realm.clone(), id: item.authenticator, message: item.message, next_attempt_at: at }
}

/// Whether something was sent so short a time ago that it is not sent again. A time to come is of a clock that was set
/// back, and long ago.
pub(crate) fn is_recent(at: UnixMillis, now: UnixMillis, limits: &BearerLimits) -> bool {
    at <= now && now.since(at) < limits.repeat_after_ms
}

fn is_new(snapshot: &DeviceSnapshot, item: &OutboxItem) -> bool {
    snapshot.outbox.iter().all(|stored| stored.message != item.message)
}

/// Whether the authenticator or its subscriber is suspended.
pub(crate) fn is_suspended(snapshot: &DeviceSnapshot) -> bool {
    snapshot.subscriber_suspended || snapshot.authenticator.status == Status::Suspended
}

/// Whether a rotation waits for the device to send an ephemeral key.
pub(crate) fn wants_ephemeral_key(authenticator: &Authenticator) -> bool {
    authenticator.profile.suite() != Suite::Symmetric && authenticator.rotation_wanted.is_some()
}

/// Who the device is to the protocol.
pub(crate) const fn party(authenticator: &Authenticator) -> Party {
    Party { id: authenticator.id, profile: authenticator.profile }
}

/// Where one of its keys stands in the store.
pub(crate) const fn place(authenticator: &Authenticator, epoch: Epoch) -> KeyPlace<'_> {
    KeyPlace { realm: &authenticator.realm, id: authenticator.id, epoch }
}

/// The keys of an epoch, from the sealed key.
pub(crate) fn open_keys(
    authenticator: &Authenticator,
    epoch: Epoch,
    sealed: &SealedKey,
    keyring: &Keyring,
) -> Result<EpochKeys, Refusal> {
    let key = keyring.open_key(&place(authenticator, epoch), sealed).map_err(|error| {
        let why: Refusal = error.into();
        Refusal { inward: format!("key {} of device {}: {}", epoch.0, authenticator.id, why.inward), ..why }
    })?;
    Ok(EpochKeys::derive(&key, &party(authenticator), epoch))
}

/// The keys in use.
pub(crate) fn current_keys(authenticator: &Authenticator, keyring: &Keyring) -> Result<EpochKeys, Refusal> {
    open_keys(authenticator, authenticator.keys.current.epoch, &authenticator.keys.current.sealed, keyring)
}

/// The index of a set's last code.
pub(crate) fn last_index(set: &IssuedSet) -> CodeIndex {
    indices(set).last().unwrap_or(set.first)
}

/// A refusal of what could not be sealed.
pub(crate) fn seal_refusal(error: SealError) -> Refusal {
    match error {
        SealError::PublicKey => Refusal::peer(error.to_string()),
        SealError::Unsupported | SealError::WrongEpoch => Refusal::operator(error.to_string()),
        SealError::WrongProfile | SealError::ZeroSequence | SealError::Field | SealError::Cipher => {
            Refusal::bug(error.to_string())
        }
    }
}

/// A new random identification code. The store refuses one that is taken.
pub(crate) fn draw_id(rng: &mut (impl CryptoRng + ?Sized)) -> AuthenticatorId {
    let mut id = [0; 8];
    rng.fill_bytes(&mut id);
    AuthenticatorId(id)
}
