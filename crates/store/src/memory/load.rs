//! Reads of the maps.

use std::cmp::Reverse;
use std::sync::Arc;

use matchbook_protocol::{AuthenticatorId, CodeIndex, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Candidate, DeviceSnapshot, Dispatch, OutboxItem, OutboxKind, RealmId,
    Status, Subscriber, SubscriberId, ThrottleSnapshot, VerifySnapshot, VerifyTarget,
};

use super::state::{DeviceKey, LAST_INDEX, State};
use crate::agreed::page_limit;
use crate::{AuthenticatorFilter, EventFilter, LoadError, MAX_PAGE, OutboxMark, Page, StoreStats, VerifyLookup};

impl State {
    pub(super) fn device(&self, id: &AuthenticatorId) -> Result<Option<DeviceSnapshot>, LoadError> {
        let Some(realm_id) = self.directory.get(id) else { return Ok(None) };
        let key = (realm_id.clone(), *id);
        let gone = |what: &str| LoadError::Damaged(format!("the {what} of device {id} is not there"));
        let authenticator = self.authenticators.get(&key).ok_or_else(|| gone("row"))?;
        let subscriber = self.subscribers.get(&(realm_id.clone(), authenticator.subscriber.clone()));
        let subscriber = subscriber.ok_or_else(|| gone("user"))?;
        let mut outbox: Vec<OutboxItem> = self.outbox_of(&key).cloned().collect();
        outbox.sort_by_key(|item| (item.created_at, item.message));
        Ok(Some(DeviceSnapshot {
            realm: self.realms.get(realm_id).ok_or_else(|| gone("realm"))?.clone(),
            subscriber_suspended: subscriber.suspended,
            subscriber_version: subscriber.version,
            authenticator: authenticator.clone(),
            sets: self.sets_of(&key).cloned().collect(),
            spent: self.spent_of(&key, CodeIndex::NONE, LAST_INDEX).collect(),
            highest_spent: self.highest_spent(&key),
            failures: self.failures.get(&key).copied().unwrap_or(0),
            outbox,
        }))
    }

    pub(super) fn verify(&self, lookup: &VerifyLookup) -> VerifySnapshot {
        let realm = self.realms.get(&lookup.realm).cloned();
        let (subscriber, authenticators) =
            if realm.is_some() { self.target(&lookup.realm, &lookup.target) } else { (None, Vec::new()) };
        let live = authenticators.into_iter().filter(|it| it.status != Status::Revoked);
        let operation = lookup.operation.as_ref().and_then(|id| {
            self.operations.get(&(lookup.realm.clone(), lookup.relying_party.clone(), id.clone())).cloned()
        });
        VerifySnapshot {
            realm: realm.map(Arc::new),
            subscriber: subscriber.map(Arc::new),
            candidates: live.map(|it| self.candidate(it)).collect(),
            throttle: ThrottleSnapshot {
                source: self.bucket(&lookup.realm, lookup.source_bucket),
                place: self.bucket(&lookup.realm, lookup.place_bucket),
                relying_party: self.bucket(&lookup.realm, lookup.relying_party_bucket),
                global: self.bucket(&lookup.realm, lookup.global_bucket),
                skips: self.bucket(&lookup.realm, lookup.skips_bucket),
            },
            operation,
        }
    }

    fn target(&self, realm: &RealmId, target: &VerifyTarget) -> (Option<Subscriber>, Vec<Authenticator>) {
        let subscriber = |id: &SubscriberId| self.subscribers.get(&(realm.clone(), id.clone())).cloned();
        match target {
            VerifyTarget::Subscriber(id) => match subscriber(id) {
                Some(found) => {
                    let theirs = self.devices_of(realm).filter(|it| it.subscriber == *id);
                    (Some(found), theirs.cloned().collect())
                }
                None => (None, Vec::new()),
            },
            VerifyTarget::Authenticator(id) => match self.authenticators.get(&(realm.clone(), *id)) {
                Some(found) => (subscriber(&found.subscriber), vec![found.clone()]),
                None => (None, Vec::new()),
            },
        }
    }

    fn candidate(&self, authenticator: Authenticator) -> Candidate {
        let key = (authenticator.realm.clone(), authenticator.id);
        Candidate {
            sets: self.sets_of(&key).cloned().collect(),
            spent: self.spent_of(&key, CodeIndex::NONE, LAST_INDEX).collect(),
            highest_spent: self.highest_spent(&key),
            failures: self.failures.get(&key).copied().unwrap_or(0),
            set_outstanding: self.outbox_of(&key).any(|item| matches!(item.kind, OutboxKind::Set { .. })),
            authenticator: Arc::new(authenticator),
        }
    }

    fn highest_spent(&self, key: &DeviceKey) -> CodeIndex {
        let forgotten = self.forgotten.get(key).copied();
        self.spent_of(key, CodeIndex::NONE, LAST_INDEX).next_back().max(forgotten).unwrap_or(CodeIndex::NONE)
    }

    fn bucket(&self, realm: &RealmId, bucket: BucketKey) -> Bucket {
        self.buckets.get(&(realm.clone(), bucket)).copied().unwrap_or_default()
    }

    fn devices_of(&self, realm: &RealmId) -> impl Iterator<Item = &Authenticator> {
        self.authenticators.values().filter(move |it| it.realm == *realm)
    }

    pub(super) fn subscribers(&self, realm: &RealmId, page: &Page<SubscriberId>) -> Vec<Subscriber> {
        let theirs = self.subscribers.values().filter(|it| it.realm == *realm);
        cut(theirs.filter(|it| page.after.as_ref().is_none_or(|after| it.id > *after)), page.limit)
    }

    pub(super) fn authenticators(
        &self,
        realm: &RealmId,
        filter: &AuthenticatorFilter,
        page: &Page<AuthenticatorId>,
    ) -> Vec<Authenticator> {
        let wanted = |it: &&Authenticator| {
            filter.subscriber.as_ref().is_none_or(|subscriber| it.subscriber == *subscriber)
                && page.after.is_none_or(|after| it.id > after)
        };
        cut(self.devices_of(realm).filter(wanted), page.limit)
    }

    pub(super) fn events(&self, realm: &RealmId, filter: &EventFilter, page: &Page<[u8; 16]>) -> Vec<AuditEvent> {
        let wanted = |it: &&AuditEvent| {
            it.realm == *realm
                && (filter.authenticator.is_none() || it.authenticator == filter.authenticator)
                && page.after.is_none_or(|after| it.id < after)
        };
        cut(self.events.values().rev().filter(wanted), page.limit)
    }

    pub(super) fn outbox_due(&self, now: UnixMillis, limit: u32) -> Vec<OutboxItem> {
        let mut due: Vec<&OutboxItem> = self.outbox.values().filter(|it| it.next_attempt_at <= now).collect();
        // The sort keeps the order of the keys among equals.
        due.sort_by_key(|it| (it.priority, it.next_attempt_at));
        due.into_iter().take(rows(limit.min(MAX_PAGE))).cloned().collect()
    }

    pub(super) fn outbox_since(&self, since: UnixMillis, limit: u32) -> Vec<OutboxMark> {
        let mut found: Vec<&OutboxItem> = self.outbox.values().filter(|it| it.created_at >= since).collect();
        found.sort_by_key(|it| (it.created_at, it.message));
        found
            .into_iter()
            .take(rows(limit.min(MAX_PAGE)))
            .map(|it| (it.created_at, it.authenticator, it.message))
            .collect()
    }

    pub(super) fn dispatches(&self, realm: &RealmId, id: &AuthenticatorId, limit: u32) -> Vec<Dispatch> {
        let of_device = |it: &&Dispatch| it.id.realm == *realm && it.id.authenticator == *id;
        let mut found: Vec<&Dispatch> = self.dispatches.values().filter(of_device).collect();
        found.sort_by_key(|it| (Reverse(it.at), it.id.message, Reverse(it.id.attempt), it.id.part));
        cut(found.into_iter(), limit)
    }

    pub(super) fn dispatch_of(&self, centre: &str, centre_id: &str) -> Option<Dispatch> {
        let is_meant = |it: &&Dispatch| it.centre == centre && it.centre_id.as_deref() == Some(centre_id);
        self.dispatches.values().filter(is_meant).min_by_key(|it| (Reverse(it.at), it.id.message)).cloned()
    }

    pub(super) fn work_due(&self, after: Option<&AuthenticatorId>, limit: u32) -> Vec<AuthenticatorId> {
        let behind = |key: &DeviceKey| {
            after.is_none_or(|id| self.directory.get(id).is_some_and(|realm| *key > (realm.clone(), *id)))
        };
        let due = self.authenticators.iter().filter(|(key, it)| {
            let begun = it.keys.next.is_some()
                || self.outbox_of(key).any(|item| matches!(item.kind, OutboxKind::Rotation | OutboxKind::Sync));
            let subscriber = self.subscribers.get(&(it.realm.clone(), it.subscriber.clone()));
            let suspended = subscriber.is_some_and(|it| it.suspended);
            let workable = it.status == Status::Active && !it.restored && !suspended;
            behind(key) && workable && (it.refill_due.is_some() || (it.rotation_wanted.is_some() && !begun))
        });
        due.map(|(_, it)| it.id).take(rows(limit.min(MAX_PAGE))).collect()
    }

    pub(super) fn stats(&self) -> StoreStats {
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        StoreStats {
            realms: count(self.realms.len()),
            authenticators: count(self.authenticators.values().filter(|it| it.status != Status::Revoked).count()),
            outbox: count(self.outbox.len()),
            oldest_outbox: self.outbox.values().map(|it| it.created_at).min(),
            unsent: count(self.outbox.values().filter(|it| it.attempts == 0).count()),
            oldest_unsent: self.outbox.values().filter(|it| it.attempts == 0).map(|it| it.created_at).min(),
            bytes: 0,
        }
    }
}

fn cut<'a, T: Clone + 'a>(found: impl Iterator<Item = &'a T>, limit: u32) -> Vec<T> {
    found.take(rows(page_limit(limit))).cloned().collect()
}

fn rows(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
