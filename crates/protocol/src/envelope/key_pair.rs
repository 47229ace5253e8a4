//! A device's key pair: the static one of public-key mode, or the ephemeral one of a rotation.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::error::KeyError;
use super::hpke;
use crate::profile::Suite;

/// A key pair of a suite. The secret half is wiped when dropped, never printed, cloned or serialised but by
/// [`KeyPair::secret_bytes`].
pub struct KeyPair {
    suite: Suite,
    secret: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl KeyPair {
    /// Draws a key pair: as RFC 9180's DeriveKeyPair does from random bytes.
    ///
    /// # Errors
    /// [`KeyError::NoKeyPair`] for suite 1, [`KeyError::Unsupported`] for a suite that is not in this build.
    pub fn generate(suite: Suite, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, KeyError> {
        let (secret, public) = hpke::generate(suite, rng)?;
        Ok(Self { suite, secret, public })
    }

    /// Reads a secret key as [`KeyPair::secret_bytes`] gives it: 32 bytes in every suite.
    ///
    /// # Errors
    /// As [`KeyPair::generate`]; [`KeyError::Invalid`] when the bytes are no secret key of the suite.
    pub fn from_secret_bytes(suite: Suite, secret: &[u8]) -> Result<Self, KeyError> {
        let (secret, public) = hpke::from_secret(suite, secret)?;
        Ok(Self { suite, secret, public })
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The public key: 32, 65 or 1216 bytes.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The secret key, 32 bytes, for the sealed file that keeps it.
    #[must_use]
    pub fn secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.secret.clone()
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// Whether the bytes are a public key of the suite: the length, and for P-256 a point of the curve.
///
/// # Errors
/// See [`KeyError`].
pub fn check_public_key(suite: Suite, public: &[u8]) -> Result<(), KeyError> {
    hpke::check_public(suite, public)
}
