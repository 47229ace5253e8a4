//! Names that operators and relying parties choose, checked where they enter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name was refused; the sentence says what a good one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError(&'static str);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NameError {}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $hint:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and takes it.
            ///
            /// # Errors
            /// A text outside the type's alphabet or length; the error says what a good one looks like.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(NameError($hint)) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

fn slug(text: &str, longest: usize) -> bool {
    let tail = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= longest
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && text.bytes().all(tail)
}

name!(
    /// A realm: the name space of one organisation or site. 1–32 of `a-z 0-9 -`, first a letter or digit.
    RealmId,
    |text| slug(text, 32),
    "a realm is 1 to 32 of a-z, 0-9 and -, and begins with a letter or digit, such as ship-17"
);

name!(
    /// A relying party: who asks for codes to be verified. 1–64 of `a-z 0-9 -`, first a letter or digit.
    RelyingPartyId,
    |text| slug(text, 64),
    "a relying party's name is 1 to 64 of a-z, 0-9 and -, and begins with a letter or digit, such as vpn"
);

name!(
    /// A subscriber: the enrolled person's log-in name in the realm. 1–128 bytes of UTF-8 with no control characters
    /// and no blank at either end; compared byte by byte.
    SubscriberId,
    |text| (1..=128).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control),
    "a user name is 1 to 128 bytes without control characters, and without blanks at its ends"
);

name!(
    /// The relying party's idempotency key. 1–64 visible ASCII characters.
    OperationId,
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()),
    "an operation id is 1 to 64 visible ASCII characters, such as a UUID, new for each attempt of a user"
);

/// Counts the rewrites of a row, so that a decision can be guarded by what it saw. 0 for a row not yet written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);
