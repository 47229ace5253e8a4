//! Address fields (TS 23.040 §9.1.2.5): a length, a type, and semi-octets or septets.

use alloc::string::String;
use alloc::vec::Vec;

use super::TpduError;
use super::reader::Reader;
use crate::sms::address::Address;
use crate::sms::{alphabet, septets};

/// Writes the field.
pub(super) fn encode(address: &Address, into: &mut Vec<u8>) -> Result<(), TpduError> {
    let (semi_octets, value) = if address.is_name() {
        let septets = alphabet::encode(address.text()).ok_or(TpduError::Address)?;
        let mut value = Vec::new();
        septets::append(&mut value, &septets);
        ((septets::SEPTET_BITS * septets.len()).div_ceil(4), value)
    } else {
        (address.text().len(), semi_octets_of(address.text()))
    };
    into.push(u8::try_from(semi_octets).map_err(|_| TpduError::Address)?);
    into.push(NO_EXTENSION | address.type_of_number() << 4 | address.numbering_plan());
    into.extend(value);
    Ok(())
}

/// Writes the field of an address that is sent to.
pub(super) fn encode_number(address: &Address, into: &mut Vec<u8>) -> Result<(), TpduError> {
    if address.is_name() { Err(TpduError::Address) } else { encode(address, into) }
}

/// Reads the field of an address that is sent to.
pub(super) fn decode_number(reader: &mut Reader<'_>) -> Result<Address, TpduError> {
    decode(reader).and_then(|address| if address.is_name() { Err(TpduError::Address) } else { Ok(address) })
}

/// Reads the field.
pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Address, TpduError> {
    let [length, kind] = reader.octets()?;
    let semi_octets = usize::from(length);
    if semi_octets > MAX_SEMI_OCTETS || kind & NO_EXTENSION == 0 {
        return Err(TpduError::Address);
    }
    let value = reader.slice(semi_octets.div_ceil(2))?;
    let (ton, npi) = (kind >> 4 & 0x07, kind & 0x0f);
    let text = if ton == ALPHANUMERIC {
        let count = semi_octets * 4 / septets::SEPTET_BITS;
        alphabet::decode(&septets::read(value, 0, count).ok_or(TpduError::TooShort)?)
    } else {
        digits_of(value, semi_octets).ok_or(TpduError::Address)?
    };
    Address::from_parts(ton, npi, &text).map_err(|_| TpduError::Address)
}

/// Bit 7 of the type octet: always set, there is no second type octet.
const NO_EXTENSION: u8 = 0x80;
/// Ten octets.
const MAX_SEMI_OCTETS: usize = 20;
const ALPHANUMERIC: u8 = 5;
/// Stands behind an odd number of digits.
const FILL: u8 = 0x0f;

/// Digits in swapped pairs, the first in the low half.
fn semi_octets_of(digits: &str) -> Vec<u8> {
    let value = |digit: &u8| digit.wrapping_sub(b'0') & 0x0f;
    let pair = |pair: &[u8]| pair.get(1).map_or(FILL, value) << 4 | pair.first().map_or(FILL, value);
    digits.as_bytes().chunks(2).map(pair).collect()
}

fn digits_of(octets: &[u8], count: usize) -> Option<String> {
    let halves = octets.iter().flat_map(|octet| [octet & 0x0f, octet >> 4]);
    halves.take(count).map(|half| char::from_digit(u32::from(half), 10)).collect()
}
