//! A plain-map model of the store, for tests: the same trait, obviously right, and able to fail on demand.

mod apply;
mod import;
mod leases;
mod load;
mod state;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Changes, DeviceSnapshot, Dispatch, Import, ImportId, ImportSnapshot,
    OutboxItem, Realm, RealmId, Subscriber, SubscriberId, TokenRecord, VerifySnapshot,
};

use self::leases::Leases;
use self::state::State;
use crate::{
    AuthenticatorFilter, CommitError, EventFilter, LoadError, MAX_PAGE, NodeId, OutboxMark, Page, Store, StoreStats,
    VerifyLookup,
};

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// [`CommitError::Unavailable`]; nothing is written.
    Unavailable,
    /// [`CommitError::InDoubt`], and it was written.
    InDoubtApplied,
    /// [`CommitError::InDoubt`], and nothing was written.
    InDoubtLost,
}

/// The store in memory. Nothing is kept when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    faults: Mutex<VecDeque<Fault>>,
    /// `Some`: several servers share it, as they share a PostgreSQL.
    leases: Option<Mutex<Leases>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that several servers of this process share, each taking itself for a node.
    #[must_use]
    pub fn shared() -> Self {
        Self { leases: Some(Mutex::default()), ..Self::default() }
    }

    /// Makes the next write that would succeed fail instead: a commit, a probe, a mark, or a pruning. Several are used
    /// up in their order. A conflict is found before the fault, and uses none up.
    pub fn fail_next(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> Option<MutexGuard<'_, Leases>> {
        self.leases.as_ref().map(|leases| leases.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a write, and keeps it unless it or a fault says otherwise.
    fn write<T>(
        &self,
        write: impl FnOnce(&mut apply::Attempt<'_>) -> Result<T, CommitError>,
    ) -> Result<T, CommitError> {
        let mut state = self.state();
        let mut attempt = apply::Attempt::new(&mut state);
        let done = match write(&mut attempt) {
            Ok(done) => done,
            Err(error) => {
                attempt.undo();
                return Err(error);
            }
        };
        match self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
            None => Ok(done),
            Some(Fault::InDoubtApplied) => {
                Err(CommitError::InDoubt("a fault was asked for, after the write".to_owned()))
            }
            Some(Fault::InDoubtLost) => {
                attempt.undo();
                Err(CommitError::InDoubt("a fault was asked for, before the write".to_owned()))
            }
            Some(Fault::Unavailable) => {
                attempt.undo();
                Err(CommitError::Unavailable("a fault was asked for".to_owned()))
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load_device(&self, id: &AuthenticatorId) -> Result<Option<DeviceSnapshot>, LoadError> {
        self.state().device(id)
    }

    async fn load_verify(&self, lookup: &VerifyLookup) -> Result<VerifySnapshot, LoadError> {
        Ok(self.state().verify(lookup))
    }

    async fn commit(&self, changes: Changes) -> Result<(), CommitError> {
        let Some(mut leases) = self.leases() else { return self.write(|attempt| attempt.changes(changes)) };
        self.write(|attempt| attempt.changes(changes.clone()))?;
        leases.committed(&changes);
        Ok(())
    }

    async fn realms(&self) -> Result<Vec<Realm>, LoadError> {
        Ok(self.state().realms.values().cloned().collect())
    }

    async fn realm(&self, id: &RealmId) -> Result<Option<Realm>, LoadError> {
        Ok(self.state().realms.get(id).cloned())
    }

    async fn subscribers(&self, realm: &RealmId, page: Page<SubscriberId>) -> Result<Vec<Subscriber>, LoadError> {
        Ok(self.state().subscribers(realm, &page))
    }

    async fn subscriber(&self, realm: &RealmId, id: &SubscriberId) -> Result<Option<Subscriber>, LoadError> {
        Ok(self.state().subscribers.get(&(realm.clone(), id.clone())).cloned())
    }

    async fn authenticators(
        &self,
        realm: &RealmId,
        filter: &AuthenticatorFilter,
        page: Page<AuthenticatorId>,
    ) -> Result<Vec<Authenticator>, LoadError> {
        Ok(self.state().authenticators(realm, filter, &page))
    }

    async fn events(
        &self,
        realm: &RealmId,
        filter: &EventFilter,
        page: Page<[u8; 16]>,
    ) -> Result<Vec<AuditEvent>, LoadError> {
        Ok(self.state().events(realm, filter, &page))
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>, LoadError> {
        let mut tokens: Vec<TokenRecord> = self.state().tokens.values().cloned().collect();
        tokens.sort_by_key(|token| (token.created_at, token.id));
        Ok(tokens)
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, LoadError> {
        Ok(self.state().tokens.values().find(|token| token.hash == *hash).cloned())
    }

    async fn outbox_due(&self, now: UnixMillis, limit: u32) -> Result<Vec<OutboxItem>, LoadError> {
        Ok(self.state().outbox_due(now, limit))
    }

    async fn take_due(
        &self,
        now: UnixMillis,
        limit: u32,
        node: NodeId,
        hold_ms: u64,
    ) -> Result<Vec<OutboxItem>, LoadError> {
        let Some(mut leases) = self.leases() else { return self.outbox_due(now, limit).await };
        let due = self.state().outbox_due(now, MAX_PAGE);
        let limit = usize::try_from(limit.min(MAX_PAGE)).unwrap_or(usize::MAX);
        Ok(leases.take_messages(due, limit, node, hold_ms))
    }

    async fn outbox_since(&self, since: UnixMillis, limit: u32) -> Result<Vec<OutboxMark>, LoadError> {
        Ok(self.state().outbox_since(since, limit))
    }

    async fn dispatches(&self, realm: &RealmId, id: &AuthenticatorId, limit: u32) -> Result<Vec<Dispatch>, LoadError> {
        Ok(self.state().dispatches(realm, id, limit))
    }

    async fn dispatch_of(&self, centre: &str, centre_id: &str) -> Result<Option<Dispatch>, LoadError> {
        Ok(self.state().dispatch_of(centre, centre_id))
    }

    async fn buckets(&self, realm: &RealmId, keys: &[BucketKey]) -> Result<Vec<Bucket>, LoadError> {
        let state = self.state();
        Ok(keys.iter().map(|key| state.buckets.get(&(realm.clone(), *key)).copied().unwrap_or_default()).collect())
    }

    async fn work_due(&self, after: Option<AuthenticatorId>, limit: u32) -> Result<Vec<AuthenticatorId>, LoadError> {
        Ok(self.state().work_due(after.as_ref(), limit))
    }

    async fn import_snapshot(
        &self,
        realm: &RealmId,
        ids: &[AuthenticatorId],
        users: &[SubscriberId],
    ) -> Result<ImportSnapshot, LoadError> {
        Ok(self.state().import_snapshot(realm, ids, users))
    }

    async fn import(&self, realm: &RealmId, id: &ImportId) -> Result<Option<Import>, LoadError> {
        Ok(self.state().imports.get(&(realm.clone(), *id)).cloned())
    }

    async fn stale_imports(&self, before: UnixMillis) -> Result<Vec<(RealmId, ImportId)>, LoadError> {
        Ok(self.state().stale_imports(before))
    }

    async fn clear_import(&self, realm: &RealmId, id: &ImportId) -> Result<u64, CommitError> {
        self.write(|attempt| Ok(attempt.clear_import(realm, *id)))
    }

    async fn prune(
        &self,
        operations_before: UnixMillis,
        buckets_before: UnixMillis,
        events_before: UnixMillis,
    ) -> Result<u64, CommitError> {
        self.write(|attempt| attempt.prune(operations_before, buckets_before, events_before))
    }

    async fn mark_restored(&self, at: UnixMillis) -> Result<u64, CommitError> {
        self.write(|attempt| attempt.mark_restored(at))
    }

    async fn stats(&self) -> Result<StoreStats, LoadError> {
        Ok(self.state().stats())
    }

    async fn probe(&self) -> Result<(), CommitError> {
        self.write(|_| Ok(()))
    }

    fn is_shared(&self) -> bool {
        self.leases.is_some()
    }

    async fn take_lease(&self, name: &str, node: NodeId, hold_ms: u64) -> Result<bool, CommitError> {
        Ok(self.leases().is_none_or(|mut leases| leases.take(name, node, hold_ms)))
    }

    async fn give_lease(&self, name: &str, node: NodeId) -> Result<(), CommitError> {
        if let Some(mut leases) = self.leases() {
            leases.give(name, node);
        }
        Ok(())
    }
}
