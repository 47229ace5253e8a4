#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{BASE, septets, septets_lossy, text};

#[test]
fn the_alphabet_has_128_places() {
    assert_eq!(BASE.chars().count(), 128);
    for (place, character) in [(0x00, '@'), (0x10, 'Δ'), (0x20, ' '), (0x40, '¡'), (0x5f, '§'), (0x7f, 'à')] {
        assert_eq!(BASE.chars().nth(place), Some(character));
    }
}

#[test]
fn every_septet_comes_back() {
    let all: Vec<u8> = (0..128).filter(|septet| *septet != super::ESCAPE).collect();
    assert_eq!(septets(&text(&all)).unwrap(), all);
    let extended = "^{}\\[~]|€\u{c}";
    assert_eq!(text(&septets(extended).unwrap()), extended);
}

#[test]
fn what_is_not_in_the_alphabet() {
    assert_eq!(septets("日"), None);
    assert_eq!(septets_lossy("a日"), b"a?");
    assert_eq!(text(&[0x1b]), "\u{a0}");
    assert_eq!(text(&[0x1b, b'A', 0xff]), "\u{a0}A?");
}
