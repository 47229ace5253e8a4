//! Ten thousand random sequences of commands: no panic, no code twice, no try gained.

use std::collections::BTreeSet;

use matchbook_card::AID;

use crate::chance::Seeded;
use crate::host::{Got, PIN, PIN_TRIES, PUK_TRIES, Reader, factory_key, insert, pins, ready, relay, send};
use crate::memory::Memory;
use crate::server::Server;

const SEQUENCES: u64 = 10_000;
const COMMANDS: usize = 12;

/// MB-CRD-1.
#[test]
fn ten_thousand_random_sequences_harm_nothing() {
    let stocked = Memory::new();
    let mut card = ready(&stocked);
    let mut server = Server::with_key();
    relay(&mut card, &mut server, 0).unwrap();
    let set = server.answer(&crate::host::message(&mut card, 1).data).remove(0);
    for seed in 0..SEQUENCES {
        let mut chance = Seeded(seed);
        let mut card = insert(&stocked.copy());
        crate::host::select(&mut card);
        let mut seen = Seen { pin: PIN_TRIES, puk: PUK_TRIES, shown: BTreeSet::new() };
        for _ in 0..COMMANDS {
            let apdu = draw(&mut chance, &set);
            seen.look(&mut card, &apdu, seed);
        }
    }
}

/// What is known of a card, by which a gain shows.
struct Seen {
    pin: u8,
    puk: u8,
    shown: BTreeSet<u32>,
}

impl Seen {
    fn look(&mut self, card: &mut Reader, apdu: &[u8], seed: u64) {
        let got = send(card, apdu);
        self.codes(apdu, &got, seed);
        let tries = state(card);
        // More tries than before come of the right PIN or PUK alone.
        let with_pin = contains(apdu, PIN);
        let with_puk = contains(apdu, b"87654321");
        assert!(tries.0 <= self.pin || with_pin || with_puk, "sequence {seed}: {apdu:x?} gained a try of the PIN");
        assert!(tries.1 <= self.puk || with_puk, "sequence {seed}: {apdu:x?} gained a try of the PUK");
        (self.pin, self.puk) = tries;
    }

    fn codes(&mut self, apdu: &[u8], got: &Got, seed: u64) {
        let is_code = matches!(apdu, [0x80, 0x44 | 0x46, ..]) && got.is_ok() && got.data.len() >= 10;
        if let (true, Some(index)) = (is_code, got.data.first_chunk::<4>()) {
            let index = u32::from_be_bytes(*index);
            assert!(self.shown.insert(index), "sequence {seed}: code {index} is shown twice");
        }
    }
}

/// Tries of the PIN and the PUK that are left, by a card that is read on the side.
fn state(card: &mut Reader) -> (u8, u8) {
    // The application may not be selected; a selection ends what was verified, so it is looked at only then.
    let mut got = send(card, &[0x00, 0xCA, 0x01, 0x04, 0x00]);
    if got.word == 0x6883 {
        got = send(card, &[0x00, 0xCA, 0x01, 0x04, 0x00]);
    }
    if got.word == 0x6A82 {
        crate::host::select(card);
        got = send(card, &[0x00, 0xCA, 0x01, 0x04, 0x00]);
    }
    assert!(got.is_ok(), "{got:x?}");
    (got.data[2], got.data[3])
}

/// A command that is right, nearly right, or noise.
fn draw(chance: &mut Seeded, set: &[u8]) -> Vec<u8> {
    let mut apdu = match chance.below(13) {
        0 => short(&[0x00, 0xA4, 0x04, 0x00], &AID),
        1 | 2 => short(&[0x00, 0x20, 0x00, 0x80], PIN),
        3 => short(&[0x00, 0x20, 0x00, 0x80], &chance.bytes(8)),
        4 => short(&[0x00, 0x2C, 0x00, 0x80], &chance.bytes(16)),
        5 | 6 => short(&[0x80, 0x44, 0x00, 0x00], &[]),
        7 => short(&[0x80, 0x46, 0x00, 0x00], &(chance.below(25) as u32).to_be_bytes()),
        8 => short(&[0x80, 0x40, chance.below(5) as u8, chance.below(3) as u8], &[]),
        9 => short(&[0x80, 0x42, 0x00, 0x00], set),
        10 => short(&[0x00, 0xDA, 0x01, 0x10 + chance.below(3) as u8], &[factory_key(), pins()][chance.below(2)]),
        11 => short(&[0x00, 0xCA, 0x01, chance.below(8) as u8], &[]),
        _ => {
            let len = chance.below(40);
            chance.bytes(len)
        }
    };
    if chance.below(4) == 0 && !apdu.is_empty() {
        let at = chance.below(apdu.len());
        apdu[at] ^= 1 << chance.below(8);
    }
    if chance.below(12) == 0 {
        apdu.truncate(chance.below(apdu.len() + 1));
    }
    apdu
}

fn short(header: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut apdu = header.to_vec();
    if !data.is_empty() {
        apdu.push(data.len() as u8);
        apdu.extend_from_slice(data);
    }
    apdu.push(0);
    apdu
}

fn contains(apdu: &[u8], part: &[u8]) -> bool {
    apdu.windows(part.len()).any(|window| window == part)
}
