//! Why a command is refused, and the standard's status word for it (ISO 7816-4, 5.6).

use matchbook_protocol::{PeerError, RequestError, TakeError};

use crate::nvm::{NvmError, StoreError};

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    WrongLength,
    WrongData,
    WrongParameters,
    WrongInstruction,
    WrongClass,
    NoChannel,
    NoSecureMessaging,
    /// A part of a chain was expected, and something else came.
    NoEndOfChain,
    /// No application of this name.
    NoApplication,
    /// What the command is about is not there.
    NotThere,
    /// The code that it asks for was never here.
    NoRecord,
    /// The PIN was not verified.
    NoPin,
    /// There is no PIN yet.
    NotUsable,
    /// The tries are used up.
    Blocked,
    WrongPin {
        left: u8,
    },
    /// The card, or its account, is not in a state for it.
    NotNow,
    NoRoom,
    /// The message does not verify.
    Forged,
    NotSupported,
    /// The memory failed: nothing works until the card is reset.
    MemoryFailed,
    /// Sealing failed.
    Failed,
}

impl Refusal {
    /// SW1 and SW2.
    pub(crate) const fn word(self) -> u16 {
        match self {
            Self::WrongLength => 0x6700,
            Self::NoChannel => 0x6881,
            Self::NoSecureMessaging => 0x6882,
            Self::NoEndOfChain => 0x6883,
            Self::NoPin => 0x6982,
            Self::Blocked => 0x6983,
            Self::NotUsable => 0x6984,
            Self::NotNow => 0x6985,
            Self::Forged => 0x6988,
            Self::WrongData => 0x6A80,
            Self::NotSupported => 0x6A81,
            Self::NoApplication => 0x6A82,
            Self::NoRecord => 0x6A83,
            Self::NoRoom => 0x6A84,
            Self::WrongParameters => 0x6A86,
            Self::NotThere => 0x6A88,
            Self::WrongInstruction => 0x6D00,
            Self::WrongClass => 0x6E00,
            Self::MemoryFailed => 0x6581,
            Self::Failed => 0x6F00,
            Self::WrongPin { left } => 0x63C0 | (left & 0x0F) as u16,
        }
    }
}

/// All is well.
pub(crate) const OK: u16 = 0x9000;
/// With the number of bytes that GET RESPONSE gives.
pub(crate) const MORE: u16 = 0x6100;

impl From<NvmError> for Refusal {
    fn from(_: NvmError) -> Self {
        Self::MemoryFailed
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoRoom => Self::NoRoom,
            StoreError::Failed => Self::MemoryFailed,
        }
    }
}

impl From<PeerError> for Refusal {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Malformed | PeerError::Invalid => Self::WrongData,
            PeerError::NotOurs | PeerError::UnknownKey => Self::NotThere,
            PeerError::WrongKind => Self::NotSupported,
            PeerError::Forged => Self::Forged,
            PeerError::OldKey | PeerError::Stale | PeerError::SetConflict | PeerError::KeyConflict => Self::NotNow,
            PeerError::TooManyCodes => Self::NoRoom,
            PeerError::DeviceRestored | PeerError::CountersUsedUp => Self::NotUsable,
            PeerError::SealFailed => Self::Failed,
        }
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotEnrolled => Self::NotNow,
            RequestError::HoldsEnough => Self::NoRoom,
            RequestError::CountersUsedUp => Self::NotUsable,
            RequestError::SealFailed => Self::Failed,
        }
    }
}

impl From<TakeError> for Refusal {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Empty | TakeError::NotHeld => Self::NoRecord,
            TakeError::AlreadyTaken => Self::NotNow,
        }
    }
}
