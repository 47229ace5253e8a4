//! What an entry takes in memory, roughly and rather too much.

use std::mem::size_of;

use matchbook_rules::{Authenticator, Candidate, IssuedSet, SealedKey, Subscriber};
use quick_cache::Weighter;

use super::{Entry, Key, Person};

/// What the cache itself needs for an entry, and what the allocator adds to the entry's parts.
const OVERHEAD: usize = 96;
/// What the allocator adds to a text or a vector.
const EACH: usize = 16;

#[derive(Clone)]
pub(super) struct ByBytes;

impl Weighter<Key, Entry> for ByBytes {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let name = match key {
            Key::Device(..) => 0,
            Key::Person(_, id) => EACH + id.as_str().len(),
        };
        let held = match entry {
            Entry::Device(device) => candidate(device),
            Entry::Person(it) => person(it),
        };
        let sum = OVERHEAD + size_of::<Key>() + size_of::<Entry>() + name + held;
        u64::try_from(sum).unwrap_or(u64::MAX)
    }
}

fn candidate(it: &Candidate) -> usize {
    let sets: usize = it.sets.iter().map(set).sum();
    let spent = EACH + it.spent.capacity() * size_of::<u32>();
    size_of::<Candidate>() + authenticator(&it.authenticator) + sets + spent
}

fn set(it: &IssuedSet) -> usize {
    size_of::<IssuedSet>() + 2 * EACH + it.realm.as_str().len() + size_of_val(it.tags.as_slice())
}

fn authenticator(it: &Authenticator) -> usize {
    let SealedKey(current) = &it.keys.current.sealed;
    let next = it.keys.next.as_ref().map_or(0, |next| 2 * EACH + next.sealed.0.len() + next.ephemeral.len());
    let reply = it.last_reply.as_ref().map_or(0, |reply| EACH + reply.bytes.len());
    let texts = it.realm.as_str().len() + it.subscriber.as_str().len() + it.label.len();
    size_of::<Authenticator>() + 5 * EACH + texts + current.len() + it.public_key.len() + next + reply
}

fn person(it: &Person) -> usize {
    let Subscriber { realm, id, display_name, .. } = it.row.as_ref();
    let texts = realm.as_str().len() + id.as_str().len() + display_name.len();
    let devices = it.devices.as_ref().map_or(0, |devices| EACH + size_of_val(devices.as_ref()));
    size_of::<Subscriber>() + 3 * EACH + texts + devices
}
