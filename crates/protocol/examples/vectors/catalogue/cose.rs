//! The COSE form (§6): expanding, compressing, and sequences.

use matchbook_protocol::{Alphabet, Delivery, Secret, Suite, expand_downlink, expand_uplink};

use super::craft::{HANDLE, Place, Way, bytes, hpke_protected, pair, set};
use super::rng::Seeded;
use super::vector::{Vector, hex};

pub(super) fn add(vectors: &mut Vec<Vector>) {
    both_ways(vectors);
    uncanonical(vectors);
    uncanonical_public_key(vectors);
    other_receivers(vectors);
    uplinks(vectors);
    sequences(vectors);
}

fn shared() -> Place {
    Place::new(Suite::X25519, Delivery::Shared)
}

fn sync(sequence: u32) -> Vec<u8> {
    shared().seal(Way::Down, 0x25, sequence, &[0, 0, 0, 1, 10])
}

fn down(kind: &'static str, name: &str, title: &'static str, spec: &'static str, place: &Place) -> Vector {
    Vector::new(kind, name, title, spec)
        .input("direction", "downlink")
        .input("profile", place.party.profile.to_byte())
        .input("id", hex(place.party.id.0))
}

fn rotation(suite: Suite) -> (Place, Vec<u8>) {
    let place = Place::new(suite, Delivery::Shared);
    let pair = pair(suite, "ephemeral pair");
    let (keys, mut rng) = (place.keys(), Seeded::new("COSE rotation"));
    let message = keys.seal_rotation_to(HANDLE, pair.public(), &Secret::new([9; 32]), &mut rng).unwrap();
    (place, message)
}

fn set_pk(suite: Suite) -> (Place, Vec<u8>) {
    let place = Place::new(suite, Delivery::PublicKey);
    let pair = pair(suite, "static pair");
    let set = set(Alphabet::Decimal, 6, 50, false);
    let message = place.keys().seal_set_to(HANDLE, pair.public(), &set, &mut Seeded::new("COSE set")).unwrap();
    (place, message)
}

fn both_ways(vectors: &mut Vec<Vector>) {
    let set = set(Alphabet::Decimal, 6, 40, false);
    let a_set = shared().keys().seal_set(HANDLE, &set, &mut Seeded::new("COSE shared")).unwrap();
    for (name, (place, message), title) in [
        ("sync", (shared(), sync(1)), "SYNC as COSE_Encrypt0"),
        ("set", (shared(), a_set), "SET as COSE_Encrypt0"),
        ("set-pk-x25519", set_pk(Suite::X25519), "SET-PK as COSE_Encrypt with HPKE-3-KE"),
        ("set-pk-p256", set_pk(Suite::P256), "SET-PK as COSE_Encrypt with HPKE-7-KE"),
        ("rot-pk-x25519", rotation(Suite::X25519), "ROT-PK as COSE_Encrypt0 with HPKE-3"),
        ("rot-pk-p256", rotation(Suite::P256), "ROT-PK as COSE_Encrypt0 with HPKE-7"),
    ] {
        let cose = hex(expand_downlink(&message, &place.party).unwrap());
        let vector = down("expand", name, title, "§6 MB-COS-1", &place);
        vectors.push(vector.input("message", hex(&message)).output("cose", cose.clone()));
        let vector = down("compress", name, title, "§6 MB-COS-1", &place);
        vectors.push(vector.input("cose", cose).output("message", hex(message)));
    }
}

fn uncanonical(vectors: &mut Vec<Vector>) {
    let place = shared();
    let message = sync(1);
    let cose = expand_downlink(&message, &place.party).unwrap();
    let spliced = |at: usize, old: usize, new: &[u8]| [&cose[..at], new, &cose[at + old..]].concat();
    let (kid, iv, body) = (bytes(&message[..3]), bytes(&message[3..15]), bytes(&message[15..]));
    let head = [0xd0, 0x83, 0x40];
    let iv_first = [&head[..], &[0xa2, 5], &iv, &[4], &kid, &body].concat();
    let with_alg = [&head[..], &[0xa3, 1, 3, 4], &kid, &[5], &iv, &body].concat();
    let protected_alg = [&[0xd0, 0x83, 0x43, 0xa1, 1, 3, 0xa2, 4][..], &kid, &[5], &iv, &body].concat();
    let chunked = [&head[..], &[0xa2, 4, 0x5f], &kid, &[0xff, 5], &iv, &body].concat();
    let short_kid = [&head[..], &[0xa2, 4], &bytes(&message[..2]), &[5], &iv, &body].concat();
    let no_body = [&head[..], &[0xa2, 4], &kid, &[5], &iv, &[0xf6]].concat();
    for (name, cose, error, spec, title) in [
        ("empty", vec![], "cbor", "§6 MB-COS-2", "No bytes at all"),
        ("untagged", cose[1..].to_vec(), "cbor", "§6 MB-COS-2", "The tag is missing"),
        ("tag-17", spliced(0, 1, &[0xd1]), "cbor", "§6 MB-COS-2", "COSE_Mac0"),
        ("cut", cose[..cose.len() - 1].to_vec(), "cbor", "§6 MB-COS-2", "The last byte is missing"),
        ("two-elements", spliced(1, 1, &[0x82]), "cbor", "§6 MB-COS-2", "An array of two"),
        ("indefinite-array", spliced(1, 1, &[0x9f]), "cbor", "§6 MB-COS-2", "An array of indefinite length"),
        ("chunked-kid", chunked, "cbor", "§6 MB-COS-2", "A byte string in chunks"),
        ("iv-first", iv_first, "cbor", "§6 MB-COS-2", "The headers in another order"),
        ("extra-header", with_alg, "cbor", "§6 MB-COS-2", "An algorithm in the unprotected header"),
        ("null-body", no_body, "cbor", "§6 MB-COS-2", "A detached ciphertext"),
        ("long-tag", spliced(0, 1, &[0xd8, 16]), "not-canonical", "§6 MB-COS-2", "The tag in two bytes"),
        ("long-array", spliced(1, 1, &[0x98, 3]), "not-canonical", "§6 MB-COS-2", "The array's length in two bytes"),
        ("long-label", spliced(4, 1, &[0x18, 4]), "not-canonical", "§6 MB-COS-2", "A label in two bytes"),
        ("long-kid", spliced(5, 1, &[0x58, 3]), "not-canonical", "§6 MB-COS-2", "The kid's length in two bytes"),
        ("long-kid-9", spliced(5, 1, &[0x5b, 0, 0, 0, 0, 0, 0, 0, 3]), "not-canonical", "§6 MB-COS-2", "In nine bytes"),
        ("empty-map", spliced(2, 1, &[0x41, 0xa0]), "not-canonical", "§6 MB-COS-2", "An empty map as protected header"),
        ("protected-alg", protected_alg, "not-canonical", "§6 MB-COS-2", "An algorithm in the protected header"),
        ("short-kid", short_kid, "too-short", "§6 MB-COS-2", "A kid of two bytes"),
        ("trailing", [&cose[..], &[0]].concat(), "trailing-bytes", "§6 MB-COS-2", "A byte after the message"),
        ("oversized", vec![0xd0; 3205], "too-long", "§4.0 MB-ENV-2", "Longer than any COSE message"),
    ] {
        let vector = down("compress", name, title, spec, &place);
        vectors.push(vector.input("cose", hex(cose)).fails(error));
    }
}

fn uncanonical_public_key(vectors: &mut Vec<Vector>) {
    let (place, message) = rotation(Suite::X25519);
    let kid = bytes(&message[..3]);
    let (enc, body) = (bytes(&message[3..35]), bytes(&message[35..]));
    let psk_id = place.psk_id();
    let other_id = [&[1; 8][..], &psk_id[8..]].concat();
    let cose =
        |protected: &[u8]| [&[0xd0, 0x83][..], &bytes(protected), &[0xa2, 4], &kid, &[0x23], &enc, &body].concat();
    let psk_id_first = [&[0xa2, 0x24][..], &bytes(&psk_id), &[1, 0x18, 41]].concat();
    for (name, protected, title) in [
        ("rot-pk-alg-35", hpke_protected(35, &psk_id), "ROT-PK with HPKE-0"),
        ("rot-pk-alg-ke", hpke_protected(49, &psk_id), "ROT-PK with HPKE-3-KE"),
        ("rot-pk-psk-id", hpke_protected(41, &other_id), "ROT-PK with another authenticator's psk_id"),
        ("rot-pk-no-psk-id", vec![0xa1, 1, 0x18, 41], "ROT-PK without a psk_id: base mode"),
        ("rot-pk-order", psk_id_first, "ROT-PK with its protected header in another order"),
        ("rot-pk-unprotected", vec![], "ROT-PK with an empty protected header"),
    ] {
        let vector = down("compress", name, title, "§6 MB-COS-2", &place);
        vectors.push(vector.input("cose", hex(cose(&protected))).fails("not-canonical"));
    }
    let (place, message) = set_pk(Suite::X25519);
    let good = expand_downlink(&message, &place.party).unwrap();
    let recipients = good.windows(2).position(|pair| pair == [0x81, 0x83]).unwrap();
    let twice = [&good[..recipients], &[0x82], &good[recipients + 1..], &good[recipients + 1..]].concat();
    let vector = down("compress", "set-pk-two-recipients", "SET-PK to two recipients", "§6 MB-COS-2", &place);
    vectors.push(vector.input("cose", hex(twice)).fails("cbor"));
    let mut content_alg = good;
    content_alg[6] = 1;
    let vector = down("compress", "set-pk-content-alg", "SET-PK with A128GCM for its content", "§6 MB-COS-2", &place);
    vectors.push(vector.input("cose", hex(content_alg)).fails("not-canonical"));
}

fn other_receivers(vectors: &mut Vec<Vector>) {
    let (_, message) = set_pk(Suite::X25519);
    let vector = down("expand", "wrong-profile", "SET-PK without public-key mode", "§3.1 MB-PRO-2", &shared());
    vectors.push(vector.input("message", hex(&message)).fails("wrong-profile"));
    let vector = down("expand", "cut", "SYNC without its last byte", "§4.0 MB-ENV-2", &shared());
    vectors.push(vector.input("message", hex(&sync(1)[..35])).fails("too-short"));
    let vector = down("expand", "version-2", "A message of version 2", "§4.0 MB-ENV-1", &shared());
    let other = [&[0x45], &sync(1)[1..]].concat();
    vectors.push(vector.input("message", hex(other)).fails("version"));
}

fn uplinks(vectors: &mut Vec<Vector>) {
    let place = shared();
    let message = place.seal(Way::Up, 0x30, 1, &[0; 7]);
    let cose = expand_uplink(&message).unwrap();
    let up = |kind, name, title, spec| Vector::new(kind, name, title, spec).input("direction", "uplink");
    let vector = up("expand", "req", "REQ as COSE_Encrypt0", "§6 MB-COS-1");
    vectors.push(vector.input("message", hex(&message)).output("cose", hex(&cose)));
    let vector = up("compress", "req", "REQ as COSE_Encrypt0", "§6 MB-COS-1");
    vectors.push(vector.input("cose", hex(&cose)).output("message", hex(&message)));
    let sync = expand_downlink(&sync(1), &place.party).unwrap();
    let vector = up("compress", "req-direction", "A SYNC comes to the server", "§4.0 MB-ENV-1");
    vectors.push(vector.input("cose", hex(sync)).fails("wrong-direction"));
    let vector = down("compress", "direction", "A request comes to a device", "§4.0 MB-ENV-1", &place);
    vectors.push(vector.input("cose", hex(&cose)).fails("wrong-direction"));
    let vector = up("compress", "req-trailing", "A byte after the request", "§6 MB-COS-2");
    vectors.push(vector.input("cose", hex([&cose[..], &[0]].concat())).fails("trailing-bytes"));
    let mut tagged = cose;
    tagged[0] = 0xd2;
    let vector = up("compress", "req-tag-18", "A request as COSE_Sign1", "§6 MB-COS-2");
    vectors.push(vector.input("cose", hex(tagged)).fails("cbor"));
}

fn sequences(vectors: &mut Vec<Vector>) {
    let party = shared().party;
    let messages: Vec<Vec<u8>> = (1..=5).map(|number| expand_downlink(&sync(number), &party).unwrap()).collect();
    for (name, count, title) in
        [("none", 0, "An empty answer"), ("one", 1, "One message"), ("four", 4, "Four messages")]
    {
        let vector =
            Vector::new("sequence", name, title, "§6 MB-COS-4").input("bytes", hex(messages[..count].concat()));
        vectors.push(vector.output("messages", messages[..count].iter().map(hex).collect::<Vec<_>>()));
    }
    for (name, bytes, error, spec, title) in [
        ("five", messages.concat(), "too-many-messages", "§6 MB-COS-4", "Five messages"),
        ("cut", messages[0][..20].to_vec(), "cbor", "§6 MB-COS-2", "A message cut short"),
        ("garbage", [&messages[0][..], &[0]].concat(), "cbor", "§6 MB-COS-2", "A number after a message"),
        ("untagged", messages[0][1..].to_vec(), "cbor", "§6 MB-COS-2", "A message without its tag"),
        (
            "long-claim",
            vec![0xd0, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            "cbor",
            "§6 MB-COS-2",
            "2^64 bytes are announced",
        ),
        ("deep", [&[0xd0][..], &[0x9f; 2000]].concat(), "cbor", "§6 MB-COS-2", "2,000 arrays in each other"),
    ] {
        vectors.push(Vector::new("sequence", name, title, spec).input("bytes", hex(bytes)).fails(error));
    }
}
