//! Messages from the server that open (§4).

use matchbook_protocol::{Alphabet, Delivery, Secret, Suite, Sync};

use super::craft::{HANDLE, Place, describe_set, pair, set, set_at};
use super::rng::Seeded;
use super::vector::{Vector, hex};

const KIND: &str = "open-downlink";

/// A vector about a message that comes to a receiver.
pub(super) fn vector(name: &str, title: &'static str, spec: &'static str, place: &Place, message: &[u8]) -> Vector {
    let vector = place.describe(Vector::new(KIND, name, title, spec));
    vector.input("handle", HANDLE.0).input("message", hex(message))
}

pub(super) fn add(vectors: &mut Vec<Vector>) {
    sets(vectors);
    rotations(vectors);
    syncs(vectors);
}

fn sets(vectors: &mut Vec<Vector>) {
    let place = Place::new(Suite::X25519, Delivery::Shared);
    let decimal = Alphabet::Decimal;
    for (name, title, set) in [
        ("set-40x6", "40 codes of 6 digits in 133 bytes", set(decimal, 6, 40, false)),
        ("set-30x8", "30 codes of 8 digits in 133 bytes", set(decimal, 8, 30, false)),
        ("set-25x6", "25 codes of 6 digits in 96 bytes", set(decimal, 6, 25, false)),
        ("set-reset", "Base-32 codes that void the earlier ones", set(Alphabet::Base32, 8, 10, true)),
        ("set-largest", "250 codes", set(decimal, 4, 250, false)),
        ("set-last-index", "The code with the last index of all", set_at(u32::MAX, decimal, 12, 1, false)),
        ("set-first-index", "The first code of all", set_at(1, decimal, 4, 1, false)),
    ] {
        let message = place.keys().seal_set(HANDLE, &set, &mut Seeded::new(name)).unwrap();
        let spec = if message.len() == 133 { "§4.1 MB-SET-2" } else { "§4.1 MB-SET-1" };
        vectors.push(describe_set(vector(name, title, spec, &place, &message), &set));
    }
    let place = Place::new(Suite::Symmetric, Delivery::Shared).at(0x0100_0000);
    let set = set(decimal, 6, 3, false);
    let message = place.keys().seal_set(HANDLE, &set, &mut Seeded::new("epoch")).unwrap();
    let title = "The whole epoch is bound though its low byte alone travels";
    vectors.push(describe_set(vector("set-high-epoch", title, "§3.2 MB-KEY-1", &place, &message), &set));
    for (name, suite, title) in [
        ("set-pk-x25519", Suite::X25519, "50 codes of 6 digits to an X25519 key, in 238 bytes"),
        ("set-pk-p256", Suite::P256, "50 codes of 6 digits to a P-256 key"),
    ] {
        let place = Place::new(suite, Delivery::PublicKey);
        let pair = pair(suite, "static pair");
        let set = super::craft::set(decimal, 6, 50, false);
        let message = place.keys().seal_set_to(HANDLE, pair.public(), &set, &mut Seeded::new(name)).unwrap();
        let vector = vector(name, title, "§4.2 MB-SPK-2", &place, &message);
        vectors.push(describe_set(vector.input("key_pair", hex(pair.secret_bytes())), &set));
    }
}

fn rotations(vectors: &mut Vec<Vector>) {
    let key = Seeded::new("next key").bytes::<32>();
    for (name, epoch, title) in [
        ("rot-sym", 0x0102, "The next key under the present one, in 65 bytes"),
        ("rot-sym-carry", 0xffff, "The next epoch is 65,536, whose low 16 bits are 0"),
    ] {
        let place = Place::new(Suite::Symmetric, Delivery::Shared).at(epoch);
        let message = place.keys().seal_rotation(HANDLE, &Secret::new(key), &mut Seeded::new(name)).unwrap();
        vectors.push(rotation(vector(name, title, "§4.3 MB-RTS-1", &place, &message), epoch + 1, &key));
    }
    for (name, suite, delivery, title) in [
        ("rot-pk-x25519", Suite::X25519, Delivery::Shared, "The next key to an X25519 key, in 85 bytes"),
        ("rot-pk-p256", Suite::P256, Delivery::PublicKey, "The next key to a P-256 key, in 118 bytes"),
    ] {
        let place = Place::new(suite, delivery);
        let pair = pair(suite, "ephemeral pair");
        let (keys, mut rng) = (place.keys(), Seeded::new(name));
        let message = keys.seal_rotation_to(HANDLE, pair.public(), &Secret::new(key), &mut rng).unwrap();
        let vector = vector(name, title, "§4.4 MB-RTP-1", &place, &message);
        vectors.push(rotation(vector.input("key_pair", hex(pair.secret_bytes())), place.epoch.0 + 1, &key));
    }
}

fn rotation(vector: Vector, next: u32, key: &[u8; 32]) -> Vector {
    vector.output("type", "rotation").output("next_epoch", next).output("next_key", hex(key))
}

fn syncs(vectors: &mut Vec<Vector>) {
    let place = Place::new(Suite::X25519, Delivery::Shared);
    for (name, title, sequence, sync) in [
        (
            "sync",
            "The first SYNC, in 36 bytes",
            1_u32,
            Sync { last_request: 1, rotate: false, suspended: false, threshold: 10 },
        ),
        (
            "sync-flags",
            "Rotation wanted, suspended, the highest threshold",
            0x0102_0304,
            Sync { last_request: u32::MAX, rotate: true, suspended: true, threshold: 63 },
        ),
    ] {
        let message = place.keys().seal_sync(HANDLE, sequence, &sync, &mut Seeded::new(name)).unwrap();
        let vector = vector(name, title, "§3.4 MB-AAD-1", &place, &message).output("type", "sync");
        vectors.push(
            vector
                .output("sequence", sequence)
                .output("last_request", sync.last_request)
                .output("rotate", sync.rotate)
                .output("suspended", sync.suspended)
                .output("threshold", sync.threshold),
        );
    }
}
