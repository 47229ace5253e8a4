//! The data coding scheme (TS 23.038 §4).

use super::TpduError;

/// What the user data is coded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// The GSM 7-bit default alphabet.
    Septets,
    /// 8-bit data.
    Octets,
}

impl Coding {
    /// The octet: no class, uncompressed.
    pub(super) const fn to_octet(self) -> u8 {
        match self {
            Self::Septets => 0x00,
            Self::Octets => 0x04,
        }
    }

    /// Reads the octet. Reserved values stand for the default alphabet, as the standard says.
    pub(super) const fn from_octet(octet: u8) -> Result<Self, TpduError> {
        match octet >> 4 {
            // General, and marked for automatic deletion: bit 5 says compressed, bits 3 and 2 name the alphabet.
            0x0..=0x7 => match (octet & 0x20, octet & 0x0c) {
                (0, 0x04) => Ok(Self::Octets),
                (0, 0x00 | 0x0c) => Ok(Self::Septets),
                _ => Err(TpduError::Coding),
            },
            // Message waiting, in UCS-2.
            0xe => Err(TpduError::Coding),
            // With a class.
            0xf if octet & 0x04 != 0 => Ok(Self::Octets),
            _ => Ok(Self::Septets),
        }
    }
}
