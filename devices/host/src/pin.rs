//! PINs and PUKs as they go to the card.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes of a PIN on its way: digits, filled up with `FF`.
pub(crate) const PIN_LEN: usize = 8;

/// A PIN or PUK: 4 to 8 digits.
pub struct Pin(Zeroizing<[u8; PIN_LEN]>);

/// That is no PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinError;

impl Pin {
    /// Reads one as it was typed.
    ///
    /// # Errors
    /// It is not 4 to 8 digits.
    pub fn parse(text: &str) -> Result<Self, PinError> {
        if !(4..=PIN_LEN).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PinError);
        }
        let mut bytes = Zeroizing::new([0xFF; PIN_LEN]);
        bytes.iter_mut().zip(text.bytes()).for_each(|(place, digit)| *place = digit);
        Ok(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; PIN_LEN] {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a PIN is 4 to 8 digits")
    }
}

impl std::error::Error for PinError {}
