#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::sms::{Body, Segment};
use proptest::prelude::*;

use super::{Extras, Raw, UserDataError, fits, read, write};

const PORTS: [u8; 7] = [6, 5, 4, 0x3e, 0x94, 0x3e, 0x94];

fn raw(has_header: bool, data_coding: u8, octets: &[u8]) -> Raw {
    Raw { has_header, data_coding, octets: octets.to_vec() }
}

fn one(raw: &Raw, extras: &Extras) -> Segment {
    let mut segments = read(raw, extras, false).unwrap();
    assert_eq!(segments.len(), 1);
    segments.remove(0)
}

#[test]
fn every_coding_is_read() {
    let text = |text: &str| Body::Text(text.to_owned());
    for (data_coding, octets, body) in [
        (0, &b"a\x00\x1b\x65"[..], text("a@€")),
        (1, b"aA=+/", text("aA=+/")),
        (3, b"\xe9", text("é")),
        (8, b"\x65\xe5\xd8\x3d\xde\x00", text("日😀")),
        (2, b"\x00\xff", Body::Data(vec![0, 255])),
        (4, b"\x00\xff", Body::Data(vec![0, 255])),
        (0xf5, b"\x01", Body::Data(vec![1])),
        (0xf1, b"a", text("a")),
    ] {
        assert_eq!(one(&raw(false, data_coding, octets), &Extras::default()).body, body, "{data_coding}");
    }
}

#[test]
fn a_header_is_split_off() {
    let octets = [&PORTS[..], b"body"].concat();
    let segment = one(&raw(true, 4, &octets), &Extras::default());
    assert_eq!(segment, Segment { header: PORTS.to_vec(), body: Body::Data(b"body".to_vec()) });
    for cut in [&[][..], &PORTS[..3]] {
        assert_eq!(read(&raw(true, 4, cut), &Extras::default(), false), Err(UserDataError::Header));
    }
}

#[test]
fn parameters_become_a_header() {
    let concatenation = (Some(0x0102), Some(3), Some(2));
    let extras = Extras { concatenation, ports: (Some(16_020), Some(16_020)), reference: 0 };
    let segment = one(&raw(false, 4, b"x"), &extras);
    assert_eq!(segment.header, [12, 8, 4, 1, 2, 3, 2, 5, 4, 0x3e, 0x94, 0x3e, 0x94]);
    let segment = one(&raw(true, 4, &[&PORTS[..], b"x"].concat()), &Extras { ports: (None, None), ..extras });
    assert_eq!(segment.header, [12, 5, 4, 0x3e, 0x94, 0x3e, 0x94, 8, 4, 1, 2, 3, 2]);
    let lonely = Extras { concatenation: (Some(1), None, Some(1)), ..Extras::default() };
    assert!(one(&raw(false, 4, b"x"), &lonely).header.is_empty());
}

#[test]
fn one_short_message_has_140_octets_or_160_septets() {
    for (has_header, data_coding, longest) in [(false, 4, 140), (true, 4, 140), (false, 0, 160), (true, 0, 159)] {
        let mut octets = if has_header { PORTS.to_vec() } else { Vec::new() };
        octets.resize(longest, b'a');
        one(&raw(has_header, data_coding, &octets), &Extras::default());
        octets.push(b'a');
        let too_long = read(&raw(has_header, data_coding, &octets), &Extras::default(), false);
        assert_eq!(too_long, Err(UserDataError::TooLong));
    }
    let header = [&[150][..], &[0; 150]].concat();
    assert_eq!(read(&raw(true, 4, &header), &Extras::default(), true), Err(UserDataError::TooLong));
}

#[test]
fn a_payload_is_split() {
    let octets: Vec<u8> = PORTS.iter().copied().chain((0..=255).cycle().take(300)).collect();
    let extras = Extras { reference: 9, ..Extras::default() };
    let segments = read(&raw(true, 4, &octets), &extras, true).unwrap();
    assert_eq!(segments.len(), 3);
    let mut joined = PORTS.to_vec();
    for (number, segment) in (1..).zip(&segments) {
        assert_eq!(segment.header, [11, 5, 4, 0x3e, 0x94, 0x3e, 0x94, 0, 3, 9, 3, number]);
        let Body::Data(body) = &segment.body else { panic!() };
        assert!(body.len() <= 128);
        joined.extend(body);
        assert!(fits(segment));
    }
    assert_eq!(joined, octets);
    assert_eq!(read(&raw(false, 4, &[0; 40_000]), &extras, true), Err(UserDataError::TooLong));
}

#[test]
fn a_split_cuts_no_character() {
    let euros = [0x1b, 0x65].repeat(200);
    let mut text = String::new();
    for segment in read(&raw(false, 0, &euros), &Extras::default(), true).unwrap() {
        let Body::Text(part) = segment.body else { panic!() };
        text.push_str(&part);
    }
    assert_eq!(text, "€".repeat(200));
    let smiles: Vec<u8> = "a"
        .chars()
        .chain("😀".repeat(100).chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    for segment in read(&raw(false, 8, &smiles), &Extras::default(), true).unwrap() {
        let Body::Text(part) = segment.body else { panic!() };
        assert!(!part.contains(char::REPLACEMENT_CHARACTER));
    }
}

#[test]
fn phones_send_what_fits() {
    let fits_so = |header: &[u8], body: Body| fits(&Segment { header: header.to_vec(), body });
    assert!(fits_so(&PORTS, Body::Data(vec![0; 133])));
    assert!(!fits_so(&PORTS, Body::Data(vec![0; 134])));
    assert!(fits_so(&[], Body::Text("a".repeat(160))));
    assert!(!fits_so(&[], Body::Text("a".repeat(161))));
    assert!(!fits_so(&PORTS[..6], Body::Data(vec![])));
    assert!(fits_so(&[], Body::Text("日".repeat(70))));
}

proptest! {
    #[test]
    fn what_is_written_is_read(header in proptest::option::of(0_u8..20), octets in proptest::collection::vec(any::<u8>(), 0..100)) {
        let header: Vec<u8> = header.map(|length| [vec![length], vec![7; usize::from(length)]].concat()).unwrap_or_default();
        let segment = Segment { header, body: Body::Data(octets) };
        prop_assert_eq!(one(&write(&segment), &Extras::default()), segment);
    }

    #[test]
    fn nothing_panics(raw in (any::<bool>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..1000)), is_payload: bool) {
        let raw = Raw { has_header: raw.0, data_coding: raw.1, octets: raw.2 };
        if let Ok(segments) = read(&raw, &Extras::default(), is_payload) {
            prop_assert!(segments.len() == 1 || segments.iter().all(|segment| segment.header.len() <= 140));
        }
    }
}
