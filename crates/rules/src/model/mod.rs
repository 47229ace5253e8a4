//! What the server knows: the nouns of the decisions, as the store keeps them.

mod audit;
mod authenticator;
mod changes;
mod dispatch;
mod ids;
mod import;
mod issued;
mod policy;
mod realm;
mod snapshot;
mod throttle;
mod token;

pub use audit::{AuditEvent, EventKind};
pub use authenticator::{
    Authenticator, AuthenticatorKeys, CachedReply, DayCount, EpochKey, NextKey, RefillReason, RequestWindow,
    RotationReason, SealedKey, Status,
};
pub use changes::{Changes, Guard, Write};
pub use dispatch::{Content, Dispatch, DispatchId, DispatchState};
pub use ids::{NameError, OperationId, RealmId, RelyingPartyId, SubscriberId, Version};
pub use import::{GoLive, Import, ImportId, ImportSnapshot, Imported, Staged};
pub use issued::{CodeTag, IssuedSet, OutboxItem, OutboxKind, Priority, Spend, SpendKind};
pub use policy::{Mode, Policy};
pub use realm::{Realm, Subscriber};
pub use snapshot::{Candidate, DeviceSnapshot, ThrottleSnapshot, VerifySnapshot, VerifyTarget};
pub use throttle::{Bucket, BucketKey, Operation, Verdict};
pub use token::{Role, TokenId, TokenRecord};
