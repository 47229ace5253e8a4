//! SMS-STATUS-REPORT (TS 23.040 §9.2.2.3): from the centre to the phone, about a message that the phone sent.

use alloc::vec::Vec;

use super::reader::Reader;
use super::{KIND_BITS, NO_MORE_MESSAGES, STATUS_REPORT, Timestamp, TpduError, address};
use crate::sms::address::Address;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// The reference that [`Submit`](super::Submit) gave the message.
    pub reference: u8,
    /// Who the message was for.
    pub recipient: Address,
    /// When the centre got it.
    pub sent_at: Timestamp,
    /// When what the status says came about.
    pub settled_at: Timestamp,
    /// The status (§9.2.3.15): below 0x20 delivered, 0x20 to 0x3f still trying, above that given up.
    pub status: u8,
}

impl StatusReport {
    /// Writes the TPDU, without the optional fields.
    ///
    /// # Errors
    /// [`TpduError::Address`] when the recipient is a name.
    pub fn encode(&self) -> Result<Vec<u8>, TpduError> {
        let mut tpdu = alloc::vec![STATUS_REPORT | NO_MORE_MESSAGES, self.reference];
        address::encode_number(&self.recipient, &mut tpdu)?;
        tpdu.extend(self.sent_at.to_octets());
        tpdu.extend(self.settled_at.to_octets());
        tpdu.push(self.status);
        Ok(tpdu)
    }

    /// Reads the TPDU. Optional fields behind the status are passed over.
    ///
    /// # Errors
    /// [`TpduError::TooShort`], [`TpduError::Kind`] and [`TpduError::Address`].
    pub fn decode(tpdu: &[u8]) -> Result<Self, TpduError> {
        let mut reader = Reader::new(tpdu);
        let [first, reference] = reader.octets()?;
        if first & KIND_BITS != STATUS_REPORT {
            return Err(TpduError::Kind);
        }
        let recipient = address::decode_number(&mut reader)?;
        let sent_at = Timestamp::from_octets(reader.octets()?);
        let settled_at = Timestamp::from_octets(reader.octets()?);
        let status = reader.octet()?;
        Ok(Self { reference, recipient, sent_at, settled_at, status })
    }
}
