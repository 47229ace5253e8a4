//! The text form: a message as standard base64 (RFC 4648 §4), for gateways that carry text only.

use alloc::string::String;
use alloc::vec::Vec;

use data_encoding::BASE64;

/// Bytes that whole base64 quanta of four characters carry in `characters` characters.
pub(super) const fn bytes_in(characters: usize) -> usize {
    characters / 4 * 3
}

/// Characters that `bytes` bytes take.
pub(super) const fn characters_of(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Writes bytes as text.
pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Reads the text; `None` when it is not the one base64 text of its bytes. The decoder alone takes padding in the middle.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    BASE64.decode(text).ok().filter(|bytes| encode(bytes).as_bytes() == text)
}

/// The text without the spaces, tabs and line ends that gateways put around it.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// Whether all of it could be base64: what is not, is a person's message rather than ours.
pub(super) fn is_alphabetic(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}
