//! Short messages as PDUs, and PDUs as short messages.

use std::time::Duration;

use matchbook_protocol::sms::{Address, Body, Segment};
use rusmpp::pdus::{BindTransceiver, DataSm, DeliverSm, SubmitSm};
use rusmpp::tlvs::{Tlv, TlvValue};
use rusmpp::types::{COctetString, EmptyOrFullCOctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, InterfaceVersion, Npi, RegisteredDelivery, Ton};
use rusmpp::{CommandStatus, Pdu};

use super::receipts::{self, Source};
use crate::bearer::sms::alphabet;
use crate::bearer::sms::centre::{Accepted, Receipt, SubmitError, SubmitOptions};
use crate::bearer::sms::config::{MessageIds, SmppConfig, SmppVersion};

/// The octets of one short message: 140, or 160 characters of 7 bits, which SMPP writes in an octet each.
const MAX_DATA: usize = 140;
const MAX_TEXT: usize = 160;

/// The bit of esm_class that says that a user data header comes first. Some set others beside it.
const HAS_HEADER: u8 = 0x40;

/// The bits of esm_class that say what kind of message it is.
const KIND: u8 = 0x3c;
const IS_RECEIPT: u8 = 0x04;

/// 8-bit data, and the centre's default alphabet.
const DATA: u8 = 0x04;
const TEXT: u8 = 0x00;

/// What a deliver_sm or data_sm brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Message(Address, Segment),
    Receipt(Receipt),
    /// A receipt that names no message, or a notice that settles nothing.
    Nothing,
    /// It is nothing that can be read, now or later.
    Unreadable(&'static str),
}

/// The bind of a transceiver.
pub(super) fn bind(smpp: &SmppConfig) -> Option<Pdu> {
    let version = match smpp.version {
        SmppVersion::V3_4 => InterfaceVersion::Smpp3_4,
        SmppVersion::V5_0 => InterfaceVersion::Smpp5_0,
    };
    let bind = BindTransceiver::builder()
        .system_id(c_string(&smpp.system_id)?)
        .password(c_string(smpp.password.expose())?)
        .system_type(c_string(&smpp.system_type)?)
        .interface_version(version);
    Some(bind.build().into())
}

/// One short message. The header stands in short_message: some gateways take no notice of the sar_* parameters.
pub(super) fn submit(
    from: &Address,
    to: &Address,
    segment: &Segment,
    options: &SubmitOptions,
) -> Result<SubmitSm, SubmitError> {
    let refused = |code: &str| SubmitError::Refused { code: code.to_owned(), is_permanent: true };
    let (coding, body, longest) = match &segment.body {
        Body::Data(data) => (DATA, data.clone(), MAX_DATA),
        Body::Text(text) => (TEXT, alphabet::octets(text).ok_or_else(|| refused("no text of GSM"))?, MAX_TEXT),
    };
    let message = [segment.header.as_slice(), &body].concat();
    if message.len() > longest {
        return Err(refused("too long for one short message"));
    }
    let class = if segment.header.is_empty() { 0 } else { HAS_HEADER };
    let message = OctetString::from_vec(message).map_err(|_| refused("too long for one short message"))?;
    let number = |address: &Address| c_string(address.text()).ok_or_else(|| refused("no number"));
    let submit = SubmitSm::builder()
        .source_addr_ton(Ton::from(from.type_of_number()))
        .source_addr_npi(Npi::from(from.numbering_plan()))
        .source_addr(number(from)?)
        .dest_addr_ton(Ton::from(to.type_of_number()))
        .dest_addr_npi(Npi::from(to.numbering_plan()))
        .destination_addr(number(to)?)
        .esm_class(EsmClass::from(class))
        .validity_period(validity(options.validity))
        .registered_delivery(RegisteredDelivery::from(u8::from(options.wants_receipt)))
        .data_coding(DataCoding::from(coding))
        .short_message(message);
    Ok(submit.build())
}

/// What the centre's answer to a submit means.
pub(super) fn outcome(status: CommandStatus, id: Option<&str>, ids: MessageIds) -> Result<Accepted, SubmitError> {
    match status {
        CommandStatus::EsmeRok => Ok(Accepted { id: id.and_then(|id| receipts::normal(id, Source::Answer, ids)) }),
        CommandStatus::EsmeRthrottled | CommandStatus::EsmeRmsgqful => Err(SubmitError::Throttled),
        status => Err(SubmitError::Refused { code: word(status), is_permanent: is_permanent(status) }),
    }
}

/// A status for people: its number and its name.
pub(super) fn word(status: CommandStatus) -> String {
    format!("{:#010x} {status:?}", u32::from(status))
}

/// What a deliver_sm brings.
pub(super) fn delivered(pdu: &DeliverSm, ids: MessageIds) -> Delivery {
    let short: &[u8] = pdu.short_message().as_ref();
    let message = if short.is_empty() { payload(pdu.tlvs()) } else { short };
    let class = u8::from(pdu.esm_class);
    if let Some(receipt) = receipt(class, message, pdu.tlvs(), ids) {
        return receipt;
    }
    let from = (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr.as_str());
    read(from, class, pdu.data_coding, message)
}

/// What a data_sm brings.
pub(super) fn sent_as_data(pdu: &DataSm, ids: MessageIds) -> Delivery {
    let message = payload(pdu.tlvs());
    let class = u8::from(pdu.esm_class);
    if let Some(receipt) = receipt(class, message, pdu.tlvs(), ids) {
        return receipt;
    }
    read((pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr.as_str()), class, pdu.data_coding, message)
}

fn receipt(class: u8, message: &[u8], options: &[Tlv], ids: MessageIds) -> Option<Delivery> {
    match class & KIND {
        0 => None,
        IS_RECEIPT => Some(receipts::read(message, options, ids).map_or(Delivery::Nothing, Delivery::Receipt)),
        // An interim notice or an acknowledgement by the phone's user settles nothing, whatever word it has.
        _ => Some(Delivery::Nothing),
    }
}

fn read((ton, npi, number): (Ton, Npi, &str), class: u8, coding: DataCoding, message: &[u8]) -> Delivery {
    let digits = number.trim_start_matches('+');
    let Ok(from) = Address::from_parts(ton.into(), npi.into(), digits) else {
        return Delivery::Unreadable("the sender is no number");
    };
    let (header, body) = if class & HAS_HEADER == 0 {
        (&[][..], message)
    } else {
        let length = message.first().map(|length| usize::from(*length).saturating_add(1));
        match length.and_then(|length| message.split_at_checked(length)) {
            Some(parts) => parts,
            None => return Delivery::Unreadable("the user data header is longer than the message"),
        }
    };
    let body = match u8::from(coding) {
        0x00 | 0x01 | 0x03 => Body::Text(alphabet::text(body)),
        // 8-bit data, also as a message class of GSM.
        0x02 | 0x04 | 0xf4..=0xf7 => Body::Data(body.to_vec()),
        _ => return Delivery::Unreadable("the data coding is neither 8-bit data nor GSM's alphabet"),
    };
    Delivery::Message(from, Segment { header: header.to_vec(), body })
}

fn payload(options: &[Tlv]) -> &[u8] {
    let values = options.iter().filter_map(Tlv::value);
    let mut payloads = values.filter_map(|value| match value {
        TlvValue::MessagePayload(payload) => Some(payload.value.as_ref()),
        _ => None,
    });
    payloads.next().unwrap_or_default()
}

/// Whether the same message would be refused again: the number is none, or the message is no message.
fn is_permanent(status: CommandStatus) -> bool {
    matches!(
        status,
        CommandStatus::EsmeRinvdstadr
            | CommandStatus::EsmeRinvdstton
            | CommandStatus::EsmeRinvdstnpi
            | CommandStatus::EsmeRinvmsglen
    )
}

/// A relative time (SMPP 3.4 §7.1.1.2): YYMMDDhhmmsstnnR.
fn validity(time: Duration) -> EmptyOrFullCOctetString<17> {
    const LONGEST_DAYS: u64 = 31;
    let seconds = time.as_secs().min(LONGEST_DAYS * 86_400);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hours, minutes, seconds) = (rest / 3_600, rest / 60 % 60, rest % 60);
    let text = format!("0000{days:02}{hours:02}{minutes:02}{seconds:02}000R");
    EmptyOrFullCOctetString::from_string(text).unwrap_or_else(|_| EmptyOrFullCOctetString::empty())
}

fn c_string<const MOST: usize>(text: &str) -> Option<COctetString<1, MOST>> {
    text.parse().ok()
}

#[cfg(test)]
mod tests;
