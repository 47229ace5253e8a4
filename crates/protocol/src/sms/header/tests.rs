//! User data headers, whole and malformed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

const PORTS: Ports = Ports { destination: 16_020, origin: 16_020 };

fn part_of(reference: Reference, total: u8, number: u8) -> Option<Concatenation> {
    Some(Concatenation { reference, total, number })
}

/// MB-SMS-1, MB-SMS-2.
#[test]
fn headers_are_written_as_the_standard_says() {
    let port = UserDataHeader { ports: Some(PORTS), concatenation: None };
    assert_eq!(port.encode(), [0x06, 0x05, 0x04, 0x3e, 0x94, 0x3e, 0x94]);
    let both = UserDataHeader { ports: Some(PORTS), concatenation: part_of(Reference::Short(7), 2, 1) };
    assert_eq!(both.encode(), [0x0b, 0x05, 0x04, 0x3e, 0x94, 0x3e, 0x94, 0x00, 0x03, 7, 2, 1]);
    let short = UserDataHeader { ports: None, concatenation: part_of(Reference::Short(0xff), 255, 255) };
    assert_eq!(short.encode(), [0x05, 0x00, 0x03, 0xff, 255, 255]);
    let long = UserDataHeader { ports: None, concatenation: part_of(Reference::Long(0x0102), 3, 2) };
    assert_eq!(long.encode(), [0x06, 0x08, 0x04, 1, 2, 3, 2]);
    for header in [port, both, short, long, UserDataHeader::default()] {
        assert_eq!(UserDataHeader::decode(&header.encode()), Ok(header));
    }
    assert!(UserDataHeader::default().encode().is_empty());
}

#[test]
fn other_elements_are_skipped() {
    // National language, special message indication, one of length 0; then what counts, in the other order.
    let header =
        [0x13, 0x24, 0x01, 0x01, 0x01, 0x02, 0x00, 0x00, 0x70, 0x00, 0x00, 0x03, 9, 2, 2, 0x05, 0x02, 0x01, 0x02, 0x00];
    assert_eq!(UserDataHeader::decode(&header), Err(HeaderError::Element));
    let header = [
        0x15, 0x24, 0x01, 0x01, 0x01, 0x02, 0x00, 0x00, 0x70, 0x00, 0x00, 0x03, 9, 2, 2, 0x05, 0x04, 0x3e, 0x94, 0, 1,
        0x70,
    ];
    assert_eq!(UserDataHeader::decode(&header), Err(HeaderError::Length));
    let header = [0x14].iter().chain(&header[1..21]).copied().collect::<Vec<u8>>();
    assert_eq!(
        UserDataHeader::decode(&header),
        Ok(UserDataHeader {
            ports: Some(Ports { destination: 16_020, origin: 1 }),
            concatenation: part_of(Reference::Short(9), 2, 2)
        })
    );
    assert_eq!(
        UserDataHeader::decode(&[4, 0x04, 2, 0xf5, 0xf6]).unwrap().ports,
        Some(Ports { destination: 0xf5, origin: 0xf6 })
    );
    assert_eq!(UserDataHeader::decode(&[0]), Ok(UserDataHeader::default()));
}

#[test]
fn the_last_of_a_kind_counts() {
    let twice = [0x0b, 0x00, 3, 1, 2, 1, 0x08, 4, 0, 1, 3, 3];
    assert_eq!(UserDataHeader::decode(&twice).unwrap().concatenation, part_of(Reference::Long(1), 3, 3));
}

/// MB-SMS-5.
#[test]
fn malformed_headers_are_refused() {
    let refused = |header: &[u8]| UserDataHeader::decode(header).unwrap_err();
    assert_eq!(refused(&[1]), HeaderError::Length);
    assert_eq!(refused(&[0, 0]), HeaderError::Length);
    assert_eq!(refused(&[1, 0x00]), HeaderError::Length);
    assert_eq!(refused(&[4, 0x00, 3, 1, 1]), HeaderError::Length);
    assert_eq!(refused(&[6, 0x00, 3, 1, 1, 1, 0x70]), HeaderError::Length);
    assert_eq!(refused(&[4, 0x00, 2, 1, 1]), HeaderError::Element);
    assert_eq!(refused(&[5, 0x08, 3, 1, 1, 1]), HeaderError::Element);
    assert_eq!(refused(&[2, 0x05, 0]), HeaderError::Element);
    assert_eq!(refused(&[3, 0x04, 1, 1]), HeaderError::Element);
    assert_eq!(refused(&[5, 0x00, 3, 1, 0, 0]), HeaderError::Part);
    assert_eq!(refused(&[5, 0x00, 3, 1, 2, 0]), HeaderError::Part);
    assert_eq!(refused(&[5, 0x00, 3, 1, 2, 3]), HeaderError::Part);
}
