//! The vault's bytes, version 1. Integers big-endian:
//!
//! | at | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | `mbwallet` |
//! | 8 | 1 | version: 1 |
//! | 9 | 4 | Argon2id's memory in KiB |
//! | 13 | 2 | its passes |
//! | 15 | 1 | its lanes |
//! | 16 | 16 | salt |
//! | 32 | 12 | nonce, fresh for every write |
//! | 44 | 4 | n: the content's length in bytes |
//! | 48 | n + 16 | AES-256-GCM of the content, the 48 bytes above as associated data |
//! | 64 + n | 8 | the first 8 bytes of SHA-256 over all of the above |
//!
//! The checksum is no protection, the tag is that: it tells damage from a wrong passphrase.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Damage;
use super::key::{KdfCost, SALT_LEN, VaultKey};

/// The longest content that a vault takes, in bytes: 256 accounts with 250 codes each fit four times over.
pub const MAX_CONTENT_LEN: usize = 8 * 1024 * 1024;

const MAGIC: &[u8; 8] = b"mbwallet";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 48;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
const CHECKSUM_LEN: usize = 8;
/// What a file has beside its content.
const OVERHEAD: usize = HEADER_LEN + TAG_LEN + CHECKSUM_LEN;
/// The longest file that is read at all, in bytes.
pub(super) const MAX_FILE_LEN: usize = MAX_CONTENT_LEN + OVERHEAD;

/// Why bytes are no vault, before any key is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormatError {
    NotAVault,
    NewerVersion(u8),
    Damaged(Damage),
}

/// A file whose form holds; its tag is still to be checked.
#[derive(Debug)]
pub(super) struct SealedVault<'a> {
    pub(super) cost: KdfCost,
    pub(super) salt: [u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    header: &'a [u8],
    ciphertext: &'a [u8],
}

impl<'a> SealedVault<'a> {
    /// Reads the form: magic, version, lengths, checksum, and what the key may cost.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let truncated = FormatError::Damaged(Damage::Truncated);
        if !bytes.starts_with(MAGIC) {
            return Err(if MAGIC.starts_with(bytes) { truncated } else { FormatError::NotAVault });
        }
        let (_, rest) = bytes.split_first_chunk::<8>().ok_or(truncated)?;
        let ([version], rest) = rest.split_first_chunk::<1>().ok_or(truncated)?;
        match *version {
            VERSION => {}
            0 => return Err(FormatError::Damaged(Damage::Checksum)),
            newer => return Err(FormatError::NewerVersion(newer)),
        }
        let (memory_kib, rest) = rest.split_first_chunk::<4>().ok_or(truncated)?;
        let (passes, rest) = rest.split_first_chunk::<2>().ok_or(truncated)?;
        let ([lanes], rest) = rest.split_first_chunk::<1>().ok_or(truncated)?;
        let (salt, rest) = rest.split_first_chunk::<SALT_LEN>().ok_or(truncated)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(truncated)?;
        let (content_len, rest) = rest.split_first_chunk::<4>().ok_or(truncated)?;
        let ciphertext = check_lengths(bytes, u32::from_be_bytes(*content_len), rest)?;
        let cost = KdfCost::new(u32::from_be_bytes(*memory_kib), u16::from_be_bytes(*passes), *lanes)
            .ok_or(FormatError::Damaged(Damage::Header))?;
        let header = bytes.get(..HEADER_LEN).ok_or(truncated)?;
        Ok(Self { cost, salt: *salt, nonce: *nonce, header, ciphertext })
    }

    /// Opens the content; `None` when the tag does not hold under this key.
    pub(super) fn open(&self, key: &VaultKey) -> Option<Zeroizing<Vec<u8>>> {
        cipher(key)
            .decrypt(&Nonce::from(self.nonce), Payload { msg: self.ciphertext, aad: self.header })
            .ok()
            .map(Zeroizing::new)
    }
}

/// The ciphertext in `rest`, when the stated length is the one there is and the checksum holds.
fn check_lengths<'a>(bytes: &[u8], content_len: u32, rest: &'a [u8]) -> Result<&'a [u8], FormatError> {
    let content_len = usize::try_from(content_len).unwrap_or(usize::MAX);
    if content_len > MAX_CONTENT_LEN {
        return Err(FormatError::Damaged(Damage::Checksum));
    }
    let stated = content_len.saturating_add(TAG_LEN + CHECKSUM_LEN);
    match rest.len().cmp(&stated) {
        std::cmp::Ordering::Less => return Err(FormatError::Damaged(Damage::Truncated)),
        std::cmp::Ordering::Greater => return Err(FormatError::Damaged(Damage::Overlong)),
        std::cmp::Ordering::Equal => {}
    }
    let sealed = bytes.split_last_chunk::<CHECKSUM_LEN>();
    let ciphertext = rest.split_last_chunk::<CHECKSUM_LEN>();
    match (sealed, ciphertext) {
        (Some((covered, stated)), Some((ciphertext, _))) if checksum(covered) == *stated => Ok(ciphertext),
        _ => Err(FormatError::Damaged(Damage::Checksum)),
    }
}

/// Seals a content under a fresh nonce: the whole file. `None` when the content is longer than [`MAX_CONTENT_LEN`] or
/// the cipher refuses.
pub(super) fn seal(key: &VaultKey, nonce: [u8; NONCE_LEN], content: &[u8]) -> Option<Vec<u8>> {
    let content_len = u32::try_from(content.len()).ok().filter(|_| content.len() <= MAX_CONTENT_LEN)?;
    let mut file = Vec::with_capacity(content.len().saturating_add(OVERHEAD));
    file.extend_from_slice(MAGIC);
    file.push(VERSION);
    file.extend_from_slice(&key.cost().memory_kib().to_be_bytes());
    file.extend_from_slice(&key.cost().passes().to_be_bytes());
    file.push(key.cost().lanes());
    file.extend_from_slice(key.salt());
    file.extend_from_slice(&nonce);
    file.extend_from_slice(&content_len.to_be_bytes());
    let ciphertext = cipher(key).encrypt(&Nonce::from(nonce), Payload { msg: content, aad: &file }).ok()?;
    file.extend_from_slice(&ciphertext);
    let sum = checksum(&file);
    file.extend_from_slice(&sum);
    Some(file)
}

fn cipher(key: &VaultKey) -> Aes256Gcm {
    Aes256Gcm::new(key.key().expose().into())
}

/// The first bytes of SHA-256.
pub(super) fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(bytes).into();
    [a, b, c, d, e, f, g, h]
}
