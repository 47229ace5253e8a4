//! A device's message, in steps that are types: unverified, authentic, fresh; only a fresh one changes anything.
//!
//! Whoever holds no key of the device gets nothing here, at the same cost: an unknown identification code, a bad tag, a
//! wrong type and a revoked authenticator are one silence. Whoever replays a message gets at most the sealed bytes that
//! the device was sent already.

mod answer;
mod authenticate;
mod fresh;
mod repeat;

use matchbook_protocol::sms::Form;
use matchbook_protocol::{UnixMillis, UnverifiedUplink};
use rand_core::CryptoRng;

use crate::draft::{RESEND_AFTER_MS, Sending, is_suspended};
use crate::enrol;
use crate::keyring::Keyring;
use crate::model::{Changes, DeviceSnapshot, OutboxItem, OutboxKind, Priority, Status};
use crate::refusal::Refusal;

pub use answer::INDEX_GAP;
pub use authenticate::{Authentic, AuthenticEnrol, AuthenticRequest, KeyUsed, authenticate, burn_equal_cost};
pub(crate) use fresh::Seen;
pub use fresh::{DuplicateRequest, FreshRequest, Freshness, WINDOW};

/// What a decision about a device comes to.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What is to be committed before anything is sent; without writes when there is nothing to change.
    pub changes: Changes,
    /// Sealed messages for the device in the compressed form and in the order that it should take them, 0–4.
    pub reply: Vec<Vec<u8>>,
    /// The message was new: not a repetition, which anybody on the way could have made.
    pub fresh: bool,
}

/// What a bearer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BearerLimits {
    /// The longest SET message, in bytes, when the policy leaves the size of a set open.
    pub set_message_bytes: usize,
    /// Answers a request that asks for nothing too. Off where every message costs money: it is answered when it comes a
    /// second time.
    pub always_answer: bool,
    /// Answers leave by the outbox: the bearer is no dialogue, and what it carries must be committed before it goes.
    pub by_outbox: bool,
    /// What was sent less than so many milliseconds ago is not sent again because a request came twice: the network made
    /// the copy, or somebody repeats what he heard.
    pub repeat_after_ms: u64,
}

impl BearerLimits {
    /// HTTP: every request is answered. Sets are as large as on SMS unless the policy says otherwise.
    pub const HTTP: Self =
        Self { set_message_bytes: SHORT_MESSAGE_BYTES, always_answer: true, by_outbox: false, repeat_after_ms: 0 };
    /// Short messages: a set fits one behind a 16-bit port header.
    pub const SMS: Self = Self::short_messages(Form::Binary);
    /// Short messages of text: a set fits one in base64.
    pub const SMS_TEXT: Self = Self::short_messages(Form::Text);

    const fn short_messages(form: Form) -> Self {
        let set_message_bytes = form.budget();
        Self { set_message_bytes, always_answer: false, by_outbox: true, repeat_after_ms: RESEND_AFTER_MS }
    }

    /// How a message leaves that somebody waits for.
    pub(crate) const fn sending(&self) -> Sending {
        if self.by_outbox { Sending::Push(Priority::Prompt) } else { Sending::Reply }
    }
}

/// What one short message carries behind a 16-bit port header.
const SHORT_MESSAGE_BYTES: usize = Form::Binary.budget();

/// Decides what a message of this device brings about. `bytes` is its compressed form.
///
/// # Errors
/// A message that is refused: the sender gets the same silence for each. [`crate::Culprit::Store`] and
/// [`crate::Culprit::Bug`] are for the operator's eyes.
pub fn decide(
    bytes: &[u8],
    snapshot: &DeviceSnapshot,
    keyring: &Keyring,
    limits: &BearerLimits,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let unverified = UnverifiedUplink::decode(bytes).map_err(|error| Refusal::peer(error.to_string()))?;
    match authenticate(&unverified, snapshot, keyring)? {
        Authentic::Enrol(message) => enrol::accept(message, snapshot, limits, now, rng),
        Authentic::Request(request) => match request.freshen(&snapshot.authenticator.requests) {
            Freshness::Fresh(fresh) => answer::answer(fresh, snapshot, keyring, limits, now, rng),
            Freshness::Duplicate(duplicate) => repeat::repeat(&duplicate, snapshot, limits, now, rng),
            Freshness::Stale => Err(Refusal::peer("the request is older than the window of counters: a replay")),
        },
    }
}

/// The sealed messages that may be sent to a device now, in the order that it should take them: a key comes last, for
/// nothing under the old one is taken after it. None for a suspended device.
#[must_use]
pub fn waiting(snapshot: &DeviceSnapshot) -> Vec<&OutboxItem> {
    if snapshot.authenticator.status != Status::Active || is_suspended(snapshot) {
        return Vec::new();
    }
    let mut items: Vec<&OutboxItem> = snapshot.outbox.iter().collect();
    items.sort_by_key(|item| order(item.kind));
    items
}

/// The place of a message in a reply.
const fn order(kind: OutboxKind) -> u8 {
    match kind {
        OutboxKind::Set { .. } => 0,
        OutboxKind::Sync | OutboxKind::Answer => 1,
        OutboxKind::Rotation => 2,
    }
}

impl Decision {
    /// Nothing changes and nothing is sent.
    pub(crate) fn nothing() -> Self {
        Self { changes: Changes::default(), reply: Vec::new(), fresh: false }
    }

    /// What no request asked for.
    pub(crate) const fn unasked(changes: Changes, reply: Vec<Vec<u8>>) -> Self {
        Self { changes, reply, fresh: false }
    }
}

#[cfg(test)]
mod sms_tests;
#[cfg(test)]
mod tests;
