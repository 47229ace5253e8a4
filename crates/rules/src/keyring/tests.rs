#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::codes::{Alphabet, Code, CodeFormat};
use matchbook_protocol::{AuthenticatorId, CodeIndex, Epoch, Secret};

use super::{BucketKind, KeyPlace, Keyring, KeyringError, SEALED_KEY_LEN};
use crate::model::{RealmId, SealedKey};
use crate::testing::TestRng;

const ID: AuthenticatorId = AuthenticatorId([1, 2, 3, 4, 5, 6, 7, 8]);

fn keyring(version: u8) -> Keyring {
    Keyring::new(Secret::new([7; 32]), Secret::new([9; 32]), version)
}

fn realm(name: &str) -> RealmId {
    RealmId::new(name).unwrap()
}

#[test]
fn a_key_opens_in_its_place_only() {
    let (ring, here, other) = (keyring(1), realm("ship"), realm("shore"));
    let place = KeyPlace { realm: &here, id: ID, epoch: Epoch(3) };
    let sealed = ring.seal_key(&place, &Secret::new([5; 32]), &mut TestRng::new(1)).unwrap();
    assert_eq!(sealed.0.len(), SEALED_KEY_LEN);
    assert_eq!(ring.open_key(&place, &sealed).unwrap(), Secret::new([5; 32]));
    let moved = [
        KeyPlace { realm: &other, ..place },
        KeyPlace { id: AuthenticatorId([0; 8]), ..place },
        KeyPlace { epoch: Epoch(4), ..place },
    ];
    for place in moved {
        assert_eq!(ring.open_key(&place, &sealed), Err(KeyringError::Damaged));
    }
}

#[test]
fn a_changed_short_or_foreign_key_does_not_open() {
    let (ring, here) = (keyring(1), realm("ship"));
    let place = KeyPlace { realm: &here, id: ID, epoch: Epoch(0) };
    let sealed = ring.seal_key(&place, &Secret::new([5; 32]), &mut TestRng::new(1)).unwrap();
    for position in 1..sealed.0.len() {
        let mut changed = sealed.clone();
        changed.0[position] ^= 1;
        assert_eq!(ring.open_key(&place, &changed), Err(KeyringError::Damaged), "byte {position}");
    }
    for length in 0..sealed.0.len() {
        assert_eq!(ring.open_key(&place, &SealedKey(sealed.0[..length].to_vec())), Err(KeyringError::Damaged));
    }
    let foreign = Keyring::new(Secret::new([8; 32]), Secret::new([9; 32]), 1);
    assert_eq!(foreign.open_key(&place, &sealed), Err(KeyringError::Damaged));
    assert_eq!(keyring(2).open_key(&place, &sealed), Err(KeyringError::OtherVersion));
}

#[test]
fn a_random_source_that_repeats_itself_repeats_no_nonce_for_another_key_or_place() {
    let (ring, here) = (keyring(1), realm("ship"));
    let place = KeyPlace { realm: &here, id: ID, epoch: Epoch(0) };
    let next = KeyPlace { epoch: Epoch(1), ..place };
    let one = ring.seal_key(&place, &Secret::new([5; 32]), &mut TestRng::new(1)).unwrap();
    let other_key = ring.seal_key(&place, &Secret::new([6; 32]), &mut TestRng::new(1)).unwrap();
    let other_place = ring.seal_key(&next, &Secret::new([5; 32]), &mut TestRng::new(1)).unwrap();
    assert_ne!(one.0[1..13], other_key.0[1..13]);
    assert_ne!(one.0[1..13], other_place.0[1..13]);
}

#[test]
fn a_tag_depends_on_everything() {
    let (ring, here) = (keyring(1), realm("ship"));
    let six = CodeFormat::DEFAULT;
    let eight = CodeFormat::new(Alphabet::Decimal, 8).unwrap();
    let letters = CodeFormat::new(Alphabet::Base32, 6).unwrap();
    let code = |format, value| Code::from_value(format, value).unwrap();
    let tag = ring.code_tag(&here, ID, CodeIndex(1), &code(six, 42));
    assert_eq!(tag, ring.code_tag(&here, ID, CodeIndex(1), &code(six, 42)));
    let others = [
        ring.code_tag(&realm("shore"), ID, CodeIndex(1), &code(six, 42)),
        ring.code_tag(&here, AuthenticatorId([0; 8]), CodeIndex(1), &code(six, 42)),
        ring.code_tag(&here, ID, CodeIndex(2), &code(six, 42)),
        ring.code_tag(&here, ID, CodeIndex(1), &code(six, 43)),
        ring.code_tag(&here, ID, CodeIndex(1), &code(eight, 42)),
        ring.code_tag(&here, ID, CodeIndex(1), &code(letters, 42)),
        Keyring::new(Secret::new([7; 32]), Secret::new([1; 32]), 1).code_tag(&here, ID, CodeIndex(1), &code(six, 42)),
    ];
    assert!(others.iter().all(|other| *other != tag));
}

#[test]
fn buckets_and_fingerprints_keep_the_borders_of_their_parts() {
    let (ring, here) = (keyring(1), realm("ship"));
    let bucket = |kind, parts: &[&str]| ring.bucket(kind, &here, parts);
    assert_eq!(bucket(BucketKind::Source, &["ab", "c"]), bucket(BucketKind::Source, &["ab", "c"]));
    assert_ne!(bucket(BucketKind::Source, &["ab", "c"]), bucket(BucketKind::Source, &["a", "bc"]));
    assert_ne!(bucket(BucketKind::Source, &["ab"]), bucket(BucketKind::Skips, &["ab"]));
    assert_ne!(bucket(BucketKind::Source, &["ab"]), ring.bucket(BucketKind::Source, &realm("shore"), &["ab"]));
    assert_ne!(ring.fingerprint(&[b"ab", b"c"]), ring.fingerprint(&[b"a", b"bc"]));
    assert_ne!(ring.fingerprint(&[b"ab"]), ring.fingerprint(&[b"ab", b""]));
}

#[test]
fn the_check_value_tells_both_secrets_apart_and_debug_tells_none() {
    let check = |kek, pepper| Keyring::new(Secret::new([kek; 32]), Secret::new([pepper; 32]), 1).check_value();
    assert_eq!(check(7, 9), keyring(1).check_value());
    assert_ne!(check(7, 9), check(8, 9));
    assert_ne!(check(7, 9), check(7, 8));
    assert_ne!(check(7, 9), check(9, 7));
    assert_eq!(format!("{:?}", keyring(4)), "Keyring(version 4)");
}
