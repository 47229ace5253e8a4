//! The two tables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::vec::Vec;

use super::*;

#[test]
fn every_character_is_read_back() {
    let basic: String = BASIC.iter().filter(|character| **character != '\u{1b}').collect();
    assert_eq!(basic.chars().count(), 127);
    let septets = encode(&basic).unwrap();
    let expected: Vec<u8> = (0..128).filter(|septet| *septet != ESCAPE).collect();
    assert_eq!(septets, expected);
    assert_eq!(decode(&septets), basic);
    let extended = "\u{c}^{}\\[~]|€";
    assert_eq!(encode(extended).unwrap().len(), 20);
    assert_eq!(decode(&encode(extended).unwrap()), extended);
}

#[test]
fn places_are_those_of_the_standard() {
    assert_eq!(
        encode("@£\n\rΔ_Ξ É 0?¡AÖ§¿aöà").unwrap(),
        [
            0x00, 0x01, 0x0a, 0x0d, 0x10, 0x11, 0x1a, 0x20, 0x1f, 0x20, 0x30, 0x3f, 0x40, 0x41, 0x5c, 0x5f, 0x60, 0x61,
            0x7c, 0x7f
        ]
    );
    assert_eq!(encode("€").unwrap(), [0x1b, 0x65]);
    assert_eq!(encode("`"), None);
    assert_eq!(encode("\u{1b}"), None);
    assert_eq!(encode("ë"), None);
}

#[test]
fn stray_escapes_show_what_the_standard_says() {
    assert_eq!(decode(&[0x1b, 0x41]), "A");
    assert_eq!(decode(&[0x1b, 0x1b]), " ");
    assert_eq!(decode(&[0x61, 0x1b]), "a ");
    assert_eq!(decode(&[0xe1]), "\u{fffd}");
}
