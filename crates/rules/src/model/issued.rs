//! Sets as the server keeps them: tags, spends, and sealed bytes that wait to be acknowledged.

use matchbook_protocol::codes::CodeFormat;
use matchbook_protocol::{AuthenticatorId, CodeIndex, Epoch, UnixMillis};
use subtle::ConstantTimeEq;

use super::{OperationId, RealmId, RelyingPartyId};

/// trunc64(HMAC-SHA256(pepper, realm ‖ ID ‖ the set's first index ‖ format ‖ code)): all that the store has of a code. A
/// wrong code has the tag of a right one once in 2^64, where a guess of six digits is right once in 2^20.
#[derive(Clone, Copy, Debug)]
pub struct CodeTag(pub [u8; CodeTag::LEN]);

impl CodeTag {
    /// Its bytes. Tags are most of what a device takes on disk and in memory.
    pub const LEN: usize = 8;
}

impl PartialEq for CodeTag {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeTag {}

/// An issued set. Its row is never rewritten: a spend is a row of the ledger, voiding deletes the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedSet {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub authenticator: AuthenticatorId,
    /// The index of the first code.
    pub first: CodeIndex,
    /// How the codes look.
    pub format: CodeFormat,
    /// A tag a code, in order of index; 1–250.
    pub tags: Vec<CodeTag>,
    /// Which pepper made the tags.
    pub pepper_version: u8,
    /// When.
    pub issued_at: UnixMillis,
}

/// A row of the append-only ledger, unique by (realm, authenticator, index): who writes it has the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// The realm.
    pub realm: RealmId,
    /// Whose code.
    pub authenticator: AuthenticatorId,
    /// Which.
    pub index: CodeIndex,
    /// Why it cannot be used again.
    pub kind: SpendKind,
    /// Who asked.
    pub relying_party: RelyingPartyId,
    /// The operation that it answered.
    pub operation: OperationId,
    /// When.
    pub at: UnixMillis,
}

/// Why a code cannot be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendKind {
    /// It was verified.
    Accepted,
    /// The user said that it is gone, or in order a later one was accepted.
    Skipped,
}

/// What a sealed message in the outbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxKind {
    /// SET or SET-PK: settled by a request whose H covers `last`.
    Set {
        /// The index of the set's first code.
        first: CodeIndex,
        /// The index of its last.
        last: CodeIndex,
    },
    /// ROT-SYM or ROT-PK: settled by a message under the next epoch.
    Rotation,
    /// SYNC: settled by any fresh request.
    Sync,
    /// SYNC that answers a request, where answers leave by the outbox: settled once a bearer has taken it. Only the
    /// request, coming again, brings it back.
    Answer,
}

/// Which of the messages that are due goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// What somebody waits for: answers, refills, keys that a device asked for.
    #[default]
    Prompt,
    /// What an operator or the calendar brought about, for many devices at once: it gives way.
    Bulk,
}

/// A sealed message, committed before it is sent and resent unchanged until it is acknowledged; then deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxItem {
    /// The realm.
    pub realm: RealmId,
    /// For whom.
    pub authenticator: AuthenticatorId,
    /// 16 random bytes that name the message.
    pub message: [u8; 16],
    /// What it is.
    pub kind: OutboxKind,
    /// Whether it goes before others.
    pub priority: Priority,
    /// The epoch that it is sealed under.
    pub epoch: Epoch,
    /// The bytes, in the compressed form.
    pub bytes: Vec<u8>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Sendings so far.
    pub attempts: u32,
    /// When it was sent last; `None` before the first sending.
    pub sent_at: Option<UnixMillis>,
    /// When it is sent next, unless it is acknowledged first.
    pub next_attempt_at: UnixMillis,
}
