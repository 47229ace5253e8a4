//! SMS-SUBMIT (TS 23.040 §9.2.2.2): from the phone to the centre.

use alloc::vec::Vec;

use super::reader::Reader;
use super::user_data::{self, UserData};
use super::{KIND_BITS, REPORT_WANTED, SUBMIT, TpduError, address, validity};
use crate::sms::address::Address;
use crate::sms::segment::Segment;

/// A short message that a phone sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// The phone's number for it: a status report names it again.
    pub reference: u8,
    /// Who it is for; a number.
    pub destination: Address,
    /// What it carries.
    pub segment: Segment,
    /// How long the centre tries, in minutes, from 5 to [`MAX_VALIDITY_MINUTES`](super::MAX_VALIDITY_MINUTES): written as
    /// the next that the format has. `None` leaves it to the centre, and is what an absolute time is read as.
    pub validity_minutes: Option<u32>,
    /// Whether the centre is to report what became of it.
    pub wants_report: bool,
}

impl Submit {
    /// Writes the TPDU: protocol identifier 0, no reply path, duplicates accepted.
    ///
    /// # Errors
    /// [`TpduError::Address`], [`TpduError::Header`], [`TpduError::TooLong`] and [`TpduError::Character`].
    pub fn encode(&self) -> Result<Vec<u8>, TpduError> {
        let user_data = UserData::of(&self.segment)?;
        let validity = self.validity_minutes.map(validity::encode);
        let first = SUBMIT
            | if validity.is_some() { RELATIVE } else { 0 }
            | if self.wants_report { REPORT_WANTED } else { 0 }
            | user_data::header_bit(&self.segment);
        let mut tpdu = alloc::vec![first, self.reference];
        address::encode_number(&self.destination, &mut tpdu)?;
        tpdu.extend([PROTOCOL, user_data.coding_octet()]);
        tpdu.extend(validity);
        user_data.append_to(&mut tpdu);
        Ok(tpdu)
    }

    /// Reads the TPDU.
    ///
    /// # Errors
    /// See [`TpduError`].
    pub fn decode(tpdu: &[u8]) -> Result<Self, TpduError> {
        let mut reader = Reader::new(tpdu);
        let [first, reference] = reader.octets()?;
        if first & KIND_BITS != SUBMIT {
            return Err(TpduError::Kind);
        }
        let destination = address::decode_number(&mut reader)?;
        let [_protocol, coding] = reader.octets()?;
        let validity_minutes = match first & VALIDITY_BITS {
            0 => None,
            RELATIVE => Some(validity::decode(reader.octet()?)),
            _ => reader.octets::<LONG_VALIDITY_LEN>().map(|_| None)?,
        };
        let segment = user_data::decode(first, coding, &mut reader)?;
        reader.end()?;
        let wants_report = first & REPORT_WANTED != 0;
        Ok(Self { reference, destination, segment, validity_minutes, wants_report })
    }
}

/// Bits 4 and 3 of the first octet: which form the validity has (§9.2.3.3).
const VALIDITY_BITS: u8 = 0x18;
const RELATIVE: u8 = 0x10;
/// The enhanced and the absolute form.
const LONG_VALIDITY_LEN: usize = 7;
/// A short message from one to one, without interworking (§9.2.3.9).
const PROTOCOL: u8 = 0x00;
