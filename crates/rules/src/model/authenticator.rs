//! What the server keeps of one authenticator.

use matchbook_protocol::sms::Address;
use matchbook_protocol::{AuthenticatorId, CodeIndex, Epoch, Handle, Profile, UnixMillis};

use super::{RealmId, SubscriberId, Version};

/// One authenticator: the server's half of a device's key and identification code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticator {
    /// The realm, first in every key.
    pub realm: RealmId,
    /// The identification code.
    pub id: AuthenticatorId,
    /// Whose it is.
    pub subscriber: SubscriberId,
    /// What people call it ("phone", "gate house"); up to 64 bytes.
    pub label: String,
    /// Suite and delivery, fixed at enrolment.
    pub profile: Profile,
    /// The slot that the device chose; 0 until it is enrolled.
    pub handle: Handle,
    /// The number that short messages to it go to, whoever they claim to come from; `None`: it has no such bearer.
    pub msisdn: Option<Address>,
    /// Where it is in its life.
    pub status: Status,
    /// Its keys, sealed under the KEK.
    pub keys: AuthenticatorKeys,
    /// The device's public key (suites 2 to 4), as it came in ENROL; empty until then.
    pub public_key: Vec<u8>,
    /// Which request counters were seen.
    pub requests: RequestWindow,
    /// The answer to the newest request, for its duplicates; `None` when outbox rows answer it.
    pub last_reply: Option<CachedReply>,
    /// The sequence number of the newest SYNC; 0 before the first.
    pub sync_sequence: u32,
    /// The index that the next issued code gets; 1 for a new authenticator.
    pub next_index: CodeIndex,
    /// The highest index that the device said it holds (H).
    pub acknowledged: CodeIndex,
    /// Set on every authenticator of a restored backup: nothing verifies until the device has told its H.
    pub restored: bool,
    /// A key replacement that waits for the device's ephemeral key, or to be offered.
    pub rotation_wanted: Option<RotationReason>,
    /// A set that is due and not yet issued; committed with the spend that made it due.
    pub refill_due: Option<RefillReason>,
    /// What it was issued today, for the caps.
    pub day: DayCount,
    /// Unused codes as the device last reported; `None` before its first request.
    pub reported_unused: Option<u8>,
    /// When the enrolment was made.
    pub created_at: UnixMillis,
    /// When its last authentic message came.
    pub last_seen_at: Option<UnixMillis>,
    /// Rewrites so far; every write of the row is guarded by it.
    pub version: Version,
}

/// Where an authenticator is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Enrolment made, device not heard of yet; dead after the time.
    Pending {
        /// When the activation secret stops working.
        expires_at: UnixMillis,
    },
    /// In use.
    Active,
    /// Stopped by the operator; can be resumed.
    Suspended,
    /// Stopped for good. Its key and code tags are erased.
    Revoked,
}

/// A device key sealed under the KEK, bound to its realm, authenticator and epoch. Safe to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey(pub Vec<u8>);

/// The key in use, and the one that is to replace it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatorKeys {
    /// The key in use.
    pub current: EpochKey,
    /// The offered key; `current` is erased only on a valid message under this one.
    pub next: Option<NextKey>,
}

/// A key and what is counted of its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochKey {
    /// Its number.
    pub epoch: Epoch,
    /// The key; empty once the authenticator is revoked.
    pub sealed: SealedKey,
    /// Since when it is in use.
    pub since: UnixMillis,
    /// Messages sealed or opened under it.
    pub messages: u32,
}

/// An offered key, persisted before its offer is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextKey {
    /// Its number: the current one's plus 1.
    pub epoch: Epoch,
    /// The key.
    pub sealed: SealedKey,
    /// The ephemeral public key that the offer is bound to; empty for ROT-SYM.
    pub ephemeral: Vec<u8>,
    /// The counter of the request that brought the ephemeral key; 0 for ROT-SYM.
    pub counter: u32,
}

/// Which request counters were seen: the highest, and a bit for each of the 64 up to it (bit 0 = the highest).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestWindow {
    /// The highest counter seen; 0 for none.
    pub highest: u32,
    /// Bit n: counter `highest − n` was seen.
    pub seen: u64,
}

/// The sealed answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedReply {
    /// The request's counter.
    pub counter: u32,
    /// The answer, in the compressed form.
    pub bytes: Vec<u8>,
    /// When it was last given to a bearer, so that a repetition of the request does not make a message each time.
    pub at: UnixMillis,
}

/// Why a key is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationReason {
    /// It is old, or was used often.
    Scheduled,
    /// The operator said so.
    Operator,
    /// The device asked.
    Device,
}

/// Which trigger made a set due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefillReason {
    /// The server counted (M6).
    ServerCount,
    /// The operator pushed.
    Operator,
}

/// What was issued on one day (UTC), for the caps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCount {
    /// Days since 1970-01-01.
    pub day: u32,
    /// Sets issued on it.
    pub sets: u16,
}
