//! A random source for tests: the same bytes for the same seed, on every machine. Nothing but tests may use it.

use std::convert::Infallible;
use std::vec::Vec;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// Bytes of SHA-256(seed ‖ block number), one block after the other.
pub(crate) struct Seeded {
    seed: [u8; 32],
    block: u64,
    unread: Vec<u8>,
}

impl Seeded {
    /// The source of a seed: any text.
    pub(crate) fn new(seed: &str) -> Self {
        Self { seed: Sha256::digest(seed.as_bytes()).into(), block: 0, unread: Vec::new() }
    }

    /// `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.byte())
    }

    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.unread.pop() {
                return byte;
            }
            let block = Sha256::new().chain_update(self.seed).chain_update(self.block.to_be_bytes()).finalize();
            self.block += 1;
            self.unread.extend(block.iter().rev());
        }
    }
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        target.fill_with(|| self.byte());
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}
