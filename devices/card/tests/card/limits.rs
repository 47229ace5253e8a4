//! The most that a card takes.

use matchbook_protocol::{Alphabet, CodeFormat, Delivery, Suite};

use crate::host::{PIN, activate, command, extended, insert, message, pins, put, ready, relay, select, take, verify};
use crate::memory::Memory;
use crate::server::Server;

const TAKE_MESSAGE: [u8; 4] = [0x80, 0x42, 0x00, 0x00];

#[test]
fn the_longest_sets_are_taken_chained_and_extended() {
    for (symbols, alphabet) in [(6, Alphabet::Decimal), (12, Alphabet::Decimal), (12, Alphabet::Base32)] {
        for is_extended in [false, true] {
            let mut card = ready(&Memory::new());
            let mut server = Server::with_key();
            (server.set_size, server.format) = (250, CodeFormat::new(alphabet, symbols).unwrap());
            let set = server.answer(&message(&mut card, 0).data).remove(0);
            let got = if is_extended { extended } else { command }(&mut card, TAKE_MESSAGE, &set);
            assert!(got.is_ok(), "{} bytes, extended {is_extended}: {got:x?}", set.len());
            verify(&mut card, PIN);
            // No two unused ones are neighbours: the longest list.
            for index in (2..=250u32).step_by(2) {
                assert!(command(&mut card, [0x80, 0x46, 0, 0], &index.to_be_bytes()).is_ok());
            }
            assert_eq!(command(&mut card, [0x00, 0xCA, 0x01, 0x05], &[]).data.len(), 125 * 5);
        }
    }
}

#[test]
fn as_many_codes_as_it_keeps_come_in_sets_of_one_with_the_longest_texts() {
    for (suite, delivery) in [(Suite::Symmetric, Delivery::Shared), (Suite::P256, Delivery::PublicKey)] {
        let (mut server, mut enrolment) = Server::with_enrolment(suite, delivery);
        enrolment.server = format!("https://{}", "a".repeat(247));
        (enrolment.realm, enrolment.label) = ("r".repeat(64), "l".repeat(128));
        let mut card = insert(&Memory::new());
        select(&mut card);
        assert!(put(&mut card, 0x10, enrolment.to_uri().as_bytes()).is_ok());
        assert!(put(&mut card, 0x12, &pins()).is_ok() && activate(&mut card).is_ok());
        (server.set_size, server.format) = (1, CodeFormat::new(Alphabet::Base32, 12).unwrap());
        relay(&mut card, &mut server, 0).unwrap();
        while server.issued.len() < 250 {
            relay(&mut card, &mut server, 1).unwrap();
        }
        verify(&mut card, PIN);
        for index in 1..=250 {
            assert_eq!(take(&mut card).unwrap(), (index, server.issued[index as usize - 1].clone()), "{suite:?}");
        }
    }
}
