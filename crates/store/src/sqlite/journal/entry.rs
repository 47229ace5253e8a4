//! How acceptances lie in a row of the journal.
//!
//! A byte says the version of the layout; the entries follow without a gap. Numbers are little-endian; a text has its
//! length before it.

use matchbook_protocol::{AuthenticatorId, CodeIndex, UnixMillis};
use matchbook_rules::{AuditEvent, EventKind, Operation, RealmId, Spend, SpendKind, Verdict};

use crate::accept::Accept;
use crate::sqlite::rows::ReadError;

const VERSION: u8 = 1;

/// The event's device is the spend's.
const SAME_DEVICE: u8 = 1;
/// The event's relying party is the operation's.
const SAME_PARTY: u8 = 2;
/// The event names a subscriber.
const SUBSCRIBER: u8 = 4;
/// All three times are one.
const ONE_TIME: u8 = 8;

const ACCEPTED: u8 = 0;
const SKIPPED: u8 = 1;

/// An acceptance, read back.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct Entry {
    pub(in crate::sqlite) operation: Operation,
    pub(in crate::sqlite) spend: Spend,
    pub(in crate::sqlite) event: AuditEvent,
}

/// A row that is being written.
pub(in crate::sqlite) struct Row(Vec<u8>);

impl Row {
    pub(in crate::sqlite) fn new() -> Self {
        Self(vec![VERSION])
    }

    /// Adds an entry; `false`: it is of a kind that the layout has no room for, and was not added.
    pub(in crate::sqlite) fn push(&mut self, it: &Accept<'_>) -> bool {
        let (operation, spend, event) = (it.operation, it.spend, it.event);
        let is_usual = event.kind == EventKind::CodeAccepted
            && event.authenticator.is_none_or(|id| id == spend.authenticator)
            && event.relying_party.as_ref().is_none_or(|by| *by == operation.relying_party);
        let Ok(detail_len) = u16::try_from(event.detail.len()) else { return false };
        if !is_usual {
            return false;
        }
        let one_time = operation.at == spend.at && spend.at == event.at;
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        self.0.push(
            flag(event.authenticator.is_some(), SAME_DEVICE)
                | flag(event.relying_party.is_some(), SAME_PARTY)
                | flag(event.subscriber.is_some(), SUBSCRIBER)
                | flag(one_time, ONE_TIME),
        );
        self.0.push(match spend.kind {
            SpendKind::Accepted => ACCEPTED,
            SpendKind::Skipped => SKIPPED,
        });
        self.0.extend_from_slice(&spend.authenticator.0);
        self.0.extend_from_slice(&spend.index.0.to_le_bytes());
        self.time(operation.at);
        if !one_time {
            self.time(spend.at);
            self.time(event.at);
        }
        self.0.extend_from_slice(&operation.fingerprint);
        self.0.extend_from_slice(&event.id);
        self.text(it.realm.as_str());
        self.text(operation.relying_party.as_str());
        self.text(operation.id.as_str());
        if let Some(subscriber) = &event.subscriber {
            self.text(subscriber.as_str());
        }
        self.0.extend_from_slice(&detail_len.to_le_bytes());
        self.0.extend_from_slice(event.detail.as_bytes());
        true
    }

    pub(in crate::sqlite) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As the tables have it.
    fn time(&mut self, at: UnixMillis) {
        self.0.extend_from_slice(&at.0.min(i64::MAX.cast_unsigned()).to_le_bytes());
    }

    /// A name: none is longer than 128 bytes.
    fn text(&mut self, text: &str) {
        self.0.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Reads a row back; `batch` is its number, for the sentence when it makes no sense.
pub(in crate::sqlite) fn decode(batch: i64, row: &[u8]) -> Result<Vec<Entry>, ReadError> {
    read(row).ok_or_else(|| ReadError::Damaged(format!("row ({batch}) of table journal: the entries make no sense")))
}

fn read(row: &[u8]) -> Option<Vec<Entry>> {
    let (version, rest) = row.split_first()?;
    if *version != VERSION {
        return None;
    }
    let mut rest = Rest(rest);
    let mut entries = Vec::new();
    while !rest.0.is_empty() {
        entries.push(rest.entry()?);
    }
    Some(entries)
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn entry(&mut self) -> Option<Entry> {
        let [flags, kind] = self.array()?;
        let kind = match kind {
            ACCEPTED => SpendKind::Accepted,
            SKIPPED => SpendKind::Skipped,
            _ => return None,
        };
        let (authenticator, index) = (AuthenticatorId(self.array()?), CodeIndex(u32::from_le_bytes(self.array()?)));
        let at = self.time()?;
        let (spent_at, event_at) = if flags & ONE_TIME == 0 { (self.time()?, self.time()?) } else { (at, at) };
        let (fingerprint, event_id) = (self.array()?, self.array()?);
        let realm: RealmId = self.name()?;
        let operation = Operation {
            realm: realm.clone(),
            relying_party: self.name()?,
            id: self.name()?,
            fingerprint,
            verdict: Verdict::Accepted,
            at,
        };
        let subscriber = if flags & SUBSCRIBER == 0 { None } else { Some(self.name()?) };
        let detail_len = usize::from(u16::from_le_bytes(self.array()?));
        let detail = str::from_utf8(self.bytes(detail_len)?).ok()?.to_owned();
        let (relying_party, id) = (operation.relying_party.clone(), operation.id.clone());
        let event = AuditEvent {
            realm: realm.clone(),
            id: event_id,
            at: event_at,
            kind: EventKind::CodeAccepted,
            authenticator: (flags & SAME_DEVICE != 0).then_some(authenticator),
            subscriber,
            relying_party: (flags & SAME_PARTY != 0).then(|| relying_party.clone()),
            detail,
        };
        let spend = Spend { realm, authenticator, index, kind, relying_party, operation: id, at: spent_at };
        Some(Entry { operation, spend, event })
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn time(&mut self) -> Option<UnixMillis> {
        Some(UnixMillis(u64::from_le_bytes(self.array()?)))
    }

    fn name<T: TryFrom<String>>(&mut self) -> Option<T> {
        let [length] = self.array()?;
        let text = str::from_utf8(self.bytes(usize::from(length))?).ok()?;
        T::try_from(text.to_owned()).ok()
    }
}
