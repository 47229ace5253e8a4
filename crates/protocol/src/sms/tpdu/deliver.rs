//! SMS-DELIVER (TS 23.040 §9.2.2.1): from the centre to the phone.

use alloc::vec::Vec;

use super::reader::Reader;
use super::user_data::{self, UserData};
use super::{DELIVER, KIND_BITS, NO_MORE_MESSAGES, Timestamp, TpduError, address};
use crate::sms::address::Address;
use crate::sms::segment::Segment;

/// A short message that a phone gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliver {
    /// Who it is from, as the network says.
    pub origin: Address,
    /// What it carries.
    pub segment: Segment,
    /// When the centre got it.
    pub sent_at: Timestamp,
}

impl Deliver {
    /// Writes the TPDU: protocol identifier 0, no reply path, no more messages waiting.
    ///
    /// # Errors
    /// [`TpduError::Address`], [`TpduError::Header`], [`TpduError::TooLong`] and [`TpduError::Character`].
    pub fn encode(&self) -> Result<Vec<u8>, TpduError> {
        let user_data = UserData::of(&self.segment)?;
        let mut tpdu = alloc::vec![DELIVER | NO_MORE_MESSAGES | user_data::header_bit(&self.segment)];
        address::encode(&self.origin, &mut tpdu)?;
        tpdu.extend([PROTOCOL, user_data.coding_octet()]);
        tpdu.extend(self.sent_at.to_octets());
        user_data.append_to(&mut tpdu);
        Ok(tpdu)
    }

    /// Reads the TPDU.
    ///
    /// # Errors
    /// See [`TpduError`].
    pub fn decode(tpdu: &[u8]) -> Result<Self, TpduError> {
        let mut reader = Reader::new(tpdu);
        let first = reader.octet()?;
        if first & KIND_BITS != DELIVER {
            return Err(TpduError::Kind);
        }
        let origin = address::decode(&mut reader)?;
        let [_protocol, coding] = reader.octets()?;
        let sent_at = Timestamp::from_octets(reader.octets()?);
        let segment = user_data::decode(first, coding, &mut reader)?;
        reader.end()?;
        Ok(Self { origin, segment, sent_at })
    }
}

/// A short message from one to one, without interworking (§9.2.3.9).
const PROTOCOL: u8 = 0x00;
