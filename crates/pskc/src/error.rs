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

/// The longest run of digits of hexadecimal or base64 that a sentence repeats: identification codes have 16, and names of
/// elements up to 20. A longer one may be a key in the wrong place, of which no part is told.
const MAX_RUN: usize = 20;

/// A piece of a file for a sentence: escaped and cut, so that it moves no cursor, and of what looks like a key its length
/// alone.
pub(crate) fn shown(text: &str) -> String {
    let (mut out, mut left, mut rest) = (String::new(), MAX_SHOWN, text);
    let is_address = text.starts_with("http://") || text.starts_with("https://");
    while let Some(first) = rest.chars().next() {
        if left == 0 {
            out.push('…');
            return out;
        }
        let key = key_len(rest, is_address);
        // What is no key is passed run by run, so that no key is looked for from its middle on.
        let run = rest.find(|c| !is_digit(c, is_address)).unwrap_or(rest.len()).max(first.len_utf8());
        let (piece, after) = rest.split_at_checked(key.unwrap_or(run)).unwrap_or((rest, ""));
        rest = after;
        if key.is_some() {
            out.push_str(&format!("[{} characters]", piece.len()));
            left = left.saturating_sub(MAX_RUN);
        } else {
            out.extend(piece.chars().take(left).flat_map(char::escape_debug));
            if piece.chars().nth(left).is_some() {
                out.push('…');
                return out;
            }
            left = left.saturating_sub(piece.chars().count());
        }
    }
    out
}

/// The bytes of what looks like a key at the beginning of a text: a run of base64, or of hexadecimal digits in groups.
fn key_len(text: &str, is_address: bool) -> Option<usize> {
    let run = text.find(|c| !is_digit(c, is_address)).unwrap_or(text.len());
    let grouped =
        text.find(|c: char| !c.is_ascii_hexdigit() && !matches!(c, ' ' | ':' | '-' | '\t')).unwrap_or(text.len());
    let groups = text.get(..grouped).unwrap_or_default().trim_end_matches([' ', ':', '-', '\t']);
    let digits = groups.bytes().filter(u8::is_ascii_hexdigit).count();
    let grouped = if digits > MAX_RUN && text.starts_with(|c: char| c.is_ascii_hexdigit()) { groups.len() } else { 0 };
    Some(run.max(grouped)).filter(|length| *length > MAX_RUN)
}

/// Whether a character is one of base64 or hexadecimal. The paths of addresses have slashes, and are no keys.
fn is_digit(c: char, is_address: bool) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '=' | '_') || (c == '/' && !is_address)
}

#[cfg(test)]
mod tests;
