//! Where the server's state is kept: the [`Store`] trait, SQLite and PostgreSQL behind it, a memory model for tests, and
//! the contract suite that every store passes.
//!
//! A store has no policy, and decides nothing again. It sees sealed bytes and tags only: no key and no code in clear.
//!
//! Servers run on [`SqliteStore`], or many of them on one [`PostgresStore`]; [`MemoryStore`] is what tests compare them
//! with, and [`moving`] takes a store from one to the other. Feature `contract` adds [`contract`]: each sentence of
//! [`Store`] as a test, for all three and for any fourth.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Changes, DeviceSnapshot, Dispatch, Import, ImportId, ImportSnapshot,
    OperationId, OutboxItem, Realm, RealmId, RelyingPartyId, Subscriber, SubscriberId, TokenRecord, VerifySnapshot,
    VerifyTarget,
};

mod accept;
mod agreed;
#[cfg(feature = "contract")]
pub mod contract;
mod hot;
pub mod memory;
pub mod moving;
pub mod postgres;
mod rows;
pub mod sqlite;

pub use memory::MemoryStore;
pub use postgres::{ConnectError, PostgresOptions, PostgresStore};
pub use sqlite::{DEFAULT_MEMORY_MB, MIN_MEMORY_MB, OpenError, OpenOptions, SqliteStore};

/// What a verify or a challenge wants loaded.
#[derive(Clone, Debug)]
pub struct VerifyLookup {
    /// The realm that the relying party named.
    pub realm: RealmId,
    /// Whose code.
    pub target: VerifyTarget,
    /// Who asks.
    pub relying_party: RelyingPartyId,
    /// The operation; `None` for a challenge.
    pub operation: Option<OperationId>,
    /// The bucket of this name from this source.
    pub source_bucket: BucketKey,
    /// The bucket of this source at the relying party, over all names.
    pub place_bucket: BucketKey,
    /// The bucket of the relying party.
    pub relying_party_bucket: BucketKey,
    /// The bucket of everybody in the realm.
    pub global_bucket: BucketKey,
    /// The bucket of skipped challenges for this name.
    pub skips_bucket: BucketKey,
}

/// A page of a list: rows after `after`, at most `limit` of them.
#[derive(Clone, Debug)]
pub struct Page<K> {
    /// The key of the last row of the page before; `None` for the first page.
    pub after: Option<K>,
    /// At most this many rows, 1–[`MAX_PAGE`]; another number is taken as the nearest of these.
    pub limit: u32,
}

/// The most rows that one page holds.
pub const MAX_PAGE: u32 = 1_000;

/// What a list of authenticators is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct AuthenticatorFilter {
    /// Only this subscriber's.
    pub subscriber: Option<SubscriberId>,
}

/// What a list of events is narrowed to. Events come newest first.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only this authenticator's.
    pub authenticator: Option<AuthenticatorId>,
}

/// A message in the outbox: when it was made, for which device, and its name.
pub type OutboxMark = (UnixMillis, AuthenticatorId, [u8; 16]);

/// Names a process that serves the store, for leases: 16 random bytes, new with each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub [u8; 16]);

/// Sizes, for metrics and `matchbook doctor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Realms.
    pub realms: u64,
    /// Authenticators that are not revoked.
    pub authenticators: u64,
    /// Unacknowledged messages.
    pub outbox: u64,
    /// When the oldest of them was made.
    pub oldest_outbox: Option<UnixMillis>,
    /// Those that were never sent.
    pub unsent: u64,
    /// When the oldest of those was made.
    pub oldest_unsent: Option<UnixMillis>,
    /// Bytes on disk; 0 for the memory model.
    pub bytes: u64,
}

/// What happened to commits inside a store since this process opened it, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Transactions that the store tried again by itself, because they lost a race.
    pub retries: u64,
    /// Transactions whose outcome was in doubt; many acceptances may go as one.
    pub doubts: u64,
}

/// A read failed.
#[derive(Debug)]
pub enum LoadError {
    /// The store cannot be read now; the sentence is for the operator.
    Unavailable(String),
    /// A row does not make sense; the sentence says which and what to do.
    Damaged(String),
}

/// A commit did not happen, or it is not known whether it did.
#[derive(Debug)]
pub enum CommitError {
    /// A guard did not hold, or a row to insert was there: load and decide again.
    Conflict(String),
    /// Nothing was written, for instance because the disk is full, or because the write makes no sense (a set of no
    /// codes); the sentence is for the operator.
    Unavailable(String),
    /// Nothing was written, because the store is read-only: it is being copied to another database, or was.
    ReadOnly(String),
    /// The commit may or may not be durable. Only the same write, run again, tells: never a read.
    InDoubt(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) | Self::Damaged(why) => f.write_str(why),
        }
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(why) | Self::Unavailable(why) | Self::ReadOnly(why) | Self::InDoubt(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for LoadError {}
impl std::error::Error for CommitError {}

/// The server's state. Every key leads with the realm; the one exception is the directory that finds the realm of an
/// identification code.
///
/// Times are kept up to 2^63 − 1 ms; a later one is kept as that.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// One authenticator by its identification code alone, as a device's message names it. A revoked one is found too.
    async fn load_device(&self, id: &AuthenticatorId) -> Result<Option<DeviceSnapshot>, LoadError>;

    /// What a verify needs, from what this process remembers of earlier loads and commits, without a read; `None`: it
    /// remembers too little. The counts in it are all 0, and there is no operation.
    ///
    /// It may be old where another process writes to the store. Only an acceptance may rest on it, because its guards
    /// and unique keys are checked by the commit: an old snapshot costs a conflict, never a wrong acceptance. Anything
    /// else is decided again on [`Store::load_verify`].
    fn remembered(&self, lookup: &VerifyLookup) -> Option<VerifySnapshot> {
        let _ = lookup;
        None
    }

    /// What a verify or a challenge needs, read in one transaction. Nobody's name, of a realm or in it, is an error:
    /// the counts and the operation are read all the same.
    async fn load_verify(&self, lookup: &VerifyLookup) -> Result<VerifySnapshot, LoadError>;

    /// Checks the guards and makes the writes in one transaction, and returns when it is durable.
    ///
    /// All guards are checked before the first write; a row that is not there has version 0 and no failures. The writes
    /// are made in their order. Beside what [`Write`](matchbook_rules::Write) says:
    ///
    /// - `PutRealm`, `PutSubscriber`: a conflict unless the row is at `version`, 0 standing for no row.
    /// - `PutAuthenticator`: a conflict unless the row is there, at `version`.
    /// - `InsertAuthenticator` sets the version like a rewrite: 1 for a new one.
    /// - `InsertSet`: a conflict when one of its indices is in a set that is there, or is at or below an index whose
    ///   spend was forgotten. So an index that was once spent never becomes spendable again.
    /// - `Spend`: a conflict also when no issued set holds the index. So a code whose set was voided or pruned between
    ///   the load and the commit is not accepted.
    /// - `DeleteSet` forgets the set's spends, but for the highest.
    /// - `CountFailure`: a window holds its first millisecond and not the one `window_ms` later; the last failure's
    ///   time is always `at`, also when that goes back. A window that begins after `at` begins anew at `at` and keeps
    ///   its count.
    /// - `DeleteSet`, `DeleteOutbox`, `OutboxAttempt`, `OutboxDue`, `SettleDispatch` and `ClearBucket` do nothing when the
    ///   row is gone.
    async fn commit(&self, changes: Changes) -> Result<(), CommitError>;

    /// [`Store::commit`] for a caller that keeps the changes, to write them again when the outcome is in doubt. A store
    /// that needs no copy of its own saves that copy.
    async fn commit_shared(&self, changes: &Arc<Changes>) -> Result<(), CommitError> {
        self.commit(changes.as_ref().clone()).await
    }

    /// All realms, by name.
    async fn realms(&self) -> Result<Vec<Realm>, LoadError>;
    /// One realm.
    async fn realm(&self, id: &RealmId) -> Result<Option<Realm>, LoadError>;
    /// A realm's subscribers, by name (byte by byte).
    async fn subscribers(&self, realm: &RealmId, page: Page<SubscriberId>) -> Result<Vec<Subscriber>, LoadError>;
    /// One subscriber.
    async fn subscriber(&self, realm: &RealmId, id: &SubscriberId) -> Result<Option<Subscriber>, LoadError>;
    /// A realm's authenticators, by identification code; revoked ones too.
    async fn authenticators(
        &self,
        realm: &RealmId,
        filter: &AuthenticatorFilter,
        page: Page<AuthenticatorId>,
    ) -> Result<Vec<Authenticator>, LoadError>;
    /// A realm's events, newest first; the page's key is an event's id.
    async fn events(
        &self,
        realm: &RealmId,
        filter: &EventFilter,
        page: Page<[u8; 16]>,
    ) -> Result<Vec<AuditEvent>, LoadError>;
    /// All tokens' records, oldest first.
    async fn tokens(&self) -> Result<Vec<TokenRecord>, LoadError>;
    /// The token with this SHA-256.
    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, LoadError>;

    /// Messages whose next sending is due, those that somebody waits for before bulk, the most overdue first; at most
    /// `limit` and [`MAX_PAGE`].
    async fn outbox_due(&self, now: UnixMillis, limit: u32) -> Result<Vec<OutboxItem>, LoadError>;

    /// As [`Store::outbox_due`], for a caller that sends them. Where several processes share the store, a message that
    /// one was given is given to no other for `hold_ms` milliseconds, or until an `OutboxAttempt` or an `OutboxDue` of
    /// it is committed.
    async fn take_due(
        &self,
        now: UnixMillis,
        limit: u32,
        node: NodeId,
        hold_ms: u64,
    ) -> Result<Vec<OutboxItem>, LoadError> {
        let _ = (node, hold_ms);
        self.outbox_due(now, limit).await
    }

    /// The messages that were put into the outbox at `since` or after, oldest first; at most `limit` and [`MAX_PAGE`].
    async fn outbox_since(&self, since: UnixMillis, limit: u32) -> Result<Vec<OutboxMark>, LoadError>;

    /// The short messages to a device, newest first; those that a centre was handed.
    async fn dispatches(&self, realm: &RealmId, id: &AuthenticatorId, limit: u32) -> Result<Vec<Dispatch>, LoadError>;

    /// The short message that a receipt means: the newest that the centre calls so.
    async fn dispatch_of(&self, centre: &str, centre_id: &str) -> Result<Option<Dispatch>, LoadError>;

    /// Buckets of a realm, in the order of the keys; one that is not there counts nothing.
    async fn buckets(&self, realm: &RealmId, keys: &[BucketKey]) -> Result<Vec<Bucket>, LoadError>;

    /// Authenticators with a refill or a rotation that is due and not yet begun, by realm and identification code; at
    /// most `limit` and [`MAX_PAGE`], and only those behind `after`. An `after` that is gone has none behind it.
    ///
    /// Only active ones that wait for no restore, of subscribers that are not suspended: the others cannot be worked
    /// on. A rotation is begun when a next key, a SYNC or a rotation message is there. Whoever works on one clears its
    /// flag, also when the decision is to do nothing: one that stays due stands before those after it.
    async fn work_due(&self, after: Option<AuthenticatorId>, limit: u32) -> Result<Vec<AuthenticatorId>, LoadError>;

    /// What is there of a part of an import, read at one moment: of the codes in `ids` and of the users in `users`.
    async fn import_snapshot(
        &self,
        realm: &RealmId,
        ids: &[AuthenticatorId],
        users: &[SubscriberId],
    ) -> Result<ImportSnapshot, LoadError>;

    /// One import; `None`: there is none, or it was cleared, or forgotten.
    async fn import(&self, realm: &RealmId, id: &ImportId) -> Result<Option<Import>, LoadError>;

    /// Imports that were last added to or made live before `before`, and for which something is put aside, or which are
    /// not live; at most [`MAX_PAGE`].
    async fn stale_imports(&self, before: UnixMillis) -> Result<Vec<(RealmId, ImportId)>, LoadError>;

    /// Deletes what is put aside for an import, and the import itself unless it is live. Returns how many devices and
    /// users that were. In bounded steps, as [`Store::prune`]; one that goes live meanwhile finds too few devices.
    async fn clear_import(&self, realm: &RealmId, id: &ImportId) -> Result<u64, CommitError>;

    /// Forgets what no decision needs any more: operations and live imports before `operations_before`, buckets whose last failure was
    /// before `buckets_before`, events and short messages before `events_before`, and sets that are spent whole with
    /// their spends. Returns how many that were.
    ///
    /// It goes in bounded steps, so that commits go on between them; what it did before an error stays done.
    async fn prune(
        &self,
        operations_before: UnixMillis,
        buckets_before: UnixMillis,
        events_before: UnixMillis,
    ) -> Result<u64, CommitError>;

    /// Marks every authenticator as restored: voids all sets, empties the outbox, and sets `restored`. Returns how
    /// many. For a store that was put back from a backup, before it serves. Each realm gets a `DeviceRestored` event.
    async fn mark_restored(&self, at: UnixMillis) -> Result<u64, CommitError>;

    /// Sizes. On a large store they may be some seconds old.
    async fn stats(&self) -> Result<StoreStats, LoadError>;

    /// What happened to commits inside the store. All 0 for one that tries nothing again and has no doubts of its own.
    fn counts(&self) -> StoreCounts {
        StoreCounts::default()
    }

    /// Makes one durable write, so that readiness means "can commit".
    async fn probe(&self) -> Result<(), CommitError>;

    /// Whether every write is refused, because the store is being moved or was: then there is no work to be done.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Whether other processes may write to it too. Then what a read shows may be in doubt in another process, and an
    /// answer that rests on a read needs a commit of guards and a `Probe` first.
    fn is_shared(&self) -> bool {
        false
    }

    /// The time that counts: the store's, which all nodes share.
    async fn clock(&self) -> Result<UnixMillis, LoadError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(UnixMillis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Takes a lease for `hold_ms` milliseconds by the store's clock, or renews it. `false`: another node has it. A store
    /// that is not shared grants every lease.
    ///
    /// `name`: 1–64 visible ASCII characters.
    async fn take_lease(&self, name: &str, node: NodeId, hold_ms: u64) -> Result<bool, CommitError> {
        let _ = (name, node, hold_ms);
        Ok(true)
    }

    /// Gives a lease back; nothing when this node does not have it.
    async fn give_lease(&self, name: &str, node: NodeId) -> Result<(), CommitError> {
        let _ = (name, node);
        Ok(())
    }
}
