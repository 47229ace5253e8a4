//! M1 to M11 with a card: its messages, sets and keys.

use matchbook_protocol::{Delivery, Suite};

use crate::host::{PIN, activate, command, insert, message, pins, put, ready, relay, select, send, take, verify};
use crate::memory::Memory;
use crate::server::{KEY, Server};

/// MB-ENR-8, MB-CRD-6.
#[test]
fn a_factory_key_brings_a_set_by_the_first_message() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let mut server = Server::with_key();
    let first = message(&mut card, 0);
    assert_eq!(first.data.len(), 45, "REQ");
    assert_eq!(message(&mut card, 0).data, first.data, "the same bytes until they are answered");
    relay(&mut card, &mut server, 0).unwrap();
    verify(&mut card, PIN);
    assert_eq!(take(&mut card).unwrap(), (1, server.issued[0].clone()));
    let counts = command(&mut card, [0x00, 0xCA, 0x01, 0x02], &[]).data;
    assert_eq!(counts[..3], [0, 9, 3], "nine left, and the threshold that the server names");
}

#[test]
fn every_suite_that_a_card_has_is_enrolled_refilled_and_rotated() {
    for (suite, delivery) in [
        (Suite::Symmetric, Delivery::Shared),
        (Suite::P256, Delivery::Shared),
        (Suite::P256, Delivery::PublicKey),
        (Suite::X25519, Delivery::Shared),
    ] {
        let memory = Memory::new();
        let (mut server, enrolment) = Server::with_enrolment(suite, delivery);
        let mut card = insert(&memory);
        select(&mut card);
        assert!(put(&mut card, 0x10, enrolment.to_uri().as_bytes()).is_ok());
        assert!(put(&mut card, 0x12, &pins()).is_ok());
        assert!(activate(&mut card).is_ok());
        relay(&mut card, &mut server, 0).unwrap();
        verify(&mut card, PIN);
        for index in 1..=30 {
            assert_eq!(take(&mut card).unwrap(), (index, server.issued[index as usize - 1].clone()), "{suite:?}");
            relay(&mut card, &mut server, 0).unwrap();
        }
        relay(&mut card, &mut server, 2).unwrap();
        assert_eq!(command(&mut card, [0x00, 0xCA, 0x01, 0x03], &[]).data, [0, 0, 0, 1], "{suite:?}");
        assert_eq!(server.epoch(), 1);
        if suite == Suite::Symmetric {
            assert!(!memory.holds(&[9; 16]), "the activation secret is gone with its key");
        }
        relay(&mut card, &mut server, 1).unwrap();
        assert!(take(&mut card).is_ok(), "{suite:?}");
    }
}

#[test]
fn a_key_that_was_replaced_is_wiped() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let mut server = Server::with_key();
    relay(&mut card, &mut server, 0).unwrap();
    assert!(memory.holds(&KEY));
    relay(&mut card, &mut server, 2).unwrap();
    assert!(!memory.holds(&KEY));
}

#[test]
fn the_user_may_ask_for_a_set_and_an_answer() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let mut server = Server::with_key();
    relay(&mut card, &mut server, 0).unwrap();
    relay(&mut card, &mut server, 1).unwrap();
    assert_eq!(server.issued.len(), 20);
    relay(&mut card, &mut server, 3).unwrap();
    assert_eq!(message(&mut card, 0).word, 0x6A88, "nothing waits");
    for _ in 0..23 {
        relay(&mut card, &mut server, 1).unwrap();
    }
    assert_eq!(message(&mut card, 1).word, 0x6A84, "it holds as many as it keeps");
}

#[test]
fn messages_that_are_not_for_it_change_nothing() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let mut server = Server::with_key();
    let first = message(&mut card, 0).data;
    let set = server.answer(&first).remove(0);
    let writes = memory.writes();
    let deliver = |card: &mut _, message: &[u8]| command(card, [0x80, 0x42, 0, 0], message).word;
    for place in 0..set.len() {
        let mut forged = set.clone();
        forged[place] ^= 1;
        assert!(!matches!(deliver(&mut card, &forged), 0x9000 | 0x6F00), "byte {place}");
    }
    assert_eq!(deliver(&mut card, &[]), 0x6A80);
    assert_eq!(deliver(&mut card, &first), 0x6A80, "its own");
    assert_eq!(memory.writes(), writes);
    let got = command(&mut card, [0x80, 0x42, 0, 0], &set);
    assert_eq!((got.word, &got.data[..]), (0x9000, &[2, 12, 0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0, 0][..]));
}

#[test]
fn an_acknowledgement_by_short_message_goes_once() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let mut server = Server::with_key();
    let first = command(&mut card, [0x80, 0x40, 0x00, 0x01], &[]).data;
    let set = server.answer(&first).remove(0);
    assert!(command(&mut card, [0x80, 0x42, 0x00, 0x01], &set).is_ok());
    assert!(command(&mut card, [0x80, 0x40, 0x00, 0x01], &[]).is_ok());
    assert_eq!(command(&mut card, [0x80, 0x40, 0x00, 0x01], &[]).word, 0x6A88);
}

#[test]
fn a_time_is_taken_and_nothing_else_for_it() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    assert!(put(&mut card, 0x20, &1_790_000_000_000_u64.to_be_bytes()).is_ok());
    assert_eq!(put(&mut card, 0x20, &[0; 7]).word, 0x6700);
    assert_eq!(send(&mut card, &[0x00, 0xDA, 0x01, 0x21, 0x00]).word, 0x6A88);
}
