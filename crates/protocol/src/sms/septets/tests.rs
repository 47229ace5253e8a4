//! Packing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::vec;

use super::*;

#[test]
fn the_well_known_example() {
    let mut octets = vec![];
    append(&mut octets, b"hellohello");
    assert_eq!(octets, [0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37]);
    assert_eq!(read(&octets, 0, 10).unwrap(), b"hellohello");
}

#[test]
fn every_length_behind_every_header() {
    for header_len in 0..20 {
        for count in 0..40 {
            let header = vec![0xff; header_len];
            let septets: Vec<u8> = (0..count).map(|place: u8| place.wrapping_mul(37).wrapping_add(85) & 0x7f).collect();
            let mut octets = header.clone();
            append(&mut octets, &septets);
            let first = covering(header_len);
            assert_eq!(octets.len(), octets_of(first + septets.len()).max(header_len));
            assert_eq!(octets[..header_len], header);
            assert_eq!(read(&octets, first, septets.len()).unwrap(), septets);
            assert_eq!(read(&octets, first, septets.len() + 9), None);
        }
    }
}

#[test]
fn fill_bits_are_zero() {
    // Six octets are 48 bits: one fill bit, then the septets from bit 49 on.
    let mut octets = vec![5, 0, 3, 1, 2, 1];
    append(&mut octets, &[0x7f]);
    assert_eq!(octets, [5, 0, 3, 1, 2, 1, 0xfe]);
    assert_eq!((covering(6), covering(7), covering(12), octets_of(160)), (7, 8, 14, 140));
}

#[test]
fn nothing_is_read_beyond_the_end() {
    assert_eq!(read(&[], 0, 0).unwrap(), []);
    assert_eq!(read(&[], 0, 1), None);
    assert_eq!(read(&[0xff; 7], 0, 8).unwrap(), [0x7f; 8]);
    assert_eq!(read(&[0xff; 7], 0, 9), None);
    assert_eq!(read(&[0xff; 7], usize::MAX, 2), None);
}
