//! Sealing and opening: sizes, round trips, and everything that must not open.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cose;
mod refusals;

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::codes::{Alphabet, Code, CodeFormat, CodeSet};
use crate::ids::{AuthenticatorId, CodeIndex, Epoch, Handle};
use crate::profile::{Delivery, Profile, Suite};
use crate::secret::Secret;
use crate::test_rng::Seeded;
use crate::wire::{Enrol, Party, Reason, Request, Sync, UnverifiedDownlink, UnverifiedUplink};

const HANDLE: Handle = Handle(3);
const EPOCH: Epoch = Epoch(0x0102);

fn party(suite: Suite, delivery: Delivery) -> Party {
    Party { id: AuthenticatorId(*b"\x9f\x03\xa1\xc2\xd4\xe5\xb6\xf7"), profile: Profile::new(suite, delivery).unwrap() }
}

fn keys_of(suite: Suite, delivery: Delivery) -> EpochKeys {
    EpochKeys::derive(&Secret::new([7; 32]), &party(suite, delivery), EPOCH)
}

fn set_of(digits: u8, count: usize) -> CodeSet {
    let format = CodeFormat::new(Alphabet::Decimal, digits).unwrap();
    let mut rng = Seeded::new("codes");
    CodeSet::new(CodeIndex(41), format, false, (0..count).map(|_| Code::draw(format, &mut rng)).collect()).unwrap()
}

fn request(ephemeral: Option<Vec<u8>>) -> Request {
    Request { highest: CodeIndex(40), unused: 3, wanted: 255, reason: Reason::Low, ephemeral }
}

const SYNC: Sync = Sync { last_request: 17, rotate: true, suspended: false, threshold: 10 };

fn open_down(keys: &EpochKeys, bytes: &[u8], pair: Option<&KeyPair>) -> Result<Downlink, &'static str> {
    let message = UnverifiedDownlink::decode(bytes).map_err(|error| error.name())?;
    keys.open_downlink(&message, pair).map_err(OpenError::name)
}

fn open_up(keys: &EpochKeys, bytes: &[u8]) -> Result<Uplink, &'static str> {
    let message = UnverifiedUplink::decode(bytes).map_err(|error| error.name())?;
    keys.open_uplink(&message).map_err(OpenError::name)
}

/// MB-SET-2.
#[test]
fn message_sizes_are_those_of_the_specification() {
    let mut rng = Seeded::new("sizes");
    let shared = keys_of(Suite::X25519, Delivery::Shared);
    let mut set = |digits, count| shared.seal_set(HANDLE, &set_of(digits, count), &mut rng).unwrap().len();
    assert_eq!([set(6, 40), set(8, 30), set(6, 25)], [133, 133, 96]);

    let key = Secret::new([9; 32]);
    let symmetric = keys_of(Suite::Symmetric, Delivery::Shared);
    assert_eq!(symmetric.seal_rotation(HANDLE, &key, &mut rng).unwrap().len(), 65);
    assert_eq!(symmetric.seal_sync(HANDLE, 1, &SYNC, &mut rng).unwrap().len(), 36);
    assert_eq!(symmetric.seal_request(1, &request(None), &mut rng).unwrap().len(), 45);

    for (suite, rotation, req, enrolled, set_pk) in
        [(Suite::X25519, 85, 77, 72, 238), (Suite::P256, 118, 110, 105, 271), (Suite::XWing, 1173, 1261, 1256, 1326)]
    {
        let keys = keys_of(suite, Delivery::PublicKey);
        let pair = KeyPair::generate(suite, &mut rng).unwrap();
        assert_eq!(keys.seal_rotation_to(HANDLE, pair.public(), &key, &mut rng).unwrap().len(), rotation);
        assert_eq!(keys.seal_request(1, &request(Some(pair.public().to_vec())), &mut rng).unwrap().len(), req);
        assert_eq!(keys.seal_set_to(HANDLE, pair.public(), &set_of(6, 50), &mut rng).unwrap().len(), set_pk);
        let party = party(suite, Delivery::PublicKey);
        let keys = EpochKeys::derive(&activation_key(&Secret::new([5; 16]), &party), &party, Epoch(0));
        let enrol = Enrol { profile: party.profile, handle: HANDLE, public_key: pair.public().to_vec() };
        assert_eq!(keys.seal_enrol(1, &enrol, &mut rng).unwrap().len(), enrolled);
    }
}

#[test]
fn sets_open() {
    let mut rng = Seeded::new("sets");
    for suite in [Suite::Symmetric, Suite::X25519, Suite::P256, Suite::XWing] {
        let keys = keys_of(suite, Delivery::Shared);
        let bytes = keys.seal_set(HANDLE, &set_of(6, 40), &mut rng).unwrap();
        let Downlink::Set(set) = open_down(&keys, &bytes, None).unwrap() else { panic!("no set") };
        assert_eq!(set, set_of(6, 40));
    }
    for suite in [Suite::X25519, Suite::P256, Suite::XWing] {
        let keys = keys_of(suite, Delivery::PublicKey);
        let pair = KeyPair::generate(suite, &mut rng).unwrap();
        let bytes = keys.seal_set_to(HANDLE, pair.public(), &set_of(8, 250), &mut rng).unwrap();
        let Downlink::Set(set) = open_down(&keys, &bytes, Some(&pair)).unwrap() else { panic!("no set") };
        assert_eq!(set, set_of(8, 250));
    }
}

#[test]
fn the_longest_message_is_as_long_as_the_limit() {
    let mut rng = Seeded::new("longest");
    let format = CodeFormat::new(Alphabet::Base32, 12).unwrap();
    let codes = (0..250).map(|_| Code::draw(format, &mut rng)).collect();
    let set = CodeSet::new(CodeIndex(1), format, false, codes).unwrap();
    let keys = keys_of(Suite::XWing, Delivery::PublicKey);
    let pair = KeyPair::generate(Suite::XWing, &mut rng).unwrap();
    let bytes = keys.seal_set_to(HANDLE, pair.public(), &set, &mut rng).unwrap();
    assert_eq!(bytes.len(), crate::wire::MAX_MESSAGE_LEN);
    assert!(open_down(&keys, &bytes, Some(&pair)).is_ok());
    let party = party(Suite::XWing, Delivery::PublicKey);
    let cose = expand_downlink(&bytes, &party).unwrap();
    assert!(cose.len() <= MAX_COSE_LEN);
    assert_eq!(compress_downlink(&cose, &party).unwrap(), bytes);
}

#[test]
fn rotations_open() {
    let mut rng = Seeded::new("rotations");
    let new_key = Secret::new([9; 32]);
    let keys = keys_of(Suite::Symmetric, Delivery::Shared);
    let bytes = keys.seal_rotation(HANDLE, &new_key, &mut rng).unwrap();
    assert_eq!(UnverifiedDownlink::decode(&bytes).unwrap().header().sequence, Some(0x0103));
    let Downlink::Rotation { next, key } = open_down(&keys, &bytes, None).unwrap() else { panic!("no rotation") };
    assert_eq!((next, key), (Epoch(0x0103), new_key.duplicate()));
    for suite in [Suite::X25519, Suite::P256, Suite::XWing] {
        let keys = keys_of(suite, Delivery::Shared);
        let pair = KeyPair::generate(suite, &mut rng).unwrap();
        let bytes = keys.seal_rotation_to(HANDLE, pair.public(), &new_key, &mut rng).unwrap();
        let opened = open_down(&keys, &bytes, Some(&pair)).unwrap();
        let Downlink::Rotation { next, key } = opened else { panic!("no rotation") };
        assert_eq!((next, key), (Epoch(0x0103), new_key.duplicate()));
    }
}

#[test]
fn syncs_open() {
    let keys = keys_of(Suite::X25519, Delivery::Shared);
    let bytes = keys.seal_sync(HANDLE, 4, &SYNC, &mut Seeded::new("sync")).unwrap();
    let Downlink::Sync { sequence, sync } = open_down(&keys, &bytes, None).unwrap() else { panic!("no sync") };
    assert_eq!((sequence, sync), (4, SYNC));
}

#[test]
fn requests_open() {
    let mut rng = Seeded::new("requests");
    for suite in [Suite::X25519, Suite::P256, Suite::XWing] {
        let keys = keys_of(suite, Delivery::Shared);
        let pair = KeyPair::generate(suite, &mut rng).unwrap();
        for ephemeral in [None, Some(pair.public().to_vec())] {
            let bytes = keys.seal_request(6, &request(ephemeral.clone()), &mut rng).unwrap();
            let Uplink::Request { counter, request: read } = open_up(&keys, &bytes).unwrap() else { panic!("no REQ") };
            assert_eq!((counter, read), (6, request(ephemeral)));
        }
    }
}

#[test]
fn enrolments_open() {
    let mut rng = Seeded::new("enrolments");
    for suite in [Suite::Symmetric, Suite::X25519, Suite::P256, Suite::XWing] {
        let party = party(suite, Delivery::Shared);
        let keys = EpochKeys::derive(&activation_key(&Secret::new([5; 16]), &party), &party, Epoch(0));
        let public_key = KeyPair::generate(suite, &mut rng).map(|pair| pair.public().to_vec()).unwrap_or_default();
        let enrol = Enrol { profile: party.profile, handle: HANDLE, public_key };
        let bytes = keys.seal_enrol(1, &enrol, &mut rng).unwrap();
        let Uplink::Enrol { counter, enrol: read } = open_up(&keys, &bytes).unwrap() else { panic!("no ENROL") };
        assert_eq!((counter, read), (1, enrol));
    }
}

/// MB-IV-2.
#[test]
fn ivs_stay_unique_when_the_random_source_repeats() {
    let keys = keys_of(Suite::X25519, Delivery::Shared);
    let iv =
        |sequence, sync| keys.seal_sync(HANDLE, sequence, sync, &mut Seeded::new("stuck")).unwrap()[3..15].to_vec();
    let first = iv(1, &SYNC);
    assert_eq!(first, iv(1, &SYNC));
    assert_eq!(first[..4], [0, 0, 0, 1]);
    let other_text = iv(1, &Sync { threshold: 11, ..SYNC });
    assert_ne!(first[4..], other_text[4..]);
    assert_ne!(first[4..], iv(2, &SYNC)[4..]);
    let other_handle = keys.seal_sync(Handle(4), 1, &SYNC, &mut Seeded::new("stuck")).unwrap()[3..15].to_vec();
    assert_ne!(first[4..], other_handle[4..]);
}

#[test]
fn the_hedge_is_what_the_specification_says() {
    use hmac::{Hmac, KeyInit, Mac};
    let keys = keys_of(Suite::X25519, Delivery::Shared);
    let bytes = keys.seal_sync(HANDLE, 1, &SYNC, &mut Seeded::new("hedge")).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&keys.expose_for_oracle().hedge_downlink).unwrap();
    mac.update(&Seeded::new("hedge").bytes::<32>());
    mac.update(&[0x25, 3, 2]);
    mac.update(&[0, 0, 0, 1]);
    mac.update(&[0, 0, 0, 17, 0x8a]);
    assert_eq!(bytes[7..15], mac.finalize().into_bytes()[..8]);
}

/// MB-KEY-1.
#[test]
fn every_key_has_its_own_use() {
    let all = |keys: &EpochKeys| {
        let bare = keys.expose_for_oracle();
        [bare.downlink, bare.uplink, bare.psk, bare.hedge_downlink, bare.hedge_uplink]
    };
    let key = Secret::new([7; 32]);
    let shared = party(Suite::X25519, Delivery::Shared);
    let parties = [
        shared,
        party(Suite::X25519, Delivery::PublicKey),
        party(Suite::P256, Delivery::Shared),
        Party { id: AuthenticatorId([1; 8]), ..shared },
    ];
    let mut seen = Vec::new();
    for party in &parties {
        for epoch in [0, 1, 256, 0x0100_0000] {
            seen.extend(all(&EpochKeys::derive(&key, party, Epoch(epoch))));
        }
        seen.push(*activation_key(&Secret::new([7; 16]), party).expose());
    }
    let count = seen.len();
    assert_eq!(count, 4 * (4 * 5 + 1));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

/// MB-SPK-1.
#[test]
fn every_set_has_its_own_session_key() {
    let mut rng = Seeded::new("session keys");
    let keys = keys_of(Suite::X25519, Delivery::PublicKey);
    let pair = KeyPair::generate(Suite::X25519, &mut rng).unwrap();
    let (party, epoch_low) = (keys.party(), EPOCH.low_byte());
    let protected = structures::recipient_protected(party, epoch_low);
    let info = structures::recipient_info(&protected, &structures::external_aad(party, 0x22, EPOCH));
    let psk_id = structures::psk_id(party, epoch_low);
    let context = hpke::Context { psk: &keys.psk, psk_id: &psk_id, info: &info, aad: &[] };
    let mut session_key = || {
        let bytes = keys.seal_set_to(HANDLE, pair.public(), &set_of(6, 1), &mut rng).unwrap();
        hpke::open(&pair, &bytes[15..47], &context, &bytes[47..95]).unwrap().to_vec()
    };
    let (first, second) = (session_key(), session_key());
    assert_eq!(first.len(), 32);
    assert_ne!(first, second);
}

#[test]
fn key_pairs_are_read_back() {
    let mut rng = Seeded::new("pairs");
    for suite in [Suite::X25519, Suite::P256, Suite::XWing] {
        let pair = KeyPair::generate(suite, &mut rng).unwrap();
        let again = KeyPair::from_secret_bytes(suite, &pair.secret_bytes()).unwrap();
        assert_eq!(again.public(), pair.public());
        assert_eq!(again.suite(), suite);
        assert!(check_public_key(suite, pair.public()).is_ok());
        assert_eq!(KeyPair::from_secret_bytes(suite, &[1; 31]).unwrap_err(), KeyError::Invalid);
        assert_eq!(check_public_key(suite, &[]), Err(KeyError::Invalid));
        assert!(!alloc::format!("{pair:?}").contains("secret"));
    }
    assert_eq!(KeyPair::generate(Suite::Symmetric, &mut rng).unwrap_err(), KeyError::NoKeyPair);
    assert_eq!(KeyPair::from_secret_bytes(Suite::P256, &[0; 32]).unwrap_err(), KeyError::Invalid);
    assert_eq!(KeyPair::from_secret_bytes(Suite::P256, &[0xff; 32]).unwrap_err(), KeyError::Invalid);
    assert_eq!(check_public_key(Suite::P256, &[4; 65]), Err(KeyError::Invalid));
    assert_eq!(check_public_key(Suite::X25519, &[9; 33]), Err(KeyError::Invalid));
}
