//! Addresses of short messages: numbers, short codes and names (TS 23.040 §9.1.2.5).

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::alphabet;

/// The most digits of a number (E.164).
pub const MAX_ADDRESS_DIGITS: usize = 15;

/// The most septets of a name: 11 of 7 bits fill the ten octets of an address.
pub const MAX_NAME_SEPTETS: usize = 11;

/// Who a short message is from or for.
///
/// Two addresses are equal when type of number, numbering plan and text are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    ton: u8,
    npi: u8,
    text: String,
}

/// The text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// There is nothing.
    Empty,
    /// More than 15 digits, or a name of more than 11 characters.
    TooLong,
    /// Something else than digits in a number, or a name without a letter or with something else than printable
    /// characters of the GSM 7-bit default alphabet.
    Character,
    /// A type of number or a numbering plan over 7 and 15.
    Field,
}

impl Address {
    /// An address from its parts as they stand in a TPDU or in SMPP; `text` without a plus sign. Some networks mark a
    /// short code as a name: digits alone are a number whatever its type says.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn from_parts(ton: u8, npi: u8, text: &str) -> Result<Self, AddressError> {
        if ton > 7 || npi > 15 {
            return Err(AddressError::Field);
        }
        let has_digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
        match ton {
            _ if text.is_empty() => Err(AddressError::Empty),
            ALPHANUMERIC if !has_digits_only => check_name(text).map(|()| Self { ton, npi: 0, text: text.into() }),
            _ if !has_digits_only => Err(AddressError::Character),
            _ if text.len() > MAX_ADDRESS_DIGITS => Err(AddressError::TooLong),
            ALPHANUMERIC => Ok(Self { ton: UNKNOWN, npi: E164, text: text.into() }),
            ton => Ok(Self { ton, npi, text: text.into() }),
        }
    }

    /// The type of number: 1 for international, 5 for a name, 0 for what the network makes of it.
    #[must_use]
    pub const fn type_of_number(&self) -> u8 {
        self.ton
    }

    /// The numbering plan: 1 for E.164.
    #[must_use]
    pub const fn numbering_plan(&self) -> u8 {
        self.npi
    }

    /// The digits, without a plus sign, or the name.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a name. One can be sent from, and not to.
    #[must_use]
    pub const fn is_name(&self) -> bool {
        self.ton == ALPHANUMERIC
    }
}

/// `+` and digits are an international number; digits alone are a short code; the rest is a name.
impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix('+') {
            Some(digits) => Self::from_parts(INTERNATIONAL, E164, digits),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => Self::from_parts(UNKNOWN, E164, text),
            None => Self::from_parts(ALPHANUMERIC, 0, text),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ton == INTERNATIONAL {
            f.write_str("+")?;
        }
        f.write_str(&self.text)
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the number is empty",
            Self::TooLong => "a number has at most 15 digits, and a name at most 11 characters",
            Self::Character => {
                "a number has digits only, behind a plus sign when it is international; a name has a letter and the \
                 characters of a text message"
            }
            Self::Field => "the type of number or the numbering plan is none",
        })
    }
}

impl core::error::Error for AddressError {}

/// A name has a letter, so that none looks like a number where it is shown or stored.
fn check_name(name: &str) -> Result<(), AddressError> {
    let has_letter = name.chars().any(char::is_alphabetic);
    if !has_letter || name.chars().any(char::is_control) {
        return Err(AddressError::Character);
    }
    let septets = alphabet::encode(name).ok_or(AddressError::Character)?;
    if septets.len() > MAX_NAME_SEPTETS { Err(AddressError::TooLong) } else { Ok(()) }
}

const UNKNOWN: u8 = 0;
const INTERNATIONAL: u8 = 1;
const ALPHANUMERIC: u8 = 5;
const E164: u8 = 1;

#[cfg(test)]
mod tests;
