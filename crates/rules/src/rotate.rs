//! Replacing a device's key (M8, M10).
//!
//! The next key is stored before its offer is sent, and the server goes on under the key in use. That one is erased only
//! when an authentic request came under the next one: then, and only then, `complete` switches. No time erases a key.
//! An offer is bound to the ephemeral key that it is sealed to; another ephemeral key replaces it only from a request
//! above all that were seen, so that a late or replayed request cannot bring back a key that the device has dropped.

use matchbook_protocol::{EpochKeys, Secret, Suite, UnixMillis};
use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::draft::{Draft, Sending, current_keys, last_index, place, seal_refusal};
use crate::issue::note_voided;
use crate::keyring::Keyring;
use crate::model::{
    Authenticator, AuthenticatorKeys, DeviceSnapshot, EpochKey, EventKind, NextKey, OutboxKind, Policy, Priority,
    RotationReason, Status,
};
use crate::refusal::Refusal;
use crate::request::Decision;

/// A key is replaced after so many messages that were sealed or opened under it: 2^16.
pub const MAX_KEY_MESSAGES: u32 = 1 << 16;

/// Begins a key replacement: in suite 1 the new key is offered at once; in the others the device is asked for an
/// ephemeral key. What was begun already is not begun again, and changes nothing; an operator's command makes an offer
/// that waits due again. `reply` of the decision is what is to be pushed; it is in the outbox already.
///
/// For a device that was restored and not heard of since, and for a suspended one of which it is wanted already, it stays
/// wanted and nothing is sent.
///
/// # Errors
/// For the operator: a device that is not in use, or whose key numbers are used up.
pub fn begin(
    snapshot: &DeviceSnapshot,
    reason: RotationReason,
    keyring: &Keyring,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let mut draft = Draft::of(snapshot, now);
    let is_wanted = draft.authenticator.rotation_wanted.is_some();
    match draft.authenticator.status {
        Status::Active => {}
        Status::Suspended if is_wanted => return Ok(Decision::nothing()),
        Status::Suspended => return Err(Refusal::operator("the device is suspended; resume it first")),
        Status::Pending { .. } => return Err(Refusal::operator("the device has not enrolled yet")),
        Status::Revoked => return Err(Refusal::operator("the device is revoked; enrol a new one")),
    }
    if draft.is_suspended() || draft.authenticator.restored {
        if is_wanted {
            return Ok(Decision::nothing());
        }
        draft.authenticator.rotation_wanted = Some(reason);
        return Ok(Decision::unasked(draft.finish(), Vec::new()));
    }
    if let Some(offer) = draft.outstanding_rotation() {
        let reply = vec![offer.bytes.clone()];
        if reason != RotationReason::Operator {
            return Ok(Decision { reply, ..Decision::nothing() });
        }
        draft.set_due(now, |item| item.kind == OutboxKind::Rotation);
        return Ok(Decision::unasked(draft.finish(), reply));
    }
    if let Some(asked) = draft.outbox().iter().find(|item| item.kind == OutboxKind::Sync).filter(|_| is_wanted) {
        return Ok(Decision { reply: vec![asked.bytes.clone()], ..Decision::nothing() });
    }
    let keys = current_keys(&draft.authenticator, keyring)?;
    let bytes = begin_anew(&mut draft, &keys, reason, keyring, rng)?;
    Ok(Decision::unasked(draft.finish(), vec![bytes]))
}

/// Whether a key is due to be replaced by its use or age, and nothing was begun yet.
#[must_use]
pub fn is_due(authenticator: &Authenticator, policy: &Policy, now: UnixMillis) -> bool {
    let AuthenticatorKeys { current, next } = &authenticator.keys;
    let is_begun = next.is_some() || authenticator.rotation_wanted.is_some();
    let is_old = now.since(current.since) >= u64::from(policy.rotate_after_days) * DAY_MS;
    let has_next = current.epoch.next().is_some();
    authenticator.status == Status::Active && !is_begun && has_next && (current.messages >= MAX_KEY_MESSAGES || is_old)
}

/// Switches to the next key, because an authentic request came under it. What was sealed under the old key and is not
/// acknowledged is dropped, for the device takes none of it any more: the highest index that it acknowledged is final, and
/// every set above it is void. Says whether one was.
pub(crate) fn complete(draft: &mut Draft<'_>, rng: &mut (impl CryptoRng + ?Sized)) -> bool {
    let Some(NextKey { epoch, sealed, .. }) = draft.authenticator.keys.next.take() else { return false };
    draft.authenticator.keys.current = EpochKey { epoch, sealed, since: draft.now, messages: 0 };
    draft.authenticator.rotation_wanted = None;
    draft.authenticator.last_reply = None;
    draft.note(EventKind::RotationCompleted, format!("key {} is in use, the one before is erased", epoch.0), rng);
    let held = draft.authenticator.acknowledged;
    let voided = draft.void_sets(|set| last_index(set) > held);
    draft.drop_outbox(|item| item.epoch != epoch);
    note_voided(draft, voided, "the device changed its key before it got them", rng);
    voided > 0
}

/// What a request says about keys.
pub(crate) struct Wish {
    /// The ephemeral public key, when the request brought one and is above all that were seen.
    pub(crate) ephemeral: Option<Vec<u8>>,
    /// The request's counter.
    pub(crate) counter: u32,
    /// The device asks for a new key.
    pub(crate) asks: bool,
}

/// Does what a request makes possible: offers a key to its ephemeral key, or in suite 1 the key that is wanted; or notes
/// that one is wanted.
pub(crate) fn advance(
    draft: &mut Draft<'_>,
    keys: &EpochKeys,
    wish: Wish,
    keyring: &Keyring,
    sending: Sending,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(), Refusal> {
    if is_due(&draft.authenticator, draft.policy, draft.now) {
        draft.authenticator.rotation_wanted = Some(RotationReason::Scheduled);
    }
    if draft.authenticator.keys.current.epoch.next().is_none() {
        draft.authenticator.rotation_wanted = None;
        return Ok(());
    }
    if wish.asks && draft.authenticator.keys.next.is_none() && draft.authenticator.rotation_wanted.is_none() {
        draft.authenticator.rotation_wanted = Some(RotationReason::Device);
    }
    let is_lost = draft.authenticator.keys.next.is_some() && draft.outstanding_rotation().is_none();
    match (draft.authenticator.profile.suite(), wish.ephemeral) {
        (Suite::Symmetric, _) => {
            if draft.authenticator.rotation_wanted.is_some() || is_lost {
                offer(draft, keys, Vec::new(), 0, keyring, sending, rng)?;
            }
        }
        (Suite::X25519 | Suite::P256 | Suite::XWing, Some(ephemeral)) => {
            offer(draft, keys, ephemeral, wish.counter, keyring, sending, rng)?;
        }
        (Suite::X25519 | Suite::P256 | Suite::XWing, None) if is_lost => {
            draft.authenticator.rotation_wanted.get_or_insert(RotationReason::Scheduled);
        }
        (Suite::X25519 | Suite::P256 | Suite::XWing, None) => {}
    }
    Ok(())
}

/// Pushes the first message of a rotation.
fn begin_anew(
    draft: &mut Draft<'_>,
    keys: &EpochKeys,
    reason: RotationReason,
    keyring: &Keyring,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, Refusal> {
    if draft.authenticator.profile.suite() == Suite::Symmetric {
        return offer(draft, keys, Vec::new(), 0, keyring, Sending::Push(Priority::Bulk), rng);
    }
    if keys.epoch().next().is_none() {
        return Err(Refusal::operator("the device's key numbers are used up; enrol it anew"));
    }
    // An offer whose message is gone, as after a restored backup, is not to keep the device from being asked.
    draft.authenticator.rotation_wanted.get_or_insert(reason);
    draft.drop_outbox(|item| item.kind == OutboxKind::Sync);
    let bytes = draft.seal_sync(keys, rng)?;
    draft.queue(OutboxKind::Sync, bytes.clone(), Sending::Push(Priority::Bulk), rng);
    Ok(bytes)
}

/// Offers the next key. An offer to the same ephemeral key stays as it is: the same bytes go again. Only when its message
/// is gone, as after a restored backup, the same key is sealed again; a device that has it already goes on under it.
fn offer(
    draft: &mut Draft<'_>,
    keys: &EpochKeys,
    ephemeral: Vec<u8>,
    counter: u32,
    keyring: &Keyring,
    sending: Sending,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, Refusal> {
    draft.authenticator.rotation_wanted = None;
    let used_up = || Refusal::operator("the device's key numbers are used up; enrol it anew");
    let epoch = keys.epoch().next().ok_or_else(used_up)?;
    let offered = draft.authenticator.keys.next.as_ref().filter(|next| next.ephemeral == ephemeral);
    let key = match (offered, draft.outstanding_rotation()) {
        (Some(_), Some(item)) => return Ok(item.bytes.clone()),
        (Some(next), None) => keyring.open_key(&place(&draft.authenticator, epoch), &next.sealed)?,
        (None, _) => draw_key(rng),
    };
    let handle = draft.authenticator.handle;
    let sealed = if ephemeral.is_empty() {
        keys.seal_rotation(handle, &key, rng)
    } else {
        keys.seal_rotation_to(handle, &ephemeral, &key, rng)
    };
    let bytes = sealed.map_err(seal_refusal)?;
    let sealed = keyring.seal_key(&place(&draft.authenticator, epoch), &key, rng)?;
    draft.authenticator.keys.next = Some(NextKey { epoch, sealed, ephemeral, counter });
    draft.drop_outbox(|item| item.kind == OutboxKind::Rotation);
    draft.queue(OutboxKind::Rotation, bytes.clone(), sending, rng);
    draft.note(EventKind::RotationOffered, format!("key {} is offered", epoch.0), rng);
    Ok(bytes)
}

fn draw_key(rng: &mut (impl CryptoRng + ?Sized)) -> Secret<32> {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    let key = Secret::new(bytes);
    bytes.zeroize();
    key
}

const DAY_MS: u64 = 24 * 3_600_000;

#[cfg(test)]
mod tests;
