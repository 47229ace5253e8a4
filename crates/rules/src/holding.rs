//! What of one authenticator's codes still counts, and which of them count at the next attempt.

use matchbook_protocol::CodeIndex;
use matchbook_protocol::codes::MAX_SET_CODES;

use crate::keyring::Keyring;
use crate::model::{Candidate, IssuedSet, Mode, Policy};
use crate::policy::ANY_UNUSED_SIZE;

/// The codes of one authenticator that are issued, not spent and not dead, by index, ascending.
pub(crate) struct Holding {
    live: Vec<CodeIndex>,
    /// Those that count at the next attempt.
    acceptable: Vec<CodeIndex>,
    /// Those that next-in-order has passed over and that are not spent.
    dead: Vec<CodeIndex>,
}

impl Holding {
    /// What an authenticator holds. Codes under another pepper than the keyring's can never verify, so they are dead;
    /// so are those that next-in-order has passed over.
    ///
    /// Under any-unused, of codes that are too few for it, such as those that another policy issued, only the lowest
    /// counts, unless the operator accepts guessable codes.
    pub(crate) fn of(candidate: &Candidate, policy: &Policy, keyring: &Keyring) -> Self {
        let floor = match policy.mode {
            Mode::NextInOrder { .. } => candidate.highest_spent,
            Mode::Indexed | Mode::AnyUnused => CodeIndex::NONE,
        };
        let sets = candidate.sets.iter().filter(|set| set.pepper_version == keyring.version());
        let mut unspent: Vec<(CodeIndex, bool)> = sets
            .flat_map(|set| {
                let is_guessable = set.format.size() < ANY_UNUSED_SIZE && !policy.accept_guessable_codes;
                indices(set).map(move |index| (index, is_guessable))
            })
            .filter(|(index, _)| candidate.spent.binary_search(index).is_err())
            .collect();
        unspent.sort_unstable();
        unspent.dedup_by_key(|(index, _)| *index);
        let passed = unspent.partition_point(|(index, _)| *index <= floor);
        let (dead, live) = unspent.split_at_checked(passed).unwrap_or_default();
        let only = |codes: &[(CodeIndex, bool)]| codes.iter().map(|(index, _)| *index).collect::<Vec<_>>();
        let acceptable = match policy.mode {
            Mode::Indexed => live.iter().take(1).map(|(index, _)| *index).collect(),
            Mode::NextInOrder { look_ahead } => only(live).into_iter().take(usize::from(look_ahead)).collect(),
            Mode::AnyUnused => {
                let lowest = live.iter().find(|(_, is_guessable)| *is_guessable);
                live.iter().filter(|code| !code.1 || Some(*code) == lowest).map(|(index, _)| *index).collect()
            }
        };
        Self { live: only(live), acceptable, dead: only(dead) }
    }

    /// The codes that count at the next attempt.
    pub(crate) fn acceptable(&self) -> &[CodeIndex] {
        &self.acceptable
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

    /// The codes before this one that a spend of it kills: none, but in order. Those that were passed over under another
    /// mode are among them, so that a third mode does not bring them back.
    pub(crate) fn passed_over(&self, index: CodeIndex, mode: Mode) -> Vec<CodeIndex> {
        match mode {
            Mode::Indexed | Mode::AnyUnused => Vec::new(),
            Mode::NextInOrder { .. } => {
                self.dead.iter().chain(&self.live).copied().filter(|code| *code < index).collect()
            }
        }
    }

    /// How many codes that could still be accepted a spend of this one uses up, itself included.
    pub(crate) fn used_up_by(&self, index: CodeIndex, mode: Mode) -> usize {
        match mode {
            Mode::Indexed | Mode::AnyUnused => 1,
            Mode::NextInOrder { .. } => self.live.partition_point(|live| *live <= index),
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
