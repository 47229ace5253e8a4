#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_rules::verify::{self, VerifyDecision, VerifyRequest};
use matchbook_rules::{OperationId, Verdict, VerifyTarget};
use matchbook_store::{MemoryStore, Store, VerifyLookup};
use zeroize::Zeroizing;

use super::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn the_codes_of_a_filled_store_verify() {
    let population = Population::of(3).unwrap();
    let store = MemoryStore::new();
    block_on(fill(&store, &population)).unwrap();
    let code = population.code(2, CodeIndex(1)).unwrap();
    let request = VerifyRequest {
        home: realm().unwrap(),
        realm: realm().unwrap(),
        target: VerifyTarget::Subscriber(user(2).unwrap()),
        relying_party: relying_party().unwrap(),
        operation: OperationId::new("first").unwrap(),
        source: None,
        code: Zeroizing::new(code.reveal().to_string()),
    };
    let buckets = verify::lookup_buckets(&request, &keyring());
    let lookup = VerifyLookup {
        realm: request.home.clone(),
        target: request.target.clone(),
        relying_party: request.relying_party.clone(),
        operation: Some(request.operation.clone()),
        source_bucket: buckets.source,
        place_bucket: buckets.place,
        relying_party_bucket: buckets.relying_party,
        global_bucket: buckets.global,
        skips_bucket: buckets.skips,
    };
    let snapshot = block_on(store.load_verify(&lookup)).unwrap();
    let decided = verify::decide(&request, &buckets, &snapshot, &keyring(), now(), &mut rng()).unwrap();
    match decided {
        VerifyDecision::Commit { verdict, .. } => assert_eq!(verdict, Verdict::Accepted),
        VerifyDecision::Answered { .. } => panic!("nobody asked before"),
    }
}

#[test]
fn the_key_of_a_filled_store_is_the_devices() {
    let population = Population::of(1).unwrap();
    let row = population.authenticator(0, &keyring(), now()).unwrap();
    let place = KeyPlace { realm: &row.realm, id: row.id, epoch: Epoch(0) };
    let opened = keyring().open_key(&place, &row.keys.current.sealed).unwrap();
    assert_eq!(opened.expose(), key(0).expose());
}

#[test]
fn codes_differ_and_have_the_format() {
    let population = Population::of(1).unwrap();
    let codes: Vec<String> =
        (1..=50).map(|index| population.code(0, CodeIndex(index)).unwrap().reveal().to_string()).collect();
    assert!(codes.iter().all(|code| code.len() == 6));
    assert!(codes.windows(2).all(|pair| pair[0] != pair[1]));
}
