//! Why a file is not taken.

use std::fmt;

/// Why a file is not taken, as a whole. No sentence holds a key; what stands in the file is escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// It is encrypted, and a passphrase is needed.
    NeedsPassphrase,
    /// It is encrypted, and the key that was agreed on is needed; what the file calls it.
    NeedsKey(Option<String>),
    /// The key has another length than the file's cipher takes: so many bytes.
    KeyLength(usize),
    /// The passphrase or the key is not the file's, or the file was changed. Which of them is not told.
    WrongSecret,
    /// It is encrypted and has nothing to tell a changed file by.
    NoMac,
    /// It has what no honest file has: more than a limit, or tricks of XML.
    Hostile(String),
    /// It is not in the form that it should be in.
    Malformed(String),
    /// It is in order, and not understood here.
    Unsupported(String),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsPassphrase => f.write_str("the file is encrypted with a passphrase"),
            Self::NeedsKey(None) => f.write_str("the file is encrypted with a key that was agreed on beforehand"),
            Self::NeedsKey(Some(name)) => {
                write!(f, "the file is encrypted with a key that was agreed on beforehand, and calls it \"{name}\"")
            }
            Self::KeyLength(length) => write!(f, "the file is encrypted with a key of {length} bytes"),
            Self::WrongSecret => f.write_str(
                "the passphrase or key is not the one of the file, or the file was changed since it was made",
            ),
            Self::NoMac => f.write_str(
                "the file is encrypted without a MAC (RFC 6030, section 6), so that a changed key could not be told",
            ),
            Self::Hostile(why) | Self::Malformed(why) | Self::Unsupported(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for FileError {}

/// The longest piece of a file that a sentence repeats, in characters.
const MAX_SHOWN: usize = 60;

/// A piece of a file for a sentence: escaped and cut, so that it moves no cursor.
pub(crate) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        cut.push('…');
    }
    cut
}
