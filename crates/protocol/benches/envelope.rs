//! Sealing and opening, and the key schedule before it.
//!
//! `cargo bench -p matchbook-protocol --bench envelope`
#![allow(clippy::unwrap_used, clippy::disallowed_types, missing_docs)]

mod common;

use std::hint::black_box;

use common::{Pair, rng};
use criterion::{Criterion, criterion_group, criterion_main};
use matchbook_protocol::{
    Delivery, Epoch, EpochKeys, Handle, KeyPair, Secret, Suite, UnverifiedDownlink, UnverifiedUplink,
};

fn shared(criterion: &mut Criterion) {
    let pair = Pair::new(Suite::X25519);
    let set = common::set(40);
    let (sealed, request) = (pair.sealed_set(), pair.sealed_request());
    criterion.bench_function("keys of an epoch", |it| {
        it.iter(|| EpochKeys::derive(black_box(&pair.key), &pair.party, Epoch(0)));
    });
    criterion.bench_function("seal SET of 40 codes", |it| {
        it.iter(|| pair.keys.seal_set(Handle(1), black_box(&set), &mut rng()).unwrap());
    });
    criterion.bench_function("open SET of 40 codes", |it| {
        let message = UnverifiedDownlink::decode(&sealed).unwrap();
        it.iter(|| pair.keys.open_downlink(black_box(&message), None).unwrap());
    });
    criterion.bench_function("seal REQ", |it| {
        it.iter(|| pair.keys.seal_request(2, black_box(&common::request()), &mut rng()).unwrap());
    });
    criterion.bench_function("open REQ", |it| {
        let message = UnverifiedUplink::decode(&request).unwrap();
        it.iter(|| pair.keys.open_uplink(black_box(&message)).unwrap());
    });
}

fn public_key(criterion: &mut Criterion) {
    for (suite, name) in [(Suite::X25519, "X25519"), (Suite::P256, "P-256"), (Suite::XWing, "X-Wing")] {
        let pair = Pair::with(suite, Delivery::PublicKey);
        let set = common::set(40);
        let seal = || pair.keys.seal_set_to(Handle(1), pair.own.public(), &set, &mut rng()).unwrap();
        let sealed = seal();
        criterion.bench_function(&format!("seal SET-PK of 40 codes, {name}"), |it| it.iter(seal));
        criterion.bench_function(&format!("open SET-PK of 40 codes, {name}"), |it| {
            let message = UnverifiedDownlink::decode(&sealed).unwrap();
            it.iter(|| pair.keys.open_downlink(black_box(&message), Some(&pair.own)).unwrap());
        });
        let (new, ephemeral) = (Secret::new([3; 32]), KeyPair::generate(suite, &mut rng()).unwrap());
        criterion.bench_function(&format!("seal ROT-PK, {name}"), |it| {
            it.iter(|| pair.keys.seal_rotation_to(Handle(1), ephemeral.public(), &new, &mut rng()).unwrap());
        });
    }
}

criterion_group!(benches, shared, public_key);
criterion_main!(benches);
