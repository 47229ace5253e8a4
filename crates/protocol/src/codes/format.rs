//! A code's format: alphabet and length, one byte of a SET message.

use core::fmt;

use super::alphabet::Alphabet;
use crate::named::named_errors;

/// The fewest symbols of a code: fewer are guessed too soon.
pub const MIN_DIGITS: u8 = 4;
/// The most symbols of a code: more is not typed without error, and 32^12 still fits in 64 bits.
pub const MAX_DIGITS: u8 = 12;

/// How codes are written: an alphabet and a number of symbols, 4 to 12. The default is 6 decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeFormat {
    alphabet: Alphabet,
    digits: u8,
}

named_errors! {
    /// The format does not exist.
    pub enum FormatError {
        /// Fewer than 4 or more than 12 symbols.
        Digits = "digits": "a code has 4 to 12 symbols",
    }
}

impl CodeFormat {
    /// 6 decimal digits.
    pub const DEFAULT: Self = Self { alphabet: Alphabet::Decimal, digits: 6 };

    /// A format of `digits` symbols, 4 to 12, of an alphabet.
    ///
    /// # Errors
    /// [`FormatError::Digits`] for another number of symbols.
    pub const fn new(alphabet: Alphabet, digits: u8) -> Result<Self, FormatError> {
        if digits < MIN_DIGITS || digits > MAX_DIGITS {
            return Err(FormatError::Digits);
        }
        Ok(Self { alphabet, digits })
    }

    /// The alphabet.
    #[must_use]
    pub const fn alphabet(self) -> Alphabet {
        self.alphabet
    }

    /// How many symbols a code has, 4 to 12.
    #[must_use]
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// How many different codes there are: 10^digits or 32^digits, at most 2^60.
    #[must_use]
    pub const fn size(self) -> u64 {
        self.alphabet.base().saturating_pow(self.digits as u32)
    }
}

impl Default for CodeFormat {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for CodeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbols = match self.alphabet {
            Alphabet::Decimal => "decimal digits",
            Alphabet::Base32 => "base-32 symbols",
        };
        write!(f, "{} {symbols}", self.digits)
    }
}
