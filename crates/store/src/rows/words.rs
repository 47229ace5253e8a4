//! The numbers that stand for kinds and states in the columns. A number is never given another meaning.

use matchbook_protocol::codes::{Alphabet, CodeFormat};
use matchbook_rules::{Content, DispatchState, EventKind, Priority, RefillReason, RotationReason, SpendKind, Verdict};

use super::{Bad, Fields};

/// `status` of `authenticators`.
pub(crate) const STATUS_PENDING: u8 = 0;
pub(crate) const STATUS_ACTIVE: u8 = 1;
pub(crate) const STATUS_SUSPENDED: u8 = 2;
pub(crate) const STATUS_REVOKED: u8 = 3;

/// `kind` of `outbox`.
pub(crate) const OUTBOX_SET: u8 = 0;
pub(crate) const OUTBOX_ROTATION: u8 = 1;
pub(crate) const OUTBOX_SYNC: u8 = 2;
pub(crate) const OUTBOX_ANSWER: u8 = 3;

/// `priority` of `outbox`.
pub(crate) const fn priority(priority: Priority) -> u8 {
    match priority {
        Priority::Prompt => 0,
        Priority::Bulk => 1,
    }
}

pub(crate) fn read_priority(fields: &mut Fields<'_>) -> Result<Priority, Bad> {
    Ok(if fields.flag()? { Priority::Bulk } else { Priority::Prompt })
}

/// `content` of `dispatches`.
pub(crate) const fn content(content: Content) -> u8 {
    match content {
        Content::Set => 0,
        Content::Rotation => 1,
        Content::Sync => 2,
    }
}

pub(crate) fn read_content(fields: &mut Fields<'_>) -> Result<Content, Bad> {
    match fields.number::<u8>()? {
        0 => Ok(Content::Set),
        1 => Ok(Content::Rotation),
        2 => Ok(Content::Sync),
        _ => Err(fields.bad("is no kind of message")),
    }
}

/// `state` of `dispatches`.
pub(crate) const fn dispatch_state(state: DispatchState) -> u8 {
    match state {
        DispatchState::Submitted => 0,
        DispatchState::InDoubt => 1,
        DispatchState::Delivered => 2,
        DispatchState::Expired => 3,
        DispatchState::Failed => 4,
    }
}

pub(crate) fn read_dispatch_state(fields: &mut Fields<'_>) -> Result<DispatchState, Bad> {
    match fields.number::<u8>()? {
        0 => Ok(DispatchState::Submitted),
        1 => Ok(DispatchState::InDoubt),
        2 => Ok(DispatchState::Delivered),
        3 => Ok(DispatchState::Expired),
        4 => Ok(DispatchState::Failed),
        _ => Err(fields.bad("is no state of a short message")),
    }
}

/// `mode` of `realms`.
pub(crate) const MODE_INDEXED: u8 = 0;
pub(crate) const MODE_NEXT_IN_ORDER: u8 = 1;
pub(crate) const MODE_ANY_UNUSED: u8 = 2;

/// `role` of `tokens`.
pub(crate) const ROLE_OPERATOR: u8 = 0;
pub(crate) const ROLE_REALM_OPERATOR: u8 = 1;
pub(crate) const ROLE_RELYING_PARTY: u8 = 2;

/// `kind` of `spends`.
pub(crate) const fn spend_kind(kind: SpendKind) -> u8 {
    match kind {
        SpendKind::Accepted => 0,
        SpendKind::Skipped => 1,
    }
}

pub(crate) fn read_spend_kind(fields: &mut Fields<'_>) -> Result<SpendKind, Bad> {
    Ok(if fields.flag()? { SpendKind::Skipped } else { SpendKind::Accepted })
}

/// `verdict` of `operations`.
pub(crate) const fn verdict(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Accepted => 1,
        Verdict::Rejected => 0,
    }
}

pub(crate) fn read_verdict(fields: &mut Fields<'_>) -> Result<Verdict, Bad> {
    Ok(if fields.flag()? { Verdict::Accepted } else { Verdict::Rejected })
}

/// `refill_due` of `authenticators`.
pub(crate) const fn refill(reason: RefillReason) -> u8 {
    match reason {
        RefillReason::ServerCount => 0,
        RefillReason::Operator => 1,
    }
}

pub(crate) fn read_refill(fields: &mut Fields<'_>) -> Result<Option<RefillReason>, Bad> {
    match fields.opt_number::<u8>()? {
        None => Ok(None),
        Some(0) => Ok(Some(RefillReason::ServerCount)),
        Some(1) => Ok(Some(RefillReason::Operator)),
        Some(_) => Err(fields.bad("is no reason for a refill")),
    }
}

/// `rotation_wanted` of `authenticators`.
pub(crate) const fn rotation(reason: RotationReason) -> u8 {
    match reason {
        RotationReason::Scheduled => 0,
        RotationReason::Operator => 1,
        RotationReason::Device => 2,
    }
}

pub(crate) fn read_rotation(fields: &mut Fields<'_>) -> Result<Option<RotationReason>, Bad> {
    match fields.opt_number::<u8>()? {
        None => Ok(None),
        Some(0) => Ok(Some(RotationReason::Scheduled)),
        Some(1) => Ok(Some(RotationReason::Operator)),
        Some(2) => Ok(Some(RotationReason::Device)),
        Some(_) => Err(fields.bad("is no reason for a rotation")),
    }
}

/// `alphabet` of `sets`.
pub(crate) const fn alphabet(alphabet: Alphabet) -> u8 {
    match alphabet {
        Alphabet::Decimal => 0,
        Alphabet::Base32 => 1,
    }
}

/// `alphabet` and `digits` of `sets`.
pub(crate) fn read_format(fields: &mut Fields<'_>) -> Result<CodeFormat, Bad> {
    let alphabet = if fields.flag()? { Alphabet::Base32 } else { Alphabet::Decimal };
    CodeFormat::new(alphabet, fields.number()?).map_err(|_| fields.bad("is no number of digits"))
}

/// `kind` of `audit`: the word that the model gives.
pub(crate) fn event(kind: EventKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        // A unit variant is always a string.
        Ok(_) | Err(_) => String::new(),
    }
}

pub(crate) fn read_event(fields: &mut Fields<'_>) -> Result<EventKind, Bad> {
    let word = fields.text()?.to_owned();
    serde_json::from_value(serde_json::Value::String(word)).map_err(|_| fields.bad("is no kind of event"))
}
