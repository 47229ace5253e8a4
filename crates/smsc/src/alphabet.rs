//! The GSM 7-bit default alphabet (3GPP TS 23.038 §6.2.1), one octet a septet, as SMPP carries it.

/// The characters of the septets; the escape's place has a no-break space, as a phone shows it.
const BASE: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{a0}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The characters behind the escape.
const EXTENSION: &[(u8, char)] = &[
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Announces a character of the extension.
pub(crate) const ESCAPE: u8 = 0x1b;

/// The septets of a text; `None` when a character is not in the alphabet.
pub(crate) fn septets(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        push(character, &mut septets)?;
    }
    Some(septets)
}

/// The septets of a text, with a question mark for what is not in the alphabet.
pub(crate) fn septets_lossy(text: &str) -> Vec<u8> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        if push(character, &mut septets).is_none() {
            septets.push(b'?');
        }
    }
    septets
}

/// The text of septets. An octet over 127 and an escape before nothing known become what a phone shows.
pub(crate) fn text(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut octets = septets.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        let extended = (octet == ESCAPE).then(|| octets.peek().and_then(|next| extension(*next))).flatten();
        match extended {
            Some(character) => {
                octets.next();
                text.push(character);
            }
            None => text.push(base(octet)),
        }
    }
    text
}

fn push(character: char, septets: &mut Vec<u8>) -> Option<()> {
    // Letters and digits stand where ASCII has them, and are nearly all there is.
    if character.is_ascii_alphanumeric() {
        septets.push(u8::try_from(character).ok()?);
        return Some(());
    }
    if let Some((septet, _)) = EXTENSION.iter().find(|(_, other)| *other == character) {
        septets.extend([ESCAPE, *septet]);
        return Some(());
    }
    let place = BASE.chars().position(|other| other == character)?;
    septets.push(u8::try_from(place).ok()?);
    Some(())
}

fn base(octet: u8) -> char {
    if octet.is_ascii_alphanumeric() {
        return char::from(octet);
    }
    BASE.chars().nth(usize::from(octet)).unwrap_or('?')
}

fn extension(septet: u8) -> Option<char> {
    EXTENSION.iter().find(|(other, _)| *other == septet).map(|(_, character)| *character)
}

#[cfg(test)]
#[path = "alphabet_tests.rs"]
mod tests;
