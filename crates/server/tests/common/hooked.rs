//! A store that passes everything on, and fails or waits where it is told to. Unlike a fault of the memory model, one of
//! these strikes the commit that is meant, and no sweep's.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Changes, DeviceSnapshot, Dispatch, Import, ImportId, ImportSnapshot,
    OutboxItem, Realm, RealmId, Subscriber, SubscriberId, TokenRecord, VerifySnapshot, Write,
};
use matchbook_store::{
    AuthenticatorFilter, CommitError, EventFilter, LoadError, NodeId, OutboxMark, Page, Store, StoreCounts, StoreStats,
    VerifyLookup,
};
use tokio::sync::Semaphore;

use super::eventually;

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is written, and that is known.
    Unavailable,
    /// It is written, and that is not known.
    InDoubtApplied,
    /// Nothing is written, and that is not known.
    InDoubtLost,
    /// Somebody else was faster.
    Conflict,
    /// The store is copied elsewhere.
    ReadOnly,
}

/// Which commits are meant.
pub(crate) type Meant = fn(&Changes) -> bool;

/// What happens to a commit that is meant.
enum Action {
    Fail(Fault),
    /// Waits before the write.
    Before(Gate),
    /// Waits after it is durable, before that is answered.
    After(Gate),
}

/// Where a call waits until the test opens it.
#[derive(Clone)]
pub(crate) struct Gate {
    arrived: Arc<AtomicU64>,
    open: Arc<Semaphore>,
}

/// The store.
pub(crate) struct Hooked {
    inner: Arc<dyn Store>,
    rules: Mutex<Vec<(Meant, Action)>>,
    token_loads: Mutex<Option<Gate>>,
    reads_fail: AtomicBool,
    probes_fail: AtomicBool,
    leases_hang: AtomicBool,
    probes: AtomicU64,
    commits: AtomicU64,
    counts: Mutex<StoreCounts>,
}

/// Commits of verifies, whatever they come to.
pub(crate) fn of_verify(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::InsertOperation(_)))
}

/// Commits that issue a set.
pub(crate) fn of_issue(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::InsertSet(_)))
}

/// Commits that change a device.
pub(crate) fn of_device(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::PutAuthenticator(_)))
}

/// Commits that spend a code as skipped.
pub(crate) fn of_skip(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::Spend(_)))
}

/// Commits that change nothing, and make sure of what was read.
pub(crate) fn of_probe(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::Probe))
}

/// Commits that make a token.
pub(crate) fn of_token(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::InsertToken(_)))
}

impl Gate {
    fn new() -> Self {
        Self { arrived: Arc::default(), open: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until so many calls wait here, or have gone through.
    pub(crate) fn wait_for(&self, calls: u64) {
        eventually("calls come to the gate", || self.arrived.load(Ordering::SeqCst) >= calls);
    }

    /// Lets all through, from now on.
    pub(crate) fn open(&self) {
        self.open.add_permits(10_000);
    }

    async fn pass(&self) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let _place = self.open.acquire().await.unwrap();
    }
}

impl Hooked {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            rules: Mutex::default(),
            token_loads: Mutex::default(),
            reads_fail: AtomicBool::new(false),
            probes_fail: AtomicBool::new(false),
            leases_hang: AtomicBool::new(false),
            probes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            counts: Mutex::default(),
        }
    }

    /// How many commits were asked for.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Makes the next commits that are meant fail, in this order.
    pub(crate) fn fail(&self, meant: Meant, faults: &[Fault]) {
        let mut rules = self.rules.lock().unwrap();
        rules.extend(faults.iter().map(|fault| (meant, Action::Fail(*fault))));
    }

    /// Whether all faults that were asked for have struck.
    pub(crate) fn is_spent(&self) -> bool {
        self.rules.lock().unwrap().is_empty()
    }

    /// Holds the next commit that is meant back, before it is written.
    pub(crate) fn hold_before(&self, meant: Meant) -> Gate {
        let gate = Gate::new();
        self.rules.lock().unwrap().push((meant, Action::Before(gate.clone())));
        gate
    }

    /// Holds the next commit that is meant back once it is written.
    pub(crate) fn hold_after(&self, meant: Meant) -> Gate {
        let gate = Gate::new();
        self.rules.lock().unwrap().push((meant, Action::After(gate.clone())));
        gate
    }

    /// Holds look-ups of tokens back once they are made.
    pub(crate) fn hold_token_loads(&self) -> Gate {
        let gate = Gate::new();
        *self.token_loads.lock().unwrap() = Some(gate.clone());
        gate
    }

    pub(crate) fn fail_reads(&self, fail: bool) {
        self.reads_fail.store(fail, Ordering::SeqCst);
    }

    pub(crate) fn fail_probes(&self, fail: bool) {
        self.probes_fail.store(fail, Ordering::SeqCst);
    }

    /// Whether those who ask for leases are never answered.
    pub(crate) fn hang_leases(&self, hang: bool) {
        self.leases_hang.store(hang, Ordering::SeqCst);
    }

    /// How often it was asked for a durable write that changes nothing.
    pub(crate) fn probes(&self) -> u64 {
        self.probes.load(Ordering::SeqCst)
    }

    /// What the store says it counted from now on.
    pub(crate) fn set_counts(&self, counts: StoreCounts) {
        *self.counts.lock().unwrap() = counts;
    }

    fn action(&self, changes: &Changes) -> Option<Action> {
        let mut rules = self.rules.lock().unwrap();
        let place = rules.iter().position(|(meant, _)| meant(changes))?;
        Some(rules.remove(place).1)
    }

    fn reads(&self) -> Result<(), LoadError> {
        if self.reads_fail.load(Ordering::SeqCst) {
            return Err(LoadError::Unavailable("a fault was asked for".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Hooked {
    async fn load_device(&self, id: &AuthenticatorId) -> Result<Option<DeviceSnapshot>, LoadError> {
        self.reads()?;
        self.inner.load_device(id).await
    }

    async fn load_verify(&self, lookup: &VerifyLookup) -> Result<VerifySnapshot, LoadError> {
        self.reads()?;
        self.inner.load_verify(lookup).await
    }

    async fn commit(&self, changes: Changes) -> Result<(), CommitError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        match self.action(&changes) {
            None => self.inner.commit(changes).await,
            Some(Action::Before(gate)) => {
                gate.pass().await;
                self.inner.commit(changes).await
            }
            Some(Action::After(gate)) => {
                let done = self.inner.commit(changes).await;
                gate.pass().await;
                done
            }
            Some(Action::Fail(Fault::Unavailable)) => Err(CommitError::Unavailable("a fault".to_owned())),
            Some(Action::Fail(Fault::ReadOnly)) => Err(CommitError::ReadOnly("a fault".to_owned())),
            Some(Action::Fail(Fault::InDoubtLost)) => Err(CommitError::InDoubt("a fault".to_owned())),
            Some(Action::Fail(Fault::Conflict)) => Err(CommitError::Conflict("a fault".to_owned())),
            Some(Action::Fail(Fault::InDoubtApplied)) => {
                self.inner.commit(changes).await?;
                Err(CommitError::InDoubt("a fault".to_owned()))
            }
        }
    }

    async fn import_snapshot(
        &self,
        realm: &RealmId,
        ids: &[AuthenticatorId],
        users: &[SubscriberId],
    ) -> Result<ImportSnapshot, LoadError> {
        self.inner.import_snapshot(realm, ids, users).await
    }

    async fn import(&self, realm: &RealmId, id: &ImportId) -> Result<Option<Import>, LoadError> {
        self.inner.import(realm, id).await
    }

    async fn stale_imports(&self, before: UnixMillis) -> Result<Vec<(RealmId, ImportId)>, LoadError> {
        self.inner.stale_imports(before).await
    }

    async fn clear_import(&self, realm: &RealmId, id: &ImportId) -> Result<u64, CommitError> {
        self.inner.clear_import(realm, id).await
    }

    async fn realms(&self) -> Result<Vec<Realm>, LoadError> {
        self.inner.realms().await
    }

    async fn realm(&self, id: &RealmId) -> Result<Option<Realm>, LoadError> {
        self.inner.realm(id).await
    }

    async fn subscribers(&self, realm: &RealmId, page: Page<SubscriberId>) -> Result<Vec<Subscriber>, LoadError> {
        self.inner.subscribers(realm, page).await
    }

    async fn subscriber(&self, realm: &RealmId, id: &SubscriberId) -> Result<Option<Subscriber>, LoadError> {
        self.inner.subscriber(realm, id).await
    }

    async fn authenticators(
        &self,
        realm: &RealmId,
        filter: &AuthenticatorFilter,
        page: Page<AuthenticatorId>,
    ) -> Result<Vec<Authenticator>, LoadError> {
        self.inner.authenticators(realm, filter, page).await
    }

    async fn events(
        &self,
        realm: &RealmId,
        filter: &EventFilter,
        page: Page<[u8; 16]>,
    ) -> Result<Vec<AuditEvent>, LoadError> {
        self.inner.events(realm, filter, page).await
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>, LoadError> {
        self.inner.tokens().await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, LoadError> {
        let found = self.inner.token_by_hash(hash).await;
        let gate = self.token_loads.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        found
    }

    async fn outbox_due(&self, now: UnixMillis, limit: u32) -> Result<Vec<OutboxItem>, LoadError> {
        self.inner.outbox_due(now, limit).await
    }

    fn remembered(&self, lookup: &VerifyLookup) -> Option<VerifySnapshot> {
        self.inner.remembered(lookup)
    }

    async fn take_due(
        &self,
        now: UnixMillis,
        limit: u32,
        node: NodeId,
        hold_ms: u64,
    ) -> Result<Vec<OutboxItem>, LoadError> {
        self.inner.take_due(now, limit, node, hold_ms).await
    }

    async fn outbox_since(&self, since: UnixMillis, limit: u32) -> Result<Vec<OutboxMark>, LoadError> {
        self.inner.outbox_since(since, limit).await
    }

    async fn dispatches(&self, realm: &RealmId, id: &AuthenticatorId, limit: u32) -> Result<Vec<Dispatch>, LoadError> {
        self.inner.dispatches(realm, id, limit).await
    }

    async fn dispatch_of(&self, centre: &str, centre_id: &str) -> Result<Option<Dispatch>, LoadError> {
        self.inner.dispatch_of(centre, centre_id).await
    }

    async fn buckets(&self, realm: &RealmId, keys: &[BucketKey]) -> Result<Vec<Bucket>, LoadError> {
        self.inner.buckets(realm, keys).await
    }

    async fn work_due(&self, after: Option<AuthenticatorId>, limit: u32) -> Result<Vec<AuthenticatorId>, LoadError> {
        self.inner.work_due(after, limit).await
    }

    async fn prune(
        &self,
        operations_before: UnixMillis,
        buckets_before: UnixMillis,
        events_before: UnixMillis,
    ) -> Result<u64, CommitError> {
        self.inner.prune(operations_before, buckets_before, events_before).await
    }

    async fn mark_restored(&self, at: UnixMillis) -> Result<u64, CommitError> {
        self.inner.mark_restored(at).await
    }

    async fn stats(&self) -> Result<StoreStats, LoadError> {
        self.inner.stats().await
    }

    fn counts(&self) -> StoreCounts {
        *self.counts.lock().unwrap()
    }

    async fn probe(&self) -> Result<(), CommitError> {
        self.probes.fetch_add(1, Ordering::SeqCst);
        if self.probes_fail.load(Ordering::SeqCst) {
            return Err(CommitError::Unavailable("a fault was asked for".to_owned()));
        }
        self.inner.probe().await
    }

    fn is_read_only(&self) -> bool {
        self.inner.is_read_only()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    async fn clock(&self) -> Result<UnixMillis, LoadError> {
        self.inner.clock().await
    }

    async fn take_lease(&self, name: &str, node: NodeId, hold_ms: u64) -> Result<bool, CommitError> {
        if self.leases_hang.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.take_lease(name, node, hold_ms).await
    }

    async fn give_lease(&self, name: &str, node: NodeId) -> Result<(), CommitError> {
        self.inner.give_lease(name, node).await
    }
}
