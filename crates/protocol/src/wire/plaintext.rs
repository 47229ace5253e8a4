//! The plaintext of SET and SET-PK: format 1, count 1, packed codes.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::error::PlaintextError;
use super::sizes::SET_HEAD_LEN;
use crate::codes::{Alphabet, CodeFormat, CodeSet, pack, unpack};
use crate::ids::CodeIndex;

/// Writes a set, but for its first index: that is the message's sequence number.
pub(crate) fn encode_set(set: &CodeSet) -> Zeroizing<Vec<u8>> {
    let packed = pack(set);
    let mut bytes = Zeroizing::new(Vec::with_capacity(SET_HEAD_LEN + packed.len()));
    let base32 = match set.format.alphabet() {
        Alphabet::Decimal => 0,
        Alphabet::Base32 => BASE32_BIT,
    };
    let reset = if set.reset { RESET_BIT } else { 0 };
    bytes.push(set.format.digits() | base32 | reset);
    bytes.push(set.count());
    bytes.extend_from_slice(&packed);
    bytes
}

/// Reads a set whose first code has index `first`.
pub(crate) fn decode_set(first: CodeIndex, bytes: &[u8]) -> Result<CodeSet, PlaintextError> {
    let (&[format, count], packed) = bytes.split_first_chunk().ok_or(PlaintextError::Length)?;
    if format & RESERVED_BITS != 0 {
        return Err(PlaintextError::ReservedBits);
    }
    let alphabet = if format & BASE32_BIT == 0 { Alphabet::Decimal } else { Alphabet::Base32 };
    let reset = format & RESET_BIT != 0;
    let format = CodeFormat::new(alphabet, format & DIGITS_MASK)?;
    let codes = unpack(format, usize::from(count), packed)?;
    Ok(CodeSet::new(first, format, reset, codes)?)
}

/// The low four bits of the format: 4 to 12 symbols.
const DIGITS_MASK: u8 = 0x0f;
const BASE32_BIT: u8 = 0x10;
const RESERVED_BITS: u8 = 0x60;
/// Drop every code below the first index.
const RESET_BIT: u8 = 0x80;
