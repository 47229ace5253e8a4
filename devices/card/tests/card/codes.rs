//! Codes: after the PIN, burnt before they are shown, once each.

use crate::host::{PIN, command, insert, ready, relay, select, take, verify};
use crate::memory::Memory;
use crate::server::Server;

fn stocked(memory: &Memory) -> (crate::host::Reader, Server) {
    let mut card = ready(memory);
    let mut server = Server::with_key();
    relay(&mut card, &mut server, 0).unwrap();
    (card, server)
}

fn take_at(card: &mut crate::host::Reader, index: u32) -> crate::host::Got {
    command(card, [0x80, 0x46, 0x00, 0x00], &index.to_be_bytes())
}

/// MB-CRD-3.
#[test]
fn there_is_no_code_without_the_pin() {
    let memory = Memory::new();
    let (mut card, _server) = stocked(&memory);
    assert_eq!(take(&mut card).unwrap_err().word, 0x6982);
    assert_eq!(take_at(&mut card, 1).word, 0x6982);
    assert_eq!(command(&mut card, [0x00, 0xCA, 0x01, 0x05], &[]).word, 0x6982, "nor which there are");
    verify(&mut card, PIN);
    assert!(take(&mut card).is_ok());
    select(&mut card);
    assert_eq!(take(&mut card).unwrap_err().word, 0x6982, "the PIN holds until the application is selected again");
    verify(&mut card, PIN);
    verify(&mut card, b"0000\xFF\xFF\xFF\xFF");
    assert_eq!(take(&mut card).unwrap_err().word, 0x6982, "or a wrong one is presented");
}

/// MB-CRD-4.
#[test]
fn a_code_is_shown_once_whatever_asks_for_it() {
    let memory = Memory::new();
    let (mut card, server) = stocked(&memory);
    verify(&mut card, PIN);
    let got = take_at(&mut card, 7);
    assert_eq!(got.data, [&[0, 0, 0, 7], server.issued[6].as_bytes()].concat());
    assert_eq!(take_at(&mut card, 7).word, 0x6985);
    assert_eq!(take_at(&mut card, 11).word, 0x6A83);
    assert_eq!(take_at(&mut card, 0).word, 0x6A83);
    assert_eq!(command(&mut card, [0x80, 0x46, 0, 0], &[7]).word, 0x6700);
    let list = command(&mut card, [0x00, 0xCA, 0x01, 0x05], &[]).data;
    assert_eq!(list, [0, 0, 0, 1, 6, 0, 0, 0, 8, 3]);
    drop(card);
    let mut card = insert(&memory);
    select(&mut card);
    verify(&mut card, PIN);
    assert_eq!(take_at(&mut card, 7).word, 0x6985, "also after the power was cut");
    for index in [1, 2, 3, 4, 5, 6, 8, 9, 10] {
        assert_eq!(take(&mut card).unwrap(), (index, server.issued[index as usize - 1].clone()));
    }
    assert_eq!(take(&mut card).unwrap_err().word, 0x6A83, "none is left");
}

#[test]
fn a_code_that_was_not_fetched_is_gone_with_the_next_command() {
    let memory = Memory::new();
    let (mut card, _server) = stocked(&memory);
    verify(&mut card, PIN);
    assert_eq!(crate::host::send(&mut card, &[0x80, 0x44, 0x00, 0x00]).word, 0x610A);
    assert!(verify(&mut card, &[]).is_ok());
    assert_eq!(crate::host::send(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x0A]).word, 0x6985);
}

#[test]
fn no_code_that_was_taken_is_left_in_the_memory() {
    let memory = Memory::new();
    let (mut card, server) = stocked(&memory);
    verify(&mut card, PIN);
    // The account's codes are CBOR numbers: place and value.
    let value: u32 = server.issued[0].parse().unwrap();
    assert!(value > 0xFFFF, "one that takes four bytes, which the seed gives");
    let stored = [&[0, 0x1A][..], &value.to_be_bytes()].concat();
    assert!(memory.holds(&stored), "it is there before it is taken");
    assert_eq!(take(&mut card).unwrap().0, 1);
    assert!(!memory.holds(&stored));
}
