//! Tables `sets` and `outbox`.

use matchbook_protocol::{AuthenticatorId, CodeIndex, Epoch};
use matchbook_rules::{CodeTag, IssuedSet, OutboxItem, OutboxKind};

use super::values::{blob, number, opt, owned_blob, text, time};
use super::words::{
    OUTBOX_ANSWER, OUTBOX_ROTATION, OUTBOX_SET, OUTBOX_SYNC, alphabet, priority, read_format, read_priority,
};
use super::{Bad, Bound, Fields, Stored};
use crate::agreed::last_index;

/// Bytes of a tag in the rows of older layouts; its first ones are the tag of now.
const OLD_TAG_LEN: usize = 16;

pub(crate) const INSERT_SET: &str = "INSERT INTO sets \
     (realm, authenticator, first, last, alphabet, digits, pepper_version, issued_at, tags) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

pub(crate) const INSERT_OUTBOX: &str = "INSERT INTO outbox \
     (realm, authenticator, message, kind, first, last, priority, epoch, bytes, created_at, attempts, sent_at, \
     next_attempt_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

/// The values to bind for a set that ends with `last`.
pub(crate) fn bind_set(it: &IssuedSet, last: CodeIndex) -> Bound<'_, 9> {
    [
        text(it.realm.as_str()),
        blob(&it.authenticator.0),
        number(it.first.0),
        number(last.0),
        number(alphabet(it.format.alphabet())),
        number(it.format.digits()),
        number(it.pepper_version),
        time(it.issued_at),
        owned_blob(it.tags.iter().flat_map(|tag| tag.0).collect()),
    ]
}

impl Stored for IssuedSet {
    const TABLE: &'static str = "sets";
    const SELECT: &'static str =
        "SELECT realm, authenticator, first, last, alphabet, digits, pepper_version, issued_at, tags";
    const KEY: usize = 3;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        let (realm, authenticator) = (fields.name()?, AuthenticatorId(fields.array()?));
        let (first, last) = (CodeIndex(fields.number()?), CodeIndex(fields.number()?));
        let format = read_format(fields)?;
        let (pepper_version, issued_at) = (fields.number()?, fields.time()?);
        let tags = fields.blob()?;
        let codes = u64::from(last.0).checked_sub(u64::from(first.0)).map(|more| more.saturating_add(1));
        let codes = codes.and_then(|codes| usize::try_from(codes).ok()).unwrap_or(usize::MAX);
        // Sets from before the third layout have 16 bytes of each tag.
        let length = if tags.len() == codes.saturating_mul(OLD_TAG_LEN) { OLD_TAG_LEN } else { CodeTag::LEN };
        let chunks = tags.chunks_exact(length);
        let is_whole = chunks.remainder().is_empty();
        let tags = chunks.filter_map(|tag| tag.first_chunk().copied().map(CodeTag)).collect();
        let set = Self { realm, authenticator, first, format, tags, pepper_version, issued_at };
        if !is_whole || last_index(&set) != Some(last) {
            return Err(fields.bad("does not hold a tag for each index"));
        }
        Ok(set)
    }
}

pub(crate) fn bind_outbox(it: &OutboxItem) -> Bound<'_, 13> {
    let (kind, range) = match it.kind {
        OutboxKind::Set { first, last } => (OUTBOX_SET, Some((first, last))),
        OutboxKind::Rotation => (OUTBOX_ROTATION, None),
        OutboxKind::Sync => (OUTBOX_SYNC, None),
        OutboxKind::Answer => (OUTBOX_ANSWER, None),
    };
    [
        text(it.realm.as_str()),
        blob(&it.authenticator.0),
        blob(&it.message),
        number(kind),
        opt(range, |(first, _)| number(first.0)),
        opt(range, |(_, last)| number(last.0)),
        number(priority(it.priority)),
        number(it.epoch.0),
        blob(&it.bytes),
        time(it.created_at),
        number(it.attempts),
        opt(it.sent_at, time),
        time(it.next_attempt_at),
    ]
}

impl Stored for OutboxItem {
    const TABLE: &'static str = "outbox";
    const SELECT: &'static str = "SELECT realm, authenticator, message, kind, first, last, priority, epoch, bytes, \
         created_at, attempts, sent_at, next_attempt_at";
    const KEY: usize = 3;

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        Ok(Self {
            realm: fields.name()?,
            authenticator: AuthenticatorId(fields.array()?),
            message: fields.array()?,
            kind: outbox_kind(fields)?,
            priority: read_priority(fields)?,
            epoch: Epoch(fields.number()?),
            bytes: fields.blob()?.to_vec(),
            created_at: fields.time()?,
            attempts: fields.number()?,
            sent_at: fields.opt_time()?,
            next_attempt_at: fields.time()?,
        })
    }
}

fn outbox_kind(fields: &mut Fields<'_>) -> Result<OutboxKind, Bad> {
    match (fields.number()?, fields.opt_number()?, fields.opt_number()?) {
        (OUTBOX_SET, Some(first), Some(last)) => Ok(OutboxKind::Set { first: CodeIndex(first), last: CodeIndex(last) }),
        (OUTBOX_ROTATION, None, None) => Ok(OutboxKind::Rotation),
        (OUTBOX_SYNC, None, None) => Ok(OutboxKind::Sync),
        (OUTBOX_ANSWER, None, None) => Ok(OutboxKind::Answer),
        _ => Err(fields.bad("does not fit the kind, or there is no such kind")),
    }
}
