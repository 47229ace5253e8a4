//! User data (TS 23.040 §9.2.3.16, .23 and .24): coding, length, header and body.

use alloc::vec::Vec;

use super::coding::Coding;
use super::reader::Reader;
use super::{HAS_HEADER, TpduError};
use crate::sms::segment::{Body, Segment, USER_DATA_OCTETS, USER_DATA_SEPTETS};
use crate::sms::{alphabet, septets};

/// User data as it stands in a TPDU.
pub(super) struct UserData {
    coding: Coding,
    /// Octets, or septets in the default alphabet.
    length: u8,
    octets: Vec<u8>,
}

impl UserData {
    /// Lays out a segment.
    pub(super) fn of(segment: &Segment) -> Result<Self, TpduError> {
        check_header(&segment.header)?;
        let mut octets = segment.header.clone();
        let (coding, length) = match &segment.body {
            Body::Data(data) => {
                octets.extend(data);
                (Coding::Octets, octets.len())
            }
            Body::Text(text) => {
                let septets = alphabet::encode(text).ok_or(TpduError::Character)?;
                let length = septets::covering(octets.len()) + septets.len();
                septets::append(&mut octets, &septets);
                (Coding::Septets, length)
            }
        };
        if octets.len() > USER_DATA_OCTETS || length > longest(coding) {
            return Err(TpduError::TooLong);
        }
        let length = u8::try_from(length).map_err(|_| TpduError::TooLong)?;
        Ok(Self { coding, length, octets })
    }

    /// The data coding scheme's octet.
    pub(super) const fn coding_octet(&self) -> u8 {
        self.coding.to_octet()
    }

    /// Length and user data.
    pub(super) fn append_to(self, tpdu: &mut Vec<u8>) {
        tpdu.push(self.length);
        tpdu.extend(self.octets);
    }
}

/// The bit of a TPDU's first octet that says whether the segment has a header.
pub(super) const fn header_bit(segment: &Segment) -> u8 {
    if segment.header.is_empty() { 0 } else { HAS_HEADER }
}

/// Reads length and user data; `first` is the TPDU's first octet.
pub(super) fn decode(first: u8, coding: u8, reader: &mut Reader<'_>) -> Result<Segment, TpduError> {
    let coding = Coding::from_octet(coding)?;
    let length = usize::from(reader.octet()?);
    if length > longest(coding) {
        return Err(TpduError::TooLong);
    }
    let octets = reader.slice(match coding {
        Coding::Septets => septets::octets_of(length),
        Coding::Octets => length,
    })?;
    let header_len = match octets.first() {
        _ if first & HAS_HEADER == 0 => 0,
        Some(header_len) => 1 + usize::from(*header_len),
        None => return Err(TpduError::Header),
    };
    let (header, data) = octets.split_at_checked(header_len).ok_or(TpduError::Header)?;
    let body = match coding {
        Coding::Octets => Body::Data(data.into()),
        Coding::Septets => {
            let before = septets::covering(header_len);
            let count = length.checked_sub(before).ok_or(TpduError::Header)?;
            Body::Text(alphabet::decode(&septets::read(octets, before, count).ok_or(TpduError::TooShort)?))
        }
    };
    Ok(Segment { header: header.into(), body })
}

const fn longest(coding: Coding) -> usize {
    match coding {
        Coding::Septets => USER_DATA_SEPTETS,
        Coding::Octets => USER_DATA_OCTETS,
    }
}

/// A header's first octet is the length of the rest.
fn check_header(header: &[u8]) -> Result<(), TpduError> {
    match header.split_first() {
        Some((length, rest)) if usize::from(*length) != rest.len() => Err(TpduError::Header),
        Some(_) | None => Ok(()),
    }
}
