//! The plaintext of ROT-SYM and ROT-PK: low 16 bits of the next epoch 2, new key 32.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::error::PlaintextError;
use crate::ids::Epoch;
use crate::secret::Secret;

/// The plaintext's length.
pub(crate) const ROTATION_LEN: usize = 2 + 32;

/// Writes the next epoch's number and key.
pub(crate) fn encode_rotation(next: Epoch, key: &Secret<32>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(ROTATION_LEN));
    bytes.extend_from_slice(&next.low_u16().to_be_bytes());
    bytes.extend_from_slice(key.expose());
    bytes
}

/// Reads the key of epoch `next`, the one after the present.
pub(crate) fn decode_rotation(next: Epoch, bytes: &[u8]) -> Result<Secret<32>, PlaintextError> {
    let (epoch, key) = bytes.split_first_chunk().ok_or(PlaintextError::Length)?;
    let key = Secret::from_slice(key).ok_or(PlaintextError::Length)?;
    if u16::from_be_bytes(*epoch) == next.low_u16() { Ok(key) } else { Err(PlaintextError::NextEpoch) }
}
