//! Issuing sets: by the server's count (M6), by the operator, and in answer to a request. At most one set is outstanding.
//!
//! The clear codes live inside this module's calls only: tags go to the store, sealed bytes to the outbox.

mod cap;
mod draw;

use matchbook_protocol::{CodeSet, Delivery, EpochKeys, UnixMillis};
use rand_core::CryptoRng;

use crate::draft::{Draft, Sending, current_keys, seal_refusal};
use crate::keyring::Keyring;
use crate::model::{
    DeviceSnapshot, EventKind, IssuedSet, OutboxItem, OutboxKind, Priority, RefillReason, RotationReason, Status, Write,
};
use crate::refusal::Refusal;
use crate::request::{BearerLimits, Decision};
use crate::rotate;

pub use cap::MAX_HELD_CODES;

/// What made a set due, in the event's words.
pub(crate) struct Order {
    /// How many codes the device wants; `None`: as many as the policy says.
    pub(crate) wanted: Option<u8>,
    /// The device has to drop everything below the set.
    pub(crate) reset: bool,
    /// How few unused codes the device has left, when that is known now.
    pub(crate) left_on_device: Option<u8>,
    /// Why, for the operator.
    pub(crate) why: &'static str,
    /// How it leaves.
    pub(crate) sending: Sending,
}

/// What became of an order.
pub(crate) enum Issued {
    /// The set is in the outbox.
    Set,
    /// A cap forbids it; the sentence says which.
    Capped(String),
}

/// Issues a set without being asked, or makes the outstanding one due again. `reply` of the decision is what is to be
/// pushed; it is in the outbox already.
///
/// [`RefillReason::ServerCount`] is for the sweep and for a spend that made a set due: whatever comes of it, the refill
/// is not due any more, so that no sweep stumbles over it twice.
///
/// # Errors
/// For the operator: a device that is not enrolled, is suspended, or was restored and not heard of since, and a cap.
/// None of these with [`RefillReason::ServerCount`].
pub fn push(
    snapshot: &DeviceSnapshot,
    keyring: &Keyring,
    limits: &BearerLimits,
    reason: RefillReason,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let mut draft = Draft::of(snapshot, now);
    draft.authenticator.refill_due = None;
    match (obstacle(snapshot), reason) {
        (Some(sentence), RefillReason::Operator) => return Err(Refusal::operator(sentence)),
        (Some(_), RefillReason::ServerCount) => return Ok(Decision::unasked(draft.finish(), Vec::new())),
        (None, RefillReason::Operator | RefillReason::ServerCount) => {}
    }
    if draft.outstanding_set().is_some() {
        let is_set = |item: &OutboxItem| matches!(item.kind, OutboxKind::Set { .. });
        match reason {
            RefillReason::Operator => draft.set_due(now, is_set),
            RefillReason::ServerCount => draft.make_due(limits, is_set),
        }
    } else if reason == RefillReason::Operator || is_low(&draft, keyring) {
        let keys = current_keys(&draft.authenticator, keyring)?;
        let (why, priority) = match reason {
            RefillReason::ServerCount => ("the server counted few unused codes", Priority::Prompt),
            RefillReason::Operator => ("the operator pushed", Priority::Bulk),
        };
        let order = Order { wanted: None, reset: false, left_on_device: None, why, sending: Sending::Push(priority) };
        match (issue(&mut draft, &keys, keyring, limits, &order, rng)?, reason) {
            (Issued::Set, _) => {}
            (Issued::Capped(sentence), RefillReason::Operator) => return Err(Refusal::operator(sentence)),
            (Issued::Capped(sentence), RefillReason::ServerCount) => {
                draft.note(EventKind::RefillCapped, sentence, rng);
            }
        }
    }
    if rotate::is_due(&draft.authenticator, draft.policy, now) {
        draft.authenticator.rotation_wanted = Some(RotationReason::Scheduled);
    }
    let reply = draft.outstanding_set().map(|item| item.bytes.clone()).into_iter().collect();
    Ok(Decision::unasked(draft.finish(), reply))
}

/// Whether the server's own trigger says that a set is due.
pub(crate) fn is_low(draft: &Draft<'_>, keyring: &Keyring) -> bool {
    draft.live_codes(keyring).len() <= usize::from(draft.policy.threshold)
}

/// Issues a set: draws its codes, keeps their tags, seals it, and puts the sealed bytes into the outbox. The caller has
/// made sure that the device is in use and that no set is outstanding.
pub(crate) fn issue(
    draft: &mut Draft<'_>,
    keys: &EpochKeys,
    keyring: &Keyring,
    limits: &BearerLimits,
    order: &Order,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Issued, Refusal> {
    let cap::Allowance { count, reset } = match cap::allowance(draft, keyring, limits, order) {
        Ok(allowance) => allowance,
        Err(sentence) => return Ok(Issued::Capped(sentence)),
    };
    let first = draft.authenticator.next_index;
    let next = first
        .checked_add(u32::from(count))
        .ok_or_else(|| Refusal::operator("the device's code numbers are used up; enrol it anew"))?;
    if reset {
        let voided = draft.void_sets(|_| true);
        note_voided(draft, voided, "they give way to a set that replaces them", rng);
    }
    let (codes, tags) = draw::draw(draft, keyring, first, count, rng)?;
    let set = CodeSet::new(first, draft.policy.format(), reset, codes)
        .map_err(|error| Refusal::bug(format!("a set that was drawn is none: {error}")))?;
    let bytes = seal(draft, keys, &set, rng)?;
    draft.write(Write::InsertSet(Box::new(IssuedSet {
        realm: draft.authenticator.realm.clone(),
        authenticator: draft.authenticator.id,
        first,
        format: set.format,
        tags,
        pepper_version: keyring.version(),
        issued_at: draft.now,
    })));
    draft.queue(OutboxKind::Set { first, last: set.last() }, bytes, order.sending, rng);
    draft.authenticator.next_index = next;
    draft.authenticator.refill_due = None;
    draft.authenticator.day = cap::day_with_one_more(&draft.authenticator.day, draft.now);
    let detail =
        format!("codes {first} to {}: {}{}", set.last(), order.why, if reset { ", replacing all" } else { "" });
    draft.note(EventKind::SetIssued, detail, rng);
    Ok(Issued::Set)
}

/// Notes that sets were voided, if any were.
pub(crate) fn note_voided(draft: &mut Draft<'_>, voided: usize, why: &str, rng: &mut (impl CryptoRng + ?Sized)) {
    if voided > 0 {
        draft.note(EventKind::SetVoided, format!("{voided} set(s) are void: {why}"), rng);
    }
}

/// Why a device cannot be issued anything now.
fn obstacle(snapshot: &DeviceSnapshot) -> Option<&'static str> {
    match snapshot.authenticator.status {
        Status::Pending { .. } => Some("the device has not enrolled yet"),
        Status::Suspended => Some("the device is suspended; resume it first"),
        Status::Revoked => Some("the device is revoked; enrol a new one"),
        Status::Active if snapshot.subscriber_suspended => {
            Some("the device's user is suspended; resume the user first")
        }
        Status::Active if snapshot.authenticator.restored => {
            Some("the store was put back from a backup and the device has not called since; it gets a set when it does")
        }
        Status::Active => None,
    }
}

fn seal(
    draft: &Draft<'_>,
    keys: &EpochKeys,
    set: &CodeSet,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, Refusal> {
    let authenticator = &draft.authenticator;
    let sealed = match authenticator.profile.delivery() {
        Delivery::Shared => keys.seal_set(authenticator.handle, set, rng),
        Delivery::PublicKey => keys.seal_set_to(authenticator.handle, &authenticator.public_key, set, rng),
    };
    sealed.map_err(seal_refusal)
}

#[cfg(test)]
mod tests;
