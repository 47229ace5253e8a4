//! Properties of every codec: what goes in comes out, arbitrary bytes are refused without a panic, and what is accepted
//! has one encoding only.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../examples/vectors/catalogue/rng.rs"]
mod rng;

use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Downlink, Enrolment, Epoch, EpochKeys,
    Handle, KeyPair, Party, Profile, Reason, Request, Secret, Suite, Sync, UnverifiedDownlink, UnverifiedUplink,
    Uplink, compress_downlink, compress_uplink, expand_downlink, expand_uplink, pack, packed_len, split_sequence,
    unpack,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rng::Seeded;

fn profiles() -> impl Strategy<Value = Profile> {
    prop_oneof![
        Just((Suite::Symmetric, Delivery::Shared)),
        Just((Suite::X25519, Delivery::Shared)),
        Just((Suite::X25519, Delivery::PublicKey)),
        Just((Suite::P256, Delivery::Shared)),
        Just((Suite::P256, Delivery::PublicKey)),
    ]
    .prop_map(|(suite, delivery)| Profile::new(suite, delivery).unwrap())
}

fn parties() -> impl Strategy<Value = Party> {
    (any::<[u8; 8]>(), profiles()).prop_map(|(id, profile)| Party { id: AuthenticatorId(id), profile })
}

fn formats() -> impl Strategy<Value = CodeFormat> {
    (any::<bool>(), 4_u8..=12).prop_map(|(decimal, digits)| {
        CodeFormat::new(if decimal { Alphabet::Decimal } else { Alphabet::Base32 }, digits).unwrap()
    })
}

fn sets() -> impl Strategy<Value = CodeSet> {
    (formats(), 1_u32..=u32::MAX - 250, any::<bool>(), vec(any::<u64>(), 1..=250)).prop_map(
        |(format, first, reset, numbers)| {
            let code = |number: u64| Code::from_value(format, number % format.size()).unwrap();
            CodeSet::new(CodeIndex(first), format, reset, numbers.into_iter().map(code).collect()).unwrap()
        },
    )
}

/// Bytes that look a little like a message: a known byte 0 now and then.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![0x21_u8..=0x25, 0x30_u8..=0x31, any::<u8>()];
    (first, vec(any::<u8>(), 0..300)).prop_map(|(first, rest)| [vec![first], rest].concat())
}

/// Bytes that look a little like COSE.
fn cose_noise() -> impl Strategy<Value = Vec<u8>> {
    let item = prop_oneof![
        Just(vec![0xd0]),
        Just(vec![0xd8, 0x60]),
        Just(vec![0x83]),
        Just(vec![0x84]),
        Just(vec![0x40]),
        Just(vec![0xa2, 0x04]),
        Just(vec![0x43, 0x21, 1, 1]),
        Just(vec![0x05, 0x4c]),
        Just(vec![0x9f]),
        Just(vec![0x5f]),
        Just(vec![0xff]),
        vec(any::<u8>(), 0..20),
    ];
    vec(item, 0..12).prop_map(|items| items.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// MB-COD-1.
    #[test]
    fn packed_sets_unpack(set in sets()) {
        let packed = pack(&set);
        prop_assert_eq!(packed.len(), packed_len(set.format, set.codes().len()));
        prop_assert!(unpack(set.format, set.codes().len(), &packed).unwrap() == set.codes());
    }

    #[test]
    fn what_unpacks_packs_to_the_same_bytes(format in formats(), count in 0_usize..=255, seed in any::<u64>()) {
        let mut bytes = vec![0; packed_len(format, count)];
        rand_core::Rng::fill_bytes(&mut Seeded::new(&seed.to_string()), &mut bytes);
        // Below the largest value, more often than not.
        bytes.iter_mut().take(1).for_each(|byte| *byte &= 0x3f);
        if let Ok(codes) = unpack(format, count, &bytes) {
            let set = CodeSet::new(CodeIndex(1), format, false, codes).unwrap();
            prop_assert_eq!(&*pack(&set), &bytes);
        }
    }

    /// MB-COS-1.
    #[test]
    fn sealed_sets_open(set in sets(), party in parties(), key in any::<[u8; 32]>(), epoch in any::<u32>()) {
        let keys = EpochKeys::derive(&Secret::new(key), &party, Epoch(epoch));
        let mut rng = Seeded::new("sealed sets");
        let pair = KeyPair::generate(party.profile.suite(), &mut rng).ok();
        let bytes = match (party.profile.delivery(), &pair) {
            (Delivery::PublicKey, Some(pair)) => keys.seal_set_to(Handle(1), pair.public(), &set, &mut rng),
            _ => keys.seal_set(Handle(1), &set, &mut rng),
        }.unwrap();
        let opened = keys.open_downlink(&UnverifiedDownlink::decode(&bytes).unwrap(), pair.as_ref()).unwrap();
        let Downlink::Set(opened) = opened else { panic!("no set") };
        prop_assert!(opened == set);
        let cose = expand_downlink(&bytes, &party).unwrap();
        prop_assert_eq!(split_sequence(&cose).unwrap(), vec![&cose[..]]);
        prop_assert_eq!(compress_downlink(&cose, &party).unwrap(), bytes);
    }

    #[test]
    fn sealed_syncs_open(
        party in parties(), sequence in 1..=u32::MAX, last_request in any::<u32>(),
        rotate in any::<bool>(), suspended in any::<bool>(), threshold in 0_u8..=63,
    ) {
        let keys = EpochKeys::derive(&Secret::new([1; 32]), &party, Epoch(9));
        let given = Sync { last_request, rotate, suspended, threshold };
        let bytes = keys.seal_sync(Handle(1), sequence, &given, &mut Seeded::new("sync")).unwrap();
        let opened = keys.open_downlink(&UnverifiedDownlink::decode(&bytes).unwrap(), None).unwrap();
        let Downlink::Sync { sequence: read, sync } = opened else { panic!("no sync") };
        prop_assert_eq!((read, sync), (sequence, given));
    }

    #[test]
    fn sealed_requests_open(
        party in parties(), counter in 1..=u32::MAX, highest in any::<u32>(), unused in any::<u8>(),
        wanted in any::<u8>(), reason in 0_usize..5, with_key in any::<bool>(),
    ) {
        let mut rng = Seeded::new("request");
        let keys = EpochKeys::derive(&Secret::new([1; 32]), &party, Epoch(9));
        let pair = KeyPair::generate(party.profile.suite(), &mut rng).ok().filter(|_| with_key);
        let reasons = [Reason::Status, Reason::First, Reason::Low, Reason::Manual, Reason::Rotate];
        let ephemeral = pair.map(|pair| pair.public().to_vec());
        let given = Request { highest: CodeIndex(highest), unused, wanted, reason: reasons[reason], ephemeral };
        let bytes = keys.seal_request(counter, &given, &mut rng).unwrap();
        let message = UnverifiedUplink::decode(&bytes).unwrap();
        prop_assert_eq!(message.counter(), counter);
        let Uplink::Request { counter: read, request } = keys.open_uplink(&message).unwrap() else { panic!("no REQ") };
        prop_assert_eq!((read, request), (counter, given));
        prop_assert_eq!(compress_uplink(&expand_uplink(&bytes).unwrap()).unwrap(), bytes);
    }

    /// MB-ENV-3.
    #[test]
    fn noise_is_refused(bytes in noise(), party in parties()) {
        let keys = EpochKeys::derive(&Secret::new([1; 32]), &party, Epoch(9));
        let pair = KeyPair::generate(party.profile.suite(), &mut Seeded::new("noise")).ok();
        if let Ok(message) = UnverifiedDownlink::decode(&bytes) {
            prop_assert!(keys.open_downlink(&message, pair.as_ref()).is_err());
        }
        if let Ok(message) = UnverifiedUplink::decode(&bytes) {
            prop_assert!(keys.open_uplink(&message).is_err());
        }
        if let Ok(cose) = expand_downlink(&bytes, &party) {
            prop_assert_eq!(compress_downlink(&cose, &party).unwrap(), bytes.clone());
        }
        if let Ok(cose) = expand_uplink(&bytes) {
            prop_assert_eq!(compress_uplink(&cose).unwrap(), bytes);
        }
    }

    #[test]
    fn cose_noise_has_one_encoding_or_none(bytes in cose_noise(), party in parties()) {
        if let Ok(compressed) = compress_downlink(&bytes, &party) {
            prop_assert_eq!(expand_downlink(&compressed, &party).unwrap(), bytes.clone());
        }
        if let Ok(compressed) = compress_uplink(&bytes) {
            prop_assert_eq!(expand_uplink(&compressed).unwrap(), bytes.clone());
        }
        if let Ok(messages) = split_sequence(&bytes) {
            prop_assert_eq!(messages.concat(), bytes);
        }
    }

    #[test]
    fn a_flipped_bit_of_cose_is_refused(bit in any::<prop::sample::Index>(), party in parties()) {
        let mut rng = Seeded::new("cose flip");
        let keys = EpochKeys::derive(&Secret::new([1; 32]), &party, Epoch(9));
        let pair = KeyPair::generate(party.profile.suite(), &mut rng).ok();
        let key = Secret::new([2; 32]);
        let bytes = match &pair {
            Some(pair) => keys.seal_rotation_to(Handle(1), pair.public(), &key, &mut rng),
            None => keys.seal_rotation(Handle(1), &key, &mut rng),
        }.unwrap();
        let mut cose = expand_downlink(&bytes, &party).unwrap();
        let bit = bit.index(cose.len() * 8);
        cose[bit / 8] ^= 1 << (bit % 8);
        if let Ok(compressed) = compress_downlink(&cose, &party) {
            let message = UnverifiedDownlink::decode(&compressed).unwrap();
            let message = message.for_handle(Handle(1));
            prop_assert!(message.is_err() || keys.open_downlink(&message.unwrap(), pair.as_ref()).is_err());
        }
    }

    #[test]
    fn codes_parse_or_are_refused(format in formats(), typed in "\\PC{0,20}", number in any::<u64>()) {
        if let Ok(code) = Code::parse(format, &typed) {
            prop_assert!(code.value() < format.size());
            prop_assert!(Code::parse(format, &code.reveal()).unwrap() == code);
        }
        let code = Code::from_value(format, number % format.size()).unwrap();
        prop_assert!(Code::parse(format, &code.reveal()).unwrap() == code);
    }

    /// MB-ENR-3.
    #[test]
    fn enrolments_are_read_back(
        party in parties(), secret in any::<[u8; 16]>(), path in "[!-~]{0,40}", realm in "[^\\p{Cc}]{0,16}",
        label in "[^\\p{Cc}]{0,32}",
    ) {
        let server = format!("https://{path}");
        let given = Enrolment { party, secret: Secret::new(secret), server, realm, label };
        prop_assert_eq!(&Enrolment::from_uri(&given.to_uri()).unwrap(), &given);
        let groups = given.to_typed();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        prop_assert_eq!(Enrolment::from_typed(&groups, &given.server, &given.realm, &given.label).unwrap(), given);
    }

    #[test]
    fn wrong_enrolments_are_refused(text in "\\PC{0,80}", rest in "[vksrl=&%0-9A-Za-z_+-]{0,120}") {
        let _ = Enrolment::from_uri(&text);
        let _ = Enrolment::from_uri(&format!("matchbook:enrol?{rest}"));
        let groups: Vec<&str> = text.split(' ').collect();
        let _ = Enrolment::from_typed(&groups, "", "", "");
        let _ = Enrolment::from_typed(&[text.as_str(); 9], "", "", "");
    }
}
