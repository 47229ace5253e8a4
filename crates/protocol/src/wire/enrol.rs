//! The plaintext of ENROL: profile 1, handle 1, then the public key, or nothing in suite 1.

use alloc::vec::Vec;

use super::error::PlaintextError;
use super::sizes::public_key_len;
use crate::ids::Handle;
use crate::profile::Profile;

/// A device's first message, sealed under the activation secret's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrol {
    /// The profile, the same as in the enrolment.
    pub profile: Profile,
    /// The account slot that the device chose.
    pub handle: Handle,
    /// The device's static public key of the suite; empty in suite 1.
    pub public_key: Vec<u8>,
}

impl Enrol {
    /// The plaintext; `None` when the public key has a length that the suite's keys do not have.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        if self.public_key.len() != public_key_len(self.profile.suite()) {
            return None;
        }
        let mut bytes = Vec::with_capacity(ENROL_HEAD_LEN + self.public_key.len());
        bytes.extend_from_slice(&[self.profile.to_byte(), self.handle.0]);
        bytes.extend_from_slice(&self.public_key);
        Some(bytes)
    }

    /// Reads the plaintext. Of the public key only the length is checked.
    pub(crate) fn decode(profile: Profile, bytes: &[u8]) -> Result<Self, PlaintextError> {
        let (&[byte, handle], key) = bytes.split_first_chunk().ok_or(PlaintextError::Length)?;
        if byte != profile.to_byte() {
            return Err(PlaintextError::ProfileMismatch);
        }
        if key.len() != public_key_len(profile.suite()) {
            return Err(PlaintextError::Length);
        }
        Ok(Self { profile, handle: Handle(handle), public_key: key.to_vec() })
    }
}

/// The plaintext's length without the public key.
pub(crate) const ENROL_HEAD_LEN: usize = 2;
