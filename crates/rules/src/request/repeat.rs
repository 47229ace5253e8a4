//! A request that comes again gets the bytes that answered it. Nothing is issued, offered or sealed again for it.

use matchbook_protocol::UnixMillis;
use rand_core::CryptoRng;

use super::authenticate::KeyUsed;
use super::fresh::DuplicateRequest;
use super::{BearerLimits, Decision, waiting};
use crate::draft::{Draft, is_recent};
use crate::model::{CachedReply, DeviceSnapshot, OutboxItem, OutboxKind};
use crate::refusal::Refusal;

/// Answers a repetition: with everything that waits to be acknowledged, and the SYNC that answered it the first time.
///
/// The newest request is not left without any answer, or the device would repeat it for ever: when what answered it is
/// gone, or nothing did, it gets one SYNC, which is kept, so that a replay can bring about no more than that.
pub(super) fn repeat(
    duplicate: &DuplicateRequest,
    snapshot: &DeviceSnapshot,
    limits: &BearerLimits,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let DuplicateRequest { counter, key, keys } = duplicate;
    let authenticator = &snapshot.authenticator;
    if limits.by_outbox {
        return repeat_by_outbox(duplicate, snapshot, limits, now, rng);
    }
    let cached = authenticator.last_reply.as_ref().filter(|cached| cached.counter == *counter);
    let (key_offers, others): (Vec<_>, Vec<_>) =
        waiting(snapshot).into_iter().partition(|item| item.kind == OutboxKind::Rotation);
    // A key comes last: nothing under the old one is taken after it.
    let items = others.into_iter().map(|item| &item.bytes).chain(cached.map(|cached| &cached.bytes));
    let reply: Vec<Vec<u8>> = items.chain(key_offers.into_iter().map(|item| &item.bytes)).cloned().collect();
    if !reply.is_empty() || *counter != authenticator.requests.highest || *key != KeyUsed::Current {
        return Ok(Decision { reply, ..Decision::nothing() });
    }
    let mut draft = Draft::of(snapshot, now);
    let bytes = draft.seal_sync(keys, rng)?;
    draft.authenticator.last_reply = Some(CachedReply { counter: *counter, bytes: bytes.clone(), at: now });
    Ok(Decision::unasked(draft.finish(), vec![bytes]))
}

/// The same where answers leave by the outbox: what waits becomes due again, unless it went out a moment ago. So the
/// copies that a network makes of a request cost nothing, and a replayer brings about one message in half a minute.
fn repeat_by_outbox(
    duplicate: &DuplicateRequest,
    snapshot: &DeviceSnapshot,
    limits: &BearerLimits,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let DuplicateRequest { counter, key, keys } = duplicate;
    let mut draft = Draft::of(snapshot, now);
    let cached = draft.authenticator.last_reply.take_if(|cached| cached.counter == *counter);
    let is_answer_recent = cached.as_ref().is_some_and(|cached| is_recent(cached.at, now, limits));
    let is_awaited = |item: &OutboxItem| item.kind != OutboxKind::Answer;
    let waits = !draft.is_suspended() && draft.outbox().iter().any(is_awaited);
    if waits {
        draft.make_due(limits, is_awaited);
    }
    let is_newest = *counter == snapshot.authenticator.requests.highest && *key == KeyUsed::Current;
    let answer = match cached {
        Some(_) if is_answer_recent => None,
        Some(cached) => Some(cached.bytes),
        None if !waits && is_newest => Some(draft.seal_sync(keys, rng)?),
        None => None,
    };
    let Some(bytes) = answer else {
        draft.authenticator.last_reply.clone_from(&snapshot.authenticator.last_reply);
        return Ok(if draft.has_writes() {
            Decision::unasked(draft.finish(), Vec::new())
        } else {
            Decision::nothing()
        });
    };
    draft.authenticator.last_reply = Some(CachedReply { counter: *counter, bytes: bytes.clone(), at: now });
    draft.queue_answer(bytes.clone(), rng);
    Ok(Decision::unasked(draft.finish(), vec![bytes]))
}
