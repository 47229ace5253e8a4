//! A card on a heap of its own that never grows: years of use with the most that it may hold, in every suite that it has. What
//! it takes stays below the heap's length, or the program ends with the exit code of a panic; and all of it is given back.

use alloc::vec::Vec;

use matchbook_card::{AID, Answer, Card, NVM_LEN, Nvm, NvmError};
use matchbook_protocol::sms::PORT;
use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Enrolment, Epoch, EpochKeys, Handle,
    Party, Profile, Reason, Secret, Suite, Sync, UnverifiedUplink, Uplink, activation_key,
};

use crate::bare::{cards_heap, on_the_card};
use crate::exchange::{Counting, Step};

const HANDLE: Handle = Handle(0);
/// As many codes as a card holds.
const HELD: u32 = 250;
/// Codes of a set: as few and as many as there can be, and what is usual.
const SETS: [u32; 4] = [1, 10, 50, 250];
/// A refill of every code that it holds, and a new key each.
const YEARS: u32 = 4;

/// Runs a card in each suite and delivery, with sets of each size.
pub(crate) fn run() -> Result<(), Step> {
    for (suite, delivery) in [
        (Suite::Symmetric, Delivery::Shared),
        (Suite::P256, Delivery::Shared),
        (Suite::P256, Delivery::PublicKey),
        (Suite::X25519, Delivery::Shared),
        (Suite::X25519, Delivery::PublicKey),
    ] {
        for set in SETS {
            live(suite, delivery, set)?;
        }
    }
    Ok(())
}

fn live(suite: Suite, delivery: Delivery, set: u32) -> Result<(), Step> {
    let profile = Profile::new(suite, delivery).map_err(|_| Step(40))?;
    let party = Party { id: AuthenticatorId([6; 8]), profile };
    let enrolment = Enrolment {
        party,
        secret: Secret::new([4; 16]),
        server: ["https://codes.example.org/", &"m".repeat(229)].concat(),
        realm: "r".repeat(64),
        label: "l".repeat(128),
    };
    let mut server = Server::new(&enrolment, set);
    let mut card = on_the_card(|| Card::new(Memory([0xFF; NVM_LEN]), Counting(3)));
    command(&mut card, [0x00, 0xA4, 0x04, 0x00], &AID)?;
    command(&mut card, [0x00, 0xDA, 0x01, 0x10], enrolment.to_uri().as_bytes())?;
    command(&mut card, [0x00, 0xDA, 0x01, 0x12], b"1234\xFF\xFF\xFF\xFF87654321\x03\x05")?;
    command(&mut card, [0x00, 0x44, 0x00, 0x00], &[])?;
    relay(&mut card, &mut server, 0)?;
    for year in 1..=YEARS {
        on_the_card(|| card.reset());
        command(&mut card, [0x00, 0xA4, 0x04, 0x00], &AID)?;
        command(&mut card, [0x00, 0x20, 0x00, 0x80], b"1234\xFF\xFF\xFF\xFF")?;
        // Strangers' short messages, each the first part of one that never becomes whole.
        for sender in 0..4 {
            envelope(&mut card, sender)?;
        }
        while server.next_index <= year * HELD {
            relay(&mut card, &mut server, 1)?;
        }
        relay(&mut card, &mut server, 2)?;
        for _ in 0..HELD {
            command(&mut card, [0x80, 0x44, 0x00, 0x00], &[])?;
        }
    }
    on_the_card(|| drop(card));
    if cards_heap() == 0 { Ok(()) } else { Err(Step(41)) }
}

/// ENVELOPE with the first part of three, of 134 bytes, to our port.
fn envelope(card: &mut Card<Memory, Counting>, sender: u8) -> Result<(), Step> {
    let mut tpdu =
        Vec::from([0x44, 0x04, 0x91, 0x94, sender, 0x7F, 0xF6, 0x62, 0x11, 0x32, 0x21, 0x43, 0x65, 0x00, 140]);
    let [high, low] = PORT.to_be_bytes();
    tpdu.extend_from_slice(&[11, 0x00, 3, sender, 3, 1, 0x05, 4, high, low, 0, 0]);
    tpdu.extend_from_slice(&[0x5A; 128]);
    let mut envelope = Vec::from([0xD1, 0x81, 0, 0x82, 2, 0x83, 0x81, 0x8B, 0x81]);
    envelope.push(u8::try_from(tpdu.len()).map_err(|_| Step(43))?);
    envelope.extend_from_slice(&tpdu);
    let inner = u8::try_from(envelope.len() - 3).map_err(|_| Step(44))?;
    *envelope.get_mut(2).ok_or(Step(45))? = inner;
    command(card, [0x80, 0xC2, 0x00, 0x00], &envelope).map(drop)
}

struct Memory([u8; NVM_LEN]);

impl Nvm for Memory {
    fn read(&self, at: usize, into: &mut [u8]) -> Result<(), NvmError> {
        into.copy_from_slice(self.0.get(at..at + into.len()).ok_or(NvmError)?);
        Ok(())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), NvmError> {
        self.0.get_mut(at..at + bytes.len()).ok_or(NvmError)?.copy_from_slice(bytes);
        Ok(())
    }
}

/// One extended command; the answer's data.
fn command(card: &mut Card<Memory, Counting>, header: [u8; 4], data: &[u8]) -> Result<Answer, Step> {
    let mut command = Vec::from(header);
    command.push(0);
    if !data.is_empty() {
        command.extend_from_slice(&(data.len() as u16).to_be_bytes());
        command.extend_from_slice(data);
    }
    command.extend_from_slice(&[0, 0]);
    let mut answer = on_the_card(|| card.transmit(&command));
    if !answer.ends_with(&[0x90, 0x00]) {
        return Err(Step(i32::from(answer.last().copied().unwrap_or(42))));
    }
    answer.truncate(answer.len() - 2);
    Ok(answer)
}

/// Carries messages to and fro until none waits.
fn relay(card: &mut Card<Memory, Counting>, server: &mut Server, what: u8) -> Result<(), Step> {
    let mut next = command(card, [0x80, 0x40, what, 0x00], &[]);
    while let Ok(message) = next {
        for answer in server.answer(&message)? {
            command(card, [0x80, 0x42, 0x00, 0x00], &answer)?;
        }
        next = command(card, [0x80, 0x40, 0x00, 0x00], &[]);
    }
    Ok(())
}

/// Enough of a server to give a card sets and keys.
struct Server {
    party: Party,
    key: Secret<32>,
    epoch: Epoch,
    offered: Option<(Secret<32>, Vec<u8>)>,
    public_key: Vec<u8>,
    last_request: u32,
    syncs: u32,
    next_index: u32,
    outstanding: Option<(u32, Vec<u8>)>,
    /// Codes of a set.
    set: u32,
    rng: Counting,
}

impl Server {
    fn new(enrolment: &Enrolment, set: u32) -> Self {
        Self {
            party: enrolment.party,
            key: activation_key(&enrolment.secret, &enrolment.party),
            epoch: Epoch(0),
            offered: None,
            public_key: Vec::new(),
            last_request: 0,
            syncs: 0,
            next_index: 1,
            outstanding: None,
            set,
            rng: Counting(1),
        }
    }

    fn answer(&mut self, message: &[u8]) -> Result<Vec<Vec<u8>>, Step> {
        let unverified = UnverifiedUplink::decode(message).map_err(|_| Step(50))?;
        let next = self.epoch.next().ok_or(Step(51))?;
        if unverified.epoch_low() == next.low_byte() {
            self.key = self.offered.take().ok_or(Step(52))?.0;
            self.epoch = next;
        }
        let mut answers = Vec::new();
        match self.keys().open_uplink(&unverified).map_err(|_| Step(53))? {
            Uplink::Enrol { counter, enrol } => (self.last_request, self.public_key) = (counter, enrol.public_key),
            Uplink::Request { counter, request } => {
                self.last_request = self.last_request.max(counter);
                if self.outstanding.as_ref().is_some_and(|(last, _)| request.highest.0 >= *last) {
                    self.outstanding = None;
                }
                if request.wanted > 0 && self.outstanding.is_none() {
                    self.issue()?;
                }
                answers.extend(self.outstanding.iter().map(|(_, set)| set.clone()));
                if request.reason == Reason::Rotate {
                    answers.push(self.offer(request.ephemeral.as_deref())?);
                }
            }
        }
        if answers.is_empty() {
            self.syncs += 1;
            let sync = Sync { last_request: self.last_request, rotate: false, suspended: false, threshold: 0 };
            let keys = self.keys();
            answers.push(keys.seal_sync(HANDLE, self.syncs, &sync, &mut self.rng).map_err(|_| Step(54))?);
        }
        Ok(answers)
    }

    fn offer(&mut self, ephemeral: Option<&[u8]>) -> Result<Vec<u8>, Step> {
        if let Some((_, sealed)) = &self.offered {
            return Ok(sealed.clone());
        }
        let [stirred, ..] = self.epoch.0.wrapping_add(77).to_le_bytes();
        let new = Secret::new([stirred; 32]);
        let keys = self.keys();
        let sealed = match ephemeral {
            Some(key) => keys.seal_rotation_to(HANDLE, key, &new, &mut self.rng),
            None => keys.seal_rotation(HANDLE, &new, &mut self.rng),
        };
        let sealed = sealed.map_err(|_| Step(55))?;
        self.offered = Some((new, sealed.clone()));
        Ok(sealed)
    }

    fn issue(&mut self) -> Result<(), Step> {
        let format = CodeFormat::new(Alphabet::Base32, 12).map_err(|_| Step(56))?;
        let codes: Vec<Code> = (0..self.set).map(|_| Code::draw(format, &mut self.rng)).collect();
        let set = CodeSet::new(CodeIndex(self.next_index), format, false, codes).map_err(|_| Step(57))?;
        self.next_index += self.set;
        let keys = self.keys();
        let sealed = match self.party.profile.delivery() {
            Delivery::Shared => keys.seal_set(HANDLE, &set, &mut self.rng),
            Delivery::PublicKey => keys.seal_set_to(HANDLE, &self.public_key, &set, &mut self.rng),
        };
        self.outstanding = Some((set.last().0, sealed.map_err(|_| Step(58))?));
        Ok(())
    }

    fn keys(&self) -> EpochKeys {
        EpochKeys::derive(&self.key, &self.party, self.epoch)
    }
}
