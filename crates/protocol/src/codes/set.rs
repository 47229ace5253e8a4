//! A set: consecutive codes from an absolute index on.

use alloc::vec::Vec;

use super::code::Code;
use super::format::CodeFormat;
use crate::ids::CodeIndex;
use crate::named::named_errors;

/// The most codes of one set: their count is one byte, and a person who holds more has lost the overview.
pub const MAX_SET_CODES: usize = 250;

/// 1 to 250 codes of one format with consecutive indexes. Built only by [`CodeSet::new`], so it always holds: the first
/// index is not 0, the last is at most 2^32 − 1, every code has the format.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeSet {
    /// The absolute index of the first code, from 1.
    pub first: CodeIndex,
    /// The format of every code.
    pub format: CodeFormat,
    /// Whether the device drops every code below the first index.
    pub reset: bool,
    codes: Vec<Code>,
}

named_errors! {
    /// The codes are no set.
    pub enum SetError {
        /// No code at all.
        Empty = "set-empty": "a set has at least one code",
        /// More than [`MAX_SET_CODES`].
        TooMany = "set-too-many": "a set has at most 250 codes",
        /// The first index is 0, which stands for "none".
        FirstIndexZero = "first-index-zero": "codes count from 1",
        /// The last index is past 2^32 − 1.
        IndexOverflow = "index-overflow": "the last code's index is past 2^32 - 1",
        /// A code of another format.
        MixedFormats = "mixed-formats": "every code of a set has the set's format",
    }
}

impl CodeSet {
    /// Puts a set together: `codes` in order, the first at index `first`.
    ///
    /// # Errors
    /// See [`SetError`].
    pub fn new(first: CodeIndex, format: CodeFormat, reset: bool, codes: Vec<Code>) -> Result<Self, SetError> {
        check_range(first, codes.len())?;
        if codes.iter().any(|code| code.format() != format) {
            return Err(SetError::MixedFormats);
        }
        Ok(Self { first, format, reset, codes })
    }

    /// The codes in the order of their indexes.
    #[must_use]
    pub fn codes(&self) -> &[Code] {
        &self.codes
    }

    /// The codes with their indexes, in order.
    pub fn indexed(&self) -> impl Iterator<Item = (CodeIndex, &Code)> {
        (self.first.0..=u32::MAX).map(CodeIndex).zip(&self.codes)
    }

    /// Takes the codes out, in the order of their indexes.
    #[must_use]
    pub fn into_codes(self) -> Vec<Code> {
        self.codes
    }

    /// How many codes there are, 1 to 250.
    #[must_use]
    pub fn count(&self) -> u8 {
        u8::try_from(self.codes.len()).unwrap_or(u8::MAX)
    }

    /// The absolute index of the last code.
    #[must_use]
    pub fn last(&self) -> CodeIndex {
        CodeIndex(self.first.0.saturating_add(u32::from(self.count()).saturating_sub(1)))
    }
}

/// Whether `count` codes can stand at `first` and after it.
pub(crate) fn check_range(first: CodeIndex, count: usize) -> Result<(), SetError> {
    if count == 0 {
        return Err(SetError::Empty);
    }
    if count > MAX_SET_CODES {
        return Err(SetError::TooMany);
    }
    if first == CodeIndex::NONE {
        return Err(SetError::FirstIndexZero);
    }
    let further = u32::try_from(count - 1).map_err(|_| SetError::TooMany)?;
    first.checked_add(further).map(drop).ok_or(SetError::IndexOverflow)
}
