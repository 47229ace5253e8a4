//! AES-256-GCM (NIST SP 800-38D) as every message uses it.

use alloc::vec::Vec;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::error::{OpenError, SealError};
use crate::secret::Secret;
use crate::wire::{IV_LEN, TAG_LEN};

/// Ciphertext and tag. The IV must never have been used with this key.
pub(super) fn seal(key: &Secret<32>, iv: &[u8; IV_LEN], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut buffer = Vec::with_capacity(plaintext.len() + TAG_LEN);
    buffer.extend_from_slice(plaintext);
    let cipher = Aes256Gcm::new(key.expose().into());
    cipher.encrypt_in_place(iv.into(), aad, &mut buffer).map_err(|_| SealError::Cipher)?;
    Ok(buffer)
}

/// The plaintext of a ciphertext with its tag.
pub(super) fn open(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let cipher = Aes256Gcm::new(key.expose().into());
    cipher.decrypt_in_place(iv.into(), aad, &mut *buffer).map_err(|_| OpenError::Authentication)?;
    Ok(buffer)
}
