//! What a decision wants written: all of it in one durable commit, or none.

use matchbook_protocol::{AuthenticatorId, CodeIndex, UnixMillis};

use super::{
    AuditEvent, Authenticator, BucketKey, Dispatch, DispatchId, DispatchState, GoLive, IssuedSet, Operation,
    OutboxItem, Realm, RealmId, Spend, Staged, Subscriber, SubscriberId, TokenId, TokenRecord, Version,
};

/// One atomic change: the guards are checked and the writes made in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What must still be so.
    pub guards: Vec<Guard>,
    /// What is written, in this order.
    pub writes: Vec<Write>,
}

/// What a decision saw and relies on. One that no longer holds makes the commit a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The authenticator's row is at this version.
    Authenticator {
        /// The realm.
        realm: RealmId,
        /// Which.
        id: AuthenticatorId,
        /// As it was seen.
        version: Version,
    },
    /// The authenticator has this many consecutive failures.
    Failures {
        /// The realm.
        realm: RealmId,
        /// Which.
        id: AuthenticatorId,
        /// As it was seen.
        count: u32,
    },
    /// The subscriber's row is at this version; version 0: there is none.
    Subscriber {
        /// The realm.
        realm: RealmId,
        /// Which.
        id: SubscriberId,
        /// As it was seen.
        version: Version,
    },
    /// The realm's row is at this version; version 0: there is none.
    Realm {
        /// Which.
        id: RealmId,
        /// As it was seen.
        version: Version,
    },
    /// The bucket counts fewer than so many in a window that began after `since`. One that is not there, or whose
    /// window began earlier, counts nothing.
    Calm {
        /// The realm.
        realm: RealmId,
        /// Which.
        bucket: BucketKey,
        /// It has to count fewer, 1 or more.
        below: u32,
        /// A window that began then or earlier has ended.
        since: UnixMillis,
    },
    /// The operation was answered so, and the answer stands in the store.
    Operation(Box<Operation>),
}

/// One write. Those that insert are conflicts when the row is there already.
#[derive(Clone, Debug)]
pub enum Write {
    /// Inserts a realm of version 0, or rewrites the row that is at `version`, and sets it to one more; a conflict when
    /// the row is there already, or at another version.
    PutRealm(Box<Realm>),
    /// Inserts or rewrites a subscriber; likewise.
    PutSubscriber(Box<Subscriber>),
    /// Inserts an authenticator and its line in the directory of identification codes. A conflict when the code is
    /// taken in any realm.
    InsertAuthenticator(Box<Authenticator>),
    /// Rewrites an authenticator; the store sets its version to one more than `version`.
    PutAuthenticator(Box<Authenticator>),
    /// Sets the consecutive failures; 0 deletes the row.
    SetFailures {
        /// The realm.
        realm: RealmId,
        /// Which authenticator.
        id: AuthenticatorId,
        /// The new count.
        count: u32,
    },
    /// Inserts an issued set.
    InsertSet(Box<IssuedSet>),
    /// Deletes an issued set: its codes never verify again.
    DeleteSet {
        /// The realm.
        realm: RealmId,
        /// Whose.
        id: AuthenticatorId,
        /// The set's first index.
        first: CodeIndex,
    },
    /// Appends to the ledger. A conflict when the index is there already.
    Spend(Box<Spend>),
    /// Inserts an operation's result. A conflict when the id is there already.
    InsertOperation(Box<Operation>),
    /// Adds one to a bucket, of failures or of short messages; a bucket whose window ended before `at` begins a new one
    /// with it.
    CountFailure {
        /// The realm; it stands first in the key.
        realm: RealmId,
        /// Which bucket.
        bucket: BucketKey,
        /// When it was.
        at: UnixMillis,
        /// The window's length.
        window_ms: u64,
    },
    /// Deletes a bucket.
    ClearBucket {
        /// The realm.
        realm: RealmId,
        /// Which.
        bucket: BucketKey,
    },
    /// Inserts a sealed message into the outbox.
    InsertOutbox(Box<OutboxItem>),
    /// Deletes a message that was acknowledged or voided; nothing when it is gone.
    DeleteOutbox {
        /// The realm.
        realm: RealmId,
        /// For whom it was.
        id: AuthenticatorId,
        /// Which.
        message: [u8; 16],
    },
    /// Notes a sending.
    OutboxAttempt {
        /// The realm.
        realm: RealmId,
        /// For whom.
        id: AuthenticatorId,
        /// Which.
        message: [u8; 16],
        /// When it was sent.
        at: UnixMillis,
        /// When it is due again.
        next_attempt_at: UnixMillis,
    },
    /// Sets when a message is sent next, without a sending.
    OutboxDue {
        /// The realm.
        realm: RealmId,
        /// For whom.
        id: AuthenticatorId,
        /// Which.
        message: [u8; 16],
        /// When it is due.
        next_attempt_at: UnixMillis,
    },
    /// Notes a short message that a centre was handed; a conflict when that part of that sending is noted.
    InsertDispatch(Box<Dispatch>),
    /// Notes what became of a short message; nothing when its row is gone.
    SettleDispatch {
        /// Which.
        id: DispatchId,
        /// What became of it.
        state: DispatchState,
        /// When that was known.
        at: UnixMillis,
        /// The centre's word for what went wrong; empty for nothing.
        error: String,
    },
    /// Appends to the audit log.
    Audit(Box<AuditEvent>),
    /// Inserts a token's record. A conflict when its hash is there.
    InsertToken(Box<TokenRecord>),
    /// Deletes a token's record; a conflict when there is none.
    DeleteToken(TokenId),
    /// Puts devices and users aside for an import, and notes when that was; a conflict when the import is live.
    Stage(Box<Staged>),
    /// Makes all that was put aside for an import live, and notes what it was; nothing when it is live with as many
    /// devices. A conflict when another number of devices is put aside, or when one of their codes is taken.
    GoLive(Box<GoLive>),
    /// Writes nothing that anybody reads, durably: beside guards, it makes sure that what they saw is durable too.
    Probe,
}
