//! The rules of a realm, as its operator sets them.

use matchbook_protocol::codes::{Alphabet, CodeFormat};
use serde::{Deserialize, Serialize};

/// Which of a device's codes count at one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mode {
    /// The relying party asks for a code by its number ("code 17"): one code counts. The default.
    Indexed,
    /// The next unused code in order, or one of the few after it; a code that was passed over is dead.
    NextInOrder {
        /// How many codes count, 1–10.
        look_ahead: u8,
    },
    /// Any unused code counts.
    AnyUnused,
}

/// A realm's policy. Every field has a range; `policy::check` tells what is wrong and prints the guess probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Which codes count at one attempt.
    #[serde(flatten)]
    pub mode: Mode,
    /// Digits a code, 4–12. Default 6.
    pub digits: u8,
    /// `false`: decimal. `true`: Crockford's base-32 without ambiguous letters.
    pub base32: bool,
    /// Codes a set, 1–250; `None`: as many as fit one short message (40 of 6 digits, 30 of 8).
    pub set_size: Option<u8>,
    /// A refill is due when this many or fewer codes are unused, 0–63. Default 10.
    pub threshold: u8,
    /// Failures from one source before it is slowed, 1–20. Default 5.
    pub max_failures: u8,
    /// Sets a device may be issued in a day, 1–100. Default 10.
    pub sets_per_day: u8,
    /// Challenges that a user may skip in a day because the code is gone, 0–20. Default 3. Indexed mode only.
    pub skips_per_day: u8,
    /// A key is replaced after this many days, 1–3650. Default 90.
    pub rotate_after_days: u16,
    /// Allows any-unused with fewer than 8 digits. Off unless the operator says it in so many words.
    pub accept_guessable_codes: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Indexed,
            digits: 6,
            base32: false,
            set_size: None,
            threshold: 10,
            max_failures: 5,
            sets_per_day: 10,
            skips_per_day: 3,
            rotate_after_days: 90,
            accept_guessable_codes: false,
        }
    }
}

impl Policy {
    /// The format of the codes that this policy issues; the default format when the digits are out of range, which
    /// `policy::check` refuses before a policy is stored.
    #[must_use]
    pub fn format(&self) -> CodeFormat {
        let alphabet = if self.base32 { Alphabet::Base32 } else { Alphabet::Decimal };
        CodeFormat::new(alphabet, self.digits).unwrap_or(CodeFormat::DEFAULT)
    }
}
