//! Messages from the server under the shared key that must not open.

use matchbook_protocol::{Alphabet, AuthenticatorId, Delivery, Party, Suite};

use super::craft::{HANDLE, Place, Way, flipped, set};
use super::downlink::vector;
use super::rng::Seeded;
use super::vector::Vector;

const SET: u8 = 0x21;
const ROT_SYM: u8 = 0x23;
const SYNC: u8 = 0x25;

/// A plaintext of SYNC.
const SYNC_TEXT: [u8; 5] = [0, 0, 0, 1, 10];

pub(super) fn add(vectors: &mut Vec<Vector>) {
    headers(vectors);
    lengths(vectors);
    altered(vectors);
    misplaced(vectors);
    profiles(vectors);
    set_plaintexts(vectors);
    rotation_plaintexts(vectors);
}

fn shared() -> Place {
    Place::new(Suite::X25519, Delivery::Shared)
}

fn a_set() -> Vec<u8> {
    shared().keys().seal_set(HANDLE, &set(Alphabet::Decimal, 6, 40, false), &mut Seeded::new("a set")).unwrap()
}

fn headers(vectors: &mut Vec<Vector>) {
    let place = shared();
    let sync = place.seal(Way::Down, SYNC, 1, &SYNC_TEXT);
    let with_byte0 = |byte0| place.seal(Way::Down, byte0, 1, &SYNC_TEXT);
    let request = place.seal(Way::Up, 0x30, 1, &[0; 7]);
    let zero = place.seal(Way::Down, SYNC, 0, &SYNC_TEXT);
    let zero_set = place.seal(Way::Down, SET, 0, &[6, 1, 0, 0, 1]);
    for (name, message, error, spec, title) in [
        ("version-0", with_byte0(0x05), "version", "§4.0 MB-ENV-1", "Version 0"),
        ("version-2", with_byte0(0x45), "version", "§4.0 MB-ENV-1", "Version 2"),
        ("version-7", with_byte0(0xe5), "version", "§4.0 MB-ENV-1", "Version 7"),
        ("type-0", with_byte0(0x20), "unknown-type", "§4.0 MB-ENV-1", "Type 0"),
        ("type-6", with_byte0(0x26), "unknown-type", "§4.0 MB-ENV-1", "Type 6"),
        ("type-31", with_byte0(0x3f), "unknown-type", "§4.0 MB-ENV-1", "Type 31"),
        ("direction", request, "wrong-direction", "§4.0 MB-ENV-1", "A request comes to a device"),
        ("sequence-0", zero, "zero-sequence", "§3.3 MB-IV-1", "SYNC number 0"),
        ("first-index-0", zero_set, "zero-sequence", "§3.3 MB-IV-1", "A set whose first index is 0"),
        ("handle", flipped(&sync, 1, 0), "wrong-handle", "§4.0 MB-ENV-6", "The message is for another account slot"),
        ("epoch", flipped(&sync, 2, 0), "wrong-epoch", "§4.0 MB-ENV-5", "The message names another epoch"),
    ] {
        vectors.push(vector(name, title, spec, &place, &message).fails(error));
    }
}

fn lengths(vectors: &mut Vec<Vector>) {
    let place = shared();
    let sync = place.seal(Way::Down, SYNC, 1, &SYNC_TEXT);
    let longer = place.seal(Way::Down, SYNC, 1, &[0, 0, 0, 1, 10, 0]);
    let shorter = place.seal(Way::Down, SYNC, 1, &[0, 0, 1, 10]);
    let a_set = a_set();
    let tiny = place.seal(Way::Down, SET, 1, &[6, 0, 0]);
    let huge = place.seal(Way::Down, SET, 1, &[0; 1878]);
    for (name, message, error, title) in [
        ("empty", vec![], "too-short", "No bytes at all"),
        ("two-bytes", sync[..2].to_vec(), "too-short", "Less than a header"),
        ("header-only", sync[..15].to_vec(), "too-short", "A header and nothing else"),
        ("sync-cut", sync[..35].to_vec(), "too-short", "SYNC without its last byte"),
        ("sync-short", shorter, "too-short", "SYNC with a plaintext of 4 bytes"),
        ("sync-long", longer, "too-long", "SYNC with a plaintext of 6 bytes"),
        ("sync-trailing", [&sync[..], &[0]].concat(), "too-long", "SYNC and one more byte"),
        ("set-cut", a_set[..132].to_vec(), "authentication", "SET without its last byte"),
        ("set-trailing", [&a_set[..], &[0]].concat(), "authentication", "SET and one more byte"),
        ("set-tiny", tiny, "too-short", "SET shorter than one code of 4 digits"),
        ("set-huge", huge, "too-long", "SET longer than the largest set"),
        ("oversized", vec![0x22; 3077], "too-long", "Longer than any message"),
    ] {
        vectors.push(vector(name, title, "§4.0 MB-ENV-2", &place, &message).fails(error));
    }
}

fn altered(vectors: &mut Vec<Vector>) {
    let place = shared();
    let a_set = a_set();
    let mut swapped_iv = a_set.clone();
    swapped_iv[6] ^= 0x7f;
    for (name, message, title) in [
        ("bad-tag", flipped(&a_set, -1, 0), "A bit of the tag is wrong"),
        ("bad-tag-first", flipped(&a_set, -16, 7), "The first bit of the tag is wrong"),
        ("bad-ciphertext", flipped(&a_set, 15, 7), "A bit of the ciphertext is wrong"),
        ("bad-iv", flipped(&a_set, 14, 0), "A bit of the IV's hedge is wrong"),
        ("bad-first-index", swapped_iv, "The first index was changed on the way"),
        ("bad-type", flipped(&a_set_of_sync_size(), 0, 2), "A SET of SYNC's length passed off as SYNC"),
        ("zeros", [&a_set[..15], &[0; 118]].concat(), "A header and zeros"),
    ] {
        vectors.push(vector(name, title, "§4.0 MB-ENV-4", &place, &message).fails("authentication"));
    }
}

/// One code of 7 digits: 36 bytes.
fn a_set_of_sync_size() -> Vec<u8> {
    shared().keys().seal_set(HANDLE, &set(Alphabet::Decimal, 7, 1, false), &mut Seeded::new("small set")).unwrap()
}

fn misplaced(vectors: &mut Vec<Vector>) {
    let place = shared();
    let other_id = Place { party: Party { id: AuthenticatorId([1; 8]), ..place.party }, ..place };
    let other_key = Place { key: [8; 32], ..place };
    let seal = |place: Place| place.seal(Way::Down, SYNC, 1, &SYNC_TEXT);
    let uplink_key = place.seal_with(&place.bare().uplink, Way::Down, SYNC, 1, &SYNC_TEXT);
    let hedge_key = place.seal_with(&place.bare().hedge_downlink, Way::Down, SYNC, 1, &SYNC_TEXT);
    for (name, message, title) in [
        ("other-key", seal(other_key), "Sealed under another key"),
        ("other-id", seal(other_id), "Sealed for another authenticator"),
        ("other-suite", seal(Place::new(Suite::P256, Delivery::Shared)), "Sealed for another suite"),
        ("other-delivery", seal(Place::new(Suite::X25519, Delivery::PublicKey)), "Sealed for another delivery"),
        ("other-epoch", seal(place.at(0x0202)), "Sealed in an epoch with the same low byte"),
        ("uplink-key", uplink_key, "Sealed under the key of the other direction"),
        ("hedge-key", hedge_key, "Sealed under the hedge's key"),
        ("raw-key", place.seal_with(&place.key, Way::Down, SYNC, 1, &SYNC_TEXT), "Sealed under the epoch's key itself"),
    ] {
        vectors.push(vector(name, title, "§3.4 MB-AAD-1", &place, &message).fails("authentication"));
    }
    // What the associated data must hold: sealed with the right key, and with something left out.
    let bare = place.bare();
    let external = place.external(SYNC);
    for (name, aad, title) in [
        ("aad-empty", vec![], "Sealed without associated data"),
        ("aad-raw", external.clone(), "Sealed with external_aad alone"),
        ("aad-encrypt", super::craft::enc_structure("Encrypt", &[], &external), "Sealed with the context Encrypt"),
        ("aad-no-external", super::craft::enc_structure("Encrypt0", &[], &[]), "Sealed without external_aad"),
    ] {
        let iv = super::craft::iv(1);
        let sealed = super::craft::gcm(&bare.downlink, &iv, &aad, &SYNC_TEXT);
        let message = [place.kid(Way::Down, SYNC), iv.to_vec(), sealed].concat();
        vectors.push(vector(name, title, "§3.4 MB-AAD-1", &place, &message).fails("authentication"));
    }
}

fn profiles(vectors: &mut Vec<Vector>) {
    let public = Place::new(Suite::X25519, Delivery::PublicKey);
    let shared = shared();
    let symmetric = Place::new(Suite::Symmetric, Delivery::Shared);
    let rotation = [&[1, 3][..], &[9; 32]].concat();
    for (name, place, message, title) in [
        (
            "set-in-public-key-mode",
            public,
            public.seal(Way::Down, SET, 1, &[6, 1, 0, 0, 1]),
            "SET where only SET-PK is allowed",
        ),
        ("set-pk-in-shared-mode", shared, [&[0x22, 3, 2][..], &[1; 210]].concat(), "SET-PK where only SET is allowed"),
        (
            "rot-sym-in-suite-2",
            shared,
            shared.seal(Way::Down, ROT_SYM, 0x0103, &rotation),
            "ROT-SYM where only ROT-PK is allowed",
        ),
        (
            "rot-pk-in-suite-1",
            symmetric,
            [&[0x24, 3, 2][..], &[1; 82]].concat(),
            "ROT-PK where only ROT-SYM is allowed",
        ),
    ] {
        vectors.push(vector(name, title, "§3.1 MB-PRO-2", &place, &message).fails("wrong-profile"));
    }
}

fn set_plaintexts(vectors: &mut Vec<Vector>) {
    let place = shared();
    let packed = matchbook_protocol::pack(&set(Alphabet::Decimal, 6, 40, false)).to_vec();
    let with = |format: u8, count: u8, packed: &[u8]| [&[format, count], packed].concat();
    for (name, first, plaintext, error, spec, title) in [
        ("set-reserved-5", 1, with(0x26, 40, &packed), "reserved-bits", "§4.1 MB-SET-1", "Bit 5 of the format is set"),
        ("set-reserved-6", 1, with(0x46, 40, &packed), "reserved-bits", "§4.1 MB-SET-1", "Bit 6 of the format is set"),
        ("set-digits-3", 1, with(3, 1, &[0, 1]), "digits", "§4.1 MB-SET-1", "Codes of 3 digits"),
        ("set-digits-13", 1, with(13, 1, &[0; 6]), "digits", "§4.1 MB-SET-1", "Codes of 13 digits"),
        ("set-digits-0", 1, with(0, 1, &[0, 0]), "digits", "§4.1 MB-SET-1", "Codes of no digits"),
        ("set-digits-15", 1, with(0x1f, 1, &[0; 10]), "digits", "§4.1 MB-SET-1", "Base-32 codes of 15 symbols"),
        ("set-count-0", 1, with(6, 0, &[0; 100]), "count", "§4.1 MB-SET-1", "No codes"),
        ("set-count-251", 1, with(6, 251, &[0; 626]), "count", "§4.1 MB-SET-1", "251 codes"),
        ("set-count-255", 1, with(6, 255, &[0; 636]), "count", "§4.1 MB-SET-1", "255 codes"),
        ("set-one-more", 1, with(6, 41, &packed), "packed-length", "§4.1 MB-SET-1", "41 codes in the bytes of 40"),
        ("set-one-less", 1, with(6, 39, &packed), "packed-length", "§4.1 MB-SET-1", "39 codes in the bytes of 40"),
        (
            "set-trailing-byte",
            1,
            with(6, 40, &[&packed[..], &[0]].concat()),
            "packed-length",
            "§4.1 MB-SET-1",
            "A byte after the packed codes",
        ),
        (
            "set-too-large",
            1,
            with(6, 40, &[0xff; 100]),
            "packed-too-large",
            "§5 MB-COD-2",
            "The packed value is above base^count",
        ),
        (
            "set-index-overflow",
            u32::MAX - 38,
            with(6, 40, &packed),
            "index-overflow",
            "§4.1 MB-SET-1",
            "The last code's index would be 2^32",
        ),
    ] {
        let message = place.seal(Way::Down, SET, first, &plaintext);
        vectors.push(vector(name, title, spec, &place, &message).fails(error));
    }
}

fn rotation_plaintexts(vectors: &mut Vec<Vector>) {
    let place = Place::new(Suite::Symmetric, Delivery::Shared);
    let last = place.at(u32::MAX);
    let text = |low: u16| [&low.to_be_bytes()[..], &[9; 32]].concat();
    for (name, place, sequence, low, title) in [
        ("rot-sym-skips", place, 0x0104, 0x0104, "A rotation that skips an epoch"),
        ("rot-sym-stays", place, 0x0102, 0x0102, "A rotation to the same epoch"),
        ("rot-sym-low-bits", place, 0x0103, 0x0104, "The low 16 bits differ from the sequence number"),
        ("rot-sym-sequence", place, 0x0001_0103, 0x0103, "The sequence number is not the next epoch"),
        ("rot-sym-after-last", last, 1, 0, "A rotation after the last epoch"),
    ] {
        let message = place.seal(Way::Down, ROT_SYM, sequence, &text(low));
        vectors.push(vector(name, title, "§4.3 MB-RTS-1", &place, &message).fails("next-epoch"));
    }
}
