//! The GSM 7-bit default alphabet with its extension table (TS 23.038 §6.2.1), one octet a septet: as SMPP carries it
//! with data coding 0, and as a TPDU packs it.

use alloc::string::String;
use alloc::vec::Vec;

/// The septets of a text: one a character, two for those of the extension table (`^{}\[~]|€` and form feed). `None` when
/// a character is in neither table.
#[must_use]
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        if let Some(septet) = place_in(&BASIC, character) {
            septets.push(septet);
        } else {
            let (septet, _) = EXTENSION.iter().find(|(_, known)| *known == character)?;
            septets.extend([ESCAPE, *septet]);
        }
    }
    Some(septets)
}

/// The text of septets. Total, as the standard asks of a receiver: an escape before a septet that the extension table
/// does not have shows the basic table's character, a second escape and one at the end show a space. An octet above 127
/// is no septet and shows U+FFFD.
#[must_use]
pub fn decode(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut rest = septets.iter().copied();
    while let Some(septet) = rest.next() {
        text.push(if septet == ESCAPE { escaped(rest.next()) } else { basic(septet) });
    }
    text
}

/// Leads to the extension table.
const ESCAPE: u8 = 0x1b;

/// The basic table. The escape shows as a space where it leads nowhere, and is found under no character.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à', //
];

const EXTENSION: [(u8, char); 10] = [
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

fn place_in(table: &[char], character: char) -> Option<u8> {
    let place = table.iter().position(|known| *known == character && character != '\u{1b}')?;
    u8::try_from(place).ok()
}

fn basic(septet: u8) -> char {
    BASIC.get(usize::from(septet)).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn escaped(septet: Option<u8>) -> char {
    match septet {
        None | Some(ESCAPE) => ' ',
        Some(septet) => EXTENSION
            .iter()
            .find(|(known, _)| *known == septet)
            .map_or_else(|| basic(septet), |(_, character)| *character),
    }
}

#[cfg(test)]
mod tests;
