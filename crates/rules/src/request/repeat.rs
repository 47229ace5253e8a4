//! A request that comes again gets the bytes that answered it. Nothing is issued, offered or sealed again for it.

use matchbook_protocol::UnixMillis;
use rand_core::CryptoRng;

use super::authenticate::KeyUsed;
use super::fresh::DuplicateRequest;
use super::{Decision, waiting};
use crate::draft::Draft;
use crate::model::{CachedReply, DeviceSnapshot, OutboxKind};
use crate::refusal::Refusal;

/// Answers a repetition: with everything that waits to be acknowledged, and the SYNC that answered it the first time.
///
/// The newest request is not left without any answer, or the device would repeat it for ever: when what answered it is
/// gone, or nothing did, it gets one SYNC, which is kept, so that a replay can bring about no more than that.
pub(super) fn repeat(
    duplicate: &DuplicateRequest,
    snapshot: &DeviceSnapshot,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let DuplicateRequest { counter, key, keys } = duplicate;
    let authenticator = &snapshot.authenticator;
    let (key_offers, others): (Vec<_>, Vec<_>) =
        waiting(snapshot).into_iter().partition(|item| item.kind == OutboxKind::Rotation);
    let cached = authenticator.last_reply.as_ref().filter(|cached| cached.counter == *counter);
    // A key comes last: nothing under the old one is taken after it.
    let items = others.into_iter().map(|item| &item.bytes).chain(cached.map(|cached| &cached.bytes));
    let reply: Vec<Vec<u8>> = items.chain(key_offers.into_iter().map(|item| &item.bytes)).cloned().collect();
    if !reply.is_empty() || *counter != authenticator.requests.highest || *key != KeyUsed::Current {
        return Ok(Decision { reply, ..Decision::nothing() });
    }
    let mut draft = Draft::of(snapshot, now);
    let bytes = draft.seal_sync(keys, rng)?;
    draft.authenticator.last_reply = Some(CachedReply { counter: *counter, bytes: bytes.clone() });
    Ok(Decision::unasked(draft.finish(), vec![bytes]))
}
