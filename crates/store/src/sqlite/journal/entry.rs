//! How acceptances lie in a row of the journal.
//!
//! A byte says the version of the layout; the entries follow without a gap. Numbers are little-endian; a text has its
//! length before it.

use matchbook_protocol::{AuthenticatorId, CodeIndex, UnixMillis};
use matchbook_rules::{AuditEvent, EventKind, Operation, Spend, SpendKind, Verdict};

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
    raw(batch, row)?.iter().map(|(_, raw)| raw.owned().ok_or_else(|| senseless(batch))).collect()
}

/// Reads the entry at this place of a row; `None`: there are fewer.
pub(in crate::sqlite) fn decode_one(batch: i64, row: &[u8], place: usize) -> Result<Option<Entry>, ReadError> {
    let read = |mut rest: Rest<'_>| {
        for _ in 0..place {
            if rest.0.is_empty() {
                break;
            }
            rest.entry()?;
        }
        if rest.0.is_empty() { Some(None) } else { rest.entry()?.owned().map(Some) }
    };
    Rest::of(row).and_then(read).ok_or_else(|| senseless(batch))
}

/// The entries of a row, each with where it begins.
pub(super) fn raw(batch: i64, row: &[u8]) -> Result<Vec<(usize, Raw<'_>)>, ReadError> {
    let mut rest = Rest::of(row).ok_or_else(|| senseless(batch))?;
    let mut entries = Vec::new();
    while !rest.0.is_empty() {
        let begins = row.len().saturating_sub(rest.0.len());
        entries.push((begins, rest.entry().ok_or_else(|| senseless(batch))?));
    }
    Ok(entries)
}

/// What [`raw`] found where an entry begins.
pub(super) fn raw_at(row: &[u8], begins: usize) -> Option<Raw<'_>> {
    Rest(row.get(begins..)?).entry()
}

pub(super) fn senseless(batch: i64) -> ReadError {
    ReadError::Damaged(format!("row ({batch}) of table journal: the entries make no sense"))
}

/// An entry as it lies in the row.
pub(super) struct Raw<'a> {
    flags: u8,
    kind: SpendKind,
    authenticator: AuthenticatorId,
    index: CodeIndex,
    at: UnixMillis,
    spent_at: UnixMillis,
    event_at: UnixMillis,
    fingerprint: [u8; 16],
    event_id: [u8; 16],
    realm: &'a [u8],
    relying_party: &'a [u8],
    operation: &'a [u8],
    subscriber: Option<&'a [u8]>,
    detail: &'a [u8],
}

impl<'a> Raw<'a> {
    /// In the order of the ledger.
    pub(super) fn key_of_spend(&self) -> (&'a [u8], AuthenticatorId, CodeIndex) {
        (self.realm, self.authenticator, self.index)
    }

    /// In the order of the operations.
    pub(super) fn key_of_operation(&self) -> [&'a [u8]; 3] {
        [self.realm, self.relying_party, self.operation]
    }

    /// In the order of the events.
    pub(super) fn key_of_event(&self) -> (&'a [u8], [u8; 16]) {
        (self.realm, self.event_id)
    }

    fn owned(&self) -> Option<Entry> {
        Some(Entry { operation: self.operation()?, spend: self.spend()?, event: self.event()? })
    }

    pub(super) fn operation(&self) -> Option<Operation> {
        Some(Operation {
            realm: name(self.realm)?,
            relying_party: name(self.relying_party)?,
            id: name(self.operation)?,
            fingerprint: self.fingerprint,
            verdict: Verdict::Accepted,
            at: self.at,
        })
    }

    pub(super) fn spend(&self) -> Option<Spend> {
        Some(Spend {
            realm: name(self.realm)?,
            authenticator: self.authenticator,
            index: self.index,
            kind: self.kind,
            relying_party: name(self.relying_party)?,
            operation: name(self.operation)?,
            at: self.spent_at,
        })
    }

    pub(super) fn event(&self) -> Option<AuditEvent> {
        Some(AuditEvent {
            realm: name(self.realm)?,
            id: self.event_id,
            at: self.event_at,
            kind: EventKind::CodeAccepted,
            authenticator: (self.flags & SAME_DEVICE != 0).then_some(self.authenticator),
            subscriber: match self.subscriber {
                Some(subscriber) => Some(name(subscriber)?),
                None => None,
            },
            relying_party: match self.flags & SAME_PARTY {
                0 => None,
                _ => Some(name(self.relying_party)?),
            },
            detail: str::from_utf8(self.detail).ok()?.to_owned(),
        })
    }
}

fn name<T: TryFrom<String>>(bytes: &[u8]) -> Option<T> {
    T::try_from(str::from_utf8(bytes).ok()?.to_owned()).ok()
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn of(row: &'a [u8]) -> Option<Self> {
        let (version, rest) = row.split_first()?;
        (*version == VERSION).then_some(Self(rest))
    }

    fn entry(&mut self) -> Option<Raw<'a>> {
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
        let (realm, relying_party, operation) = (self.text()?, self.text()?, self.text()?);
        let subscriber = if flags & SUBSCRIBER == 0 { None } else { Some(self.text()?) };
        let detail_len = usize::from(u16::from_le_bytes(self.array()?));
        let detail = self.bytes(detail_len)?;
        Some(Raw {
            flags,
            kind,
            authenticator,
            index,
            at,
            spent_at,
            event_at,
            fingerprint,
            event_id,
            realm,
            relying_party,
            operation,
            subscriber,
            detail,
        })
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

    fn text(&mut self) -> Option<&'a [u8]> {
        let [length] = self.array()?;
        self.bytes(usize::from(length))
    }
}
