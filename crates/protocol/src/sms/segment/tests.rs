//! Cutting.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::vec;

use super::*;

/// Header, and octets or characters, of each segment.
fn shape(length: usize, form: Form) -> Vec<(usize, usize)> {
    let message = vec![0x21; length];
    let shape = |segment: &Segment| match &segment.body {
        Body::Data(data) => (segment.header.len(), data.len()),
        Body::Text(text) => (segment.header.len(), text.len()),
    };
    let segments = segments(&message, form, 1).unwrap();
    assert_eq!(segments.len(), segment_count(length, form));
    segments.iter().map(shape).collect()
}

/// MB-SMS-1, MB-SMS-2.
#[test]
fn binary_messages_fill_140_octets() {
    assert_eq!((Form::Binary.budget(), Form::Binary.part_budget()), (133, 128));
    assert_eq!(shape(1, Form::Binary), [(7, 1)]);
    assert_eq!(shape(133, Form::Binary), [(7, 133)]);
    assert_eq!(shape(134, Form::Binary), [(12, 128), (12, 6)]);
    assert_eq!(shape(256, Form::Binary), [(12, 128), (12, 128)]);
    assert_eq!(shape(257, Form::Binary), [(12, 128), (12, 128), (12, 1)]);
}

/// MB-SMS-3.
#[test]
fn texts_fill_160_characters() {
    assert_eq!((Form::Text.budget(), Form::Text.part_budget()), (120, 114));
    assert_eq!(shape(1, Form::Text), [(0, 4)]);
    assert_eq!(shape(120, Form::Text), [(0, 160)]);
    // Behind the six octets of a header 153 characters are left, of which 152 are whole quanta of base64.
    assert_eq!(shape(121, Form::Text), [(6, 152), (6, 12)]);
    assert_eq!(shape(228, Form::Text), [(6, 152), (6, 152)]);
    assert_eq!(shape(229, Form::Text), [(6, 152), (6, 152), (6, 4)]);
}

#[test]
fn the_bytes_of_one_of_each() {
    let binary = segments(b"\x25\x01", Form::Binary, 9).unwrap();
    assert_eq!(binary, [Segment { header: vec![6, 5, 4, 0x3e, 0x94, 0x3e, 0x94], body: Body::Data(vec![0x25, 1]) }]);
    let text = segments(b"\x25\x01", Form::Text, 9).unwrap();
    assert_eq!(text, [Segment { header: vec![], body: Body::Text("JQE=".into()) }]);
    let parts = segments(&[0; 121], Form::Text, 9).unwrap();
    assert_eq!(parts[1].header, [5, 0, 3, 9, 2, 2]);
    assert_eq!(parts[1].body, Body::Text("AAAAAAAAAA==".into()).clone());
}

/// MB-SMS-7.
#[test]
fn what_is_too_long_is_refused() {
    assert_eq!(MAX_MESSAGE_LEN, 2_021);
    assert_eq!(MAX_SEGMENTS, 18);
    assert_eq!(segments(&[], Form::Binary, 0), Err(SegmentError::Empty));
    assert_eq!(shape(MAX_MESSAGE_LEN, Form::Binary).len(), 16);
    assert_eq!(shape(MAX_MESSAGE_LEN, Form::Text).len(), MAX_SEGMENTS);
    for form in [Form::Binary, Form::Text] {
        assert_eq!(segments(&[0; MAX_MESSAGE_LEN + 1], form, 0), Err(SegmentError::TooLong));
    }
}
