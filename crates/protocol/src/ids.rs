//! The names and numbers that travel: small types that carry their unit and kind.

use core::fmt;
use core::str::FromStr;

use data_encoding::HEXLOWER;

/// The identification code: 8 random bytes that name an authenticator to the server. Not a secret.
///
/// Written as 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthenticatorId(pub [u8; 8]);

impl fmt::Display for AuthenticatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AuthenticatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthenticatorId({self})")
    }
}

/// The text was not 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identification code is 16 hexadecimal digits, such as 9f03a1c2d4e5b6f7")
    }
}

impl core::error::Error for ParseIdError {}

impl FromStr for AuthenticatorId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let bytes = HEXLOWER.decode(text.to_ascii_lowercase().as_bytes()).map_err(|_| ParseIdError)?;
        <[u8; 8]>::try_from(bytes.as_slice()).map(Self).map_err(|_| ParseIdError)
    }
}

/// The account slot that the device chose at enrolment, 0–255: it finds the key by it, as its own short name for
/// the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub u8);

/// The number of a key: 0 for the activation secret's, one more at each rotation. Its low byte travels in clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The byte that travels in the clear header.
    #[must_use]
    pub const fn low_byte(self) -> u8 {
        self.0.to_be_bytes()[3]
    }

    /// The two bytes that a rotation message carries.
    #[must_use]
    pub const fn low_u16(self) -> u16 {
        let bytes = self.0.to_be_bytes();
        u16::from_be_bytes([bytes[2], bytes[3]])
    }

    /// The epoch after this one; `None` after 2^32 − 1 rotations, when the authenticator has to be enrolled anew.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }
}

/// The absolute number of a code of one authenticator: 1 for the first ever issued. 0 stands for "none yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeIndex(pub u32);

impl CodeIndex {
    /// "Holds none": what a device with no codes reports as its highest index.
    pub const NONE: Self = Self(0);

    /// The index `count` places further on; `None` past 2^32 − 1.
    #[must_use]
    pub const fn checked_add(self, count: u32) -> Option<Self> {
        match self.0.checked_add(count) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }
}

impl fmt::Display for CodeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since 1970-01-01T00:00Z. Passed in by the caller; nothing here reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This time and `ms` milliseconds, saturating.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this time; 0 when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
