//! What a fresh request brings about, in this order: sets are acknowledged, a rotation is completed, a server that is
//! behind learns where the device is, a set is issued, a key is offered.

use matchbook_protocol::wire::{Reason, WANTED_SERVERS_CHOICE};
use matchbook_protocol::{CodeIndex, EpochKeys, Request, UnixMillis, largest_set};
use rand_core::CryptoRng;

use super::authenticate::KeyUsed;
use super::fresh::FreshRequest;
use super::{BearerLimits, Decision};
use crate::draft::{Draft, RESEND_AFTER_MS, wants_ephemeral_key};
use crate::issue::{self, Issued, Order, note_voided};
use crate::keyring::Keyring;
use crate::model::{CachedReply, DeviceSnapshot, EventKind, OutboxItem, OutboxKind, RotationReason};
use crate::refusal::Refusal;
use crate::rotate::{self, Wish};

/// How far a restored server's SYNC numbers are moved on, so that what it pushes is not older than what the device has
/// seen: more than it can have sent since the backup.
const SYNC_NUMBERS_SKIPPED: u32 = 1 << 16;

/// How many indices a server that was behind leaves out at the least; at random up to twice as many, so that two returns
/// to the same backup do not go on at the same index. The request that told it the highest index may be an old one that
/// somebody kept back: then the device holds more than it said. Codes below the gap are void all the same, and the
/// device takes a set above a gap like any other; without it, an acknowledgement of the codes that the device has
/// could be taken for one of codes that it never got. More than a device is issued between a backup and its return.
pub const INDEX_GAP: u32 = 10_000;

/// Answers a fresh request.
pub(super) fn answer(
    fresh: FreshRequest,
    snapshot: &DeviceSnapshot,
    keyring: &Keyring,
    limits: &BearerLimits,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let FreshRequest { counter, request, key, keys, newest } = fresh;
    let mut draft = Draft::of(snapshot, now);
    draft.authenticator.requests.mark(counter);
    draft.authenticator.last_seen_at = Some(now);
    if newest {
        draft.authenticator.reported_unused = Some(request.unused);
    }
    let collides = collides(&draft, request.highest);
    let has_new_set = settle(&mut draft, request.highest, rng);
    let switched = key == KeyUsed::Next;
    let lost_a_set = switched && rotate::complete(&mut draft, rng);
    draft.count_message();
    let was_behind = catch_up(&mut draft, request.highest, collides, rng)?;

    let mut talk = Talk { draft, keys, keyring, limits, request: &request, newest, switched, has_new_set };
    let mut reply = Vec::new();
    if !talk.draft.is_suspended() {
        talk.provide_set(lost_a_set || was_behind, was_behind, rng)?;
        talk.replace_key(counter, rng)?;
        reply = if limits.by_outbox { talk.make_due() } else { talk.send_again() };
    }
    let sync = if talk.has_to_sync(reply.is_empty()) { Some(talk.draft.seal_sync(&talk.keys, rng)?) } else { None };
    let Talk { mut draft, .. } = talk;
    if newest {
        draft.authenticator.last_reply = sync.clone().map(|bytes| CachedReply { counter, bytes, at: now });
    }
    if limits.by_outbox {
        sync.iter().for_each(|bytes| draft.queue_answer(bytes.clone(), rng));
    }
    let offers = reply.split_off(reply.iter().take_while(|item| item.kind != OutboxKind::Rotation).count());
    let reply = reply.into_iter().map(|item| item.bytes).chain(sync).chain(offers.into_iter().map(|item| item.bytes));
    Ok(Decision { reply: reply.collect(), changes: draft.finish(), fresh: true })
}

/// Takes the acknowledgement: every set up to `highest` arrived, and whatever SYNC was on its way is answered. Says
/// whether a set did.
fn settle(draft: &mut Draft<'_>, highest: CodeIndex, rng: &mut (impl CryptoRng + ?Sized)) -> bool {
    let settled = draft.drop_outbox(|item| match item.kind {
        OutboxKind::Set { last, .. } => last <= highest,
        OutboxKind::Sync | OutboxKind::Answer => true,
        OutboxKind::Rotation => false,
    });
    let mut has_new_set = false;
    for item in settled {
        if let OutboxKind::Set { first, last } = item.kind {
            has_new_set = true;
            draft.note(EventKind::SetAcknowledged, format!("codes {first} to {last} are on the device"), rng);
        }
    }
    draft.authenticator.acknowledged = draft.authenticator.acknowledged.max(highest);
    has_new_set
}

/// When this server was put back from a backup, or is behind the device for another reason: goes on above the device's
/// highest index, with every older code void. Says whether it was so.
fn catch_up(
    draft: &mut Draft<'_>,
    highest: CodeIndex,
    collides: bool,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<bool, Refusal> {
    let is_ahead = highest >= draft.authenticator.next_index;
    if !is_ahead && !collides && !draft.authenticator.restored {
        return Ok(false);
    }
    let gap = INDEX_GAP + rng.next_u32() % INDEX_GAP;
    let beyond = draft.authenticator.next_index.max(highest).checked_add(gap);
    let beyond =
        beyond.ok_or_else(|| Refusal::peer("the device claims to hold nearly the last of all code numbers"))?;
    draft.authenticator.next_index = beyond;
    draft.authenticator.restored = false;
    draft.authenticator.sync_sequence = draft.authenticator.sync_sequence.saturating_add(SYNC_NUMBERS_SKIPPED);
    let voided = draft.void_sets(|_| true);
    note_voided(draft, voided, "the server was behind the device", rng);
    draft.note(
        EventKind::DeviceRestored,
        format!("the device holds codes up to {highest}; issuing goes on at {beyond}"),
        rng,
    );
    Ok(true)
}

/// Whether the device's highest index lies within the outstanding set. Sets arrive whole, so the device has other codes
/// there than those that the server issued.
fn collides(draft: &Draft<'_>, highest: CodeIndex) -> bool {
    draft.outstanding_set().is_some_and(|item| match item.kind {
        OutboxKind::Set { first, last } => first <= highest && highest < last,
        OutboxKind::Rotation | OutboxKind::Sync | OutboxKind::Answer => false,
    })
}

/// The part of the answer that depends on what the device asks for.
struct Talk<'a> {
    draft: Draft<'a>,
    keys: EpochKeys,
    keyring: &'a Keyring,
    limits: &'a BearerLimits,
    request: &'a Request,
    newest: bool,
    switched: bool,
    /// The request acknowledges a set.
    has_new_set: bool,
}

impl Talk<'_> {
    /// Issues a set when one is wanted, needed or due, unless one is outstanding.
    fn provide_set(
        &mut self,
        is_needed: bool,
        reset: bool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Refusal> {
        let is_asked = is_needed || self.request.wanted != 0;
        let runs_low = self.newest && self.request.unused <= self.draft.policy.threshold;
        let rest = self.rest_of_the_set();
        let is_due = is_asked || runs_low || rest.is_some() || issue::is_low(&self.draft, self.keyring);
        if self.draft.outstanding_set().is_some() || !is_due {
            return Ok(());
        }
        let order = Order {
            wanted: rest.or(Some(self.request.wanted).filter(|wanted| !matches!(*wanted, 0 | WANTED_SERVERS_CHOICE))),
            reset,
            left_on_device: self.newest.then_some(self.request.unused),
            why: why(self.request, is_needed),
            sending: self.limits.sending(),
        };
        match issue::issue(&mut self.draft, &self.keys, self.keyring, self.limits, &order, rng)? {
            Issued::Capped(sentence) if is_asked => self.draft.note(EventKind::RefillCapped, sentence, rng),
            Issued::Set | Issued::Capped(_) => {}
        }
        Ok(())
    }

    /// How many codes are to follow a set that has arrived: the policy's sets are larger than one message holds, and each
    /// part goes when the one before it is on the device.
    fn rest_of_the_set(&self) -> Option<u8> {
        let size = self.draft.policy.set_size.filter(|_| self.limits.by_outbox && self.has_new_set)?;
        let largest = largest_set(self.draft.policy.format(), self.limits.set_message_bytes);
        let live = u8::try_from(self.draft.live_codes(self.keyring).len()).unwrap_or(u8::MAX);
        size.checked_sub(live).filter(|rest| *rest > 0 && size > largest)
    }

    /// Goes on with a rotation; not in the answer that completes one, which the device waits for under the new key.
    fn replace_key(&mut self, counter: u32, rng: &mut (impl CryptoRng + ?Sized)) -> Result<(), Refusal> {
        let asks = self.request.reason == Reason::Rotate || self.request.ephemeral.is_some();
        if self.switched {
            if asks && self.newest {
                self.draft.authenticator.rotation_wanted = Some(RotationReason::Device);
            }
            return Ok(());
        }
        let ephemeral = self.request.ephemeral.clone().filter(|_| self.newest);
        let wish = Wish { ephemeral, counter, asks: asks && self.newest };
        rotate::advance(&mut self.draft, &self.keys, wish, self.keyring, self.limits.sending(), rng)
    }

    /// What goes out of the outbox with this answer: the set that is outstanding, then the key that is offered.
    fn send_again(&mut self) -> Vec<OutboxItem> {
        let is_chosen = self.chosen();
        self.draft.sent_now(self.draft.now.plus(RESEND_AFTER_MS), &is_chosen);
        let draft = &self.draft;
        let goes_out = |item: &&OutboxItem| is_chosen(item) || draft.is_new(item);
        let mut items: Vec<OutboxItem> = draft.outbox().iter().filter(goes_out).cloned().collect();
        items.sort_by_key(|item| super::order(item.kind));
        items
    }

    /// The same where answers leave by the outbox: it becomes due.
    fn make_due(&mut self) -> Vec<OutboxItem> {
        let is_chosen = self.chosen();
        self.draft.make_due(self.limits, &is_chosen);
        let draft = &self.draft;
        let goes_out = |item: &&OutboxItem| is_chosen(item) || draft.is_new(item);
        draft.outbox().iter().filter(goes_out).cloned().collect()
    }

    /// Which of the messages that wait this request asks for.
    fn chosen(&self) -> impl Fn(&OutboxItem) -> bool + use<> {
        let always = self.limits.always_answer;
        let with_set = always || self.request.wanted != 0;
        let with_key = always || self.request.ephemeral.is_some() || self.request.reason == Reason::Rotate;
        move |item| match item.kind {
            OutboxKind::Set { .. } => with_set,
            OutboxKind::Rotation => with_key,
            OutboxKind::Sync | OutboxKind::Answer => false,
        }
    }

    /// Whether a SYNC is called for beside what goes out anyway.
    fn has_to_sync(&self, nothing_else: bool) -> bool {
        let is_suspended = self.draft.is_suspended();
        let expects_answer = self.limits.always_answer
            || self.switched
            || is_suspended
            || self.request.wanted != 0
            || self.request.ephemeral.is_some()
            || self.request.reason != Reason::Status;
        (nothing_else && expects_answer) || (!is_suspended && wants_ephemeral_key(&self.draft.authenticator))
    }
}

/// The trigger, in the event's words.
const fn why(request: &Request, is_needed: bool) -> &'static str {
    if is_needed {
        return "the device cannot use what it was issued before";
    }
    match (request.wanted, request.reason) {
        (0, _) => "the server or the device counted few unused codes",
        (_, Reason::First) => "the device's first request",
        (_, Reason::Low) => "the device runs low",
        (_, Reason::Manual) => "the user asked",
        (_, Reason::Status | Reason::Rotate) => "the device asked",
    }
}
