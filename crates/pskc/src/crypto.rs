//! What RFC 6030 encrypts and authenticates with: AES-CBC, HMAC, PBKDF2.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::limits::ROUNDS;

/// A block of AES, and so an IV.
const BLOCK: usize = 16;

/// A cipher by the length of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
}

impl Cipher {
    pub(crate) const fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

/// A hash of an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    const fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Whether a MAC key that was opened may have so many bytes: as many as the hash gives, or more that fill blocks.
    ///
    /// Whoever has the file knows what some of its blocks decrypt to, the last of each key of 32 bytes being padding, and
    /// can make a MAC key of these. After any two of them the last byte is padding by chance, once in 256 pairs. At these
    /// lengths 12 bytes or more have to be padding, which no file has pairs enough for.
    pub(crate) const fn takes(self, mac_key_len: usize) -> bool {
        let output = self.output_len();
        mac_key_len == output || (mac_key_len > output && mac_key_len.is_multiple_of(BLOCK))
    }
}

/// Opens what was encrypted with AES-CBC, the IV before it. `None` for anything that is wrong with it: to be asked only
/// after the MAC was found right, or to be answered like a wrong MAC.
pub(crate) fn decrypt(cipher: Cipher, key: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (iv, body) = sealed.split_at_checked(BLOCK)?;
    let mut clear = Zeroizing::new(body.to_vec());
    let length = match cipher {
        Cipher::Aes128 => open(cbc::Decryptor::<aes::Aes128>::new_from_slices(key, iv).ok()?, &mut clear),
        Cipher::Aes192 => open(cbc::Decryptor::<aes::Aes192>::new_from_slices(key, iv).ok()?, &mut clear),
        Cipher::Aes256 => open(cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv).ok()?, &mut clear),
    }?;
    clear.truncate(length);
    Some(clear)
}

fn open(cipher: impl BlockModeDecrypt, body: &mut [u8]) -> Option<usize> {
    cipher.decrypt_padded::<Pkcs7>(body).ok().map(<[u8]>::len)
}

/// Encrypts with AES-256-CBC and an IV of chance, which stands before it.
pub(crate) fn encrypt(key: &[u8; 32], clear: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
    let mut iv = [0; BLOCK];
    rng.fill_bytes(&mut iv);
    let body = cbc::Encryptor::<aes::Aes256>::new(key.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(clear);
    [iv.as_slice(), &body].concat()
}

/// Whether a MAC is right, in a time that does not tell how far it is.
pub(crate) fn is_mac(hash: Hash, key: &[u8], message: &[u8], mac: &[u8]) -> bool {
    let right = match hash {
        Hash::Sha1 => of::<Hmac<Sha1>>(key, message),
        Hash::Sha256 => of::<Hmac<Sha256>>(key, message),
    };
    right.is_some_and(|right| right.ct_eq(mac).into())
}

/// HMAC-SHA256.
pub(crate) fn mac(key: &[u8; 32], message: &[u8]) -> Vec<u8> {
    of::<Hmac<Sha256>>(key, message).unwrap_or_default()
}

/// An HMAC takes a key of any length.
fn of<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac.finalize().into_bytes().to_vec())
}

/// PBKDF2 (RFC 8018).
pub(crate) fn derive(hash: Hash, passphrase: &[u8], salt: &[u8], rounds: u32, length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(vec![0; length]);
    let derived = match hash {
        Hash::Sha1 => pbkdf2::pbkdf2::<Hmac<Sha1>>(passphrase, salt, rounds, &mut key),
        Hash::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(passphrase, salt, rounds, &mut key),
    };
    // An HMAC takes a key of any length; were it otherwise, a key of no bytes fits no cipher.
    if derived.is_err() { Zeroizing::default() } else { key }
}

/// As a file that is written has it.
pub(crate) fn derive_new(passphrase: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let derived = derive(Hash::Sha256, passphrase, salt, ROUNDS, 32);
    key.iter_mut().zip(derived.iter()).for_each(|(to, from)| *to = *from);
    key
}

#[cfg(test)]
mod tests;
