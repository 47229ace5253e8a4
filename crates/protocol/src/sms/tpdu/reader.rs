//! Bytes taken from the front.

use super::TpduError;

/// What is left to read.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn octet(&mut self) -> Result<u8, TpduError> {
        self.octets().map(|[octet]| octet)
    }

    pub(super) fn octets<const N: usize>(&mut self) -> Result<[u8; N], TpduError> {
        let (octets, rest) = self.0.split_first_chunk().ok_or(TpduError::TooShort)?;
        self.0 = rest;
        Ok(*octets)
    }

    pub(super) fn slice(&mut self, length: usize) -> Result<&'a [u8], TpduError> {
        let (slice, rest) = self.0.split_at_checked(length).ok_or(TpduError::TooShort)?;
        self.0 = rest;
        Ok(slice)
    }

    /// All of it was read.
    pub(super) const fn end(self) -> Result<(), TpduError> {
        if self.0.is_empty() { Ok(()) } else { Err(TpduError::TrailingBytes) }
    }
}
