//! Decisions without a store: a code verified, a set issued; and what they spend their time on, tags and sealed keys.
//!
//! `cargo bench -p matchbook-rules`
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_types, missing_docs)]

mod world;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use matchbook_protocol::{Code, CodeFormat, CodeIndex, Delivery, Epoch, Suite};
use matchbook_rules::keyring::{BucketKind, KeyPlace};
use matchbook_rules::request::{self, BearerLimits};
use matchbook_rules::{Mode, Policy, RefillReason, issue, verify};
use world::{Device, NOW, attempt, keyring, realm_id, rng};

fn tags(criterion: &mut Criterion) {
    let (keyring, realm) = (keyring(), realm_id());
    let device = Device::enrolled(Policy::default(), Suite::X25519, Delivery::Shared);
    let authenticator = &device.snapshot.authenticator;
    let code = Code::draw(CodeFormat::DEFAULT, &mut rng());
    let place = KeyPlace { realm: &realm, id: authenticator.id, epoch: Epoch(0) };
    criterion.bench_function("tag of a code", |it| {
        it.iter(|| keyring.code_tag(&realm, authenticator.id, CodeIndex(1), black_box(&code)));
    });
    criterion.bench_function("name of a bucket", |it| {
        it.iter(|| keyring.bucket(BucketKind::Source, &realm, black_box(&["ada", "203.0.113.7"])));
    });
    criterion.bench_function("open a device key", |it| {
        it.iter(|| keyring.open_key(&place, black_box(&authenticator.keys.current.sealed)).unwrap());
    });
}

fn verifies(criterion: &mut Criterion) {
    let keyring = keyring();
    // With any unused code, no device has more than the threshold and a set.
    let modes = [("indexed", Mode::Indexed, [1, 6].as_slice()), ("any unused", Mode::AnyUnused, &[1])];
    for (name, mode, sizes) in modes {
        for sets in sizes {
            let policy = Policy { mode, accept_guessable_codes: true, sets_per_day: 100, ..Policy::default() };
            let mut device = Device::enrolled(policy, Suite::X25519, Delivery::Shared);
            (0..*sets).for_each(|_| device.get_set());
            let codes = 40 * *sets;
            let (good, wrong) = (attempt(device.first_code()), attempt("no code"));
            let snapshot = device.for_verify();
            for (what, attempt) in [("good code", good), ("wrong code", wrong)] {
                criterion.bench_function(&format!("verify of a {what}, {name}, {codes} outstanding"), |it| {
                    it.iter(|| {
                        let buckets = verify::lookup_buckets(&attempt, &keyring);
                        verify::decide(black_box(&attempt), &buckets, &snapshot, &keyring, NOW, &mut rng()).unwrap()
                    });
                });
            }
        }
    }
}

fn issues(criterion: &mut Criterion) {
    let keyring = keyring();
    for (name, delivery) in [("shared key", Delivery::Shared), ("public key", Delivery::PublicKey)] {
        let mut device = Device::enrolled(Policy::default(), Suite::X25519, delivery);
        let first = device.asks();
        criterion.bench_function(&format!("REQ answered with 40 codes, {name}, none outstanding"), |it| {
            let decide =
                || request::decide(black_box(&first), &device.snapshot, &keyring, &BearerLimits::HTTP, NOW, &mut rng());
            it.iter(|| decide().unwrap());
        });
        device.get_set();
        device.spend_all_but(10);
        criterion.bench_function(&format!("40 codes pushed, {name}, 10 outstanding"), |it| {
            let reason = RefillReason::ServerCount;
            let push = || issue::push(&device.snapshot, &keyring, &BearerLimits::HTTP, reason, NOW, &mut rng());
            it.iter(|| push().unwrap());
        });
    }
}

criterion_group!(benches, tags, verifies, issues);
criterion_main!(benches);
