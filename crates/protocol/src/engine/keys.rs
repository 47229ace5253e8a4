//! Which keys the device holds: a state for each awaited message, and the two transitions between them.

use crate::ids::Epoch;
use crate::secret::Secret;

/// The first 16 bytes of a message's SHA-256: enough to know the same bytes again.
pub(super) type Digest = [u8; 16];

/// The keys, by what the device waits for. Each state holds what only that state has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyState {
    /// ENROL is sent under the activation secret's key; the server has not answered yet.
    Enrolling {
        /// K_0.
        activation: Secret<32>,
    },
    /// One key, known to be the server's too.
    Steady {
        /// K_e.
        key: Secret<32>,
        /// e.
        epoch: Epoch,
    },
    /// The server offered the next key, and the device sends under it. The old one is kept until the server has shown
    /// that it holds the new one too.
    Switching {
        /// K_e.
        old: Secret<32>,
        /// K_e+1.
        new: Secret<32>,
        /// e + 1.
        next: Epoch,
        /// Of the message with the new key, to know it again.
        offer: Digest,
    },
}

/// What the key is that a message names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The one that the device sends under; whatever verifies under it also confirms it.
    Sending,
    /// The one that is being replaced.
    Replaced,
}

impl KeyState {
    /// The key that the device sends under, and its epoch.
    pub(super) const fn sending(&self) -> (&Secret<32>, Epoch) {
        match self {
            Self::Enrolling { activation } => (activation, ACTIVATION_EPOCH),
            Self::Steady { key, epoch } => (key, *epoch),
            Self::Switching { new, next, .. } => (new, *next),
        }
    }

    /// The key that a message names by its epoch's low byte. No key is ever guessed by trying.
    pub(super) fn named(&self, epoch_low: u8) -> Option<(&Secret<32>, Epoch, Role)> {
        let (key, epoch) = self.sending();
        if epoch.low_byte() == epoch_low {
            return Some((key, epoch, Role::Sending));
        }
        match self {
            Self::Enrolling { .. } | Self::Steady { .. } => None,
            Self::Switching { old, next, .. } => {
                let epoch = previous(*next);
                (epoch.low_byte() == epoch_low).then_some((old, epoch, Role::Replaced))
            }
        }
    }

    /// After a message that verified under the sending key: the server holds it, so nothing else is needed any more,
    /// and the old key is wiped.
    pub(super) fn confirmed(self) -> Self {
        match self {
            Self::Enrolling { activation } => Self::Steady { key: activation, epoch: ACTIVATION_EPOCH },
            Self::Steady { key, epoch } => Self::Steady { key, epoch },
            Self::Switching { old: _, new, next, offer: _ } => Self::Steady { key: new, epoch: next },
        }
    }

    /// After the server offered the next key: the device sends under it from now on, and keeps the old one. Only a
    /// steady state takes an offer, and only for the next epoch; every other one stays as it is.
    pub(super) fn offered(self, next: Epoch, new: Secret<32>, offer: Digest) -> Self {
        match self {
            Self::Steady { key, epoch } if epoch.next() == Some(next) => Self::Switching { old: key, new, next, offer },
            Self::Enrolling { .. } | Self::Steady { .. } | Self::Switching { .. } => self,
        }
    }

    /// Stands in for a state while a transition has it.
    pub(super) const fn vacant() -> Self {
        Self::Enrolling { activation: Secret::new([0; 32]) }
    }
}

/// The epoch of the activation secret's key.
const ACTIVATION_EPOCH: Epoch = Epoch(0);

/// The epoch before the next one, which is never 0.
const fn previous(next: Epoch) -> Epoch {
    Epoch(next.0.saturating_sub(1))
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
