//! SET-PK and ROT-PK that must not open: HPKE in the wrong mode, with the wrong keys, in the wrong place.

use hpke::aead::AesGcm256;
use matchbook_protocol::{Alphabet, Delivery, KeyPair, Secret, Suite};

use super::craft::{
    HANDLE, Hpke, Place, Way, enc_structure, flipped, gcm, hpke_protected, iv, pair, recipient_info, set,
};
use super::downlink::vector;
use super::rng::Seeded;
use super::vector::{Vector, hex};

const SET_PK: u8 = 0x22;
const ROT_PK: u8 = 0x24;
/// COSE's HPKE-3 and HPKE-3-KE.
const HPKE_3: u8 = 41;
const HPKE_3_KE: u8 = 49;
/// One code, 000001.
const SET_TEXT: [u8; 5] = [6, 1, 0, 0, 1];

pub(super) fn add(vectors: &mut Vec<Vector>) {
    let pair = pair(Suite::X25519, "device pair");
    rotation_modes(vectors, &pair);
    rotation_bytes(vectors, &pair);
    rotation_pairs(vectors, &pair);
    set_modes(vectors, &pair);
    set_bytes(vectors, &pair);
    p256(vectors);
}

fn place() -> Place {
    Place::new(Suite::X25519, Delivery::PublicKey)
}

fn rotation_text(next: u16) -> Vec<u8> {
    [&next.to_be_bytes()[..], &[9; 32]].concat()
}

fn push(vectors: &mut Vec<Vector>, vector: Vector, pair: &KeyPair, error: &'static str) {
    vectors.push(vector.input("key_pair", hex(pair.secret_bytes())).fails(error));
}

/// HPKE used in every way but the right one.
fn rotation_modes(vectors: &mut Vec<Vector>, pair: &KeyPair) {
    let place = place();
    let psk = place.bare().psk;
    let uplink = place.bare().uplink;
    let psk_id = place.psk_id();
    let other_epoch = [&psk_id[..8], &[3]].concat();
    let protected = hpke_protected(HPKE_3, &psk_id);
    let aad = enc_structure("Encrypt0", &protected, &place.external(ROT_PK));
    let other_alg = enc_structure("Encrypt0", &hpke_protected(45, &psk_id), &place.external(ROT_PK));
    let other_type = enc_structure("Encrypt0", &protected, &place.external(SET_PK));
    let unprotected = enc_structure("Encrypt0", &[], &place.external(ROT_PK));
    let message = |psk: Option<(&[u8], &[u8])>, info: &[u8], aad: &[u8], next| {
        let (enc, sealed) = Hpke { psk, info, aad }.seal(pair.public(), &rotation_text(next));
        [place.kid(Way::Down, ROT_PK), enc, sealed].concat()
    };
    let right = Some((&psk[..], &psk_id[..]));
    for (name, message, title) in [
        ("rot-pk-base-mode", message(None, &[], &aad, 0x0103), "HPKE in base mode: no pre-shared key"),
        ("rot-pk-psk", message(Some((&uplink, &psk_id)), &[], &aad, 0x0103), "Another pre-shared key"),
        ("rot-pk-psk-id", message(Some((&psk, &other_epoch)), &[], &aad, 0x0103), "Another name of the key"),
        ("rot-pk-psk-id-short", message(Some((&psk, &psk_id[..8])), &[], &aad, 0x0103), "The name lacks the epoch"),
        ("rot-pk-info", message(right, b"info", &aad, 0x0103), "HPKE with an info"),
        ("rot-pk-aad", message(right, &[], &[], 0x0103), "HPKE without associated data"),
        ("rot-pk-alg", message(right, &[], &other_alg, 0x0103), "The protected header names another algorithm"),
        ("rot-pk-type", message(right, &[], &other_type, 0x0103), "Bound to another message type"),
        ("rot-pk-unprotected", message(right, &[], &unprotected, 0x0103), "Bound to an empty protected header"),
    ] {
        let spec = if name.ends_with("base-mode") { "§3.1 MB-PRO-3" } else { "§4.4 MB-RTP-1" };
        push(vectors, vector(name, title, spec, &place, &message), pair, "authentication");
    }
    for (name, next, title) in [
        ("rot-pk-skips", 0x0104, "A rotation that skips an epoch"),
        ("rot-pk-stays", 0x0102, "A rotation to the same epoch"),
    ] {
        let message = message(right, &[], &aad, next);
        push(vectors, vector(name, title, "§4.4 MB-RTP-2", &place, &message), pair, "next-epoch");
    }
    let (enc, sealed) =
        Hpke { psk: right, info: &[], aad: &aad }.seal_as::<AesGcm256>(pair.public(), &rotation_text(0x0103));
    let message = [place.kid(Way::Down, ROT_PK), enc, sealed].concat();
    let title = "HPKE with AES-256-GCM where the suite has AES-128-GCM";
    push(vectors, vector("rot-pk-aead", title, "§4.4 MB-RTP-1", &place, &message), pair, "authentication");
}

fn a_rotation(pair: &KeyPair) -> Vec<u8> {
    let mut rng = Seeded::new("a rotation");
    place().keys().seal_rotation_to(HANDLE, pair.public(), &Secret::new([9; 32]), &mut rng).unwrap()
}

fn rotation_bytes(vectors: &mut Vec<Vector>, pair: &KeyPair) {
    let place = place();
    let message = a_rotation(pair);
    let low_order = [&message[..3], &[0; 32], &message[35..]].concat();
    for (name, message, error, spec, title) in [
        ("rot-pk-cut", message[..84].to_vec(), "too-short", "§4.0 MB-ENV-2", "ROT-PK without its last byte"),
        ("rot-pk-trailing", [&message[..], &[0]].concat(), "length", "§4.0 MB-ENV-2", "ROT-PK and one more byte"),
        (
            "rot-pk-p256-length",
            [&message[..], &[0; 33]].concat(),
            "length",
            "§4.0 MB-ENV-2",
            "ROT-PK as long as the P-256 suite's",
        ),
        ("rot-pk-enc", flipped(&message, 3, 0), "authentication", "§4.4 MB-RTP-1", "A bit of enc is wrong"),
        (
            "rot-pk-enc-top-bit",
            flipped(&message, 34, 7),
            "authentication",
            "§4.4 MB-RTP-1",
            "The unused bit of enc is set",
        ),
        ("rot-pk-low-order", low_order, "authentication", "§4.4 MB-RTP-1", "enc is a point of low order"),
        ("rot-pk-bad-tag", flipped(&message, -1, 0), "authentication", "§4.0 MB-ENV-4", "A bit of the tag is wrong"),
        ("rot-pk-epoch", flipped(&message, 2, 0), "wrong-epoch", "§4.0 MB-ENV-5", "Under the key of another epoch"),
        ("rot-pk-handle", flipped(&message, 1, 0), "wrong-handle", "§4.0 MB-ENV-6", "For another account slot"),
    ] {
        push(vectors, vector(name, title, spec, &place, &message), pair, error);
    }
    let other = place.at(0x0202);
    let title = "Under the key of an epoch with the same low byte";
    push(vectors, vector("rot-pk-other-epoch", title, "§4.0 MB-ENV-4", &other, &message), pair, "authentication");
}

fn rotation_pairs(vectors: &mut Vec<Vector>, pair: &KeyPair) {
    let place = place();
    let message = a_rotation(pair);
    let title = "To another ephemeral key than the device's present one";
    let other = super::craft::pair(Suite::X25519, "other pair");
    let wrong = vector("rot-pk-ephemeral", title, "§4.4 MB-RTP-1", &place, &message);
    push(vectors, wrong, &other, "authentication");
    let title = "The device has no ephemeral key: it did not ask";
    let none = vector("rot-pk-no-ephemeral", title, "§4.4 MB-RTP-1", &place, &message);
    vectors.push(none.fails("no-key-pair"));
}

/// A SET-PK made by hand.
struct SetPk<'a> {
    psk: Option<(&'a [u8], &'a [u8])>,
    alg: u8,
    next_layer: &'a [u8],
    content_context: &'static str,
    content_protected: &'a [u8],
}

impl SetPk<'_> {
    fn seal(&self, place: &Place, pair: &KeyPair) -> Vec<u8> {
        let external = place.external(SET_PK);
        let info = recipient_info(&hpke_protected(self.alg, &place.psk_id()), self.next_layer);
        let session_key = Seeded::new("session key").bytes::<32>();
        let (enc, wrapped) = Hpke { psk: self.psk, info: &info, aad: &[] }.seal(pair.public(), &session_key);
        let aad = enc_structure(self.content_context, self.content_protected, &external);
        let content = gcm(&session_key, &iv(1), &aad, &SET_TEXT);
        [place.kid(Way::Down, SET_PK), iv(1).to_vec(), enc, wrapped, content].concat()
    }
}

fn set_modes(vectors: &mut Vec<Vector>, pair: &KeyPair) {
    let place = place();
    let psk = place.bare().psk;
    let psk_id = place.psk_id();
    let other_id = [1; 9];
    let external = place.external(SET_PK);
    let content: &[u8] = &[0xa1, 1, 3];
    let right = SetPk {
        psk: Some((&psk, &psk_id)),
        alg: HPKE_3_KE,
        next_layer: &external,
        content_context: "Encrypt",
        content_protected: content,
    };
    let title = "A set sealed by hand, so that the refusals beside it are about one thing each";
    let sealed = right.seal(&place, pair);
    let set = matchbook_protocol::CodeSet::new(
        matchbook_protocol::CodeIndex(1),
        matchbook_protocol::CodeFormat::DEFAULT,
        false,
        matchbook_protocol::unpack(matchbook_protocol::CodeFormat::DEFAULT, 1, &SET_TEXT[2..]).unwrap(),
    );
    let good = vector("set-pk-by-hand", title, "§4.2 MB-SPK-2", &place, &sealed);
    let good = good.input("key_pair", hex(pair.secret_bytes()));
    vectors.push(super::craft::describe_set(good, &set.unwrap()));
    for (name, sealed, title) in [
        ("set-pk-base-mode", SetPk { psk: None, ..right }, "HPKE in base mode: no pre-shared key"),
        ("set-pk-psk", SetPk { psk: Some((&[8; 32], &psk_id)), ..right }, "Another pre-shared key"),
        ("set-pk-psk-id", SetPk { psk: Some((&psk, &other_id)), ..right }, "Another name of the key"),
        ("set-pk-alg", SetPk { alg: 53, ..right }, "The recipient's header names another algorithm"),
        ("set-pk-extra-info", SetPk { next_layer: &[], ..right }, "The recipient is not bound to its place"),
        ("set-pk-context", SetPk { content_context: "Encrypt0", ..right }, "The content has the context Encrypt0"),
        ("set-pk-content-header", SetPk { content_protected: &[], ..right }, "The content's header is empty"),
    ] {
        let message = sealed.seal(&place, pair);
        let spec = if name.ends_with("base-mode") { "§3.1 MB-PRO-3" } else { "§4.2 MB-SPK-2" };
        push(vectors, vector(name, title, spec, &place, &message), pair, "authentication");
    }
}

fn set_bytes(vectors: &mut Vec<Vector>, pair: &KeyPair) {
    let place = place();
    let keys = place.keys();
    let seal = |seed: &str| {
        keys.seal_set_to(HANDLE, pair.public(), &set(Alphabet::Decimal, 6, 50, false), &mut Seeded::new(seed)).unwrap()
    };
    let (message, second) = (seal("first"), seal("second"));
    let spliced = [&second[..95], &message[95..]].concat();
    for (name, message, error, spec, title) in [
        ("set-pk-cut", message[..114].to_vec(), "too-short", "§4.0 MB-ENV-2", "SET-PK shorter than any"),
        (
            "set-pk-trailing",
            [&message[..], &[0]].concat(),
            "authentication",
            "§4.0 MB-ENV-2",
            "SET-PK and one more byte",
        ),
        ("set-pk-enc", flipped(&message, 15, 0), "authentication", "§4.2 MB-SPK-2", "A bit of enc is wrong"),
        (
            "set-pk-wrapped",
            flipped(&message, 47, 0),
            "authentication",
            "§4.2 MB-SPK-2",
            "A bit of the wrapped key is wrong",
        ),
        (
            "set-pk-content",
            flipped(&message, 95, 0),
            "authentication",
            "§4.0 MB-ENV-4",
            "A bit of the content is wrong",
        ),
        (
            "set-pk-spliced",
            spliced,
            "authentication",
            "§4.0 MB-ENV-4",
            "The content of one set with the key of another",
        ),
        ("set-pk-sequence", flipped(&message, 6, 0), "authentication", "§4.0 MB-ENV-4", "The first index was changed"),
    ] {
        push(vectors, vector(name, title, spec, &place, &message), pair, error);
    }
    let other = super::craft::pair(Suite::X25519, "other pair");
    let title = "To another device's key";
    push(vectors, vector("set-pk-other-pair", title, "§4.2 MB-SPK-2", &place, &message), &other, "authentication");
    let none = vector("set-pk-no-pair", "The device has no key pair", "§4.2 MB-SPK-2", &place, &message);
    vectors.push(none.fails("no-key-pair"));
}

fn p256(vectors: &mut Vec<Vector>) {
    let place = Place::new(Suite::P256, Delivery::Shared);
    let pair = pair(Suite::P256, "device pair");
    let mut rng = Seeded::new("P-256 rotation");
    let message = place.keys().seal_rotation_to(HANDLE, pair.public(), &Secret::new([9; 32]), &mut rng).unwrap();
    let mut infinity = message.clone();
    infinity[3..68].fill(0);
    for (name, message, title) in [
        ("rot-pk-p256-off-curve", flipped(&message, 67, 0), "enc is no point of the curve"),
        ("rot-pk-p256-form", flipped(&message, 3, 1), "enc is not in the uncompressed form"),
        ("rot-pk-p256-infinity", infinity, "enc is the point at infinity"),
    ] {
        push(vectors, vector(name, title, "§4.4 MB-RTP-1", &place, &message), &pair, "authentication");
    }
}
