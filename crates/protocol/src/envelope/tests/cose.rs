//! The COSE form: its exact bytes, there and back, and everything that is not canonical.

use super::*;
use crate::wire::DecodeError;

fn hex(bytes: &[u8]) -> alloc::string::String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[test]
fn a_message_under_the_shared_key_is_an_encrypt0() {
    let mut rng = Seeded::new("cose shared");
    let keys = keys_of(Suite::X25519, Delivery::Shared);
    let bytes = keys.seal_sync(HANDLE, 1, &SYNC, &mut rng).unwrap();
    let cose = expand_downlink(&bytes, keys.party()).unwrap();
    let (kid, iv, body) = (hex(&bytes[..3]), hex(&bytes[3..15]), hex(&bytes[15..]));
    assert_eq!(hex(&cose), alloc::format!("d08340a20443{kid}054c{iv}55{body}"));
    assert_eq!(compress_downlink(&cose, keys.party()).unwrap(), bytes);

    let bytes = keys.seal_request(1, &request(None), &mut rng).unwrap();
    let cose = expand_uplink(&bytes).unwrap();
    let (kid, iv, body) = (hex(&bytes[..10]), hex(&bytes[10..22]), hex(&bytes[22..]));
    assert_eq!(hex(&cose), alloc::format!("d08340a2044a{kid}054c{iv}57{body}"));
    assert_eq!(compress_uplink(&cose).unwrap(), bytes);
}

#[test]
fn public_key_messages_name_their_algorithms() {
    let mut rng = Seeded::new("cose hpke");
    for (suite, integrated, key_encryption, enc_head, enc_len) in [
        (Suite::X25519, "1829", "1831", "5820", 32),
        (Suite::P256, "182d", "1835", "5841", 65),
        (Suite::XWing, "3a00010000", "3a00010001", "590460", 1120),
    ] {
        let keys = keys_of(suite, Delivery::PublicKey);
        let pair = KeyPair::generate(suite, &mut rng).unwrap();
        let psk_id = hex(&[&keys.party().id.0[..], &[EPOCH.low_byte()]].concat());
        let protected = |alg| {
            let map = alloc::format!("a201{alg}2449{psk_id}");
            if map.len() / 2 < 24 { alloc::format!("{:02x}{map}", 0x40 + map.len() / 2) } else { panic!("long") }
        };

        let bytes = keys.seal_rotation_to(HANDLE, pair.public(), &Secret::new([9; 32]), &mut rng).unwrap();
        let cose = expand_downlink(&bytes, keys.party()).unwrap();
        let (kid, enc, body) = (hex(&bytes[..3]), hex(&bytes[3..3 + enc_len]), hex(&bytes[3 + enc_len..]));
        let expected = alloc::format!("d083{}a20443{kid}23{enc_head}{enc}5832{body}", protected(integrated));
        assert_eq!(hex(&cose), expected);
        assert_eq!(compress_downlink(&cose, keys.party()).unwrap(), bytes);

        let bytes = keys.seal_set_to(HANDLE, pair.public(), &set_of(6, 1), &mut rng).unwrap();
        let cose = expand_downlink(&bytes, keys.party()).unwrap();
        let (head, rest) = bytes.split_at(15);
        let (enc, rest) = rest.split_at(enc_len);
        let (wrapped, content) = rest.split_at(48);
        let (kid, iv, enc, wrapped, content) = (hex(&head[..3]), hex(&head[3..]), hex(enc), hex(wrapped), hex(content));
        let expected = alloc::format!(
            "d8608443a10103a20443{kid}054c{iv}55{content}8183{}a123{enc_head}{enc}5830{wrapped}",
            protected(key_encryption)
        );
        assert_eq!(hex(&cose), expected);
        assert_eq!(compress_downlink(&cose, keys.party()).unwrap(), bytes);
    }
}

/// MB-COS-2.
#[test]
fn what_expanding_would_not_give_is_refused() {
    let mut rng = Seeded::new("canonical");
    let keys = keys_of(Suite::X25519, Delivery::Shared);
    let bytes = keys.seal_sync(HANDLE, 1, &SYNC, &mut rng).unwrap();
    let cose = expand_downlink(&bytes, keys.party()).unwrap();
    let compress = |cose: &[u8]| compress_downlink(cose, keys.party()).map_err(DecodeError::name);
    let spliced = |at: usize, old: usize, new: &[u8]| [&cose[..at], new, &cose[at + old..]].concat();
    for (bytes, name) in [
        (vec![], "cbor"),
        (cose[1..].to_vec(), "cbor"),
        (spliced(0, 1, &[0xd1]), "cbor"),
        (spliced(0, 1, &[0xd8, 16]), "not-canonical"),
        (spliced(1, 1, &[0x9f]), "cbor"),
        (spliced(1, 1, &[0x98, 3]), "not-canonical"),
        (spliced(2, 1, &[0x41, 0xa0]), "not-canonical"),
        (spliced(3, 1, &[0xb8, 2]), "not-canonical"),
        (spliced(5, 1, &[0x58, 3]), "not-canonical"),
        (spliced(4, 1, &[0x18, 4]), "not-canonical"),
        (spliced(9, 1, &[0x06]), "cbor"),
        (cose[..cose.len() - 1].to_vec(), "cbor"),
        ([&cose[..], &[0]].concat(), "trailing-bytes"),
        (vec![0xd0; MAX_COSE_LEN + 1], "too-long"),
    ] {
        assert_eq!(compress(&bytes).unwrap_err(), name, "{}", hex(&bytes[..bytes.len().min(60)]));
    }
    let up = expand_uplink(&keys.seal_request(1, &request(None), &mut rng).unwrap()).unwrap();
    assert_eq!(compress(&up).unwrap_err(), "wrong-direction");
    assert_eq!(compress_uplink(&cose).unwrap_err().name(), "wrong-direction");
}

#[test]
fn the_receivers_profile_decides() {
    let mut rng = Seeded::new("cose profile");
    let pair = KeyPair::generate(Suite::X25519, &mut rng).unwrap();
    let keys = keys_of(Suite::X25519, Delivery::PublicKey);
    let bytes = keys.seal_set_to(HANDLE, pair.public(), &set_of(6, 40), &mut rng).unwrap();
    let cose = expand_downlink(&bytes, keys.party()).unwrap();
    let shared = party(Suite::X25519, Delivery::Shared);
    assert_eq!(expand_downlink(&bytes, &shared).unwrap_err(), DecodeError::WrongProfile);
    assert_eq!(compress_downlink(&cose, &shared).unwrap_err(), DecodeError::WrongProfile);
    let p256 = party(Suite::P256, Delivery::PublicKey);
    assert_eq!(compress_downlink(&cose, &p256).unwrap_err(), DecodeError::NotCanonical);
    let x_wing = party(Suite::XWing, Delivery::PublicKey);
    assert_eq!(expand_downlink(&bytes, &x_wing).unwrap_err(), DecodeError::TooShort);
    let other = Party { id: AuthenticatorId([1; 8]), ..*keys.party() };
    assert_eq!(compress_downlink(&cose, &other).unwrap_err(), DecodeError::NotCanonical);
}

/// MB-COS-4.
#[test]
fn sequences_are_split() {
    let mut rng = Seeded::new("sequences");
    let keys = keys_of(Suite::X25519, Delivery::Shared);
    let messages: Vec<Vec<u8>> = (1..=5)
        .map(|number| keys.seal_sync(HANDLE, number, &SYNC, &mut rng).unwrap())
        .map(|bytes| expand_downlink(&bytes, keys.party()).unwrap())
        .collect();
    for count in 0..=4 {
        let joined = messages[..count].concat();
        assert_eq!(split_sequence(&joined).unwrap(), messages[..count].iter().collect::<Vec<_>>());
    }
    let split = |bytes: &[u8]| split_sequence(bytes).unwrap_err().name();
    assert_eq!(split(&messages.concat()), "too-many-messages");
    assert_eq!(split(&[&messages[0][..], &[0]].concat()), "cbor");
    assert_eq!(split(&messages[0][1..]), "cbor");
    assert_eq!(split(&messages[0][..20]), "cbor");
    assert_eq!(split(&[0xd1, 0x80]), "cbor");
    assert_eq!(split(&[0xd0, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "cbor");
    assert_eq!(split(&vec![0xd0; MAX_SEQUENCE * MAX_COSE_LEN + 1]), "too-long");
    let long = [&[0xd0, 0x59, 0x0d, 0x00][..], &[0; 0x0d00]].concat();
    assert_eq!(split(&long), "too-long");
    assert_eq!(split(&vec![0xd0; 1000]), "cbor");
    assert_eq!(split(&[&[0xd0][..], &[0x9f; 2000]].concat()), "cbor");
}
