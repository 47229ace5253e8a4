//! The key schedule (§3).

use matchbook_protocol::{Delivery, Epoch, EpochKeys, Party, Profile, Secret, Suite, activation_key};

use super::craft::{ID, Place};
use super::rng::Seeded;
use super::vector::{Vector, hex};

const KIND: &str = "key-schedule";

pub(super) fn add(vectors: &mut Vec<Vector>) {
    let profiles = [
        ("activation-symmetric", Suite::Symmetric, Delivery::Shared, "Epoch 0 of the symmetric suite"),
        ("activation-x25519", Suite::X25519, Delivery::Shared, "Epoch 0 of the X25519 suite"),
        ("activation-x25519-pk", Suite::X25519, Delivery::PublicKey, "Epoch 0 of the X25519 suite, public-key mode"),
        ("activation-p256", Suite::P256, Delivery::Shared, "Epoch 0 of the P-256 suite"),
    ];
    for (name, suite, delivery, title) in profiles {
        vectors.push(activation(name, title, Profile::new(suite, delivery).unwrap()));
    }
    for (name, epoch, title) in [
        ("epoch-1", 1, "The keys after the first rotation"),
        ("epoch-256", 256, "The same key in an epoch with the same low byte as epoch 0"),
        ("epoch-last", u32::MAX, "The keys of the last epoch"),
    ] {
        vectors.push(rotated(name, title, Place::new(Suite::X25519, Delivery::Shared).at(epoch)));
    }
    for (name, profile, title) in [
        ("profile-symmetric-pk", 0x81_u8, "The symmetric suite has no public-key mode"),
        ("profile-zero", 0x00, "No suite has number 0"),
        ("profile-unknown", 0x05, "No suite has number 5"),
        ("profile-reserved-bit", 0x42, "A reserved bit of the profile is set"),
    ] {
        let vector = Vector::new(KIND, name, title, "§3.1 MB-PRO-1").fails("profile");
        let vector = vector.input("profile", profile).input("id", hex(ID.0)).input("epoch", 1_u32);
        vectors.push(vector.input("key", hex([7; 32])));
    }
}

fn activation(name: &str, title: &'static str, profile: Profile) -> Vector {
    let secret = Seeded::new("activation secret").bytes::<16>();
    let party = Party { id: ID, profile };
    let key = activation_key(&Secret::new(secret), &party);
    let vector = Vector::new(KIND, name, title, "§3.2 MB-KEY-3")
        .input("profile", profile.to_byte())
        .input("id", hex(ID.0))
        .input("epoch", 0_u32)
        .input("activation_secret", hex(secret))
        .output("key", hex(key.expose()));
    outputs(vector, &EpochKeys::derive(&key, &party, Epoch(0)))
}

fn rotated(name: &str, title: &'static str, place: Place) -> Vector {
    outputs(place.describe(Vector::new(KIND, name, title, "§3.2 MB-KEY-1")), &place.keys())
}

fn outputs(vector: Vector, keys: &EpochKeys) -> Vector {
    let bare = keys.expose_for_oracle();
    vector
        .output("downlink", hex(bare.downlink))
        .output("uplink", hex(bare.uplink))
        .output("psk", hex(bare.psk))
        .output("hedge_downlink", hex(bare.hedge_downlink))
        .output("hedge_uplink", hex(bare.hedge_uplink))
}
