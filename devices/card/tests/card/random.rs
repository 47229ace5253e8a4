//! Ten thousand random sequences of commands, in chains and in parts, with resets and a telephone between: no panic, no code
//! twice, no try gained.

use std::collections::BTreeSet;

use matchbook_card::AID;

use crate::chance::Seeded;
use crate::host::{Got, PIN, Reader, factory_key, insert, message, pins, ready, relay, select, send};
use crate::memory::Memory;
use crate::server::Server;

const SEQUENCES: u64 = 10_000;
const COMMANDS: usize = 16;
const WRONG_PIN: &[u8; 8] = b"0000\xFF\xFF\xFF\xFF";

/// MB-CRD-1.
#[test]
fn ten_thousand_random_sequences_harm_nothing() {
    let stocked = Memory::new();
    let mut card = ready(&stocked);
    let mut server = Server::with_key();
    relay(&mut card, &mut server, 0).unwrap();
    let set = server.answer(&message(&mut card, 1).data).remove(0);
    let mut shown = 0;
    for seed in 0..SEQUENCES {
        let memory = stocked.copy();
        let tries = tries(&memory);
        let mut watch =
            Watch { card: insert(&memory), memory, seed, tries, writes: 0, answer: Vec::new(), shown: BTreeSet::new() };
        select(&mut watch.card);
        let mut chance = Seeded(seed);
        for _ in 0..COMMANDS {
            if chance.below(20) == 0 {
                watch.reset();
            }
            for apdu in draw(&mut chance, &set) {
                watch.send(&apdu);
            }
        }
        shown += watch.shown.len();
    }
    assert!(shown > 1_000, "codes were shown at all: {shown}");
}

/// What is known of a card, by which a gain shows.
struct Watch {
    card: Reader,
    memory: Memory,
    seed: u64,
    /// Of the PIN and the PUK, after so many writes.
    tries: (u8, u8),
    writes: usize,
    /// The answer as far as it was fetched.
    answer: Vec<u8>,
    shown: BTreeSet<Vec<u8>>,
}

impl Watch {
    fn reset(&mut self) {
        self.card.reset();
        self.answer.clear();
        select(&mut self.card);
    }

    fn send(&mut self, apdu: &[u8]) {
        let got = send(&mut self.card, apdu);
        self.look_for_codes(apdu, &got);
        if self.memory.writes() == self.writes {
            return;
        }
        self.writes = self.memory.writes();
        let tries = tries(&self.memory);
        let is_done = got.word == 0x9000 || got.word >> 8 == 0x91;
        // More tries than before come of the right PIN or PUK alone, which is then answered so.
        if tries.0 > self.tries.0 || tries.1 > self.tries.1 {
            let verifies = apdu.get(1).is_some_and(|ins| matches!(ins, 0x20 | 0x24 | 0x2C));
            assert!(is_done && verifies, "sequence {}: {apdu:x?} gained a try: {got:x?}", self.seed);
        }
        self.tries = tries;
    }

    /// Four bytes of an index and six digits, however many answers they came in.
    fn look_for_codes(&mut self, apdu: &[u8], got: &Got) {
        if apdu.get(1) != Some(&0xC0) {
            self.answer.clear();
        }
        self.answer.extend_from_slice(&got.data);
        if let [0, 0, 0, _, code @ ..] = self.answer.as_slice()
            && code.len() == 6
            && code.iter().all(u8::is_ascii_digit)
        {
            let code = std::mem::take(&mut self.answer);
            assert!(self.shown.insert(code.clone()), "sequence {}: {code:x?} is shown twice", self.seed);
        }
    }
}

/// Tries of the PIN and the PUK that are left, by another card with the same memory: this one must not notice.
fn tries(memory: &Memory) -> (u8, u8) {
    let mut card = insert(&memory.copy());
    select(&mut card);
    let got = send(&mut card, &[0x00, 0xCA, 0x01, 0x04, 0x00]);
    assert_eq!((got.word, got.data[0]), (0x9000, 0x05), "{got:x?}");
    (got.data[2], got.data[3])
}

/// A command that is right, nearly right, or noise; whole, or in parts.
fn draw(chance: &mut Seeded, set: &[u8]) -> Vec<Vec<u8>> {
    let (header, data): ([u8; 4], Vec<u8>) = match chance.below(22) {
        0 => ([0x00, 0xA4, 0x04, 0x00], AID.to_vec()),
        1 | 2 => ([0x00, 0x20, 0x00, 0x80], PIN.to_vec()),
        3 => ([0x00, 0x20, 0x00, 0x80], WRONG_PIN.to_vec()),
        4 => ([0x00, 0x24, 0x00, 0x80], [*WRONG_PIN, *PIN].concat()),
        5 => ([0x00, 0x2C, 0x00, 0x80], [*b"00000000", *PIN].concat()),
        6 | 7 => ([0x80, 0x44, 0x00, 0x00], Vec::new()),
        8 => ([0x80, 0x46, 0x00, 0x00], (chance.below(25) as u32).to_be_bytes().to_vec()),
        9 => ([0x80, 0x40, chance.below(5) as u8, chance.below(3) as u8], Vec::new()),
        10 => ([0x80, 0x42, 0x00, 0x00], set.to_vec()),
        11 => ([0x00, 0xDA, 0x01, 0x10 + chance.below(3) as u8], [factory_key(), pins()][chance.below(2)].clone()),
        12 => ([0x00, 0xCA, 0x01, chance.below(9) as u8], Vec::new()),
        13..=15 => ([0x00, 0xC0, 0x00, 0x00], Vec::new()),
        16 => ([0x80, 0x10, 0x00, 0x00], vec![0xFF, 0xFF, 0xFF, 0x02, 0x00]),
        17 => ([0x80, 0x12, 0x00, 0x00], Vec::new()),
        18 => {
            let result = [0x00, 0x21][chance.below(2)];
            ([0x80, 0x14, 0x00, 0x00], vec![0x81, 3, 1, 0x13, 0, 0x82, 2, 0x82, 0x81, 0x83, 1, result])
        }
        19 => ([0x80, 0xF2, 0x00, 0x00], Vec::new()),
        20 => {
            let len = chance.below(60);
            ([0x80, 0xC2, 0x00, 0x00], chance.bytes(len))
        }
        _ => {
            let len = chance.below(40);
            return vec![chance.bytes(len)];
        }
    };
    let cut = if chance.below(5) == 0 { chance.below(data.len() + 1) } else { 0 };
    let (first, rest) = data.split_at(cut);
    let mut apdus = Vec::new();
    if cut > 0 {
        apdus.push(part(chance, [header[0] | 0x10, header[1], header[2], header[3]], first));
    }
    // A chain may be left open.
    if cut == 0 || chance.below(4) > 0 {
        apdus.push(part(chance, header, rest));
    }
    for apdu in &mut apdus {
        if chance.below(12) == 0 && !apdu.is_empty() {
            let at = chance.below(apdu.len());
            apdu[at] ^= 1 << chance.below(8);
        }
        if chance.below(30) == 0 {
            apdu.truncate(chance.below(apdu.len() + 1));
        }
    }
    apdus
}

/// One APDU: short or extended, with an answer expected of any length.
fn part(chance: &mut Seeded, header: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut apdu = header.to_vec();
    let is_extended = chance.below(3) == 0 || data.len() > 255;
    if is_extended {
        apdu.push(0);
        if !data.is_empty() {
            apdu.extend_from_slice(&(data.len() as u16).to_be_bytes());
        }
    } else if !data.is_empty() {
        apdu.push(data.len() as u8);
    }
    apdu.extend_from_slice(data);
    let expected = [0, 0, 3, 10][chance.below(4)];
    match (is_extended, chance.below(5)) {
        (_, 0) => {}
        (true, _) => apdu.extend_from_slice(&[0, expected]),
        (false, _) => apdu.push(expected),
    }
    apdu
}
