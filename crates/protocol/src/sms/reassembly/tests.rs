//! Parts out of order, twice, mixed, from strangers and in floods.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::string::{String, ToString};
use alloc::vec;

use super::super::segment::{Form, segments};
use super::*;

const NOW: UnixMillis = UnixMillis(1_000_000_000);

fn sender(number: &str) -> Address {
    number.parse().unwrap()
}

fn data(header: &[u8], content: &[u8]) -> Segment {
    Segment { header: header.into(), body: Body::Data(content.into()) }
}

fn text(content: &str) -> Segment {
    Segment { header: vec![], body: Body::Text(content.into()) }
}

fn fresh() -> Reassembler {
    Reassembler::new(Limits::default())
}

fn accept(reassembler: &mut Reassembler, segment: &Segment) -> Result<Option<Vec<u8>>, SmsError> {
    reassembler.accept(&sender("16020"), segment, NOW)
}

/// A part with a 16-bit reference and no port.
fn part(reference: u16, total: u8, number: u8, content: &[u8]) -> Segment {
    let concatenation = Some(Concatenation { reference: Reference::Long(reference), total, number });
    data(&UserDataHeader { ports: None, concatenation }.encode(), content)
}

/// MB-SMS-4.
#[test]
fn parts_join_in_any_order_and_doubled() {
    let message: Vec<u8> = (0..=255).chain(0..=99).collect();
    for form in [Form::Binary, Form::Text] {
        let parts = segments(&message, form, 3).unwrap();
        assert!(parts.len() >= 3);
        let mut reassembler = fresh();
        for part in parts.iter().rev().take(parts.len() - 1) {
            assert_eq!(accept(&mut reassembler, part), Ok(None));
            assert_eq!(accept(&mut reassembler, part), Ok(None));
        }
        assert_eq!(reassembler.held_messages(), 1);
        assert_eq!(accept(&mut reassembler, &parts[0]), Ok(Some(message.clone())));
        assert_eq!((reassembler.held_messages(), reassembler.held_bytes()), (0, 0));
    }
}

#[test]
fn the_two_widths_of_a_reference_are_different_numbers() {
    let mut reassembler = fresh();
    assert_eq!(accept(&mut reassembler, &data(&[5, 0, 3, 1, 2, 1], b"a")), Ok(None));
    assert_eq!(accept(&mut reassembler, &part(1, 2, 2, b"B")), Ok(None));
    assert_eq!(accept(&mut reassembler, &part(1, 2, 1, b"A")), Ok(Some(b"AB".into())));
    assert_eq!(accept(&mut reassembler, &data(&[5, 0, 3, 1, 2, 2], b"b")), Ok(Some(b"ab".into())));
}

#[test]
fn senders_totals_and_kinds_do_not_mix() {
    let mut reassembler = fresh();
    assert_eq!(reassembler.accept(&sender("+491"), &part(1, 2, 1, b"a"), NOW), Ok(None));
    assert_eq!(reassembler.accept(&sender("+492"), &part(1, 2, 2, b"b"), NOW), Ok(None));
    assert_eq!(reassembler.accept(&sender("+491"), &part(1, 3, 2, b"b"), NOW), Ok(None));
    let as_text = Segment { body: Body::Text("QUJD".into()), ..part(1, 2, 2, b"") };
    assert_eq!(reassembler.accept(&sender("+491"), &as_text, NOW), Ok(None));
    assert_eq!(reassembler.held_messages(), 4);
    assert_eq!(reassembler.held_bytes(), 1 + 1 + 1 + 4);
}

/// MB-SMS-4.
#[test]
fn another_content_under_the_same_number_begins_anew() {
    let mut reassembler = fresh();
    assert_eq!(accept(&mut reassembler, &part(1, 3, 1, b"a")), Ok(None));
    assert_eq!(accept(&mut reassembler, &part(1, 3, 2, b"b")), Ok(None));
    assert_eq!(accept(&mut reassembler, &part(1, 3, 1, b"A")), Ok(None));
    assert_eq!(accept(&mut reassembler, &part(1, 3, 3, b"C")), Ok(None));
    assert_eq!(accept(&mut reassembler, &part(1, 3, 2, b"B")), Ok(Some(b"ABC".into())));
}

/// MB-SMS-5.
#[test]
fn what_is_not_ours_is_refused() {
    let mut reassembler = fresh();
    let mut refused = |segment: &Segment| accept(&mut reassembler, segment).unwrap_err();
    assert_eq!(refused(&data(&[6, 5, 4, 0x3e, 0x95, 0x3e, 0x94], b"x")), SmsError::OtherPort);
    assert_eq!(refused(&data(&[4, 4, 2, 0xf5, 0x94], b"x")), SmsError::OtherPort);
    assert_eq!(refused(&data(&[9], b"x")), SmsError::Header);
    assert_eq!(refused(&data(&[5, 0, 3, 1, 2, 3], b"x")), SmsError::Header);
    assert_eq!(refused(&data(&[], b"")), SmsError::Empty);
    assert_eq!(refused(&text(" \r\n")), SmsError::Empty);
    assert_eq!(refused(&text("Hello there")), SmsError::NotBase64);
    assert_eq!(refused(&text("JQE")), SmsError::NotBase64);
    assert_eq!(refused(&text("JQE=JQE=")), SmsError::NotBase64);
    assert_eq!(refused(&text("JQF=")), SmsError::NotBase64);
    assert_eq!(refused(&text("JQ_-")), SmsError::NotBase64);
    assert_eq!(refused(&text("JQ\r\nE=")), SmsError::NotBase64);
    assert_eq!(refused(&data(&[], &[0; MAX_MESSAGE_LEN + 1])), SmsError::TooLong);
    assert_eq!(refused(&text(&"A".repeat(2_700))), SmsError::TooLong);
    assert_eq!(refused(&part(1, 2, 1, &[0; USER_DATA_OCTETS + 1])), SmsError::TooLong);
    assert_eq!(refused(&part(1, 19, 1, b"x")), SmsError::TooManyParts);
    assert_eq!((reassembler.held_messages(), reassembler.held_bytes()), (0, 0));
}

/// MB-SMS-3.
#[test]
fn whole_messages_pass_at_once() {
    let mut reassembler = fresh();
    // The origin's port does not count, and a header may be missing or hold nothing of ours.
    let mut taken = |segment: &Segment| accept(&mut reassembler, segment).unwrap().unwrap();
    assert_eq!(taken(&data(&[6, 5, 4, 0x3e, 0x94, 0, 1], b"x")), b"x");
    assert_eq!(taken(&data(&[], b"x")), b"x");
    assert_eq!(taken(&data(&[2, 0x70, 0], b"x")), b"x");
    assert_eq!(taken(&part(1, 1, 1, b"x")), b"x");
    assert_eq!(taken(&text("JQE=")), [0x25, 1]);
    assert_eq!(taken(&text(" \tJQE=\r\n")), [0x25, 1]);
    // A gateway that joined what came to it in parts.
    assert_eq!(taken(&data(&[], &[7; MAX_MESSAGE_LEN])), [7; MAX_MESSAGE_LEN]);
    let long = base64::encode(&[7; MAX_MESSAGE_LEN]);
    assert_eq!(taken(&text(&long)), [7; MAX_MESSAGE_LEN]);
}

#[test]
fn line_ends_around_parts_of_a_text_do_not_count() {
    let message = [9; 200];
    let mut parts = segments(&message, Form::Text, 3).unwrap();
    for part in &mut parts {
        if let Body::Text(text) = &mut part.body {
            *text = String::from(" ") + text + "\r\n";
        }
    }
    let mut reassembler = fresh();
    assert_eq!(accept(&mut reassembler, &parts[1]), Ok(None));
    assert_eq!(accept(&mut reassembler, &parts[0]), Ok(Some(message.into())));
}

#[test]
fn a_message_that_stays_incomplete_is_forgotten() {
    let day = Limits::default().age_ms;
    let mut reassembler = fresh();
    assert_eq!(accept(&mut reassembler, &part(1, 2, 1, b"a")), Ok(None));
    let late = reassembler.accept(&sender("16020"), &part(1, 2, 2, b"b"), NOW.plus(day));
    assert_eq!(late, Ok(Some(b"ab".into())));
    assert_eq!(accept(&mut reassembler, &part(1, 2, 1, b"a")), Ok(None));
    let too_late = reassembler.accept(&sender("16020"), &part(1, 2, 2, b"b"), NOW.plus(day + 1));
    assert_eq!(too_late, Ok(None));
    assert_eq!(reassembler.held_bytes(), 1);
    reassembler.expire(UnixMillis(0));
    assert_eq!(reassembler.held_messages(), 0, "a clock that was set back keeps nothing");
}

/// MB-SMS-6.
#[test]
fn a_flood_of_references_stays_bounded() {
    let limits = Limits::default();
    let mut reassembler = fresh();
    assert_eq!(reassembler.accept(&sender("+491"), &part(1, 2, 1, b"a"), NOW), Ok(None));
    for reference in 0..=u16::MAX {
        let flood = part(reference, 18, 1, &[0; USER_DATA_OCTETS]);
        assert_eq!(reassembler.accept(&sender("+666"), &flood, NOW), Ok(None));
    }
    assert_eq!(reassembler.held_messages(), 1 + limits.messages_per_sender);
    let kept = reassembler.accept(&sender("+491"), &part(1, 2, 2, b"b"), NOW);
    assert_eq!(kept, Ok(Some(b"ab".into())), "one sender pushes no other out");
    // The newest of the flood are kept.
    assert!(reassembler.makings.keys().all(|key| key.reference >= Reference::Long(u16::MAX - 7)));
}

/// MB-SMS-6.
#[test]
fn many_senders_stay_bounded_and_the_greedy_lose_first() {
    let limits = Limits { messages: 10, messages_per_sender: 5, ..Limits::default() };
    let mut reassembler = Reassembler::new(limits);
    assert_eq!(reassembler.accept(&sender("+491"), &part(1, 2, 1, b"a"), NOW), Ok(None));
    for from in ["+661", "+662", "+663"] {
        for reference in 0..100 {
            assert_eq!(reassembler.accept(&sender(from), &part(reference, 2, 1, b"x"), NOW), Ok(None));
            assert!(reassembler.held_messages() <= limits.messages);
        }
    }
    assert_eq!(reassembler.accept(&sender("+491"), &part(1, 2, 2, b"b"), NOW), Ok(Some(b"ab".into())));
    for number in 0..100 {
        let from = sender(&("+77".to_string() + &number.to_string()));
        assert_eq!(reassembler.accept(&from, &part(1, 2, 1, b"x"), NOW), Ok(None));
        assert!(reassembler.held_messages() <= limits.messages);
    }
}

/// MB-SMS-6.
#[test]
fn the_bytes_stay_bounded() {
    let limits = Limits { bytes: 1_000, ..Limits::default() };
    let mut reassembler = Reassembler::new(limits);
    for from in 0..50 {
        for number in 1..=10 {
            let from = sender(&("+66".to_string() + &from.to_string()));
            assert_eq!(reassembler.accept(&from, &part(1, 18, number, &[number; 100]), NOW), Ok(None));
            assert!(reassembler.held_bytes() <= limits.bytes);
        }
    }
    let mut nothing = Reassembler::new(Limits { messages: 0, ..limits });
    assert_eq!(accept(&mut nothing, &part(1, 2, 1, b"a")), Ok(None));
    assert_eq!(nothing.held_messages(), 0);
}
