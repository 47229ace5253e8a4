//! Whoever has the card in a reader.

use matchbook_card::{AID, Card};

use crate::chance::Seeded;
use crate::memory::Memory;
use crate::server::{ID, KEY, Server};

pub(crate) const PIN: &[u8; 8] = b"1234\xFF\xFF\xFF\xFF";
pub(crate) const PUK: &[u8; 8] = b"87654321";
pub(crate) const PIN_TRIES: u8 = 3;
pub(crate) const PUK_TRIES: u8 = 5;

pub(crate) type Reader = Card<Memory, Seeded>;

/// An answer: data and status word.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) data: Vec<u8>,
    pub(crate) word: u16,
}

impl Got {
    pub(crate) fn is_ok(&self) -> bool {
        self.word == 0x9000
    }
}

pub(crate) fn insert(memory: &Memory) -> Reader {
    Card::new(memory.clone(), Seeded(99))
}

pub(crate) fn send(card: &mut Reader, apdu: &[u8]) -> Got {
    let answer = card.transmit(apdu);
    let (data, word) = answer.split_last_chunk::<2>().expect("an answer has a status word");
    Got { data: data.to_vec(), word: u16::from_be_bytes(*word) }
}

/// A command in its short form, or in the parts of a chain where it is too long for one; with the answer's rest fetched.
pub(crate) fn command(card: &mut Reader, header: [u8; 4], data: &[u8]) -> Got {
    let [cla, ins, p1, p2] = header;
    let mut parts: Vec<&[u8]> = data.chunks(255).collect();
    let last = parts.pop().unwrap_or(&[]);
    for part in parts {
        let apdu = [&[cla | 0x10, ins, p1, p2, part.len() as u8], part].concat();
        let got = send(card, &apdu);
        if !got.is_ok() {
            return got;
        }
    }
    let mut apdu = header.to_vec();
    if !last.is_empty() {
        apdu.push(last.len() as u8);
        apdu.extend_from_slice(last);
    }
    apdu.push(0);
    let mut got = send(card, &apdu);
    let mut data = got.data;
    while got.word >> 8 == 0x61 {
        got = send(card, &[0x00, 0xC0, 0, 0, got.word as u8]);
        data.extend_from_slice(&got.data);
    }
    Got { data, word: got.word }
}

/// The same as one extended command.
pub(crate) fn extended(card: &mut Reader, header: [u8; 4], data: &[u8]) -> Got {
    let mut apdu = header.to_vec();
    apdu.push(0);
    if !data.is_empty() {
        apdu.extend_from_slice(&(data.len() as u16).to_be_bytes());
        apdu.extend_from_slice(data);
    }
    apdu.extend_from_slice(&[0, 0]);
    send(card, &apdu)
}

pub(crate) fn select(card: &mut Reader) -> Got {
    command(card, [0x00, 0xA4, 0x04, 0x00], &AID)
}

pub(crate) fn verify(card: &mut Reader, pin: &[u8]) -> Got {
    command(card, [0x00, 0x20, 0x00, 0x80], pin)
}

/// What PUT DATA takes for a key from the factory.
pub(crate) fn factory_key() -> Vec<u8> {
    let mut data = [ID.as_slice(), &KEY].concat();
    for text in ["ship-17", "card", "sms:+4912345678"] {
        data.push(text.len() as u8);
        data.extend_from_slice(text.as_bytes());
    }
    data
}

pub(crate) fn pins() -> Vec<u8> {
    [PIN.as_slice(), PUK, &[PIN_TRIES, PUK_TRIES]].concat()
}

pub(crate) fn put(card: &mut Reader, tag: u8, data: &[u8]) -> Got {
    command(card, [0x00, 0xDA, 0x01, tag], data)
}

pub(crate) fn activate(card: &mut Reader) -> Got {
    command(card, [0x00, 0x44, 0x00, 0x00], &[])
}

/// A card in use, with a key from the factory, selected.
pub(crate) fn ready(memory: &Memory) -> Reader {
    let mut card = insert(memory);
    for got in
        [select(&mut card), put(&mut card, 0x11, &factory_key()), put(&mut card, 0x12, &pins()), activate(&mut card)]
    {
        assert!(got.is_ok(), "{got:x?}");
    }
    card
}

/// The next message: what waits (0), or a request for a set (1), a key (2), or an answer (3).
pub(crate) fn message(card: &mut Reader, what: u8) -> Got {
    command(card, [0x80, 0x40, what, 0x00], &[])
}

/// Carries messages to and fro until none waits. `Err`: the card refused one.
pub(crate) fn relay(card: &mut Reader, server: &mut Server, what: u8) -> Result<(), Got> {
    let mut next = message(card, what);
    for _ in 0..8 {
        if next.word == 0x6A88 {
            return Ok(());
        }
        if !next.is_ok() {
            return Err(next);
        }
        for answer in server.answer(&next.data) {
            let got = command(card, [0x80, 0x42, 0x00, 0x00], &answer);
            if !got.is_ok() {
                return Err(got);
            }
        }
        next = message(card, 0);
    }
    panic!("a card that never rests: {next:x?}");
}

/// A code, and its index.
pub(crate) fn take(card: &mut Reader) -> Result<(u32, String), Got> {
    let got = command(card, [0x80, 0x44, 0x00, 0x00], &[]);
    if !got.is_ok() {
        return Err(got);
    }
    let (index, code) = got.data.split_first_chunk::<4>().expect("an index and a code");
    Ok((u32::from_be_bytes(*index), String::from_utf8(code.to_vec()).expect("a code of digits")))
}
