//! What of one authenticator's codes still counts, and which of them count at the next attempt.

use matchbook_protocol::CodeIndex;
use matchbook_protocol::codes::MAX_SET_CODES;

use crate::keyring::Keyring;
use crate::model::{Candidate, IssuedSet, Mode, Policy};

/// The codes of one authenticator that are issued, not spent and not dead, by index, ascending.
pub(crate) struct Holding {
    live: Vec<CodeIndex>,
    at_once: usize,
}

impl Holding {
    /// What an authenticator holds. Codes under another pepper than the keyring's can never verify, so they are dead;
    /// so are those that next-in-order has passed over.
    pub(crate) fn of(candidate: &Candidate, mode: Mode, keyring: &Keyring) -> Self {
        let (floor, at_once) = match mode {
            Mode::Indexed => (CodeIndex::NONE, 1),
            Mode::NextInOrder { look_ahead } => (candidate.highest_spent, usize::from(look_ahead)),
            Mode::AnyUnused => (CodeIndex::NONE, usize::MAX),
        };
        let sets = candidate.sets.iter().filter(|set| set.pepper_version == keyring.version());
        let mut live: Vec<CodeIndex> = sets
            .flat_map(indices)
            .filter(|index| *index > floor && candidate.spent.binary_search(index).is_err())
            .collect();
        live.sort_unstable();
        live.dedup();
        Self { live, at_once }
    }

    /// The codes that count at the next attempt.
    pub(crate) fn acceptable(&self) -> &[CodeIndex] {
        self.live.get(..self.at_once.min(self.live.len())).unwrap_or_default()
    }

    /// Whether this code counts at the next attempt.
    pub(crate) fn accepts(&self, index: CodeIndex) -> bool {
        self.acceptable().binary_search(&index).is_ok()
    }

    /// The code that the user is asked for: the first one.
    pub(crate) fn first(&self) -> Option<CodeIndex> {
        self.live.first().copied()
    }

    /// The code that the user is asked for once so many are spent.
    pub(crate) fn nth(&self, spent: u32) -> Option<CodeIndex> {
        usize::try_from(spent).ok().and_then(|place| self.live.get(place)).copied()
    }

    /// The codes before this one that a spend of it kills: none, but in order.
    pub(crate) fn passed_over(&self, index: CodeIndex, mode: Mode) -> &[CodeIndex] {
        match mode {
            Mode::Indexed | Mode::AnyUnused => &[],
            Mode::NextInOrder { .. } => {
                let before = self.live.partition_point(|live| *live < index);
                self.live.get(..before).unwrap_or_default()
            }
        }
    }

    /// Whether a set is due once so many codes are spent: the threshold is reached, and no set is on its way or due
    /// already.
    pub(crate) fn makes_refill_due(&self, spent: usize, candidate: &Candidate, policy: &Policy) -> bool {
        let left = self.live.len().saturating_sub(spent);
        left <= usize::from(policy.threshold)
            && !candidate.set_outstanding
            && candidate.authenticator.refill_due.is_none()
    }
}

/// The indices of a set, in order.
pub(crate) fn indices(set: &IssuedSet) -> impl Iterator<Item = CodeIndex> + use<'_> {
    (set.first.0..=u32::MAX).map(CodeIndex).take(set.tags.len().min(MAX_SET_CODES))
}
