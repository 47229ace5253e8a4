//! What of one authenticator's codes still counts, and which of them count at the next attempt.

use matchbook_protocol::CodeIndex;
use matchbook_protocol::codes::MAX_SET_CODES;

use crate::keyring::Keyring;
use crate::model::{Candidate, IssuedSet, Mode, Policy};
use crate::policy::ANY_UNUSED_SIZE;

/// The codes of one authenticator that are issued, not spent and not dead, by index, ascending.
pub(crate) struct Holding {
    live: Vec<CodeIndex>,
    acceptable: Acceptable,
    /// Those that next-in-order has passed over and that are not spent.
    dead: Vec<CodeIndex>,
}

/// Those of the live codes that count at the next attempt.
enum Acceptable {
    /// The first so many.
    First(usize),
    /// These.
    These(Vec<CodeIndex>),
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
        let usable = || candidate.sets.iter().filter(|set| set.pepper_version == keyring.version());
        let mut dead = Vec::with_capacity(usable().map(|set| set.tags.len()).sum());
        usable().for_each(|set| unspent(set, &candidate.spent, &mut dead));
        if !dead.is_sorted() {
            dead.sort_unstable();
        }
        dead.dedup();
        let live = dead.split_off(dead.partition_point(|index| *index <= floor));
        let acceptable = match policy.mode {
            Mode::Indexed => Acceptable::First(1),
            Mode::NextInOrder { look_ahead } => Acceptable::First(usize::from(look_ahead)),
            Mode::AnyUnused => {
                let guessable =
                    |set: &&IssuedSet| set.format.size() < ANY_UNUSED_SIZE && !policy.accept_guessable_codes;
                let is_guessable = |index: &CodeIndex| usable().filter(guessable).any(|set| holds(set, *index));
                let lowest = live.iter().copied().find(is_guessable);
                let counts = |index: &CodeIndex| Some(*index) == lowest || !is_guessable(index);
                Acceptable::These(live.iter().copied().filter(counts).collect())
            }
        };
        Self { live, acceptable, dead }
    }

    /// The codes that count at the next attempt.
    pub(crate) fn acceptable(&self) -> &[CodeIndex] {
        match &self.acceptable {
            Acceptable::First(count) => self.live.get(..*count).unwrap_or(&self.live),
            Acceptable::These(codes) => codes,
        }
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

/// Adds the indices of a set that are not among the spent ones, which ascend.
fn unspent(set: &IssuedSet, spent: &[CodeIndex], found: &mut Vec<CodeIndex>) {
    let mut spent = spent.iter().skip(spent.partition_point(|index| *index < set.first)).peekable();
    found.extend(indices(set).filter(|index| spent.next_if(|spent| *spent == index).is_none()));
}

fn holds(set: &IssuedSet, index: CodeIndex) -> bool {
    let place = index.0.checked_sub(set.first.0).and_then(|place| usize::try_from(place).ok());
    place.is_some_and(|place| place < set.tags.len().min(MAX_SET_CODES))
}
