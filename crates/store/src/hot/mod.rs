//! What a process remembers of devices that were verified lately, within a budget of bytes, so that a verify needs no
//! read.
//!
//! It holds what [`VerifySnapshot`] holds, but for counts and operations: realms, people, and devices with their sets and
//! spent codes. Loads fill it, commits change it. A load that began before a commit never puts an old entry over a newer
//! one: it draws a [`Ticket`] first, and fills nothing that was changed since.

mod weight;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{
    Authenticator, Candidate, Changes, Guard, OutboxKind, Realm, RealmId, Subscriber, SubscriberId, ThrottleSnapshot,
    VerifySnapshot, VerifyTarget, Write,
};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use self::weight::ByBytes;
use crate::VerifyLookup;

/// Places that changes are noted at, 16 bytes each. Two keys that share one cost a reload at worst: with a few hundred changes
/// while a load reads, one load in a hundred.
const SLOTS: usize = 32_768;
/// What an entry takes, roughly: the cache makes room for so many at once.
const TYPICAL_ENTRY: u64 = 1_536;

/// The cache. All of it may be called from any thread.
pub(crate) struct Hot {
    entries: Cache<Key, Entry, ByBytes>,
    /// Realms are few and made by operators, so they are outside the budget. One that is in here keeps its number.
    realms: RwLock<HashMap<RealmId, Known>>,
    slots: Box<[Mutex<u64>]>,
    hasher: RandomState,
    /// Counts the changes.
    clock: AtomicU64,
}

/// From when on a load has seen all changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(u64);

/// A device as the last commit left it, for who checks an acceptance.
pub(crate) struct Standing {
    pub(crate) device: Arc<Candidate>,
    pub(crate) subscriber: Arc<Subscriber>,
    pub(crate) realm: Arc<Realm>,
}

struct Known {
    number: u32,
    row: Option<Arc<Realm>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Device(u32, AuthenticatorId),
    Person(u32, SubscriberId),
}

#[derive(Clone, Copy, Hash)]
enum KeyRef<'a> {
    Device(u32, &'a AuthenticatorId),
    Person(u32, &'a SubscriberId),
}

#[derive(Clone)]
enum Entry {
    Device(Arc<Candidate>),
    Person(Person),
}

#[derive(Clone)]
struct Person {
    row: Arc<Subscriber>,
    /// Those that are not revoked, in order; `None`: not known.
    devices: Option<Arc<[AuthenticatorId]>>,
}

impl Hot {
    /// A cache that holds about so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_ENTRY).unwrap_or(usize::MAX);
        Self {
            entries: Cache::with_weighter(items, bytes, ByBytes),
            realms: RwLock::default(),
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            clock: AtomicU64::new(0),
        }
    }

    /// To be drawn before a load begins to read.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.clock.load(Ordering::SeqCst))
    }

    /// Keeps what a load has read, but for what has changed since its ticket.
    pub(crate) fn fill(&self, ticket: Ticket, lookup: &VerifyLookup, read: &VerifySnapshot) {
        let (Some(realm), Some(subscriber)) = (&read.realm, &read.subscriber) else { return };
        let number = self.fill_realm(ticket, realm);
        for device in &read.candidates {
            let id = device.authenticator.id;
            if let Some(_slot) = self.unchanged(ticket, (&realm.id, id)) {
                self.entries.insert(Key::Device(number, id), Entry::Device(Arc::new(device.clone())));
            }
        }
        let Some(_slot) = self.unchanged(ticket, (&realm.id, &subscriber.id)) else { return };
        let (key, row) = (Key::Person(number, subscriber.id.clone()), Arc::clone(subscriber));
        match lookup.target {
            VerifyTarget::Subscriber(_) => {
                let devices = Some(read.candidates.iter().map(|device| device.authenticator.id).collect());
                self.entries.insert(key, Entry::Person(Person { row, devices }));
            }
            // An entry that is there may know the devices, so it stays.
            VerifyTarget::Authenticator(_) if self.entries.peek(&key).is_some() => {}
            VerifyTarget::Authenticator(_) => self.entries.insert(key, Entry::Person(Person { row, devices: None })),
        }
    }

    /// See [`Store::remembered`](crate::Store::remembered).
    pub(crate) fn remembered(&self, lookup: &VerifyLookup) -> Option<VerifySnapshot> {
        let (number, realm) = self.realm(&lookup.realm)?;
        let (subscriber, candidates) = match &lookup.target {
            VerifyTarget::Subscriber(id) => {
                let Person { row, devices } = self.person(number, id)?;
                let devices = devices?;
                let theirs = |id| self.device(number, id).filter(|device| device.authenticator.subscriber == row.id);
                let found = devices.iter().map(|id| Some(theirs(id)?.as_ref().clone()));
                let found = found.collect::<Option<Vec<Candidate>>>()?;
                (row, found)
            }
            VerifyTarget::Authenticator(id) => {
                let device = self.device(number, id)?;
                let person = self.person(number, &device.authenticator.subscriber)?;
                (person.row, vec![device.as_ref().clone()])
            }
        };
        Some(VerifySnapshot {
            realm: Some(realm),
            subscriber: Some(subscriber),
            candidates,
            throttle: ThrottleSnapshot::default(),
            operation: None,
        })
    }

    /// The device and whose it is; `None`: not all of that is remembered.
    pub(crate) fn standing(&self, realm: &RealmId, id: &AuthenticatorId) -> Option<Standing> {
        let (number, realm) = self.realm(realm)?;
        let device = self.device(number, id)?;
        let subscriber = self.person(number, &device.authenticator.subscriber)?.row;
        Some(Standing { device, subscriber, realm })
    }

    /// To be told of every commit, before it is answered.
    pub(crate) fn committed(&self, changes: &Changes) {
        for write in &changes.writes {
            self.written(write);
        }
    }

    /// To be told of what became of a commit, where other processes write too.
    pub(crate) fn settled(&self, changes: &Changes, is_made: bool) {
        if is_made { self.committed(changes) } else { self.forget(changes) }
    }

    /// To be told of a commit of one code alone; as [`Hot::committed`].
    pub(crate) fn spent(&self, realm: &RealmId, id: &AuthenticatorId, index: CodeIndex) {
        self.change(realm, id, |device| {
            if let Err(place) = device.spent.binary_search(&index) {
                device.spent.insert(place, index);
            }
            device.highest_spent = device.highest_spent.max(index);
        });
    }

    /// Drops all that changes rest on and touch, after a doubt, or after a conflict where other processes write too: what is
    /// remembered may be old.
    pub(crate) fn forget(&self, changes: &Changes) {
        for guard in &changes.guards {
            match guard {
                Guard::Authenticator { realm, id, .. } | Guard::Failures { realm, id, .. } => {
                    self.drop_device(realm, id);
                }
                Guard::Subscriber { realm, id, .. } => self.drop_person(realm, id),
                Guard::Realm { id, .. } => self.drop_realm(id),
                Guard::Calm { .. } | Guard::Operation(_) => {}
            }
        }
        for write in &changes.writes {
            match write {
                Write::Spend(spend) => self.drop_device(&spend.realm, &spend.authenticator),
                Write::SetFailures { realm, id, .. } => self.drop_device(realm, id),
                other => self.written(other),
            }
        }
    }

    /// Drops a device by its key's columns.
    pub(crate) fn pruned(&self, realm: &str, id: &[u8]) {
        if let (Ok(realm), Ok(id)) = (RealmId::new(realm), id.try_into()) {
            self.drop_device(&realm, &AuthenticatorId(id));
        }
    }

    /// Drops all.
    pub(crate) fn clear(&self) {
        let now = self.tick();
        for slot in &self.slots {
            *lock(slot) = now;
        }
        write(&self.realms).values_mut().for_each(|known| known.row = None);
        self.entries.clear();
    }

    fn written(&self, write: &Write) {
        match write {
            Write::PutRealm(realm) => self.drop_realm(&realm.id),
            Write::PutSubscriber(subscriber) => self.drop_person(&subscriber.realm, &subscriber.id),
            Write::InsertAuthenticator(it) => {
                self.drop_device(&it.realm, &it.id);
                self.drop_person(&it.realm, &it.subscriber);
            }
            Write::PutAuthenticator(it) => self.rewritten(it),
            Write::DeleteSet { realm, id, .. } | Write::DeleteOutbox { realm, id, .. } => self.drop_device(realm, id),
            Write::InsertSet(set) => self.drop_device(&set.realm, &set.authenticator),
            Write::InsertOutbox(item) => match item.kind {
                OutboxKind::Set { .. } => self.drop_device(&item.realm, &item.authenticator),
                OutboxKind::Rotation | OutboxKind::Sync | OutboxKind::Answer => {}
            },
            Write::SetFailures { realm, id, count } => {
                self.change(realm, id, |device| device.failures = *count);
            }
            Write::Spend(spend) => self.spent(&spend.realm, &spend.authenticator, spend.index),
            // Whose devices they are is not known here.
            Write::GoLive(_) => self.clear(),
            Write::Stage(_)
            | Write::InsertOperation(_)
            | Write::CountFailure { .. }
            | Write::ClearBucket { .. }
            | Write::OutboxAttempt { .. }
            | Write::OutboxDue { .. }
            | Write::InsertDispatch(_)
            | Write::SettleDispatch { .. }
            | Write::Audit(_)
            | Write::InsertToken(_)
            | Write::DeleteToken(_)
            | Write::Probe => {}
        }
    }

    /// The list of the person's devices changes too when the device has come to them, or is no longer revoked.
    fn rewritten(&self, row: &Authenticator) {
        let before = self.number(&row.realm).and_then(|number| self.device(number, &row.id));
        self.drop_device(&row.realm, &row.id);
        // One that is remembered is not revoked.
        if before.is_none_or(|it| it.authenticator.subscriber != row.subscriber) {
            self.drop_person(&row.realm, &row.subscriber);
        }
    }

    fn fill_realm(&self, ticket: Ticket, row: &Arc<Realm>) -> u32 {
        if let Some((number, known)) = self.realm(&row.id)
            && known.version == row.version
        {
            return number;
        }
        let unchanged = self.unchanged(ticket, &row.id);
        let mut realms = write(&self.realms);
        let number = u32::try_from(realms.len()).unwrap_or(u32::MAX);
        let known = realms.entry(row.id.clone()).or_insert(Known { number, row: None });
        if unchanged.is_some() {
            known.row = Some(Arc::clone(row));
        }
        known.number
    }

    fn realm(&self, id: &RealmId) -> Option<(u32, Arc<Realm>)> {
        let realms = read(&self.realms);
        let known = realms.get(id)?;
        Some((known.number, known.row.clone()?))
    }

    /// `None`: nothing of the realm was ever kept.
    fn number(&self, realm: &RealmId) -> Option<u32> {
        read(&self.realms).get(realm).map(|known| known.number)
    }

    fn device(&self, realm: u32, id: &AuthenticatorId) -> Option<Arc<Candidate>> {
        match self.entries.get(&KeyRef::Device(realm, id))? {
            Entry::Device(device) => Some(device),
            Entry::Person(_) => None,
        }
    }

    fn person(&self, realm: u32, id: &SubscriberId) -> Option<Person> {
        match self.entries.get(&KeyRef::Person(realm, id))? {
            Entry::Person(person) => Some(person),
            Entry::Device(_) => None,
        }
    }

    fn drop_realm(&self, id: &RealmId) {
        let _slot = self.changing(id);
        if let Some(known) = write(&self.realms).get_mut(id) {
            known.row = None;
        }
    }

    fn drop_person(&self, realm: &RealmId, id: &SubscriberId) {
        let _slot = self.changing((realm, id));
        if let Some(number) = self.number(realm) {
            self.entries.remove(&KeyRef::Person(number, id));
        }
    }

    fn drop_device(&self, realm: &RealmId, id: &AuthenticatorId) {
        let _slot = self.changing((realm, id));
        if let Some(number) = self.number(realm) {
            self.entries.remove(&KeyRef::Device(number, id));
        }
    }

    fn change(&self, realm: &RealmId, id: &AuthenticatorId, change: impl FnOnce(&mut Candidate)) {
        let _slot = self.changing((realm, id));
        let Some(number) = self.number(realm) else { return };
        if let Some(mut device) = self.device(number, id) {
            change(Arc::make_mut(&mut device));
            self.entries.insert(Key::Device(number, *id), Entry::Device(device));
        }
    }

    /// Notes a change of this name, also of one that is not remembered: a load of it may be under way. Nobody else changes
    /// or fills it until the guard is dropped.
    fn changing(&self, name: impl Hash) -> MutexGuard<'_, u64> {
        let mut slot = self.slot(name);
        *slot = self.tick();
        slot
    }

    /// `None`: the name, or another one at its place, has changed since the ticket was drawn.
    fn unchanged(&self, Ticket(ticket): Ticket, name: impl Hash) -> Option<MutexGuard<'_, u64>> {
        Some(self.slot(name)).filter(|changed| **changed <= ticket)
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    fn slot(&self, name: impl Hash) -> MutexGuard<'_, u64> {
        let place = usize::try_from(self.hasher.hash_one(name)).unwrap_or(0) % SLOTS;
        #[allow(clippy::indexing_slicing, reason = "there are SLOTS of them")]
        lock(&self.slots[place])
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Device(realm, id), Key::Device(other, its)) => realm == other && *id == its,
            (Self::Person(realm, id), Key::Person(other, its)) => realm == other && *id == its,
            (Self::Device(..), Key::Person(..)) | (Self::Person(..), Key::Device(..)) => false,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(it: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    it.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(it: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    it.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, feature = "contract"))]
mod tests;
