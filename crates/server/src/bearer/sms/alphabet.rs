//! Text of the GSM 7-bit default alphabet (TS 23.038 §6.2.1), an octet a character, as far as it is needed: our text is
//! base64. Every character that we send is the same in ASCII.

/// The octets of a text; `None` for a character that ASCII and GSM do not share.
pub(super) fn octets(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|letter| u8::try_from(letter).ok().filter(|octet| is_shared(*octet))).collect()
}

/// The text of octets. What ASCII and GSM do not share becomes a question mark: no message of ours has it.
pub(super) fn text(octets: &[u8]) -> String {
    octets.iter().map(|octet| if is_shared(*octet) { char::from(*octet) } else { '?' }).collect()
}

/// `@`, `$`, `_`, brackets and a few more have other places in GSM's table.
fn is_shared(octet: u8) -> bool {
    matches!(octet, b'\n' | b'\r' | b' '..=b'#' | b'%'..=b'?' | b'A'..=b'Z' | b'a'..=b'z')
}
