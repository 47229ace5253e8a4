//! Whether the host has stored what it must have stored.

use crate::Refusal;

/// How far the account's last change has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The host has all of it.
    Saved,
    /// The host has not been given it.
    Changed,
    /// The host was given it, and has not said that it is stored.
    Given,
}

impl Gate {
    /// The account changed.
    pub(crate) const fn change(&mut self) {
        *self = Self::Changed;
    }

    /// The host is given the account.
    pub(crate) const fn give(&mut self) {
        match self {
            Self::Changed => *self = Self::Given,
            Self::Saved | Self::Given => {}
        }
    }

    /// The host says that it has stored what it was given.
    pub(crate) const fn save(&mut self) -> Result<(), Refusal> {
        match self {
            Self::Saved => Ok(()),
            Self::Changed => Err(Refusal::NotGiven),
            Self::Given => {
                *self = Self::Saved;
                Ok(())
            }
        }
    }

    /// Lets through only when all is stored.
    pub(crate) const fn pass(self) -> Result<(), Refusal> {
        match self {
            Self::Saved => Ok(()),
            Self::Changed | Self::Given => Err(Refusal::NotSaved),
        }
    }
}
