//! The two secrets that the store never sees: the key-encryption key (KEK) and the pepper.
//!
//! A dump of the store alone is useless: device keys are sealed under the KEK and bound to their place, codes are there
//! as tags under the pepper only, and names that somebody merely tried as keyed hashes. Each use has a key of its own:
//! HMAC-SHA256(KEK or pepper, the use's label).

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hmac::{Hmac, Mac};
use matchbook_protocol::codes::{Alphabet, Code, CodeFormat};
use matchbook_protocol::{AuthenticatorId, CodeIndex, Epoch, Secret};
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::model::{BucketKey, CodeTag, RealmId, SealedKey};

/// How long a sealed key is: version 1, nonce 12, key 32, tag 16.
pub const SEALED_KEY_LEN: usize = 1 + NONCE_LEN + KEY_LEN + TAG_LEN;

/// The KEK and the pepper, in memory only. Not `Clone`: share it behind an `Arc`.
pub struct Keyring {
    version: u8,
    sealing: Aes256Gcm,
    nonces: Hmac<Sha256>,
    tags: Hmac<Sha256>,
    buckets: Hmac<Sha256>,
    fingerprints: Hmac<Sha256>,
    check_value: [u8; 16],
}

/// Where a sealed key stands. It is the associated data, so that a key moved to another row does not open.
#[derive(Clone, Copy, Debug)]
pub struct KeyPlace<'a> {
    /// The realm.
    pub realm: &'a RealmId,
    /// Whose key.
    pub id: AuthenticatorId,
    /// Which of its keys.
    pub epoch: Epoch,
}

/// What a bucket counts; two kinds never share a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketKind {
    /// Failures for one name from one source.
    Source,
    /// Failures that came through one relying party.
    RelyingParty,
    /// Failures of a whole realm.
    Global,
    /// Challenges skipped for one name.
    Skips,
    /// Failures from one source through one relying party, over all names.
    Place,
    /// Short messages to one device.
    DeviceMessages,
    /// Short messages of a realm to the numbers with one prefix.
    PrefixMessages,
    /// Short messages of a realm.
    RealmMessages,
    /// Sets of a realm that go to the numbers with one prefix by short message.
    PrefixSets,
    /// Sets of a realm that go by short message.
    RealmSets,
}

/// A device key cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyringError {
    /// The sealed key was made with another version of the secrets.
    OtherVersion,
    /// It was changed, moved from another row, or sealed under another KEK.
    Damaged,
    /// The cipher refused to seal; a bug.
    Cipher,
}

impl Keyring {
    /// A keyring of a KEK and a pepper; `version` numbers the pair, 0–255, and goes with everything made with it.
    #[must_use]
    pub fn new(kek: Secret<KEY_LEN>, pepper: Secret<KEY_LEN>, version: u8) -> Self {
        let (kek, pepper) = (keyed(kek.expose()), keyed(pepper.expose()));
        let mut check = kek.clone();
        check.update(b"matchbook v1 check value");
        check.update(&*sub_key(&pepper, b"matchbook v1 check value"));
        Self {
            version,
            sealing: Aes256Gcm::new((&*sub_key(&kek, b"matchbook v1 device keys")).into()),
            nonces: keyed(&sub_key(&kek, b"matchbook v1 device key nonces")),
            tags: keyed(&sub_key(&pepper, b"matchbook v1 code tags")),
            buckets: keyed(&sub_key(&pepper, b"matchbook v1 buckets")),
            fingerprints: keyed(&sub_key(&pepper, b"matchbook v1 fingerprints")),
            check_value: truncated(check),
        }
    }

    /// The number of this pair of secrets.
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// A value that the store keeps, so that a wrong secrets file is found at start. It tells nothing of the secrets.
    #[must_use]
    pub const fn check_value(&self) -> [u8; 16] {
        self.check_value
    }

    /// Seals a device key for its row: AES-256-GCM with a nonce hedged against a random source that repeats itself.
    /// [`SEALED_KEY_LEN`] bytes.
    ///
    /// # Errors
    /// [`KeyringError::Cipher`], which 32 bytes never cause.
    pub fn seal_key(
        &self,
        place: &KeyPlace<'_>,
        key: &Secret<KEY_LEN>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SealedKey, KeyringError> {
        let aad = place.associated_data(self.version);
        let nonce = self.hedged_nonce(&aad, key, rng);
        let sealed = self
            .sealing
            .encrypt(&Nonce::from(nonce), Payload { msg: key.expose(), aad: &aad })
            .map_err(|_| KeyringError::Cipher)?;
        let mut bytes = Vec::with_capacity(SEALED_KEY_LEN);
        bytes.push(self.version);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(SealedKey(bytes))
    }

    /// Opens a device key that was sealed for this row.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn open_key(&self, place: &KeyPlace<'_>, sealed: &SealedKey) -> Result<Secret<KEY_LEN>, KeyringError> {
        let (version, rest) = sealed.0.split_first().ok_or(KeyringError::Damaged)?;
        if *version != self.version {
            return Err(KeyringError::OtherVersion);
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(KeyringError::Damaged)?;
        let aad = place.associated_data(self.version);
        let opened = self.sealing.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &aad });
        let key = Zeroizing::new(opened.map_err(|_| KeyringError::Damaged)?);
        Secret::from_slice(&key).ok_or(KeyringError::Damaged)
    }

    /// trunc64(HMAC-SHA256(pepper, realm ‖ ID ‖ first ‖ format ‖ code)): what the store keeps of a code. `first` is the
    /// index of the first code of its set: so what was typed has one tag for all codes of a set.
    #[must_use]
    pub fn code_tag(&self, realm: &RealmId, id: AuthenticatorId, first: CodeIndex, code: &Code) -> CodeTag {
        let mut mac = self.tags.clone();
        update_with(&mut mac, realm.as_str().as_bytes());
        mac.update(&id.0);
        mac.update(&first.0.to_be_bytes());
        mac.update(&[format_byte(code.format())]);
        mac.update(&*Zeroizing::new(code.value().to_be_bytes()));
        CodeTag(truncated(mac))
    }

    /// The bucket of these parts in a realm. Parts keep their borders: `["ab", "c"]` is not `["a", "bc"]`.
    #[must_use]
    pub fn bucket(&self, kind: BucketKind, realm: &RealmId, parts: &[&str]) -> BucketKey {
        let mut mac = self.buckets.clone();
        mac.update(&[match kind {
            BucketKind::Source => 1,
            BucketKind::RelyingParty => 2,
            BucketKind::Global => 3,
            BucketKind::Skips => 4,
            BucketKind::Place => 5,
            BucketKind::DeviceMessages => 6,
            BucketKind::PrefixMessages => 7,
            BucketKind::RealmMessages => 8,
            BucketKind::PrefixSets => 9,
            BucketKind::RealmSets => 10,
        }]);
        update_with(&mut mac, realm.as_str().as_bytes());
        for part in parts {
            update_with(&mut mac, part.as_bytes());
        }
        BucketKey(truncated(mac))
    }

    /// A keyed hash of a request, for telling a repetition from another request of the same id. Parts keep their
    /// borders.
    #[must_use]
    pub fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.fingerprints.clone();
        for part in parts {
            update_with(&mut mac, part);
        }
        truncated(mac)
    }

    fn hedged_nonce(&self, aad: &[u8], key: &Secret<KEY_LEN>, rng: &mut (impl CryptoRng + ?Sized)) -> [u8; NONCE_LEN] {
        let mut chance = Zeroizing::new([0_u8; 32]);
        rng.fill_bytes(&mut *chance);
        let mut mac = self.nonces.clone();
        mac.update(&*chance);
        mac.update(key.expose());
        mac.update(aad);
        let mut nonce = [0; NONCE_LEN];
        nonce.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        nonce
    }
}

impl KeyPlace<'_> {
    /// Purpose, table, row and epoch.
    fn associated_data(&self, version: u8) -> Vec<u8> {
        let mut aad = b"matchbook v1 device key\0authenticators\0".to_vec();
        aad.push(version);
        aad.extend_from_slice(&self.id.0);
        aad.extend_from_slice(&self.epoch.0.to_be_bytes());
        aad.extend_from_slice(self.realm.as_str().as_bytes());
        aad
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(version {})", self.version)
    }
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherVersion => "the device key was sealed with another version of the secrets file",
            Self::Damaged => {
                "the device key does not open: it was changed or moved, or the secrets file is another one"
            }
            Self::Cipher => "the cipher refused to seal a device key",
        })
    }
}

impl std::error::Error for KeyringError {}

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
/// The block of SHA-256, which an HMAC key is padded to.
const BLOCK_LEN: usize = 64;

/// HMAC-SHA256 ready to take a message; padding the key ourselves leaves no length that could be refused.
fn keyed(key: &[u8; KEY_LEN]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0_u8; BLOCK_LEN]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::new((&*block).into())
}

fn sub_key(master: &Hmac<Sha256>, label: &[u8]) -> Zeroizing<[u8; KEY_LEN]> {
    let mut mac = master.clone();
    mac.update(label);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Adds a part with its length before it.
fn update_with(mac: &mut Hmac<Sha256>, part: &[u8]) {
    mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    mac.update(part);
}

fn truncated<const N: usize>(mac: Hmac<Sha256>) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
    bytes
}

const fn format_byte(format: CodeFormat) -> u8 {
    match format.alphabet() {
        Alphabet::Decimal => format.digits(),
        Alphabet::Base32 => format.digits() | 0x10,
    }
}

#[cfg(test)]
mod tests;
