//! The SIM card's PIN.

use std::fmt;

use zeroize::Zeroizing;

/// A SIM card's PIN: 4 to 8 digits. It is wiped when it is dropped, and never printed.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Reads a PIN, with white space around it; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim();
        let is_pin = (4..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_pin.then(|| Self(Zeroizing::new(digits.to_owned())))
    }

    /// The digits.
    pub(in crate::bearer::modem) fn digits(&self) -> &str {
        self.0.as_str()
    }

    /// The command that gives it to the SIM card.
    pub(super) fn command(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("AT+CPIN=\"{}\"", self.0.as_str()))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}
