//! Byte 0: version and message type, and which profile has which messages.

use super::error::DecodeError;
use crate::profile::{Delivery, Profile, Suite};

/// The protocol's version, the top three bits of byte 0.
pub const VERSION: u8 = 1;

/// The messages from server to device (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DownlinkKind {
    /// 1, SET: codes under the shared key.
    Set,
    /// 2, SET-PK: codes under a session key that is sealed to the device's public key.
    SetPk,
    /// 3, ROT-SYM: the next key under the present one.
    RotateSymmetric,
    /// 4, ROT-PK: the next key, sealed to the device's fresh ephemeral key and by the present key.
    RotatePublicKey,
    /// 5, SYNC: what the server has seen, and what it wants.
    Sync,
}

/// The messages from device to server (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UplinkKind {
    /// 16, REQ: what the device holds and wants.
    Request,
    /// 17, ENROL: the first message, under the activation secret.
    Enrol,
}

impl DownlinkKind {
    /// Byte 0 of a message of this type.
    #[must_use]
    pub const fn byte0(self) -> u8 {
        VERSION << TYPE_BITS
            | match self {
                Self::Set => 1,
                Self::SetPk => 2,
                Self::RotateSymmetric => 3,
                Self::RotatePublicKey => 4,
                Self::Sync => 5,
            }
    }

    /// Whether an authenticator with this profile ever gets such a message. What is fixed at enrolment cannot be talked
    /// down: no set under the shared key in public-key mode, no symmetric rotation where there is a key pair.
    #[must_use]
    pub const fn is_in(self, profile: Profile) -> bool {
        let symmetric = matches!(profile.suite(), Suite::Symmetric);
        let public_key = matches!(profile.delivery(), Delivery::PublicKey);
        match self {
            Self::Set => !public_key,
            Self::SetPk => public_key,
            Self::RotateSymmetric => symmetric,
            Self::RotatePublicKey => !symmetric,
            Self::Sync => true,
        }
    }

    /// Reads byte 0.
    pub(crate) const fn from_byte0(byte0: u8) -> Result<Self, DecodeError> {
        match message_type(byte0) {
            Ok(1) => Ok(Self::Set),
            Ok(2) => Ok(Self::SetPk),
            Ok(3) => Ok(Self::RotateSymmetric),
            Ok(4) => Ok(Self::RotatePublicKey),
            Ok(5) => Ok(Self::Sync),
            Ok(16 | 17) => Err(DecodeError::WrongDirection),
            Ok(_) => Err(DecodeError::UnknownType),
            Err(error) => Err(error),
        }
    }
}

impl UplinkKind {
    /// Byte 0 of a message of this type.
    #[must_use]
    pub const fn byte0(self) -> u8 {
        VERSION << TYPE_BITS
            | match self {
                Self::Request => 16,
                Self::Enrol => 17,
            }
    }

    /// Reads byte 0.
    pub(crate) const fn from_byte0(byte0: u8) -> Result<Self, DecodeError> {
        match message_type(byte0) {
            Ok(16) => Ok(Self::Request),
            Ok(17) => Ok(Self::Enrol),
            Ok(1..=5) => Err(DecodeError::WrongDirection),
            Ok(_) => Err(DecodeError::UnknownType),
            Err(error) => Err(error),
        }
    }
}

const TYPE_BITS: u32 = 5;

/// The type in byte 0 of a message of our version.
const fn message_type(byte0: u8) -> Result<u8, DecodeError> {
    if byte0 >> TYPE_BITS == VERSION { Ok(byte0 & 0x1f) } else { Err(DecodeError::Version) }
}
