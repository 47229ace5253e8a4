//! Drawing codes at random, every code of the format equally likely.

use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::code::Code;
use super::format::CodeFormat;

impl Code {
    /// Draws a code by rejection sampling: as many random bits as the format's size needs, again when the number is
    /// not below it. Fewer than two draws are needed on average. A source that never gives such a number, which no
    /// cryptographic one is, would keep it busy for ever.
    pub fn draw(format: CodeFormat, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mask = u64::MAX >> (format.size() - 1).leading_zeros();
        loop {
            let mut number = rng.next_u64() & mask;
            let drawn = Self::from_value(format, number);
            number.zeroize();
            if let Some(code) = drawn {
                return code;
            }
        }
    }
}
