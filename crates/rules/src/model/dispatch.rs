//! What became of short messages: one row for each part that a centre was handed.

use matchbook_protocol::{AuthenticatorId, UnixMillis};

use super::{OutboxKind, RealmId};

/// Names a short message: which message, in which sending of it, which part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DispatchId {
    /// The realm.
    pub realm: RealmId,
    /// For whom.
    pub authenticator: AuthenticatorId,
    /// The message's name in the outbox.
    pub message: [u8; 16],
    /// Which sending of it, from 1.
    pub attempt: u32,
    /// Which part, from 1.
    pub part: u8,
}

/// A short message that a centre was handed. It holds nothing of the contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Which.
    pub id: DispatchId,
    /// Of how many parts.
    pub parts: u8,
    /// What it carries.
    pub content: Content,
    /// Bytes of the whole sealed message.
    pub bytes: u16,
    /// The centre, as the configuration names it; up to 32 bytes.
    pub centre: String,
    /// What the centre calls it in its receipt; `None` when it gave no name. Up to 64 bytes.
    pub centre_id: Option<String>,
    /// When it was handed over.
    pub at: UnixMillis,
    /// What became of it.
    pub state: DispatchState,
    /// When that was known.
    pub settled_at: Option<UnixMillis>,
    /// The centre's word for what went wrong; empty for nothing. Up to 64 bytes.
    pub error: String,
}

/// What a short message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// SET or SET-PK.
    Set,
    /// ROT-SYM or ROT-PK.
    Rotation,
    /// SYNC, of the server's own accord or as an answer.
    Sync,
}

/// What became of a short message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispatchState {
    /// The centre took it.
    Submitted,
    /// It was sent and the centre did not answer: it may have been taken.
    InDoubt,
    /// The receipt says that the phone has it.
    Delivered,
    /// The receipt says that the phone was not reached in time.
    Expired,
    /// The centre refused it, or the receipt says that it will not be delivered.
    Failed,
}

impl From<OutboxKind> for Content {
    fn from(kind: OutboxKind) -> Self {
        match kind {
            OutboxKind::Set { .. } => Self::Set,
            OutboxKind::Rotation => Self::Rotation,
            OutboxKind::Sync | OutboxKind::Answer => Self::Sync,
        }
    }
}
