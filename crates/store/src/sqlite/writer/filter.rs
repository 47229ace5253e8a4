//! Which keys a table may hold, in a fixed amount of memory: "no" is certain, "perhaps" is looked up.

use std::sync::mpsc::{self, Receiver, TryRecvError};

/// Bits that a key sets.
const PROBES: u32 = 4;
/// Bits for each key from which on a filter is made anew: one look-up in six is for nothing then.
const BITS_A_KEY: usize = 4;

/// A Bloom filter over 64-bit hashes.
pub(super) struct Bits {
    words: Box<[u64]>,
    keys: usize,
}

impl Bits {
    /// Room for about `bytes`, a power of two.
    pub(super) fn new(bytes: usize) -> Self {
        Self { words: vec![0; (bytes / 8).next_power_of_two()].into_boxed_slice(), keys: 0 }
    }

    pub(super) fn insert(&mut self, hash: u64) {
        for (word, bit) in places(hash, self.words.len()) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= bit;
            }
        }
        self.keys = self.keys.saturating_add(1);
    }

    fn may_hold(&self, hash: u64) -> bool {
        places(hash, self.words.len()).all(|(word, bit)| self.words.get(word).is_some_and(|word| word & bit != 0))
    }

    fn is_crowded(&self) -> bool {
        self.keys.saturating_mul(BITS_A_KEY) > self.words.len().saturating_mul(64)
    }
}

/// The filter of a table that rows come into and go from. What was there at the start is read in the background.
pub(super) struct Filter {
    bytes: usize,
    /// What was read; `None`: not yet.
    known: Option<Bits>,
    /// What came since the reading began.
    recent: Bits,
    reading: Option<Receiver<Bits>>,
}

impl Filter {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, known: None, recent: Bits::new(bytes), reading: None }
    }

    /// Notes a key that comes into the table.
    pub(super) fn insert(&mut self, hash: u64) {
        self.recent.insert(hash);
    }

    /// The table has changed unseen: it is to be read again, whatever is being read now.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.bytes);
    }

    /// `false`: it is not in the table.
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        self.recent.may_hold(hash) || self.known.as_ref().is_none_or(|known| known.may_hold(hash))
    }

    /// Takes over what was read, and begins to read when that is needed: `read` is given the bits to fill and where to
    /// send them, and must not begin to look before it is called. `coming` are keys that are noted and not yet in the
    /// table.
    pub(super) fn keep_up(&mut self, coming: impl FnOnce() -> Vec<u64>, read: impl FnOnce(Bits, mpsc::Sender<Bits>)) {
        if let Some(reading) = &self.reading {
            match reading.try_recv() {
                Ok(bits) => (self.known, self.reading) = (Some(bits), None),
                Err(TryRecvError::Empty) => return,
                // It failed, and said so; the next time may be better.
                Err(TryRecvError::Disconnected) => self.reading = None,
            }
            return;
        }
        if self.known.is_some() && !self.recent.is_crowded() {
            return;
        }
        // All that is in the table now is seen by the reading, but for what is not committed.
        self.recent = Bits::new(self.bytes);
        coming().into_iter().for_each(|hash| self.recent.insert(hash));
        self.known = None;
        let (filled, reading) = mpsc::channel();
        self.reading = Some(reading);
        read(Bits::new(self.bytes), filled);
    }
}

fn places(hash: u64, words: usize) -> impl Iterator<Item = (usize, u64)> {
    let step = hash.rotate_left(32) | 1;
    (0..u64::from(PROBES)).map(move |probe| {
        let mixed = hash.wrapping_add(step.wrapping_mul(probe));
        let word = usize::try_from(mixed >> 6).unwrap_or(0) & (words.saturating_sub(1));
        (word, 1 << (mixed & 63))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Bits, Filter};

    fn hash(number: u64) -> u64 {
        let mut word = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word ^ (word >> 31)
    }

    #[test]
    fn what_is_in_it_is_never_denied_and_little_else_is_taken_for_it() {
        let mut bits = Bits::new(1 << 10);
        (0..800).for_each(|number| bits.insert(hash(number)));
        assert!((0..800).all(|number| bits.may_hold(hash(number))));
        let wrong = (1_000..11_000).filter(|number| bits.may_hold(hash(*number))).count();
        assert!(wrong < 800, "{wrong} of 10,000");
    }

    #[test]
    fn nothing_is_denied_before_the_table_was_read() {
        let mut filter = Filter::new(1 << 10);
        assert!(filter.may_hold(1));
        let mut send = None;
        filter.keep_up(Vec::new, |bits, to| send = Some((bits, to)));
        filter.insert(hash(7));
        filter.keep_up(Vec::new, |_, _| panic!("it is being read"));
        let (mut bits, to) = send.take().unwrap();
        bits.insert(hash(8));
        to.send(bits).unwrap();
        filter.keep_up(Vec::new, |_, _| panic!("it is read"));
        assert!(filter.may_hold(hash(7)) && filter.may_hold(hash(8)) && !filter.may_hold(hash(9)));
        // Crowded, it is read anew, and meanwhile denies nothing.
        (0..4_000).for_each(|number| filter.insert(hash(number)));
        filter.keep_up(|| vec![hash(5)], |_, to| drop(to));
        assert!(filter.may_hold(hash(1 << 40)) && filter.recent.may_hold(hash(5)));
        // A reading that fails is begun again.
        filter.keep_up(Vec::new, |_, _| panic!("one at a time"));
        let mut again = false;
        filter.keep_up(Vec::new, |_, _| again = true);
        assert!(again);
    }
}
