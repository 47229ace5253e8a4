//! Messages from the device (§4.6, §4.7).

use matchbook_protocol::{
    AuthenticatorId, CodeIndex, Delivery, Enrol, Party, Reason, Request, Suite, WANTED_SERVERS_CHOICE,
};

use super::craft::{HANDLE, Place, Way, flipped, pair};
use super::rng::Seeded;
use super::vector::{Vector, hex};

const REQ: u8 = 0x30;
const ENROL: u8 = 0x31;

pub(super) fn add(vectors: &mut Vec<Vector>) {
    requests(vectors);
    enrolments(vectors);
    headers(vectors);
    altered(vectors);
    request_plaintexts(vectors);
    enrol_plaintexts(vectors);
}

fn vector(name: &str, title: &'static str, spec: &'static str, place: &Place, message: &[u8]) -> Vector {
    place.describe(Vector::new("open-uplink", name, title, spec)).input("message", hex(message))
}

fn shared() -> Place {
    Place::new(Suite::X25519, Delivery::Shared)
}

fn key_of(suite: Suite) -> Vec<u8> {
    pair(suite, "ephemeral pair").public().to_vec()
}

fn requests(vectors: &mut Vec<Vector>) {
    let request = |highest, unused, wanted, reason, ephemeral| Request {
        highest: CodeIndex(highest),
        unused,
        wanted,
        reason,
        ephemeral,
    };
    for (name, suite, counter, reason, request, title) in [
        (
            "req-first",
            Suite::X25519,
            2,
            "first",
            request(0, 0, 255, Reason::First, None),
            "The first request, in 45 bytes",
        ),
        ("req-status", Suite::Symmetric, 7, "status", request(40, 40, 0, Reason::Status, None), "An acknowledgement"),
        (
            "req-low",
            Suite::X25519,
            u32::MAX,
            "low",
            request(u32::MAX, 255, WANTED_SERVERS_CHOICE, Reason::Low, None),
            "The highest numbers",
        ),
        (
            "req-rotate-x25519",
            Suite::X25519,
            9,
            "rotate",
            request(80, 12, 0, Reason::Rotate, Some(key_of(Suite::X25519))),
            "With an X25519 key, in 77 bytes",
        ),
        (
            "req-rotate-p256",
            Suite::P256,
            9,
            "manual",
            request(80, 12, 25, Reason::Manual, Some(key_of(Suite::P256))),
            "With a P-256 key, in 110 bytes",
        ),
    ] {
        let place = Place::new(suite, Delivery::Shared);
        let message = place.keys().seal_request(counter, &request, &mut Seeded::new(name)).unwrap();
        vectors.push(
            vector(name, title, "§4.6 MB-REQ-1", &place, &message)
                .output("type", "request")
                .output("counter", counter)
                .output("highest", request.highest.0)
                .output("unused", request.unused)
                .output("wanted", request.wanted)
                .output("reason", reason)
                .output("ephemeral", hex(request.ephemeral.unwrap_or_default())),
        );
    }
}

fn enrolments(vectors: &mut Vec<Vector>) {
    for (name, suite, delivery, title) in [
        ("enrol-symmetric", Suite::Symmetric, Delivery::Shared, "Without a public key, in 40 bytes"),
        ("enrol-x25519", Suite::X25519, Delivery::Shared, "With an X25519 key, in 72 bytes"),
        ("enrol-p256-pk", Suite::P256, Delivery::PublicKey, "With a P-256 key, in public-key mode"),
    ] {
        let place = Place::new(suite, delivery).at(0);
        let public_key = if suite == Suite::Symmetric { Vec::new() } else { key_of(suite) };
        let enrol = Enrol { profile: place.party.profile, handle: HANDLE, public_key };
        let message = place.keys().seal_enrol(1, &enrol, &mut Seeded::new(name)).unwrap();
        vectors.push(
            vector(name, title, "§4.7 MB-ENL-1", &place, &message)
                .output("type", "enrol")
                .output("counter", 1_u32)
                .output("profile", enrol.profile.to_byte())
                .output("handle", enrol.handle.0)
                .output("public_key", hex(enrol.public_key)),
        );
    }
}

fn headers(vectors: &mut Vec<Vector>) {
    let place = shared();
    let request = place.seal(Way::Up, REQ, 1, &[0; 7]);
    let with_byte0 = |byte0| place.seal(Way::Up, byte0, 1, &[0; 7]);
    let sync = place.seal(Way::Down, 0x25, 1, &[0; 5]);
    let other = Place { party: Party { id: AuthenticatorId([1; 8]), ..place.party }, ..place };
    let from_other = other.seal(Way::Up, REQ, 1, &[0; 7]);
    for (name, message, error, spec, title) in [
        ("empty", vec![], "too-short", "§4.0 MB-ENV-2", "No bytes at all"),
        ("header-only", request[..22].to_vec(), "too-short", "§4.0 MB-ENV-2", "A header and nothing else"),
        ("req-cut", request[..44].to_vec(), "too-short", "§4.0 MB-ENV-2", "REQ without its last byte"),
        ("req-trailing", [&request[..], &[0]].concat(), "length", "§4.0 MB-ENV-2", "REQ and one more byte"),
        ("req-oversized", vec![REQ; 1262], "too-long", "§4.0 MB-ENV-2", "Longer than any request"),
        ("version-2", with_byte0(0x50), "version", "§4.0 MB-ENV-1", "Version 2"),
        ("type-18", with_byte0(0x32), "unknown-type", "§4.0 MB-ENV-1", "Type 18"),
        ("direction", sync, "wrong-direction", "§4.0 MB-ENV-1", "A SYNC comes to the server"),
        ("counter-0", place.seal(Way::Up, REQ, 0, &[0; 7]), "zero-sequence", "§3.3 MB-IV-1", "Counter 0"),
        ("other-id", from_other, "wrong-id", "§3.4 MB-AAD-1", "A request of another authenticator"),
        ("epoch", flipped(&request, 9, 0), "wrong-epoch", "§4.0 MB-ENV-5", "The request names another epoch"),
    ] {
        vectors.push(vector(name, title, spec, &place, &message).fails(error));
    }
}

fn altered(vectors: &mut Vec<Vector>) {
    let place = shared();
    let request = place.seal(Way::Up, REQ, 1, &[0; 7]);
    let mut relabelled =
        Place { party: Party { id: AuthenticatorId([1; 8]), ..place.party }, ..place }.seal(Way::Up, REQ, 1, &[0; 7]);
    relabelled[1..9].copy_from_slice(&place.party.id.0);
    let downlink_key = place.seal_with(&place.bare().downlink, Way::Up, REQ, 1, &[0; 7]);
    let other_suite = Place::new(Suite::P256, Delivery::Shared).seal(Way::Up, REQ, 1, &[0; 7]);
    for (name, message, title) in [
        ("bad-tag", flipped(&request, -1, 0), "A bit of the tag is wrong"),
        ("bad-ciphertext", flipped(&request, 22, 0), "A bit of the ciphertext is wrong"),
        ("bad-counter", flipped(&request, 13, 1), "The counter was changed on the way"),
        ("relabelled", relabelled, "A request of another authenticator under this one's name"),
        ("downlink-key", downlink_key, "Sealed under the key of the other direction"),
        ("other-suite", other_suite, "Sealed for another suite"),
        ("other-epoch", place.at(0x0202).seal(Way::Up, REQ, 1, &[0; 7]), "Sealed in an epoch with the same low byte"),
    ] {
        let spec = if name.starts_with("bad-") { "§4.0 MB-ENV-4" } else { "§3.4 MB-AAD-1" };
        vectors.push(vector(name, title, spec, &place, &message).fails("authentication"));
    }
}

fn request_plaintexts(vectors: &mut Vec<Vector>) {
    let place = shared();
    let x25519 = key_of(Suite::X25519);
    let with = |flags: u8, key: &[u8]| [&[0, 0, 0, 1, 0, 0, flags], key].concat();
    for (name, plaintext, error, spec, title) in [
        ("req-reserved-3", with(0x08, &[]), "reserved-bits", "§4.6 MB-REQ-1", "Bit 3 of the flags is set"),
        ("req-reserved-6", with(0x40, &[]), "reserved-bits", "§4.6 MB-REQ-1", "Bit 6 of the flags is set"),
        ("req-reason-5", with(0x05, &[]), "unknown-reason", "§4.6 MB-REQ-1", "Reason 5"),
        ("req-reason-7", with(0x07, &[]), "unknown-reason", "§4.6 MB-REQ-1", "Reason 7"),
        (
            "req-flag-without-key",
            with(0x84, &[]),
            "plaintext-length",
            "§4.6 MB-REQ-1",
            "A key is announced and missing",
        ),
        (
            "req-key-without-flag",
            with(0x04, &x25519),
            "plaintext-length",
            "§4.6 MB-REQ-1",
            "A key is there unannounced",
        ),
        (
            "req-key-of-other-suite",
            with(0x84, &key_of(Suite::P256)),
            "plaintext-length",
            "§4.6 MB-REQ-1",
            "A P-256 key in the X25519 suite",
        ),
    ] {
        let message = place.seal(Way::Up, REQ, 1, &plaintext);
        vectors.push(vector(name, title, spec, &place, &message).fails(error));
    }
    let p256 = Place::new(Suite::P256, Delivery::Shared);
    let off_curve = flipped(&key_of(Suite::P256), 64, 0);
    let message = p256.seal(Way::Up, REQ, 1, &with(0x84, &off_curve));
    let title = "The key is no point of the curve";
    vectors.push(vector("req-key-off-curve", title, "§4.6 MB-REQ-2", &p256, &message).fails("public-key"));
    let symmetric = Place::new(Suite::Symmetric, Delivery::Shared);
    let message = symmetric.seal(Way::Up, REQ, 1, &with(0x84, &x25519));
    let title = "A key in the symmetric suite";
    vectors.push(vector("req-key-in-suite-1", title, "§4.6 MB-REQ-1", &symmetric, &message).fails("plaintext-length"));
}

fn enrol_plaintexts(vectors: &mut Vec<Vector>) {
    let place = shared().at(0);
    let key = key_of(Suite::X25519);
    let with = |profile: u8, key: &[u8]| [&[profile, HANDLE.0], key].concat();
    let p256 = Place::new(Suite::P256, Delivery::Shared).at(0);
    let off_curve = flipped(&key_of(Suite::P256), 64, 0);
    for (name, place, plaintext, error, spec, title) in [
        (
            "enrol-profile",
            place,
            with(0x82, &key),
            "profile-mismatch",
            "§4.7 MB-ENL-1",
            "Another delivery than enrolled",
        ),
        ("enrol-suite", place, with(0x03, &key), "profile-mismatch", "§4.7 MB-ENL-1", "Another suite than enrolled"),
        ("enrol-no-key", place, with(0x02, &[]), "plaintext-length", "§4.6 MB-REQ-2", "The public key is missing"),
        (
            "enrol-long-key",
            place,
            with(0x02, &key_of(Suite::P256)),
            "plaintext-length",
            "§4.6 MB-REQ-2",
            "The public key has another suite's length",
        ),
        ("enrol-key-off-curve", p256, with(0x03, &off_curve), "public-key", "§4.6 MB-REQ-2", "No point of the curve"),
        ("enrol-epoch-1", place.at(1), with(0x02, &key), "wrong-epoch", "§4.7 MB-ENL-1", "ENROL in epoch 1"),
    ] {
        let message = place.seal(Way::Up, ENROL, 1, &plaintext);
        vectors.push(vector(name, title, spec, &place, &message).fails(error));
    }
}
