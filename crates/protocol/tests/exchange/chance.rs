//! Chance that can be replayed: SplitMix64. Good enough for tests, and for nothing else.

use core::convert::Infallible;

use matchbook_protocol::Secret;
use rand_core::{Rng as _, TryCryptoRng, TryRng};

#[derive(Clone)]
pub struct Chance(pub u64);

impl Chance {
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        self.fill_bytes(&mut key);
        key
    }

    pub fn secret(&mut self) -> Secret<16> {
        let mut secret = [0; 16];
        self.fill_bytes(&mut secret);
        Secret::new(secret)
    }
}

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next_u64() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(z ^ (z >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Chance {}
