//! The modem's store of messages: places with numbers from 1, of which there are only so many.

use std::collections::BTreeMap;

/// The messages in a modem.
pub(super) struct Store {
    places: BTreeMap<u32, Kept>,
    capacity: u32,
}

/// A stored message.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The TPDU.
    pub(super) tpdu: Vec<u8>,
    /// Whether it was read.
    pub(super) is_read: bool,
}

impl Store {
    pub(super) fn new(capacity: u32) -> Self {
        Self { places: BTreeMap::new(), capacity: capacity.clamp(1, 255) }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(super) fn has_room(&self) -> bool {
        self.free().is_some()
    }

    /// Keeps a message; gives its place, the lowest that is free.
    pub(super) fn keep(&mut self, tpdu: Vec<u8>) -> Option<u32> {
        let place = self.free()?;
        self.places.insert(place, Kept { tpdu, is_read: false });
        Some(place)
    }

    /// The message at a place, which is read from now on.
    pub(super) fn read(&mut self, place: u32) -> Option<Kept> {
        let kept = self.places.get_mut(&place)?;
        let before = kept.clone();
        kept.is_read = true;
        Some(before)
    }

    /// All places in use.
    pub(super) fn places(&self) -> Vec<u32> {
        self.places.keys().copied().collect()
    }

    /// Whether the message at a place was read.
    pub(super) fn is_read(&self, place: u32) -> bool {
        self.places.get(&place).is_some_and(|kept| kept.is_read)
    }

    /// Deletes a message; whether there was one.
    pub(super) fn delete(&mut self, place: u32) -> bool {
        self.places.remove(&place).is_some()
    }

    /// Deletes all messages, or all that were read.
    pub(super) fn delete_all(&mut self, only_read: bool) {
        self.places.retain(|_, kept| only_read && !kept.is_read);
    }

    fn free(&self) -> Option<u32> {
        (1..=self.capacity).find(|place| !self.places.contains_key(place))
    }
}
