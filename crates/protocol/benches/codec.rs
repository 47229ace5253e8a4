//! The codec alone: codes packed and unpacked, messages read, the COSE form and back, a stored account.
//!
//! `cargo bench -p matchbook-protocol --bench codec`
#![allow(clippy::unwrap_used, clippy::disallowed_types, missing_docs)]

mod common;

use std::hint::black_box;

use common::Pair;
use criterion::{Criterion, criterion_group, criterion_main};
use matchbook_protocol::{
    Account, Suite, UnverifiedDownlink, UnverifiedUplink, compress_downlink, compress_uplink, expand_downlink,
    expand_uplink, pack, unpack,
};

fn codes(criterion: &mut Criterion) {
    let set = common::set(40);
    let packed = pack(&set);
    criterion.bench_function("pack 40 codes of 6 digits", |it| {
        it.iter(|| pack(black_box(&set)));
    });
    criterion.bench_function("unpack 40 codes of 6 digits", |it| {
        it.iter(|| unpack(black_box(set.format), 40, black_box(&packed)));
    });
}

fn messages(criterion: &mut Criterion) {
    let pair = Pair::new(Suite::X25519);
    let (set, request) = (pair.sealed_set(), pair.sealed_request());
    let (set_cose, request_cose) = (expand_downlink(&set, &pair.party).unwrap(), expand_uplink(&request).unwrap());
    criterion.bench_function("decode SET", |it| it.iter(|| UnverifiedDownlink::decode(black_box(&set)).is_ok()));
    criterion.bench_function("decode REQ", |it| it.iter(|| UnverifiedUplink::decode(black_box(&request)).is_ok()));
    criterion.bench_function("SET to COSE", |it| it.iter(|| expand_downlink(black_box(&set), &pair.party)));
    criterion.bench_function("SET from COSE", |it| it.iter(|| compress_downlink(black_box(&set_cose), &pair.party)));
    criterion.bench_function("REQ to COSE", |it| it.iter(|| expand_uplink(black_box(&request))));
    criterion.bench_function("REQ from COSE", |it| it.iter(|| compress_uplink(black_box(&request_cose))));
}

fn account(criterion: &mut Criterion) {
    let engine = common::engine_with_set();
    let stored = engine.account().encode();
    criterion.bench_function("encode an account of 40 codes", |it| it.iter(|| engine.account().encode()));
    criterion.bench_function("decode an account of 40 codes", |it| it.iter(|| Account::decode(black_box(&stored))));
}

criterion_group!(benches, codes, messages, account);
criterion_main!(benches);
