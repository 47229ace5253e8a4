#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{Delivery, Engine, Handle, Suite};
use proptest::prelude::*;

use super::content::{decode, encode};
use crate::system::system_rng;
use crate::test_peer::enrolment;

fn stored(number: u8) -> Vec<u8> {
    let enrolment = enrolment(number, Suite::X25519, Delivery::Shared);
    Engine::enrol(&enrolment, Handle(number), &mut system_rng()).unwrap().account().encode().to_vec()
}

fn encoded(accounts: &[Vec<u8>]) -> Vec<u8> {
    encode(accounts.iter().map(Vec::as_slice)).to_vec()
}

#[test]
fn accounts_come_back_in_order() {
    let accounts = [stored(1), stored(4)];
    let decoded = decode(&encoded(&accounts)).unwrap();
    let again: Vec<_> = decoded.iter().map(|account| account.encode().to_vec()).collect();
    assert_eq!(again, accounts);
    assert!(decode(&[]).unwrap().is_empty());
    assert!(decode(&encoded(&[])).unwrap().is_empty());
}

#[test]
fn two_accounts_of_one_handle_or_out_of_order_are_refused() {
    assert!(decode(&encoded(&[stored(1), stored(1)])).is_none());
    assert!(decode(&encoded(&[stored(2), stored(1)])).is_none());
}

#[test]
fn every_cut_and_every_appendix_is_refused() {
    let content = encoded(&[stored(1), stored(2)]);
    for end in 1..content.len() {
        assert!(decode(&content[..end]).is_none(), "{end}");
    }
    let mut longer = content;
    longer.push(0);
    assert!(decode(&longer).is_none());
}

#[test]
fn a_newer_content_is_refused() {
    let mut content = encoded(&[]);
    content[0] = 2;
    assert!(decode(&content).is_none());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let mut with_head = vec![1];
        with_head.extend_from_slice(&bytes);
        let _ = decode(&with_head);
    }
}
