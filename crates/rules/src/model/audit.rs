//! What happened, for operators. Never a code, a key or sealed bytes.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use serde::{Deserialize, Serialize};

use super::{RealmId, RelyingPartyId, SubscriberId};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// The realm.
    pub realm: RealmId,
    /// 16 bytes that order events: the time in milliseconds (6 bytes) and chance.
    pub id: [u8; 16],
    /// When.
    pub at: UnixMillis,
    /// What.
    pub kind: EventKind,
    /// The authenticator that it is about.
    pub authenticator: Option<AuthenticatorId>,
    /// The subscriber that it is about.
    pub subscriber: Option<SubscriberId>,
    /// The relying party that caused it.
    pub relying_party: Option<RelyingPartyId>,
    /// One inward sentence: why. It never goes to a relying party or a device. Up to 300 bytes.
    pub detail: String,
}

/// What happened, as a word that stays the same from release to release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words are the documentation; docs/reference lists them with their meaning")]
pub enum EventKind {
    RealmCreated,
    PolicyChanged,
    SubscriberCreated,
    SubscriberSuspended,
    SubscriberResumed,
    EnrolmentCreated,
    EnrolmentRefused,
    DeviceEnrolled,
    DevicesImported,
    KeysExported,
    DeviceSuspended,
    DeviceResumed,
    DeviceRevoked,
    DeviceLocked,
    DeviceUnlocked,
    DeviceRestored,
    SetIssued,
    SetAcknowledged,
    SetVoided,
    RefillCapped,
    RotationOffered,
    RotationCompleted,
    RequestRefused,
    CodeAccepted,
    CodeRejected,
    CodeSkipped,
    SourceSlowed,
    NumberChanged,
    MessageFailed,
    MessageExpired,
    MessagesNearCap,
    MessagesCapped,
    TokenCreated,
    TokenRevoked,
}
