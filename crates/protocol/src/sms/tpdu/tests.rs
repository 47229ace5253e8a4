//! TPDUs that others wrote, ours, and what is none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::vec;
use alloc::vec::Vec;

use data_encoding::HEXUPPER_PERMISSIVE;

use super::super::Address;
use super::super::segment::{Body, Form, Segment, segments};
use super::*;
use crate::ids::UnixMillis;

fn hex(text: &str) -> Vec<u8> {
    HEXUPPER_PERMISSIVE.decode(text.replace(' ', "").as_bytes()).unwrap()
}

fn text(content: &str) -> Segment {
    Segment { header: vec![], body: Body::Text(content.into()) }
}

fn submit(segment: Segment) -> Submit {
    let destination = "+46708251358".parse().unwrap();
    Submit { reference: 0, destination, segment, validity_minutes: None, wants_report: false }
}

fn deliver(origin: &str, segment: Segment) -> Deliver {
    let sent_at = Timestamp::utc(UnixMillis(1_700_000_000_000));
    Deliver { origin: origin.parse().unwrap(), segment, sent_at }
}

#[test]
fn well_known_delivers() {
    let bytes = hex("04 0BC87238880900F1 00 00 99309251619580 0A E8329BFD4697D9EC37");
    let read = Deliver::decode(&bytes).unwrap();
    assert_eq!(read.origin, Address::from_parts(4, 8, "27838890001").unwrap());
    assert_eq!(read.segment, text("hellohello"));
    assert_eq!(read.sent_at.quarters(), Some(8));
    assert_eq!(read.encode().unwrap(), bytes);
    let bytes = hex("04 0B911346610089F6 00 00 20806291731408 0C C8F71D14969741F977FD07");
    let read = Deliver::decode(&bytes).unwrap();
    assert_eq!(read.origin, "+31641600986".parse().unwrap());
    assert_eq!(read.segment, text("How are you?"));
    // 2002-08-26 19:37:41, no quarters behind UTC.
    assert_eq!(read.sent_at.at(), Some(UnixMillis(1_030_390_661_000)));
}

#[test]
fn a_well_known_submit() {
    let bytes = hex("11 00 0B916407281553F8 00 00 AA 0A E8329BFD4697D9EC37");
    let expected = Submit { validity_minutes: Some(4 * 24 * 60), ..submit(text("hellohello")) };
    assert_eq!(Submit::decode(&bytes).unwrap(), expected);
    assert_eq!(expected.encode().unwrap(), bytes);
    // Absolute validity: read as the centre's choice.
    let absolute = hex("19 00 0B916407281553F8 00 00 99309251619580 0A E8329BFD4697D9EC37");
    assert_eq!(Submit::decode(&absolute).unwrap(), submit(text("hellohello")));
}

#[test]
fn a_well_known_status_report() {
    let bytes = hex("06 D6 0B911326880736F4 11101171955140 11101171957140 00");
    let read = StatusReport::decode(&bytes).unwrap();
    assert_eq!((read.reference, read.status), (0xd6, 0));
    assert_eq!(read.recipient, "+31628870634".parse().unwrap());
    let [sent, settled] = [read.sent_at, read.settled_at].map(|time| time.at().unwrap().0);
    assert_eq!(settled - sent, 2_000);
    assert_eq!(read.encode().unwrap(), bytes);
    // With optional fields behind it.
    let longer = [bytes.clone(), vec![0x01, 0x00]].concat();
    assert_eq!(StatusReport::decode(&longer).unwrap(), read);
    for short in 0..bytes.len() {
        assert_eq!(StatusReport::decode(&bytes[..short]).unwrap_err(), TpduError::TooShort);
    }
    assert_eq!(StatusReport { recipient: "Bank".parse().unwrap(), ..read }.encode(), Err(TpduError::Address));
}

#[test]
fn a_well_known_name() {
    let bytes = deliver("Design@Home", text("")).encode().unwrap();
    assert_eq!(bytes[1..13], hex("14 D0 C4F23C7D760390EF7619"));
    for name in ["A", "Matchbook", "Sixteen", "eight..x", "{abcdefghi", "Café 24/7"] {
        let given = deliver(name, text("x"));
        assert_eq!(Deliver::decode(&given.encode().unwrap()).unwrap(), given, "{name}");
    }
    let to_a_name = Submit { destination: "Bank".parse().unwrap(), ..submit(text("x")) };
    assert_eq!(to_a_name.encode(), Err(TpduError::Address));
    let mut bytes = submit(text("x")).encode().unwrap();
    bytes[3] = 0xd0;
    assert_eq!(Submit::decode(&bytes).unwrap_err(), TpduError::Address);
}

/// MB-SMS-1, MB-SMS-2, MB-SMS-3.
#[test]
fn our_segments_are_read_back() {
    for form in [Form::Binary, Form::Text] {
        for length in [1, 36, 45, 77, 120, 121, 133, 134, 256, 400] {
            for segment in segments(&vec![0x5a; length], form, 0xfe).unwrap() {
                let sent = Submit {
                    validity_minutes: Some(1_440),
                    wants_report: true,
                    reference: 0x7f,
                    ..submit(segment.clone())
                };
                assert_eq!(Submit::decode(&sent.encode().unwrap()).unwrap(), sent);
                for origin in ["16020", "+4912345678", "Matchbook"] {
                    let got = deliver(origin, segment.clone());
                    assert_eq!(Deliver::decode(&got.encode().unwrap()).unwrap(), got);
                }
            }
        }
    }
}

/// MB-SMS-1.
#[test]
fn a_full_segment_has_140_octets() {
    let bytes = deliver("16020", segments(&[7; 133], Form::Binary, 0).unwrap().remove(0)).encode().unwrap();
    // First octet, three octets behind the address's two, protocol, coding, time, length.
    assert_eq!(bytes.len(), 1 + 5 + 2 + 7 + 1 + 140);
    assert_eq!(bytes[0], 0x44);
    assert_eq!(bytes[1..8], [5, 0x81, 0x61, 0x20, 0xf0, 0, 4]);
    assert_eq!(bytes[15..23], [140, 6, 5, 4, 0x3e, 0x94, 0x3e, 0x94]);
}

#[test]
fn too_much_is_refused() {
    let data = |header: &[u8], length| Segment { header: header.into(), body: Body::Data(vec![0; length]) };
    assert!(submit(data(&[], 140)).encode().is_ok());
    assert_eq!(submit(data(&[], 141)).encode(), Err(TpduError::TooLong));
    assert_eq!(submit(data(&[0], 140)).encode(), Err(TpduError::TooLong));
    assert!(submit(text(&"a".repeat(160))).encode().is_ok());
    assert_eq!(submit(text(&"a".repeat(161))).encode(), Err(TpduError::TooLong));
    assert_eq!(submit(text(&"{".repeat(81))).encode(), Err(TpduError::TooLong));
    let behind_header = |count| Segment { header: vec![5, 0, 3, 1, 2, 1], ..text(&"a".repeat(count)) };
    assert!(submit(behind_header(153)).encode().is_ok());
    assert_eq!(submit(behind_header(154)).encode(), Err(TpduError::TooLong));
    assert_eq!(submit(text("`")).encode(), Err(TpduError::Character));
    assert_eq!(submit(data(&[5], 1)).encode(), Err(TpduError::Header));
    assert_eq!(submit(data(&[1, 2, 3], 1)).encode(), Err(TpduError::Header));
}

#[test]
fn cut_short_or_followed_by_more() {
    let full = submit(segments(&[7; 200], Form::Binary, 1).unwrap().remove(1));
    let bytes = Submit { validity_minutes: Some(5), ..full }.encode().unwrap();
    for short in 0..bytes.len() {
        assert_eq!(Submit::decode(&bytes[..short]).unwrap_err(), TpduError::TooShort);
    }
    assert_eq!(Submit::decode(&[bytes, vec![0]].concat()).unwrap_err(), TpduError::TrailingBytes);
    let bytes = deliver("16020", segments(&[7; 200], Form::Text, 1).unwrap().remove(1)).encode().unwrap();
    for short in 0..bytes.len() {
        assert_eq!(Deliver::decode(&bytes[..short]).unwrap_err(), TpduError::TooShort);
    }
    assert_eq!(Deliver::decode(&[bytes, vec![0]].concat()).unwrap_err(), TpduError::TrailingBytes);
}

#[test]
fn what_is_none_is_refused() {
    let good = submit(text("hi")).encode().unwrap();
    let with = |place: usize, octet: u8| {
        let mut bytes = good.clone();
        bytes[place] = octet;
        Submit::decode(&bytes).unwrap_err()
    };
    assert_eq!(Deliver::decode(&good).unwrap_err(), TpduError::Kind);
    assert_eq!(StatusReport::decode(&good).unwrap_err(), TpduError::Kind);
    assert_eq!(with(0, 0x00), TpduError::Kind);
    assert_eq!(with(2, 21), TpduError::Address);
    assert_eq!(with(2, 0), TpduError::Address);
    assert_eq!(with(3, 0x11), TpduError::Address);
    assert_eq!(with(4, 0xa0), TpduError::Address);
    for compressed_or_ucs2 in [0x08, 0x20, 0x24, 0x48, 0xe0] {
        assert_eq!(with(11, compressed_or_ucs2), TpduError::Coding);
    }
    assert_eq!(with(12, 161), TpduError::TooLong);
    // A header where there is none: the first octet of "hi" is no length that fits.
    assert_eq!(with(0, 0x41), TpduError::Header);
    let empty = submit(text("")).encode().unwrap();
    assert_eq!(Submit::decode(&[&[0x41], &empty[1..]].concat()).unwrap_err(), TpduError::Header);
    // A header that ends behind the last septet: one octet needs two septets.
    let cut = [&good[..12], &[1, 0x00]].concat();
    assert_eq!(Submit::decode(&[&[0x41], &cut[1..]].concat()).unwrap_err(), TpduError::Header);
}

#[test]
fn codings() {
    use coding::Coding;
    for octet in [0x00, 0x0c, 0x10, 0x40, 0x80, 0xb4, 0xc0, 0xd8, 0xf0, 0xf3] {
        assert_eq!(Coding::from_octet(octet), Ok(Coding::Septets), "{octet:#x}");
    }
    for octet in [0x04, 0x14, 0x17, 0x44, 0xf4, 0xf5] {
        assert_eq!(Coding::from_octet(octet), Ok(Coding::Octets), "{octet:#x}");
    }
}

#[test]
fn validities_are_the_next_that_there_is() {
    let read_back = |minutes| validity::decode(validity::encode(minutes));
    assert_eq!([0, 5, 6, 720, 721, 1_440, 1_441].map(read_back), [5, 5, 10, 720, 750, 1_440, 2_880]);
    assert_eq!([43_200, 43_201, u32::MAX].map(read_back), [43_200, 50_400, MAX_VALIDITY_MINUTES]);
    let all: Vec<u32> = (0..=u8::MAX).map(validity::decode).collect();
    assert!(all.is_sorted_by(|shorter, longer| shorter < longer));
    assert!((0..=u8::MAX).all(|octet| validity::encode(validity::decode(octet)) == octet));
}
