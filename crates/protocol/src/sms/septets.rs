//! Septets packed into octets, least significant bits first (TS 23.038 §6.1.2.1).

use alloc::vec::Vec;

/// Bits of a septet.
pub(super) const SEPTET_BITS: usize = 7;

/// How many septets `octets` octets cover, begun ones too: the septets that a header takes, its fill bits included.
pub(super) const fn covering(octets: usize) -> usize {
    (8 * octets).div_ceil(SEPTET_BITS)
}

/// How many octets `septets` septets take.
pub(super) const fn octets_of(septets: usize) -> usize {
    (SEPTET_BITS * septets).div_ceil(8)
}

/// Packs septets behind `octets`, from the next septet boundary on: the bits in between are fill bits, 0.
pub(super) fn append(octets: &mut Vec<u8>, septets: &[u8]) {
    let first = covering(octets.len());
    octets.resize(octets_of(first + septets.len()), 0);
    for (place, septet) in (first..).zip(septets) {
        let bit = SEPTET_BITS * place;
        let [low, high] = (u16::from(septet & 0x7f) << (bit % 8)).to_le_bytes();
        // The second octet may not be there: then the septet ends in the first, and `high` is 0.
        for (octet, bits) in octets.iter_mut().skip(bit / 8).zip([low, high]) {
            *octet |= bits;
        }
    }
}

/// Reads `count` septets, beginning with septet number `first`; `None` when the octets end before.
pub(super) fn read(octets: &[u8], first: usize, count: usize) -> Option<Vec<u8>> {
    if octets.len() < octets_of(first.checked_add(count)?) {
        return None;
    }
    let septet = |place: usize| {
        let bit = SEPTET_BITS * place;
        let octet = |at: usize| octets.get(at).copied().unwrap_or(0);
        let [septet, _] = (u16::from_le_bytes([octet(bit / 8), octet(bit / 8 + 1)]) >> (bit % 8)).to_le_bytes();
        septet & 0x7f
    };
    Some((first..first + count).map(septet).collect())
}

#[cfg(test)]
mod tests;
