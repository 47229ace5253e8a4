//! A set's codes as one big integer (§5): base 10^d or 32^d, the first code most significant, in exactly as many bytes as
//! the largest possible value needs. 40 codes of 6 digits take 100 bytes instead of 240.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use super::alphabet::Alphabet;
use super::code::Code;
use super::format::CodeFormat;
use super::set::{CodeSet, MAX_SET_CODES};
use crate::named::named_errors;
use crate::wire::{SET_HEAD_LEN, SHARED_OVERHEAD};

named_errors! {
    /// The bytes are not the packed codes of that format and count.
    pub enum UnpackError {
        /// No code, or more than [`MAX_SET_CODES`].
        Count = "count": "a set has 1 to 250 codes",
        /// More or fewer bytes than [`packed_len`] says.
        Length = "packed-length": "the packed codes have the wrong length",
        /// The integer is not below base^count.
        TooLarge = "packed-too-large": "the packed integer is too large for that many codes",
    }
}

/// How many bytes `count` codes of a format take packed: the bits of base^count − 1, rounded up to bytes.
#[must_use]
pub const fn packed_len(format: CodeFormat, count: usize) -> usize {
    let symbols = format.digits() as u64 * count as u64;
    let bits = match format.alphabet() {
        Alphabet::Base32 => 5 * symbols,
        // Never a whole number of bits for symbols > 0, so rounding up means one more than the whole part.
        Alphabet::Decimal if symbols == 0 => 0,
        Alphabet::Decimal => ((symbols as u128 * LOG2_10 as u128) >> 32) as u64 + 1,
    };
    bits.div_ceil(8) as usize
}

/// How many codes of a format fit into one SET message of `message_bytes` bytes: 40 of 6 digits into 133. At most
/// [`MAX_SET_CODES`]; 0 when not even one fits.
#[must_use]
pub fn largest_set(format: CodeFormat, message_bytes: usize) -> u8 {
    let room = message_bytes.saturating_sub(SHARED_OVERHEAD + SET_HEAD_LEN);
    let largest = (1..=MAX_SET_CODES).take_while(|count| packed_len(format, *count) <= room).last();
    largest.and_then(|count| u8::try_from(count).ok()).unwrap_or(0)
}

/// Packs a set's codes; [`packed_len`] bytes.
#[must_use]
pub fn pack(set: &CodeSet) -> Zeroizing<Vec<u8>> {
    let length = packed_len(set.format, set.codes().len());
    let mut number = Limbs::zero(length);
    for code in set.codes() {
        number.multiply_add(set.format.size(), code.value());
    }
    number.to_bytes(length)
}

/// Unpacks `count` codes of a format.
///
/// # Errors
/// See [`UnpackError`].
pub fn unpack(format: CodeFormat, count: usize, packed: &[u8]) -> Result<Vec<Code>, UnpackError> {
    if count == 0 || count > MAX_SET_CODES {
        return Err(UnpackError::Count);
    }
    if packed.len() != packed_len(format, count) {
        return Err(UnpackError::Length);
    }
    let mut number = Limbs::from_bytes(packed);
    let mut codes = Vec::with_capacity(count);
    for _ in 0..count {
        let remainder = number.divide(format.size());
        codes.push(Code::from_value(format, remainder).ok_or(UnpackError::TooLarge)?);
    }
    if !number.is_zero() {
        return Err(UnpackError::TooLarge);
    }
    codes.reverse();
    Ok(codes)
}

/// log2(10) with 32 binary places, rounded down. Over the 3,000 digits of the largest set the error stays below a
/// millionth of a bit; no product comes that near to a whole number (a test goes through them all).
const LOG2_10: u64 = 14_267_572_527;

/// A non-negative integer of fixed size: 32-bit limbs, the least significant first; wiped when dropped.
struct Limbs(Zeroizing<Vec<u32>>);

impl Limbs {
    /// Zero, with room for `bytes` bytes.
    fn zero(bytes: usize) -> Self {
        Self(Zeroizing::new(vec![0; bytes.div_ceil(4)]))
    }

    /// Reads a big-endian integer.
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut number = Self::zero(bytes.len());
        for (limb, chunk) in number.0.iter_mut().zip(bytes.rchunks(4)) {
            *limb = chunk.iter().fold(0, |limb, byte| limb << 8 | u32::from(*byte));
        }
        number
    }

    /// Writes `length` big-endian bytes.
    fn to_bytes(&self, length: usize) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.0.len() * 4));
        for limb in self.0.iter() {
            bytes.extend_from_slice(&limb.to_le_bytes());
        }
        bytes.truncate(length);
        bytes.reverse();
        bytes
    }

    /// `self = self × factor + addend`; the caller's sizes leave room for the result.
    fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = u128::from(addend);
        for limb in self.0.iter_mut() {
            let mut wide = u128::from(*limb) * u128::from(factor) + carry;
            *limb = low_limb(wide);
            carry = wide >> 32;
            wide.zeroize();
        }
        carry.zeroize();
    }

    /// `self = self ÷ divisor`, which is not 0; gives the remainder.
    fn divide(&mut self, divisor: u64) -> u64 {
        let mut remainder: u128 = 0;
        for limb in self.0.iter_mut().rev() {
            let mut wide = remainder << 32 | u128::from(*limb);
            // Below 2^32, as the remainder was below the divisor.
            *limb = low_limb(wide / u128::from(divisor));
            remainder = wide % u128::from(divisor);
            wide.zeroize();
        }
        // Below the divisor, so it fits.
        let answer = u64::try_from(remainder).unwrap_or(u64::MAX);
        remainder.zeroize();
        answer
    }

    /// Whether it is zero, looking at every limb.
    fn is_zero(&self) -> bool {
        self.0.iter().fold(0, |seen, limb| seen | limb) == 0
    }
}

/// The lowest 32 bits.
const fn low_limb(wide: u128) -> u32 {
    let [a, b, c, d, ..] = wide.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
