//! What must not be sealed, and what must not open.

use super::*;

#[test]
fn a_profile_seals_only_its_own_messages() {
    let mut rng = Seeded::new("profile");
    let key = Secret::new([9; 32]);
    let pair = KeyPair::generate(Suite::X25519, &mut rng).unwrap();
    let symmetric = keys_of(Suite::Symmetric, Delivery::Shared);
    let shared = keys_of(Suite::X25519, Delivery::Shared);
    let public = keys_of(Suite::X25519, Delivery::PublicKey);
    let set = set_of(6, 40);
    for refused in [
        public.seal_set(HANDLE, &set, &mut rng),
        shared.seal_set_to(HANDLE, pair.public(), &set, &mut rng),
        symmetric.seal_set_to(HANDLE, pair.public(), &set, &mut rng),
        shared.seal_rotation(HANDLE, &key, &mut rng),
        symmetric.seal_rotation_to(HANDLE, pair.public(), &key, &mut rng),
    ] {
        assert_eq!(refused.unwrap_err(), SealError::WrongProfile);
    }
}

/// MB-PRO-2.
#[test]
fn a_profile_opens_only_its_own_messages() {
    let mut rng = Seeded::new("downgrade");
    let key = Secret::new([9; 32]);
    let pair = KeyPair::generate(Suite::X25519, &mut rng).unwrap();
    let symmetric = keys_of(Suite::Symmetric, Delivery::Shared);
    let shared = keys_of(Suite::X25519, Delivery::Shared);
    let public = keys_of(Suite::X25519, Delivery::PublicKey);
    let set = shared.seal_set(HANDLE, &set_of(6, 40), &mut rng).unwrap();
    let set_pk = public.seal_set_to(HANDLE, pair.public(), &set_of(6, 40), &mut rng).unwrap();
    let rotation = symmetric.seal_rotation(HANDLE, &key, &mut rng).unwrap();
    let rotation_pk = shared.seal_rotation_to(HANDLE, pair.public(), &key, &mut rng).unwrap();
    for (keys, bytes) in [(&public, set), (&shared, set_pk), (&shared, rotation), (&symmetric, rotation_pk)] {
        assert_eq!(open_down(keys, &bytes, Some(&pair)).unwrap_err(), "wrong-profile");
    }
}

#[test]
fn wrong_arguments_are_not_sealed() {
    let mut rng = Seeded::new("arguments");
    let keys = keys_of(Suite::X25519, Delivery::Shared);
    let mut sync = |sequence, sync: Sync| keys.seal_sync(HANDLE, sequence, &sync, &mut rng).unwrap_err();
    assert_eq!(sync(0, SYNC), SealError::ZeroSequence);
    assert_eq!(sync(1, Sync { threshold: 64, ..SYNC }), SealError::Field);
    assert_eq!(keys.seal_request(0, &request(None), &mut rng).unwrap_err(), SealError::ZeroSequence);
    let short = request(Some(vec![9; 31]));
    assert_eq!(keys.seal_request(1, &short, &mut rng).unwrap_err(), SealError::PublicKey);
    let key = Secret::new([9; 32]);
    for low_order in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        assert_eq!(keys.seal_rotation_to(HANDLE, &low_order, &key, &mut rng).unwrap_err(), SealError::PublicKey);
    }
    assert_eq!(keys.seal_rotation_to(HANDLE, &[4; 65], &key, &mut rng).unwrap_err(), SealError::PublicKey);
    let enrol = Enrol { profile: keys.party().profile, handle: HANDLE, public_key: vec![9; 32] };
    assert_eq!(keys.seal_enrol(1, &enrol, &mut rng).unwrap_err(), SealError::WrongEpoch);
    let first = EpochKeys::derive(&key, keys.party(), Epoch(0));
    let short = Enrol { public_key: vec![9; 31], ..enrol.clone() };
    assert_eq!(first.seal_enrol(1, &short, &mut rng).unwrap_err(), SealError::PublicKey);
    let other = Enrol { profile: party(Suite::X25519, Delivery::PublicKey).profile, ..enrol };
    assert_eq!(first.seal_enrol(1, &other, &mut rng).unwrap_err(), SealError::WrongProfile);
}

#[test]
fn the_last_epoch_has_no_rotation() {
    let mut rng = Seeded::new("last epoch");
    let key = Secret::new([9; 32]);
    let last = |suite| EpochKeys::derive(&key, &party(suite, Delivery::Shared), Epoch(u32::MAX));
    let pair = KeyPair::generate(Suite::X25519, &mut rng).unwrap();
    assert_eq!(last(Suite::Symmetric).seal_rotation(HANDLE, &key, &mut rng).unwrap_err(), SealError::WrongEpoch);
    let to = last(Suite::X25519).seal_rotation_to(HANDLE, pair.public(), &key, &mut rng);
    assert_eq!(to.unwrap_err(), SealError::WrongEpoch);
}

/// MB-AAD-1.
#[test]
fn another_place_does_not_open() {
    let mut rng = Seeded::new("place");
    let home = party(Suite::X25519, Delivery::Shared);
    let key = Secret::new([7; 32]);
    let keys = EpochKeys::derive(&key, &home, EPOCH);
    let down = keys.seal_sync(HANDLE, 1, &SYNC, &mut rng).unwrap();
    let up = keys.seal_request(1, &request(None), &mut rng).unwrap();

    let other_id = Party { id: AuthenticatorId([1; 8]), ..home };
    let other_profile = party(Suite::P256, Delivery::Shared);
    for (party, epoch, of_down, of_up) in [
        (other_id, EPOCH, "authentication", "wrong-id"),
        (other_profile, EPOCH, "authentication", "authentication"),
        (home, Epoch(EPOCH.0 + 1), "wrong-epoch", "wrong-epoch"),
        (home, Epoch(EPOCH.0 + 256), "authentication", "authentication"),
    ] {
        let other = EpochKeys::derive(&key, &party, epoch);
        assert_eq!(open_down(&other, &down, None).unwrap_err(), of_down);
        assert_eq!(open_up(&other, &up).unwrap_err(), of_up);
    }
    let other = EpochKeys::derive(&Secret::new([8; 32]), &home, EPOCH);
    assert_eq!(open_down(&other, &down, None).unwrap_err(), "authentication");
    assert_eq!(open_up(&other, &up).unwrap_err(), "authentication");
    assert_eq!(open_down(&keys, &up, None).unwrap_err(), "wrong-direction");
    assert_eq!(open_up(&keys, &down).unwrap_err(), "wrong-direction");
}

#[test]
fn other_key_pairs_do_not_open() {
    let mut rng = Seeded::new("other pairs");
    let pair = KeyPair::generate(Suite::X25519, &mut rng).unwrap();
    let other = KeyPair::generate(Suite::X25519, &mut rng).unwrap();
    let p256 = KeyPair::generate(Suite::P256, &mut rng).unwrap();
    let keys = keys_of(Suite::X25519, Delivery::PublicKey);
    let set = keys.seal_set_to(HANDLE, pair.public(), &set_of(6, 40), &mut rng).unwrap();
    let rotation = keys.seal_rotation_to(HANDLE, pair.public(), &Secret::new([9; 32]), &mut rng).unwrap();
    for bytes in [set, rotation] {
        assert!(open_down(&keys, &bytes, Some(&pair)).is_ok());
        assert_eq!(open_down(&keys, &bytes, Some(&other)).unwrap_err(), "authentication");
        assert_eq!(open_down(&keys, &bytes, Some(&p256)).unwrap_err(), "wrong-key-pair");
        assert_eq!(open_down(&keys, &bytes, None).unwrap_err(), "no-key-pair");
    }
}

/// MB-ENL-1.
#[test]
fn an_enrolment_belongs_to_epoch_zero() {
    let home = party(Suite::Symmetric, Delivery::Shared);
    let key = Secret::new([7; 32]);
    let enrol = Enrol { profile: home.profile, handle: HANDLE, public_key: Vec::new() };
    let keys = EpochKeys::derive(&key, &home, Epoch(0));
    let bytes = keys.seal_enrol(1, &enrol, &mut Seeded::new("epoch zero")).unwrap();
    assert!(open_up(&keys, &bytes).is_ok());
    assert_eq!(open_up(&EpochKeys::derive(&key, &home, Epoch(256)), &bytes).unwrap_err(), "wrong-epoch");
}

/// MB-ENV-4, MB-ENV-6.
#[test]
fn every_flipped_bit_is_refused_but_the_handles() {
    let mut rng = Seeded::new("flips");
    let pair = KeyPair::generate(Suite::X25519, &mut rng).unwrap();
    let key = Secret::new([9; 32]);
    let public = keys_of(Suite::X25519, Delivery::PublicKey);
    let shared = keys_of(Suite::X25519, Delivery::Shared);
    let symmetric = keys_of(Suite::Symmetric, Delivery::Shared);
    let downlinks = [
        (&shared, shared.seal_set(HANDLE, &set_of(6, 40), &mut rng).unwrap()),
        (&shared, shared.seal_sync(HANDLE, 1, &SYNC, &mut rng).unwrap()),
        (&symmetric, symmetric.seal_rotation(HANDLE, &key, &mut rng).unwrap()),
        (&public, public.seal_set_to(HANDLE, pair.public(), &set_of(6, 3), &mut rng).unwrap()),
        (&public, public.seal_rotation_to(HANDLE, pair.public(), &key, &mut rng).unwrap()),
    ];
    for (keys, bytes) in downlinks {
        for place in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[place / 8] ^= 1 << (place % 8);
            let opened = open_down(keys, &flipped, Some(&pair));
            if place / 8 == 1 {
                // The handle only finds the key: `for_handle` refuses it, the tag does not.
                let message = UnverifiedDownlink::decode(&flipped).unwrap();
                assert!(message.for_handle(HANDLE).is_err());
            } else {
                assert!(opened.is_err(), "bit {place} of {}", bytes.len());
            }
        }
        for length in 0..bytes.len() {
            assert!(open_down(keys, &bytes[..length], Some(&pair)).is_err(), "{length} of {}", bytes.len());
        }
        assert!(open_down(keys, &[&bytes[..], &[0]].concat(), Some(&pair)).is_err());
    }
    for bytes in [
        shared.seal_request(1, &request(None), &mut rng).unwrap(),
        shared.seal_request(1, &request(Some(pair.public().to_vec())), &mut rng).unwrap(),
    ] {
        for place in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[place / 8] ^= 1 << (place % 8);
            assert!(open_up(&shared, &flipped).is_err(), "bit {place} of {}", bytes.len());
        }
        assert!(open_up(&shared, &bytes[..bytes.len() - 1]).is_err());
    }
}

#[test]
fn secrets_are_not_in_the_debug_text() {
    let mut rng = Seeded::new("debug");
    let keys = keys_of(Suite::Symmetric, Delivery::Shared);
    let bytes = keys.seal_rotation(HANDLE, &Secret::new([0xab; 32]), &mut rng).unwrap();
    let text = alloc::format!("{:?}", open_down(&keys, &bytes, None).unwrap());
    assert!(text.contains("Secret(…)") && !text.contains("171"), "{text}");
}
