//! Writes to the maps, each remembered so that it can be undone.

use std::collections::BTreeMap;

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{
    Authenticator, Changes, Guard, IssuedSet, Realm, RealmId, Spend, Subscriber, TokenId, TokenRecord, Version, Write,
};

use super::state::{DeviceKey, State};
use crate::CommitError;
use crate::agreed::{count_failure, is_answer, is_calm, last_index, restored_event};

type Undo = Box<dyn FnOnce(&mut State)>;
/// Picks a map.
type Table<K, V> = fn(&mut State) -> &mut BTreeMap<K, V>;

/// A write that may still be undone.
pub(super) struct Attempt<'a> {
    pub(super) state: &'a mut State,
    undo: Vec<Undo>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(state: &'a mut State) -> Self {
        Self { state, undo: Vec::new() }
    }

    /// Puts back what was there before.
    pub(super) fn undo(self) {
        let Self { state, undo } = self;
        undo.into_iter().rev().for_each(|undo| undo(state));
    }

    pub(super) fn changes(&mut self, changes: Changes) -> Result<(), CommitError> {
        changes.guards.iter().try_for_each(|guard| self.check(guard))?;
        changes.writes.into_iter().try_for_each(|write| self.make(write))
    }

    fn check(&self, guard: &Guard) -> Result<(), CommitError> {
        let holds = match guard {
            Guard::Authenticator { realm, id, version } => {
                let found = self.state.authenticators.get(&(realm.clone(), *id));
                found.map_or(Version(0), |it| it.version) == *version
            }
            Guard::Failures { realm, id, count } => {
                self.state.failures.get(&(realm.clone(), *id)).copied().unwrap_or(0) == *count
            }
            Guard::Subscriber { realm, id, version } => {
                let found = self.state.subscribers.get(&(realm.clone(), id.clone()));
                found.map_or(Version(0), |it| it.version) == *version
            }
            Guard::Realm { id, version } => self.state.realms.get(id).map_or(Version(0), |it| it.version) == *version,
            Guard::Calm { realm, bucket, below, since } => {
                is_calm(self.state.buckets.get(&(realm.clone(), *bucket)), *below, *since)
            }
            Guard::Operation(seen) => {
                let key = (seen.realm.clone(), seen.relying_party.clone(), seen.id.clone());
                self.state.operations.get(&key).is_some_and(|found| is_answer(found, seen))
            }
        };
        unless_conflict(holds, "a guard does not hold")
    }

    fn make(&mut self, write: Write) -> Result<(), CommitError> {
        match write {
            Write::PutRealm(realm) => self.put_realm(*realm),
            Write::PutSubscriber(subscriber) => self.put_subscriber(*subscriber),
            Write::InsertAuthenticator(authenticator) => self.insert_authenticator(*authenticator),
            Write::PutAuthenticator(authenticator) => self.put_authenticator(*authenticator),
            Write::SetFailures { realm, id, count } => {
                let key = (realm, id);
                match count {
                    0 => self.remove(|state| &mut state.failures, &key),
                    count => self.put(|state| &mut state.failures, key, count),
                }
                Ok(())
            }
            Write::InsertSet(set) => self.insert_set(*set),
            Write::DeleteSet { realm, id, first } => {
                self.forget_set(&(realm, id), first);
                Ok(())
            }
            Write::Spend(spend) => self.spend(*spend),
            Write::InsertOperation(it) => {
                let key = (it.realm.clone(), it.relying_party.clone(), it.id.clone());
                self.insert(|state| &mut state.operations, key, *it, "the operation is there")
            }
            Write::CountFailure { realm, bucket, at, window_ms } => {
                let key = (realm, bucket);
                let counted = count_failure(self.state.buckets.get(&key).copied(), at, window_ms);
                self.put(|state| &mut state.buckets, key, counted);
                Ok(())
            }
            Write::ClearBucket { realm, bucket } => {
                self.remove(|state| &mut state.buckets, &(realm, bucket));
                Ok(())
            }
            Write::InsertOutbox(_)
            | Write::DeleteOutbox { .. }
            | Write::OutboxAttempt { .. }
            | Write::OutboxDue { .. }
            | Write::InsertDispatch(_)
            | Write::SettleDispatch { .. } => self.make_outbox(write),
            Write::Audit(it) => {
                self.insert(|state| &mut state.events, (it.realm.clone(), it.id), *it, "the event is there")
            }
            Write::InsertToken(token) => self.insert_token(*token),
            Write::DeleteToken(id) => self.delete_token(id),
            Write::Stage(staged) => self.stage(*staged),
            Write::GoLive(it) => self.go_live(&it),
            Write::Probe => Ok(()),
        }
    }

    /// The writes of the outbox, and of what left it.
    fn make_outbox(&mut self, write: Write) -> Result<(), CommitError> {
        match write {
            Write::InsertOutbox(it) => {
                let key = (it.realm.clone(), it.authenticator, it.message);
                self.insert(|state| &mut state.outbox, key, *it, "the message is there")
            }
            Write::DeleteOutbox { realm, id, message } => {
                self.remove(|state| &mut state.outbox, &(realm, id, message));
                Ok(())
            }
            Write::OutboxAttempt { realm, id, message, at, next_attempt_at } => {
                self.change(
                    |state| &mut state.outbox,
                    (realm, id, message),
                    |item| {
                        item.attempts = item.attempts.saturating_add(1);
                        item.sent_at = Some(at);
                        item.next_attempt_at = next_attempt_at;
                    },
                );
                Ok(())
            }
            Write::OutboxDue { realm, id, message, next_attempt_at } => {
                self.change(
                    |state| &mut state.outbox,
                    (realm, id, message),
                    |item| {
                        item.next_attempt_at = next_attempt_at;
                    },
                );
                Ok(())
            }
            Write::InsertDispatch(it) => {
                self.insert(|state| &mut state.dispatches, it.id.clone(), *it, "the sending is noted")
            }
            Write::SettleDispatch { id, state, at, error } => {
                self.change(
                    |state| &mut state.dispatches,
                    id,
                    |it| {
                        it.state = state;
                        it.settled_at = Some(at);
                        it.error = error;
                    },
                );
                Ok(())
            }
            Write::Stage(staged) => self.stage(*staged),
            Write::GoLive(it) => self.go_live(&it),
            _ => Ok(()),
        }
    }

    fn put_realm(&mut self, mut realm: Realm) -> Result<(), CommitError> {
        let found = self.state.realms.get(&realm.id).map_or(Version(0), |it| it.version);
        unless_conflict(found == realm.version, "the realm was changed")?;
        realm.version = next(realm.version);
        self.put(|state| &mut state.realms, realm.id.clone(), realm);
        Ok(())
    }

    fn put_subscriber(&mut self, mut subscriber: Subscriber) -> Result<(), CommitError> {
        let key = (subscriber.realm.clone(), subscriber.id.clone());
        let found = self.state.subscribers.get(&key).map_or(Version(0), |it| it.version);
        unless_conflict(found == subscriber.version, "the user was changed")?;
        subscriber.version = next(subscriber.version);
        self.put(|state| &mut state.subscribers, key, subscriber);
        Ok(())
    }

    pub(super) fn insert_authenticator(&mut self, mut authenticator: Authenticator) -> Result<(), CommitError> {
        let Authenticator { realm, id, version, .. } = &mut authenticator;
        let key = (realm.clone(), *id);
        *version = next(*version);
        self.insert(|state| &mut state.directory, *id, realm.clone(), "the identification code is taken")?;
        self.insert(|state| &mut state.authenticators, key, authenticator, "the device is there")
    }

    fn put_authenticator(&mut self, mut authenticator: Authenticator) -> Result<(), CommitError> {
        let key = (authenticator.realm.clone(), authenticator.id);
        let found = self.state.authenticators.get(&key).map(|it| it.version);
        unless_conflict(found == Some(authenticator.version), "the device was changed")?;
        authenticator.version = next(authenticator.version);
        self.put(|state| &mut state.authenticators, key, authenticator);
        Ok(())
    }

    fn insert_set(&mut self, set: IssuedSet) -> Result<(), CommitError> {
        let Some(last) = last_index(&set) else {
            return Err(CommitError::Unavailable(format!("a set of {} codes cannot be", set.tags.len())));
        };
        let key = (set.realm.clone(), set.authenticator);
        let before = self.state.set_up_to(&key, last).and_then(last_index);
        let forgotten = self.state.forgotten.get(&key).copied();
        unless_conflict(before.max(forgotten).is_none_or(|taken| taken < set.first), "the codes were issued")?;
        self.put(|state| &mut state.sets, (set.realm.clone(), set.authenticator, set.first), set);
        Ok(())
    }

    /// Deletes a set and its spends, and keeps the highest of them.
    fn forget_set(&mut self, (realm, id): &DeviceKey, first: CodeIndex) {
        let key = (realm.clone(), *id, first);
        let Some(last) = self.state.sets.get(&key).and_then(last_index) else { return };
        let device = (realm.clone(), *id);
        let spent: Vec<CodeIndex> = self.state.spent_of(&device, first, last).collect();
        for index in &spent {
            self.remove(|state| &mut state.spends, &(realm.clone(), *id, *index));
        }
        if let Some(highest) = spent.last().copied() {
            let kept = self.state.forgotten.get(&device).copied().max(Some(highest)).unwrap_or(highest);
            self.put(|state| &mut state.forgotten, device, kept);
        }
        self.remove(|state| &mut state.sets, &key);
    }

    fn spend(&mut self, spend: Spend) -> Result<(), CommitError> {
        let device = (spend.realm.clone(), spend.authenticator);
        let end = self.state.set_up_to(&device, spend.index).and_then(last_index);
        unless_conflict(end.is_some_and(|end| end >= spend.index), "no set holds the code")?;
        let key = (spend.realm.clone(), spend.authenticator, spend.index);
        self.insert(|state| &mut state.spends, key, spend, "the code is spent")
    }

    fn insert_token(&mut self, token: TokenRecord) -> Result<(), CommitError> {
        unless_conflict(!self.state.tokens.values().any(|it| it.hash == token.hash), "the hash is there")?;
        self.insert(|state| &mut state.tokens, token.id, token, "the token is there")
    }

    fn delete_token(&mut self, id: TokenId) -> Result<(), CommitError> {
        unless_conflict(self.state.tokens.contains_key(&id), "there is no such token")?;
        self.remove(|state| &mut state.tokens, &id);
        Ok(())
    }

    pub(super) fn prune(
        &mut self,
        operations_before: UnixMillis,
        buckets_before: UnixMillis,
        events_before: UnixMillis,
    ) -> Result<u64, CommitError> {
        let whole = |it: &&IssuedSet| {
            let device = (it.realm.clone(), it.authenticator);
            last_index(it).is_some_and(|last| self.state.spent_of(&device, it.first, last).count() == it.tags.len())
        };
        let sets: Vec<(DeviceKey, CodeIndex)> =
            self.state.sets.values().filter(whole).map(|it| ((it.realm.clone(), it.authenticator), it.first)).collect();
        sets.iter().for_each(|(device, first)| self.forget_set(device, *first));
        let operations = self.remove_all(|state| &mut state.operations, |it| it.at < operations_before);
        let imports = self.remove_all(|state| &mut state.imports, |it| it.live.is_some() && it.at < operations_before);
        let buckets = self.remove_all(|state| &mut state.buckets, |it| it.last_failure_at < buckets_before);
        let events = self.remove_all(|state| &mut state.events, |it| it.at < events_before);
        let dispatches = self.remove_all(|state| &mut state.dispatches, |it| it.at < events_before);
        Ok([count(sets.len()), operations, imports, buckets, events, dispatches]
            .into_iter()
            .fold(0, u64::saturating_add))
    }

    pub(super) fn mark_restored(&mut self, at: UnixMillis) -> Result<u64, CommitError> {
        let sets: Vec<(DeviceKey, CodeIndex)> =
            self.state.sets.values().map(|it| ((it.realm.clone(), it.authenticator), it.first)).collect();
        sets.iter().for_each(|(device, first)| self.forget_set(device, *first));
        self.remove_all(|state| &mut state.outbox, |_| true);
        self.remove_all(|state| &mut state.imports, |_| true);
        self.remove_all(|state| &mut state.staged_devices, |_| true);
        self.remove_all(|state| &mut state.staged_subscribers, |_| true);
        let mut marked: BTreeMap<RealmId, u64> = BTreeMap::new();
        let all: Vec<Authenticator> = self.state.authenticators.values().cloned().collect();
        for mut it in all {
            it.restored = true;
            it.version = next(it.version);
            let in_realm = marked.entry(it.realm.clone()).or_default();
            *in_realm = in_realm.saturating_add(1);
            self.put(|state| &mut state.authenticators, (it.realm.clone(), it.id), it);
        }
        for (realm, count) in &marked {
            let event = restored_event(realm, at, *count);
            if !self.state.events.contains_key(&(realm.clone(), event.id)) {
                self.put(|state| &mut state.events, (realm.clone(), event.id), event);
            }
        }
        Ok(marked.values().copied().fold(0, u64::saturating_add))
    }

    pub(super) fn insert<K, V>(&mut self, table: Table<K, V>, key: K, value: V, taken: &str) -> Result<(), CommitError>
    where
        K: Ord + Clone + 'static,
        V: 'static,
    {
        unless_conflict(!table(self.state).contains_key(&key), taken)?;
        self.put(table, key, value);
        Ok(())
    }

    pub(super) fn put<K: Ord + Clone + 'static, V: 'static>(&mut self, table: Table<K, V>, key: K, value: V) {
        let before = table(self.state).insert(key.clone(), value);
        self.undo.push(Box::new(move |state| {
            match before {
                Some(value) => table(state).insert(key, value),
                None => table(state).remove(&key),
            };
        }));
    }

    /// Changes a row, if it is there.
    fn change<K, V>(&mut self, table: Table<K, V>, key: K, change: impl FnOnce(&mut V))
    where
        K: Ord + Clone + 'static,
        V: Clone + 'static,
    {
        if let Some(mut value) = table(self.state).get(&key).cloned() {
            change(&mut value);
            self.put(table, key, value);
        }
    }

    pub(super) fn remove<K: Ord + Clone + 'static, V: 'static>(&mut self, table: Table<K, V>, key: &K) {
        if let Some((key, value)) = table(self.state).remove_entry(key) {
            self.undo.push(Box::new(move |state| {
                table(state).insert(key, value);
            }));
        }
    }

    pub(super) fn remove_all<K: Ord + Clone + 'static, V: 'static>(
        &mut self,
        table: Table<K, V>,
        goes: impl Fn(&V) -> bool,
    ) -> u64 {
        let keys: Vec<K> = table(self.state).iter().filter(|(_, it)| goes(it)).map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| self.remove(table, key));
        count(keys.len())
    }
}

pub(super) fn next(version: Version) -> Version {
    Version(version.0.saturating_add(1))
}

pub(super) fn unless_conflict(holds: bool, why: &str) -> Result<(), CommitError> {
    if holds { Ok(()) } else { Err(CommitError::Conflict(why.to_owned())) }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
