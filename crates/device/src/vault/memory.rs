//! The vault that forgets.

use zeroize::Zeroizing;

use super::{OpenError, StoreError, Vault};

/// A vault in memory, wiped when dropped: for a device with storage of its own, for tests, for demonstrations.
#[derive(Default)]
pub struct MemoryVault {
    content: Zeroizing<Vec<u8>>,
}

impl MemoryVault {
    /// An empty vault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A vault that holds what an earlier one gave by [`MemoryVault::content`].
    #[must_use]
    pub fn with_content(content: Zeroizing<Vec<u8>>) -> Self {
        Self { content }
    }

    /// What is stored: keys and codes in clear, for the caller's own sealed storage.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

impl Vault for MemoryVault {
    fn load(&mut self) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        Ok(self.content.clone())
    }

    fn store(&mut self, content: &[u8]) -> Result<(), StoreError> {
        self.content = Zeroizing::new(content.to_vec());
        Ok(())
    }
}
