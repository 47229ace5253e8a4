//! One code: a number below the format's size, and the text that a person sees.

use alloc::string::String;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::alphabet::is_below;
use super::format::CodeFormat;
use crate::named::named_errors;

/// A code, the secret that is good for one log-in: wiped when dropped, compared in constant time, never printed, cloned
/// or serialised. [`Code::reveal`] and [`Code::value`] are the two ways to it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Code {
    value: u64,
    #[zeroize(skip)]
    format: CodeFormat,
}

named_errors! {
    /// What was typed is no code of the format.
    pub enum CodeError {
        /// A character outside the alphabet.
        Symbol = "symbol": "the code has a character that codes of this kind never have",
        /// Fewer symbols than the format's.
        TooShort = "too-short": "the code is too short",
        /// More symbols than the format's.
        TooLong = "too-long": "the code is too long",
    }
}

impl Code {
    /// Reads what a person typed: spaces, dashes and case do not count, and in base-32 O is 0, I and L are 1.
    ///
    /// # Errors
    /// See [`CodeError`].
    pub fn parse(format: CodeFormat, typed: &str) -> Result<Self, CodeError> {
        let alphabet = format.alphabet();
        let mut code = Self { value: 0, format };
        let mut symbols: u8 = 0;
        for typed in typed.chars().filter(|c| !c.is_whitespace() && !is_dash(*c)) {
            let value = alphabet.value(typed).ok_or(CodeError::Symbol)?;
            if symbols == format.digits() {
                return Err(CodeError::TooLong);
            }
            symbols += 1;
            code.value = code.value * alphabet.base() + u64::from(value);
        }
        if symbols < format.digits() { Err(CodeError::TooShort) } else { Ok(code) }
    }

    /// The code of a number; `None` when it is not below the format's size.
    #[must_use]
    pub fn from_value(format: CodeFormat, value: u64) -> Option<Self> {
        bool::from(is_below(value, format.size())).then_some(Self { value, format })
    }

    /// The number that the code is, below the format's size.
    #[must_use]
    pub const fn value(&self) -> u64 {
        self.value
    }

    /// The format.
    #[must_use]
    pub const fn format(&self) -> CodeFormat {
        self.format
    }

    /// The text for the person: exactly the format's number of symbols.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let alphabet = self.format.alphabet();
        let mut text = Zeroizing::new(String::with_capacity(usize::from(self.format.digits())));
        for place in (0..u32::from(self.format.digits())).rev() {
            let digit = self.value / alphabet.base().saturating_pow(place) % alphabet.base();
            text.push(alphabet.symbol(digit.to_le_bytes()[0]));
        }
        text
    }

    /// A second copy under its own wipe. Named so that each one is a decision that a reader sees.
    #[must_use]
    pub const fn duplicate(&self) -> Self {
        Self { value: self.value, format: self.format }
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.format == other.format && bool::from(self.value.ct_eq(&other.value))
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// The dashes that keyboards and paper put between groups: hyphen-minus, the hyphens, the en dash and the minus sign.
const fn is_dash(typed: char) -> bool {
    matches!(typed, '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' | '\u{2212}')
}
