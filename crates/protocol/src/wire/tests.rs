//! Headers, lengths, and every plaintext's bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::codes::{Code, CodeFormat, CodeSet};
use crate::ids::{CodeIndex, Epoch, Handle};
use crate::profile::{Delivery, Suite};
use crate::secret::Secret;

fn message(byte0: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![1; length];
    bytes[0] = byte0;
    bytes
}

fn down(bytes: &[u8]) -> Result<DownlinkHeader, DecodeError> {
    UnverifiedDownlink::decode(bytes).map(|message| message.header())
}

/// MB-ENV-1.
#[test]
fn byte0_is_version_and_type() {
    let down = [
        DownlinkKind::Set,
        DownlinkKind::SetPk,
        DownlinkKind::RotateSymmetric,
        DownlinkKind::RotatePublicKey,
        DownlinkKind::Sync,
    ];
    assert_eq!(down.map(DownlinkKind::byte0), [0x21, 0x22, 0x23, 0x24, 0x25]);
    assert_eq!([UplinkKind::Request, UplinkKind::Enrol].map(UplinkKind::byte0), [0x30, 0x31]);
    for byte0 in 0..=u8::MAX {
        let expected_down = match byte0 {
            0x21..=0x25 => None,
            0x30 | 0x31 => Some(DecodeError::WrongDirection),
            0x20..=0x3f => Some(DecodeError::UnknownType),
            _ => Some(DecodeError::Version),
        };
        assert_eq!(DownlinkKind::from_byte0(byte0).err(), expected_down, "{byte0:#x}");
        let expected_up = match byte0 {
            0x30 | 0x31 => None,
            0x21..=0x25 => Some(DecodeError::WrongDirection),
            0x20..=0x3f => Some(DecodeError::UnknownType),
            _ => Some(DecodeError::Version),
        };
        assert_eq!(UplinkKind::from_byte0(byte0).err(), expected_up, "{byte0:#x}");
    }
}

#[test]
fn the_downlink_header_is_read() {
    let mut bytes = message(0x25, 36);
    bytes[1..7].copy_from_slice(&[7, 9, 0, 0, 1, 2]);
    let header = down(&bytes).unwrap();
    assert_eq!(header.kind, DownlinkKind::Sync);
    assert_eq!((header.handle, header.epoch_low, header.sequence), (Handle(7), 9, Some(0x102)));
    let rotation = down(&message(0x24, 85)).unwrap();
    assert_eq!((rotation.kind, rotation.sequence), (DownlinkKind::RotatePublicKey, None));
}

#[test]
fn the_uplink_header_is_read() {
    let mut bytes = message(0x30, 45);
    bytes[1..14].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 1, 0]);
    let message = UnverifiedUplink::decode(&bytes).unwrap();
    assert_eq!(message.kind(), UplinkKind::Request);
    assert_eq!(message.id(), AuthenticatorId([1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!((message.epoch_low(), message.counter()), (9, 256));
}

/// MB-ENV-2.
#[test]
fn downlink_lengths_are_bounded_or_exact() {
    for length in 0..=MAX_MESSAGE_LEN + 2 {
        let of = |byte0| if length == 0 { down(&[]) } else { down(&message(byte0, length)) }.is_ok();
        assert_eq!(of(0x21), (35..=31 + 2 + 1875).contains(&length), "SET {length}");
        assert_eq!(of(0x22), (115..=MAX_MESSAGE_LEN).contains(&length), "SET-PK {length}");
        assert_eq!(of(0x23), length == 65, "ROT-SYM {length}");
        assert_eq!(of(0x24), [85, 118, 1173].contains(&length), "ROT-PK {length}");
        assert_eq!(of(0x25), length == 36, "SYNC {length}");
    }
}

#[test]
fn uplink_lengths_are_exact() {
    for length in 0..=1400 {
        let of = |byte0| {
            let bytes = if length == 0 { Vec::new() } else { message(byte0, length) };
            UnverifiedUplink::decode(&bytes).is_ok()
        };
        assert_eq!(of(0x30), [45, 77, 110, 1261].contains(&length), "REQ {length}");
        assert_eq!(of(0x31), [40, 72, 105, 1256].contains(&length), "ENROL {length}");
    }
    assert_eq!(UnverifiedUplink::decode(&message(0x30, 46)).unwrap_err(), DecodeError::Length);
    assert_eq!(UnverifiedUplink::decode(&message(0x30, 44)).unwrap_err(), DecodeError::TooShort);
    assert_eq!(UnverifiedUplink::decode(&message(0x30, 1262)).unwrap_err(), DecodeError::TooLong);
}

/// MB-IV-1.
#[test]
fn sequence_zero_is_refused() {
    for (byte0, length) in [(0x21, 133), (0x22, 213), (0x23, 65), (0x25, 36)] {
        let mut bytes = message(byte0, length);
        bytes[3..7].fill(0);
        assert_eq!(down(&bytes).unwrap_err(), DecodeError::ZeroSequence);
    }
    let mut bytes = message(0x30, 45);
    bytes[10..14].fill(0);
    assert_eq!(UnverifiedUplink::decode(&bytes).unwrap_err(), DecodeError::ZeroSequence);
}

#[test]
fn a_message_for_another_account_is_told() {
    let bytes = message(0x25, 36);
    let message = UnverifiedDownlink::decode(&bytes).unwrap();
    assert!(message.for_handle(Handle(1)).is_ok());
    assert_eq!(message.for_handle(Handle(2)).unwrap_err().name(), "wrong-handle");
}

#[test]
fn each_profile_has_its_messages() {
    let of = |suite, delivery| {
        let profile = Profile::new(suite, delivery).unwrap();
        [
            DownlinkKind::Set,
            DownlinkKind::SetPk,
            DownlinkKind::RotateSymmetric,
            DownlinkKind::RotatePublicKey,
            DownlinkKind::Sync,
        ]
        .map(|kind| kind.is_in(profile))
    };
    assert_eq!(of(Suite::Symmetric, Delivery::Shared), [true, false, true, false, true]);
    for suite in [Suite::X25519, Suite::P256, Suite::XWing] {
        assert_eq!(of(suite, Delivery::Shared), [true, false, false, true, true]);
        assert_eq!(of(suite, Delivery::PublicKey), [false, true, false, true, true]);
    }
}

/// MB-SET-1.
#[test]
fn set_plaintext_bytes() {
    let code = Code::from_value(CodeFormat::DEFAULT, 1).unwrap();
    let set = CodeSet::new(CodeIndex(9), CodeFormat::DEFAULT, true, vec![code]).unwrap();
    assert_eq!(*encode_set(&set), [0x86, 1, 0, 0, 1]);
    assert_eq!(decode_set(CodeIndex(9), &[0x86, 1, 0, 0, 1]).unwrap(), set);
    for (first, bytes, name) in [
        (1, &[][..], "plaintext-length"),
        (1, &[6], "plaintext-length"),
        (1, &[0x26, 1, 0, 0, 1], "reserved-bits"),
        (1, &[0x46, 1, 0, 0, 1], "reserved-bits"),
        (1, &[0x03, 1, 0, 1], "digits"),
        (1, &[0x0d, 1, 0, 0, 0, 0, 0, 1], "digits"),
        (1, &[6, 0], "count"),
        (1, &[6, 251, 0, 0, 1], "count"),
        (1, &[6, 1, 0, 1], "packed-length"),
        (1, &[6, 1, 0, 0, 0, 1], "packed-length"),
        (1, &[6, 1, 0x0f, 0x42, 0x40], "packed-too-large"),
        (0, &[6, 1, 0, 0, 1], "first-index-zero"),
        (u32::MAX, &[6, 2, 0, 0, 0, 0, 1], "index-overflow"),
    ] {
        assert_eq!(decode_set(CodeIndex(first), bytes).unwrap_err().name(), name, "{bytes:02x?}");
    }
}

#[test]
fn rotation_plaintext_bytes() {
    let key = Secret::new([7; 32]);
    let bytes = encode_rotation(Epoch(0x0001_0203), &key);
    assert_eq!(bytes[..3], [2, 3, 7]);
    assert_eq!(bytes.len(), 34);
    assert!(decode_rotation(Epoch(0x0001_0203), &bytes).unwrap() == key);
    assert_eq!(decode_rotation(Epoch(0x0001_0204), &bytes).unwrap_err(), PlaintextError::NextEpoch);
    assert_eq!(decode_rotation(Epoch(0x0001_0203), &bytes[..33]).unwrap_err(), PlaintextError::Length);
    assert_eq!(decode_rotation(Epoch(1), &[0]).unwrap_err(), PlaintextError::Length);
}

#[test]
fn sync_plaintext_bytes() {
    let sync = Sync { last_request: 0x0102_0304, rotate: true, suspended: false, threshold: 10 };
    assert_eq!(sync.encode().unwrap(), [1, 2, 3, 4, 0x8a]);
    assert_eq!(Sync { threshold: 64, ..sync }.encode(), None);
    for flags in 0..=u8::MAX {
        let read = Sync::decode(&[0, 0, 0, 5, flags]).unwrap();
        assert_eq!(read.encode().unwrap(), [0, 0, 0, 5, flags]);
    }
    assert_eq!(Sync::decode(&[0; 4]).unwrap_err(), PlaintextError::Length);
    assert_eq!(Sync::decode(&[0; 6]).unwrap_err(), PlaintextError::Length);
}

/// MB-REQ-1.
#[test]
fn request_plaintext_bytes() {
    let request = Request {
        highest: CodeIndex(0x0102_0304),
        unused: 5,
        wanted: WANTED_SERVERS_CHOICE,
        reason: Reason::Rotate,
        ephemeral: Some(vec![9; 32]),
    };
    let bytes = request.encode(Suite::X25519).unwrap();
    assert_eq!(bytes[..8], [1, 2, 3, 4, 5, 255, 0x84, 9]);
    assert_eq!(Request::decode(Suite::X25519, &bytes).unwrap(), request);
    assert_eq!(request.encode(Suite::P256), None);
    assert_eq!(request.encode(Suite::Symmetric), None);
    let empty = Request { ephemeral: Some(Vec::new()), ..request.clone() };
    assert_eq!(empty.encode(Suite::Symmetric), None);
    for flags in 0..=u8::MAX {
        let read = Request::decode(Suite::X25519, &[0, 0, 0, 0, 0, 0, flags]);
        let expected = match flags {
            0..=4 => None,
            5..=7 => Some("unknown-reason"),
            0x80..=0x84 => Some("plaintext-length"),
            0x85..=0x87 => Some("unknown-reason"),
            _ => Some("reserved-bits"),
        };
        assert_eq!(read.err().map(PlaintextError::name), expected, "{flags:#x}");
    }
    let with_key = [&[0, 0, 0, 0, 0, 0, 0][..], &[9; 32]].concat();
    assert_eq!(Request::decode(Suite::X25519, &with_key).unwrap_err(), PlaintextError::Length);
    assert_eq!(Request::decode(Suite::P256, &bytes).unwrap_err(), PlaintextError::Length);
    assert_eq!(Request::decode(Suite::Symmetric, &[0, 0, 0, 0, 0, 0, 0x80]).unwrap_err(), PlaintextError::Length);
    assert_eq!(Request::decode(Suite::X25519, &[0; 6]).unwrap_err(), PlaintextError::Length);
}

#[test]
fn enrol_plaintext_bytes() {
    let profile = Profile::new(Suite::X25519, Delivery::PublicKey).unwrap();
    let enrol = Enrol { profile, handle: Handle(4), public_key: vec![9; 32] };
    let bytes = enrol.encode().unwrap();
    assert_eq!(bytes[..3], [0x82, 4, 9]);
    assert_eq!(Enrol::decode(profile, &bytes).unwrap(), enrol);
    let shared = Profile::new(Suite::X25519, Delivery::Shared).unwrap();
    assert_eq!(Enrol::decode(shared, &bytes).unwrap_err(), PlaintextError::ProfileMismatch);
    assert_eq!(Enrol::decode(profile, &bytes[..33]).unwrap_err(), PlaintextError::Length);
    assert_eq!(Enrol::decode(profile, &[]).unwrap_err(), PlaintextError::Length);
    assert_eq!(Enrol { public_key: vec![9; 31], ..enrol }.encode(), None);
    let symmetric = Profile::new(Suite::Symmetric, Delivery::Shared).unwrap();
    assert_eq!(Enrol::decode(symmetric, &[1, 4]).unwrap().public_key, Vec::<u8>::new());
    assert_eq!(Enrol::decode(symmetric, &[1, 4, 0]).unwrap_err(), PlaintextError::Length);
}

#[test]
fn overheads_are_those_of_the_specification() {
    let of = |suite, delivery| set_overhead(Profile::new(suite, delivery).unwrap());
    assert_eq!(of(Suite::X25519, Delivery::Shared), 31);
    assert_eq!(of(Suite::X25519, Delivery::PublicKey), 111);
    assert_eq!(of(Suite::P256, Delivery::PublicKey), 144);
    assert_eq!(MAX_MESSAGE_LEN, 3076);
}

/// MB-PRO-1.
#[test]
fn profiles_are_read_strictly() {
    for byte in 0..=u8::MAX {
        let expected = matches!(byte, 1..=4 | 0x82..=0x84);
        assert_eq!(Profile::from_byte(byte).is_ok(), expected, "{byte:#x}");
        assert!(Profile::from_byte(byte).is_ok_and(|profile| profile.to_byte() == byte) == expected);
    }
}
