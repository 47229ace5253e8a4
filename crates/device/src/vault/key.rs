//! The vault's key: Argon2id (RFC 9106) of the passphrase, once per open.

use argon2::{Algorithm, Argon2, Params, Version};
use matchbook_protocol::Secret;
use zeroize::Zeroizing;

/// Argon2id's memory for a new vault: 19 MiB, OWASP's first choice, which a small single-board computer has free.
pub const ARGON2_MEMORY_KIB: u32 = 19 * 1024;
/// Argon2id's passes for a new vault.
pub const ARGON2_PASSES: u16 = 2;
/// Argon2id's lanes for a new vault.
pub const ARGON2_LANES: u8 = 1;

/// The most that a file may ask for: a hostile one must not take the machine's memory or hold it for minutes.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u16 = 16;
const MAX_LANES: u8 = 4;

/// A salt's length: 16 bytes, RFC 9106 §3.1.
pub(super) const SALT_LEN: usize = 16;

/// What the key costs to derive, as the file states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KdfCost {
    memory_kib: u32,
    passes: u16,
    lanes: u8,
}

impl KdfCost {
    /// What a new vault states.
    pub(super) const DEFAULT: Self = Self { memory_kib: ARGON2_MEMORY_KIB, passes: ARGON2_PASSES, lanes: ARGON2_LANES };

    /// Checks what a file asks for: at least what the first release wrote, at most the limits above.
    pub(super) fn new(memory_kib: u32, passes: u16, lanes: u8) -> Option<Self> {
        let within = (ARGON2_MEMORY_KIB..=MAX_MEMORY_KIB).contains(&memory_kib)
            && (ARGON2_PASSES..=MAX_PASSES).contains(&passes)
            && (ARGON2_LANES..=MAX_LANES).contains(&lanes);
        within.then_some(Self { memory_kib, passes, lanes })
    }

    pub(super) const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    pub(super) const fn passes(self) -> u16 {
        self.passes
    }

    pub(super) const fn lanes(self) -> u8 {
        self.lanes
    }
}

/// A derived key with what it was derived from, so that every write states the same.
pub(super) struct VaultKey {
    cost: KdfCost,
    salt: [u8; SALT_LEN],
    key: Secret<32>,
}

impl VaultKey {
    /// Derives the key: about 30 ms on a desktop, and 19 MiB, at the default cost. `None` when Argon2 refuses, which
    /// it does not within the bounds of [`KdfCost::new`].
    pub(super) fn derive(passphrase: &[u8], salt: [u8; SALT_LEN], cost: KdfCost) -> Option<Self> {
        let params = Params::new(cost.memory_kib, u32::from(cost.passes), u32::from(cost.lanes), Some(32)).ok()?;
        let mut key = Zeroizing::new([0_u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, &salt, key.as_mut_slice())
            .ok()?;
        Some(Self { cost, salt, key: Secret::new(*key) })
    }

    pub(super) const fn cost(&self) -> KdfCost {
        self.cost
    }

    pub(super) const fn salt(&self) -> &[u8; SALT_LEN] {
        &self.salt
    }

    pub(super) const fn key(&self) -> &Secret<32> {
        &self.key
    }
}
