//! Where a device keeps its accounts between runs.
//!
//! [`Vault`] is the small contract that the [`Wallet`](crate::Wallet) writes through: one blob, replaced whole.
//! [`FileVault`] is one file sealed under a passphrase, [`MemoryVault`] keeps the blob in memory for a device that has
//! its own sealed storage, for tests and for demonstrations.

mod error;
mod file;
mod format;
mod key;
mod lock;
mod memory;
mod replace;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

pub use error::{Damage, OpenError, StoreError};
pub use file::FileVault;
pub use format::MAX_CONTENT_LEN;
pub use key::{ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES};
pub use memory::MemoryVault;

/// Storage for one blob, which holds keys and codes in clear: the implementation seals it.
pub trait Vault {
    /// The blob of the last [`Vault::store`] that succeeded; empty when there was none.
    ///
    /// # Errors
    /// The storage cannot be read, or what it holds does not open.
    fn load(&mut self) -> Result<Zeroizing<Vec<u8>>, OpenError>;

    /// Replaces the blob. On return it is durable: a power cut at any moment leaves the old blob or this one, whole.
    ///
    /// # Errors
    /// Nothing was stored, or it is not certain that it was; the old blob or this one is there, whole. The caller sends
    /// nothing and shows nothing that depends on it.
    fn store(&mut self, content: &[u8]) -> Result<(), StoreError>;

    /// Lets other processes have the storage until [`Vault::retake`]; until then nothing is stored. Default: nothing, for
    /// storage that is this process's alone.
    fn release(&mut self) {}

    /// Takes the storage back, without waiting. What [`Vault::load`] gives may be another process's by now.
    /// `Ok(false)`: another process has it.
    ///
    /// # Errors
    /// The storage is not there any more, or cannot be locked.
    fn retake(&mut self) -> Result<bool, OpenError> {
        Ok(true)
    }
}

impl<V: Vault + ?Sized> Vault for Box<V> {
    fn load(&mut self) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        (**self).load()
    }

    fn store(&mut self, content: &[u8]) -> Result<(), StoreError> {
        (**self).store(content)
    }

    fn release(&mut self) {
        (**self).release();
    }

    fn retake(&mut self) -> Result<bool, OpenError> {
        (**self).retake()
    }
}
