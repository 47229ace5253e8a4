//! The codes that the device holds, by absolute index.

use alloc::vec::Vec;

use super::error::TakeError;
use super::keys::Digest;
use super::{CodeMark, MAX_HELD_CODES, Selector};
use crate::codes::{Code, CodeFormat, CodeSet, MAX_SET_CODES};
use crate::ids::CodeIndex;

/// The sets that still have unused codes, and the latest one even when it has none, in the order of their indexes. They
/// never overlap, and none reaches beyond `highest`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Holdings {
    sets: Vec<HeldSet>,
    highest: CodeIndex,
}

/// One set as it is held. A code that was taken is gone; its place stays.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeldSet {
    /// The index of the first code.
    pub(super) first: CodeIndex,
    /// The format of the codes.
    pub(super) format: CodeFormat,
    /// Of the sealed message. Taken codes cannot be compared any more, and a digest of their content could be searched;
    /// the server never seals a set twice, so the same set is the same bytes.
    pub(super) digest: Digest,
    /// A place for each code, in the order of the indexes; 1 to 250.
    pub(super) places: Vec<Place>,
}

/// A code's place in its set. Nothing moves when a code is taken, so that no copy of it is left behind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The code is still good.
    Unused(Code),
    /// It was taken, and is wiped.
    Used,
}

/// What a set that came in is to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Above all indexes so far. A gap below it is fine: the server voided a set that never arrived.
    New,
    /// The same set again.
    Same,
    /// It has indexes that are held with other codes, or reaches from the old into the new.
    Conflict,
    /// Indexes from before, of which there is no record any more or never was.
    Stale,
    /// New, but more than the device keeps.
    TooMany,
}

impl Holdings {
    /// Puts stored sets together again; `None` when they could not have been stored so.
    pub(super) fn restore(sets: Vec<HeldSet>, highest: CodeIndex) -> Option<Self> {
        if sets.len() > MAX_HELD_SETS {
            return None;
        }
        let mut below = CodeIndex::NONE;
        for set in &sets {
            let further = u32::try_from(set.places.len().checked_sub(1)?).ok()?;
            let last = set.first.checked_add(further)?;
            if set.first <= below || last > highest || set.places.len() > MAX_SET_CODES {
                return None;
            }
            below = last;
        }
        let holdings = Self { sets, highest };
        (holdings.remaining() <= MAX_HELD_CODES).then_some(holdings)
    }

    /// The sets, in the order of their indexes.
    pub(super) fn sets(&self) -> &[HeldSet] {
        &self.sets
    }

    /// The highest index ever held; [`CodeIndex::NONE`] before the first set.
    pub(super) const fn highest(&self) -> CodeIndex {
        self.highest
    }

    /// How many unused codes are held, at most [`MAX_HELD_CODES`].
    pub(super) fn remaining(&self) -> usize {
        self.sets.iter().map(HeldSet::unused).sum()
    }

    /// The indexes of the held sets, and whether each code is used.
    pub(super) fn marks(&self) -> impl Iterator<Item = CodeMark> {
        self.sets.iter().flat_map(|set| {
            let indexes = (set.first.0..=u32::MAX).map(CodeIndex);
            indexes.zip(&set.places).map(|(index, place)| CodeMark { index, used: *place == Place::Used })
        })
    }

    /// What a set is to this device. Changes nothing.
    pub(super) fn judge(&self, set: &CodeSet, digest: &Digest) -> Verdict {
        if set.first > self.highest {
            let kept = if set.reset { 0 } else { self.remaining() };
            return if kept + set.codes().len() > MAX_HELD_CODES { Verdict::TooMany } else { Verdict::New };
        }
        if set.last() > self.highest {
            return Verdict::Conflict;
        }
        let mut overlapping = self.sets.iter().filter(|held| held.first <= set.last() && held.last() >= set.first);
        match overlapping.next() {
            None => Verdict::Stale,
            Some(held) if held.first == set.first && held.digest == *digest => Verdict::Same,
            Some(_) => Verdict::Conflict,
        }
    }

    /// Holds a set that was judged new. Says how many unused codes were dropped for it (RESET).
    pub(super) fn hold(&mut self, set: &CodeSet, digest: Digest) -> usize {
        let before = self.remaining();
        if set.reset {
            self.sets.retain(|held| held.first >= set.first);
        }
        let dropped = before - self.remaining();
        self.sets.retain(|held| held.unused() > 0);
        self.highest = set.last();
        let places = set.codes().iter().map(|code| Place::Unused(code.duplicate())).collect();
        self.sets.push(HeldSet { first: set.first, format: set.format, digest, places });
        dropped
    }

    /// Takes a code out: from now on it is used.
    pub(super) fn take(&mut self, selector: Selector) -> Result<(CodeIndex, Code), TakeError> {
        let index = match selector {
            Selector::Next => self.marks().find(|mark| !mark.used).ok_or(TakeError::Empty)?.index,
            Selector::Index(index) => index,
        };
        let set = self.sets.iter_mut().find(|set| set.first <= index && index <= set.last());
        let set = set.ok_or(TakeError::NotHeld)?;
        let at = usize::try_from(index.0 - set.first.0).map_err(|_| TakeError::NotHeld)?;
        let place = set.places.get_mut(at).ok_or(TakeError::NotHeld)?;
        let code = match place {
            Place::Unused(code) => code.duplicate(),
            Place::Used => return Err(TakeError::AlreadyTaken),
        };
        *place = Place::Used;
        Ok((index, code))
    }
}

impl HeldSet {
    /// The index of the last code.
    fn last(&self) -> CodeIndex {
        let further = u32::try_from(self.places.len().saturating_sub(1)).unwrap_or(u32::MAX);
        CodeIndex(self.first.0.saturating_add(further))
    }

    /// How many codes are unused.
    fn unused(&self) -> usize {
        self.places.iter().filter(|place| **place != Place::Used).count()
    }
}

/// When a set comes, each of the others still has an unused code.
const MAX_HELD_SETS: usize = MAX_HELD_CODES + 1;

#[cfg(test)]
#[path = "holdings_tests.rs"]
mod tests;
