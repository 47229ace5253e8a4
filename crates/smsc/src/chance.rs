//! What the radio does to a message: decided by the seed, the number and how many messages it had before, and by nothing
//! else, so that a run can be repeated whatever the machine's threads do.

use std::time::Duration;

use matchbook_protocol::sms::{Body, Segment, alphabet};

use crate::conditions::Conditions;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leg {
    /// From a phone.
    Up,
    /// To a phone.
    Down,
}

/// What happens to a message.
#[derive(Debug, PartialEq)]
pub(crate) enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives, and perhaps a copy of it.
    Arrives(Passage, Option<Passage>),
}

/// How one copy of a message crosses.
#[derive(Debug, PartialEq)]
pub(crate) struct Passage {
    /// How long it takes.
    pub(crate) takes: Duration,
    /// It waits until another one of its number has overtaken it.
    pub(crate) is_held_back: bool,
    /// What flips its bits.
    pub(crate) corruption: Option<Chance>,
}

/// The fate of the `ordinal`-th message of `number` on this leg.
pub(crate) fn fate(conditions: &Conditions, leg: Leg, number: &str, ordinal: u64) -> Fate {
    let mut chance = Chance::of(conditions.seed, leg, number, ordinal);
    // Always the same draws in the same order: a change of one probability changes nothing about the others.
    let is_lost = chance.is(conditions.loss);
    let is_doubled = chance.is(conditions.duplication);
    let first = passage(conditions, &mut chance);
    let second = passage(conditions, &mut chance);
    if is_lost { Fate::Lost } else { Fate::Arrives(first, is_doubled.then_some(second)) }
}

fn passage(conditions: &Conditions, chance: &mut Chance) -> Passage {
    let takes = conditions.delay.saturating_add(conditions.jitter.mul_f64(chance.share()));
    let is_held_back = chance.is(conditions.reordering);
    let is_corrupted = chance.is(conditions.corruption);
    let corruption = Chance(chance.next());
    Passage { takes, is_held_back, corruption: is_corrupted.then_some(corruption) }
}

/// Flips one to three bits of the user data, the header included. Text stays text: another character of the
/// alphabet, as a flipped bit of a packed septet gives.
pub(crate) fn corrupt(segment: &mut Segment, mut chance: Chance) {
    let header_len = segment.header.len();
    let mut octets = segment.header.clone();
    let bits = match &segment.body {
        Body::Data(data) => {
            octets.extend_from_slice(data);
            8
        }
        Body::Text(text) => {
            octets.extend(septets(text));
            7
        }
    };
    let mut flipped = Vec::new();
    for _ in 0..=chance.below(MAX_FLIPS) {
        let place = usize::try_from(chance.below(octets.len() as u64)).unwrap_or_default();
        let bit = 1_u8 << chance.below(bits);
        // The same bit twice would leave the message whole.
        if let Some(octet) = octets.get_mut(place).filter(|_| !flipped.contains(&(place, bit))) {
            *octet ^= bit;
            flipped.push((place, bit));
        }
    }
    let body = octets.split_off(header_len);
    segment.header = octets;
    match &mut segment.body {
        Body::Data(data) => *data = body,
        Body::Text(text) => *text = alphabet::decode(&body),
    }
}

/// The septets of a text, with a question mark for what is not in the alphabet.
fn septets(text: &str) -> Vec<u8> {
    let one = |character: char| alphabet::encode(character.encode_utf8(&mut [0; 4])).unwrap_or_else(|| vec![b'?']);
    text.chars().flat_map(one).collect()
}

/// The most bits that corruption flips, less one.
const MAX_FLIPS: u64 = 2;

/// SplitMix64 (Steele, Lea, Flood 2014): small, known, and as good as a simulation needs. Never for secrets.
#[derive(Debug, PartialEq)]
pub(crate) struct Chance(u64);

impl Chance {
    fn of(seed: u64, leg: Leg, number: &str, ordinal: u64) -> Self {
        let mut chance = Self(seed ^ if leg == Leg::Up { UP } else { DOWN });
        for byte in number.bytes() {
            chance.0 = chance.next() ^ u64::from(byte);
        }
        chance.0 = chance.next() ^ ordinal;
        Self(chance.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from 0.0 to below 1.0.
    fn share(&mut self) -> f64 {
        // 53 bits are what an f64 holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// Evenly from 0 to below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or_default()
    }
}

const UP: u64 = 0x5550;
const DOWN: u64 = 0x444f_574e;

#[cfg(test)]
#[path = "chance_tests.rs"]
mod tests;
