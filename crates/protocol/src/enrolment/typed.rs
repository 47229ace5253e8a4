//! The form to type in: Crockford's base-32 in groups of five symbols, each with Crockford's check symbol, so that a slip
//! is found in its own group.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::payload::{self, PAYLOAD_LEN};
use super::{Enrolment, EnrolmentError, check_texts};
use crate::codes::Alphabet;

/// Symbols of a group before its check symbol; the last group has two.
pub const GROUP_SYMBOLS: usize = 5;
/// How many groups there are.
pub const TYPED_GROUPS: usize = SYMBOLS.div_ceil(GROUP_SYMBOLS);

impl Enrolment {
    /// The groups to print and type in, [`TYPED_GROUPS`] of them. They hold the activation secret. Server, realm and
    /// label are not among them.
    #[must_use]
    pub fn to_typed(&self) -> Zeroizing<Vec<String>> {
        let bytes = payload::encode(&self.party, &self.secret);
        let symbols = to_symbols(&*bytes);
        let mut groups = Zeroizing::new(Vec::with_capacity(TYPED_GROUPS));
        for group in symbols.chunks(GROUP_SYMBOLS) {
            let mut text = String::with_capacity(GROUP_SYMBOLS + 1);
            text.extend(group.iter().map(|value| Alphabet::Base32.symbol(*value)));
            text.push(check_symbol(group));
            groups.push(text);
        }
        groups
    }

    /// Reads the groups; spaces, dashes and case do not count, O is 0, I and L are 1. Server, realm and label come from
    /// elsewhere.
    ///
    /// # Errors
    /// [`EnrolmentError::GroupCount`]; [`EnrolmentError::Group`] with the number of the first mistyped one; otherwise
    /// as [`Enrolment::from_uri`].
    pub fn from_typed(groups: &[&str], server: &str, realm: &str, label: &str) -> Result<Self, EnrolmentError> {
        if groups.len() != TYPED_GROUPS {
            return Err(EnrolmentError::GroupCount { found: groups.len() });
        }
        let mut symbols = Zeroizing::new(Vec::with_capacity(SYMBOLS));
        for (number, group) in (1..).zip(groups) {
            let wanted = (SYMBOLS - symbols.len()).min(GROUP_SYMBOLS);
            let values = read_group(group, wanted).ok_or(EnrolmentError::Group { number })?;
            symbols.extend_from_slice(&values);
        }
        let bytes = from_symbols(&symbols).ok_or(EnrolmentError::Group { number: TYPED_GROUPS })?;
        let (party, secret) = payload::decode(&bytes)?;
        check_texts(party.profile, server, realm, label)?;
        Ok(Self { party, secret, server: server.to_owned(), realm: realm.to_owned(), label: label.to_owned() })
    }
}

/// Symbols of five bits for the payload: 42, the last two bits of the last one 0.
const SYMBOLS: usize = (8 * PAYLOAD_LEN).div_ceil(5);

/// Crockford's check symbol: the group's value modulo 37, with five symbols more than the alphabet has.
fn check_symbol(group: &[u8]) -> char {
    let rest = group.iter().fold(0_u32, |value, symbol| value << 5 | u32::from(*symbol)) % 37;
    match rest {
        32 => '*',
        33 => '~',
        34 => '$',
        35 => '=',
        36 => 'U',
        _ => Alphabet::Base32.symbol(rest.to_le_bytes()[0]),
    }
}

/// The values of a typed group of `wanted` symbols, when its check symbol is right.
fn read_group(typed: &str, wanted: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut typed = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    let mut values = Zeroizing::new(Vec::with_capacity(wanted));
    for _ in 0..wanted {
        values.push(Alphabet::Base32.value(typed.next()?)?);
    }
    let check = normalise_check(typed.next()?);
    (typed.next().is_none() && check == check_symbol(&values)).then_some(values)
}

/// A check symbol is forgiven as the others are.
const fn normalise_check(typed: char) -> char {
    match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        upper => upper,
    }
}

/// The bytes as numbers of five bits, most significant first.
fn to_symbols(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut symbols = Zeroizing::new(Vec::with_capacity(SYMBOLS));
    for place in 0..SYMBOLS {
        let bit = 5 * place;
        let pair = [bytes.get(bit / 8), bytes.get(bit / 8 + 1)].map(|byte| byte.copied().unwrap_or(0));
        let shifted = u16::from_be_bytes(pair) >> (11 - bit % 8);
        symbols.push((shifted & 0x1f).to_le_bytes()[0]);
    }
    symbols
}

/// The reverse of [`to_symbols`]; `None` when a bit after the last byte is set.
fn from_symbols(symbols: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(PAYLOAD_LEN));
    let mut kept: u32 = 0;
    let mut bits = 0;
    for symbol in symbols {
        kept = kept << 5 | u32::from(*symbol & 0x1f);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((kept >> bits).to_le_bytes()[0]);
            kept &= (1 << bits) - 1;
        }
    }
    (kept == 0).then_some(bytes)
}
