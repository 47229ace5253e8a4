//! What is fixed at enrolment and never negotiated: the suite, and how sets are delivered.

use core::fmt;

/// The cryptographic suite (§3): which key agreement rotation and public-key mode use. AES-256-GCM, HKDF-SHA256 and
/// HMAC-SHA256 are in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// 1: symmetric keys only.
    Symmetric,
    /// 2: X25519, the default.
    X25519,
    /// 3: P-256, for keys held in hardware.
    P256,
    /// 4: X-Wing (X25519 and ML-KEM-768). Experimental, behind a feature, not over SMS.
    XWing,
}

impl Suite {
    /// The suite's number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Symmetric => 1,
            Self::X25519 => 2,
            Self::P256 => 3,
            Self::XWing => 4,
        }
    }
}

/// How a set of codes is sealed to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Under the key that both share (SET).
    Shared,
    /// Public-key mode: under a session key that is itself sealed to the device's public key (SET-PK).
    PublicKey,
}

/// Suite and delivery: one byte on the wire, bound in the key schedule and in every associated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile {
    suite: Suite,
    delivery: Delivery,
}

/// The pair or byte is no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileError;

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such profile: suites are 1 to 4, and suite 1 has no public-key mode")
    }
}

impl core::error::Error for ProfileError {}

impl Profile {
    const PUBLIC_KEY_BIT: u8 = 0x80;

    /// A profile of a suite and a delivery.
    ///
    /// # Errors
    /// Suite 1 has no key pair, so it has no public-key mode.
    pub const fn new(suite: Suite, delivery: Delivery) -> Result<Self, ProfileError> {
        match (suite, delivery) {
            (Suite::Symmetric, Delivery::PublicKey) => Err(ProfileError),
            (Suite::Symmetric | Suite::X25519 | Suite::P256 | Suite::XWing, Delivery::Shared)
            | (Suite::X25519 | Suite::P256 | Suite::XWing, Delivery::PublicKey) => Ok(Self { suite, delivery }),
        }
    }

    /// The suite.
    #[must_use]
    pub const fn suite(self) -> Suite {
        self.suite
    }

    /// How sets are delivered.
    #[must_use]
    pub const fn delivery(self) -> Delivery {
        self.delivery
    }

    /// The byte on the wire: the suite's number, and the top bit for public-key mode.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self.delivery {
            Delivery::Shared => self.suite.number(),
            Delivery::PublicKey => self.suite.number() | Self::PUBLIC_KEY_BIT,
        }
    }

    /// Reads the byte on the wire.
    ///
    /// # Errors
    /// An unknown suite, an unknown bit, or suite 1 in public-key mode.
    pub const fn from_byte(byte: u8) -> Result<Self, ProfileError> {
        let suite = match byte & !Self::PUBLIC_KEY_BIT {
            1 => Suite::Symmetric,
            2 => Suite::X25519,
            3 => Suite::P256,
            4 => Suite::XWing,
            _ => return Err(ProfileError),
        };
        if byte & Self::PUBLIC_KEY_BIT == 0 {
            Self::new(suite, Delivery::Shared)
        } else {
            Self::new(suite, Delivery::PublicKey)
        }
    }
}
