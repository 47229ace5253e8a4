//! The store for many nodes: one PostgreSQL database, and any number of servers on it.
//!
//! - [`PostgresStore::connect`] checks that what the database confirms is durable, and that its layout is ours.
//! - Plain acceptances, which nearly all changes are, wait for one of a few connections and go as one statement each
//!   time (`batch`); everything else has a transaction of its own (`transaction`, `apply`).
//! - A commit is believed when the server said yes and nothing else: a lost connection, a server that ends and any
//!   warning are doubt, and the connection is not used again.
//! - The layout is in `migrations/postgres/`; the SQL keeps to what PostgreSQL-compatible engines share
//!   (`docs/reference/postgres.md`).

mod address;
mod announce;
mod apply;
mod batch;
mod check;
mod connect;
mod gates;
mod import;
mod leases;
mod list;
mod load;
mod migrations;
mod moving;
mod pool;
#[cfg(any(test, feature = "contract"))]
mod portable;
mod prune;
mod restore;
mod rows;
mod sentence;
mod session;
mod tls;
mod transaction;

pub use connect::{ConnectError, PostgresOptions};

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Changes, DeviceSnapshot, Dispatch, Import, ImportId, ImportSnapshot,
    OutboxItem, Realm, RealmId, Subscriber, SubscriberId, TokenRecord, VerifySnapshot,
};

use self::apply::Step;
use self::batch::Lanes;
use self::gates::unless_moving;
use self::pool::{Pool, STATEMENT_TIMEOUT};
use self::prune::Pruner;
use self::transaction::{Tally, transact};
use crate::hot::Hot;
use crate::{
    AuthenticatorFilter, CommitError, EventFilter, LoadError, NodeId, OutboxMark, Page, Store, StoreCounts, StoreStats,
    VerifyLookup,
};

/// Statements that are sent before any of them is answered. A larger change goes in several flights.
const FLIGHT: usize = 256;
/// Connections beyond those in use that may wait for an answer that nobody wants any more: those of commits that a
/// synchronous standby does not confirm. A server has 100 connections unless told otherwise.
const LINGERING: usize = 16;
/// Connections that plain acceptances go by, each with one statement at a time. While one is flushed the other is filled;
/// with more, each batch is smaller, and each pays for itself.
const LANES: usize = 2;
/// A large store's sizes are counted anew only after this many times as long as counting took: that costs at most 1 %.
const STATS_REST: u32 = 100;
/// From this many authenticators and messages on, a store is large; counting fewer takes a few milliseconds.
const STATS_LARGE: u64 = 50_000;

/// Milliseconds since 1970 by the database's clock.
macro_rules! now {
    () => {
        "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    };
}
use now;

/// The store in one PostgreSQL database. Needs a tokio runtime with time and I/O.
pub struct PostgresStore {
    pool: Pool,
    lanes: Lanes,
    tally: Arc<Tally>,
    /// What this node remembers; it may be old, as other nodes write too.
    hot: Arc<Hot>,
    stats: Mutex<Option<CountedStats>>,
}

#[derive(Clone, Copy)]
struct CountedStats {
    stats: StoreStats,
    at: Instant,
    took: Duration,
}

impl PostgresStore {
    fn new(pool: Pool, lanes: Lanes, tally: Arc<Tally>, hot: Arc<Hot>) -> Self {
        Self { pool, lanes, tally, hot, stats: Mutex::new(None) }
    }

    /// Where it is: hosts and database, nothing secret.
    #[must_use]
    pub fn address(&self) -> String {
        self.pool.at()
    }

    /// How many transactions were tried again because they lost a race, so far.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.tally.retries.load(Ordering::Relaxed)
    }

    /// How many commits were left in doubt, so far.
    #[must_use]
    pub fn doubts(&self) -> u64 {
        self.tally.doubts.load(Ordering::Relaxed)
    }

    /// A transaction of its own.
    async fn transact(&self, changes: &Changes) -> Result<(), CommitError> {
        let result = transaction::commit(&self.pool, &self.tally, changes).await;
        self.hot.settled(changes, result.is_ok());
        result
    }

    fn recent_stats(&self) -> Option<StoreStats> {
        let counted = (*self.stats.lock().unwrap_or_else(PoisonError::into_inner))?;
        let large = counted.stats.authenticators.saturating_add(counted.stats.outbox) >= STATS_LARGE;
        (large && counted.at.elapsed() < counted.took.saturating_mul(STATS_REST)).then_some(counted.stats)
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load_device(&self, id: &AuthenticatorId) -> Result<Option<DeviceSnapshot>, LoadError> {
        load::device(&self.pool, id).await
    }

    async fn load_verify(&self, lookup: &VerifyLookup) -> Result<VerifySnapshot, LoadError> {
        let ticket = self.hot.ticket();
        let read = load::verify(&self.pool, lookup).await?;
        self.hot.fill(ticket, lookup, &read);
        Ok(read)
    }

    fn remembered(&self, lookup: &VerifyLookup) -> Option<VerifySnapshot> {
        self.hot.remembered(lookup)
    }

    async fn commit(&self, changes: Changes) -> Result<(), CommitError> {
        self.commit_shared(&Arc::new(changes)).await
    }

    async fn commit_shared(&self, changes: &Arc<Changes>) -> Result<(), CommitError> {
        if announce::is_due(changes) {
            announce::begin(&self.pool, &self.tally, changes).await?;
            let result = self.transact(changes).await;
            announce::end(&self.pool, &self.tally, changes).await;
            return result;
        }
        match self.lanes.commit(changes).await {
            Some(result) => result,
            None => self.transact(changes).await,
        }
    }

    async fn realms(&self) -> Result<Vec<Realm>, LoadError> {
        list::realms(&self.pool).await
    }

    async fn realm(&self, id: &RealmId) -> Result<Option<Realm>, LoadError> {
        list::realm(&self.pool, id).await
    }

    async fn subscribers(&self, realm: &RealmId, page: Page<SubscriberId>) -> Result<Vec<Subscriber>, LoadError> {
        list::subscribers(&self.pool, realm, &page).await
    }

    async fn subscriber(&self, realm: &RealmId, id: &SubscriberId) -> Result<Option<Subscriber>, LoadError> {
        list::subscriber(&self.pool, realm, id).await
    }

    async fn authenticators(
        &self,
        realm: &RealmId,
        filter: &AuthenticatorFilter,
        page: Page<AuthenticatorId>,
    ) -> Result<Vec<Authenticator>, LoadError> {
        list::authenticators(&self.pool, realm, filter, &page).await
    }

    async fn events(
        &self,
        realm: &RealmId,
        filter: &EventFilter,
        page: Page<[u8; 16]>,
    ) -> Result<Vec<AuditEvent>, LoadError> {
        list::events(&self.pool, realm, filter, &page).await
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>, LoadError> {
        list::tokens(&self.pool).await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, LoadError> {
        list::token_by_hash(&self.pool, hash).await
    }

    async fn outbox_due(&self, now: UnixMillis, limit: u32) -> Result<Vec<OutboxItem>, LoadError> {
        list::outbox_due(&self.pool, now, limit).await
    }

    async fn take_due(
        &self,
        now: UnixMillis,
        limit: u32,
        node: NodeId,
        hold_ms: u64,
    ) -> Result<Vec<OutboxItem>, LoadError> {
        leases::take_due(&self.pool, &self.tally, now, limit, node, hold_ms).await
    }

    async fn outbox_since(&self, since: UnixMillis, limit: u32) -> Result<Vec<OutboxMark>, LoadError> {
        list::outbox_since(&self.pool, since, limit).await
    }

    async fn dispatches(&self, realm: &RealmId, id: &AuthenticatorId, limit: u32) -> Result<Vec<Dispatch>, LoadError> {
        list::dispatches(&self.pool, realm, id, limit).await
    }

    async fn dispatch_of(&self, centre: &str, centre_id: &str) -> Result<Option<Dispatch>, LoadError> {
        list::dispatch_of(&self.pool, centre, centre_id).await
    }

    async fn buckets(&self, realm: &RealmId, keys: &[BucketKey]) -> Result<Vec<Bucket>, LoadError> {
        list::buckets(&self.pool, realm, keys).await
    }

    async fn work_due(&self, after: Option<AuthenticatorId>, limit: u32) -> Result<Vec<AuthenticatorId>, LoadError> {
        list::work_due(&self.pool, after.as_ref(), limit).await
    }

    async fn import_snapshot(
        &self,
        realm: &RealmId,
        ids: &[AuthenticatorId],
        users: &[SubscriberId],
    ) -> Result<ImportSnapshot, LoadError> {
        import::snapshot(&self.pool, realm, ids, users).await
    }

    async fn import(&self, realm: &RealmId, id: &ImportId) -> Result<Option<Import>, LoadError> {
        import::one(&self.pool, realm, id).await
    }

    async fn stale_imports(&self, before: UnixMillis) -> Result<Vec<(RealmId, ImportId)>, LoadError> {
        import::stale(&self.pool, before).await
    }

    async fn clear_import(&self, realm: &RealmId, id: &ImportId) -> Result<u64, CommitError> {
        Pruner { pool: &self.pool, tally: &self.tally }.import(realm, id).await
    }

    async fn prune(
        &self,
        operations_before: UnixMillis,
        buckets_before: UnixMillis,
        events_before: UnixMillis,
    ) -> Result<u64, CommitError> {
        let pruner = Pruner { pool: &self.pool, tally: &self.tally };
        let operations = pruner.operations(operations_before).await?;
        let imports = pruner.imports(operations_before).await?;
        let buckets = pruner.buckets(buckets_before).await?;
        let events = pruner.events(events_before).await?;
        let dispatches = pruner.dispatches(events_before).await?;
        let sets = pruner.spent_sets(&self.hot).await?;
        Ok([operations, imports, buckets, events, dispatches, sets].into_iter().fold(0, u64::saturating_add))
    }

    async fn mark_restored(&self, at: UnixMillis) -> Result<u64, CommitError> {
        let marked = restore::mark(&self.pool, &self.tally, at, Vec::new()).await;
        // Also after an error: it may have been written.
        self.hot.clear();
        marked
    }

    async fn stats(&self) -> Result<StoreStats, LoadError> {
        if let Some(recent) = self.recent_stats() {
            return Ok(recent);
        }
        let at = Instant::now();
        let stats = StoreStats { bytes: list::bytes(&self.pool).await, ..list::stats(&self.pool).await? };
        let counted = CountedStats { stats, at, took: at.elapsed() };
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(stats)
    }

    fn counts(&self) -> StoreCounts {
        StoreCounts { retries: self.retries(), doubts: self.doubts() }
    }

    async fn probe(&self) -> Result<(), CommitError> {
        let steps = [Step::free(apply::probe()), unless_moving()];
        transact(&self.pool, &self.tally, &steps, None, STATEMENT_TIMEOUT).await.map(drop)
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn clock(&self) -> Result<UnixMillis, LoadError> {
        list::clock(&self.pool).await
    }

    async fn take_lease(&self, name: &str, node: NodeId, hold_ms: u64) -> Result<bool, CommitError> {
        leases::take(&self.pool, &self.tally, name, node, hold_ms).await
    }

    async fn give_lease(&self, name: &str, node: NodeId) -> Result<(), CommitError> {
        leases::give(&self.pool, &self.tally, name, node).await
    }
}

#[cfg(test)]
mod tests;
