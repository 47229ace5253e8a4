//! What an ESME submits: read, refused with the status that says why, or taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16};

use matchbook_protocol::sms::{Address, Segment};
use rusmpp::CommandStatus;
use rusmpp::pdus::SubmitSm;
use rusmpp::tlvs::TlvValue;
use tokio::time::Instant;

use super::{Shared, validity};
use crate::clock::after;
use crate::desk::Route;
use crate::ticket::{Ticket, Wants};
use crate::user_data::{self, Extras, Raw, UserDataError};

/// A submit that was taken: what it is settled by, and its parts.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) ticket: Arc<Ticket>,
    pub(super) segments: Vec<Segment>,
}

/// Takes a submit, or says why not.
pub(super) fn accept(shared: &Shared, route: &Route, submit: &SubmitSm) -> Result<Accepted, CommandStatus> {
    if !shared.take_submit() {
        return Err(CommandStatus::EsmeRthrottled);
    }
    if !shared.network.has_room() {
        return Err(CommandStatus::EsmeRmsgqful);
    }
    if !submit.schedule_delivery_time.is_empty() {
        return Err(CommandStatus::EsmeRinvsched);
    }
    let to = address(submit.dest_addr_ton.into(), submit.dest_addr_npi.into(), submit.destination_addr.as_str());
    let to = to.filter(|to| to.type_of_number() != NAME).ok_or(CommandStatus::EsmeRinvdstadr)?;
    let from = match submit.source_addr.as_str() {
        "" => shared.options.origin.clone(),
        text => address(submit.source_addr_ton.into(), submit.source_addr_npi.into(), text),
    };
    let from = from.ok_or(CommandStatus::EsmeRinvsrcadr)?;
    let id = shared.message_id();
    let segments = segments(submit, &id)?;
    let now = Instant::now();
    let submitted_at = shared.network.clock().date(now);
    let validity = match submit.validity_period.as_str() {
        "" => shared.options.validity,
        text => validity::read(text, submitted_at).ok_or(CommandStatus::EsmeRinvexpiry)?,
    };
    let missing = AtomicU16::new(u16::try_from(segments.len()).unwrap_or(u16::MAX));
    let ticket = Arc::new(Ticket {
        id,
        route: route.clone(),
        wants: wants(submit.registered_delivery.into()),
        from,
        to,
        submitted_at,
        expires: after(now, validity),
        missing,
        is_settled: AtomicBool::new(false),
        has_alarm: AtomicBool::new(false),
    });
    Ok(Accepted { ticket, segments })
}

/// The user data header indicator of esm_class. A bit among others: some ESMEs set the mode beside it.
pub(super) const HEADER_INDICATOR: u8 = 0x40;

/// The type of number of a name.
const NAME: u8 = 5;

/// An address; a plus sign in front, which does not belong there, is understood.
fn address(ton: u8, npi: u8, text: &str) -> Option<Address> {
    match text.strip_prefix('+') {
        Some(_) if ton != NAME => text.parse().ok(),
        Some(_) | None => Address::from_parts(ton, npi, text).ok(),
    }
}

fn wants(registered_delivery: u8) -> Wants {
    match registered_delivery & 0b11 {
        0b00 => Wants::Nothing,
        0b01 => Wants::Outcome,
        0b10 => Wants::Failure,
        _ => Wants::Success,
    }
}

fn segments(submit: &SubmitSm, id: &str) -> Result<Vec<Segment>, CommandStatus> {
    // What a message that is split here is known by: consecutive messages get different ones.
    let reference = id.get(14..).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or_default();
    let mut extras = Extras { reference, ..Extras::default() };
    let mut payload = None;
    for value in submit.tlvs().iter().filter_map(|tlv| tlv.value()) {
        match value {
            TlvValue::MessagePayload(value) => payload = Some(value.value.as_ref().to_vec()),
            TlvValue::SarMsgRefNum(value) => extras.concatenation.0 = Some(*value),
            TlvValue::SarTotalSegments(value) => extras.concatenation.1 = Some(*value),
            TlvValue::SarSegmentSeqnum(value) => extras.concatenation.2 = Some(*value),
            TlvValue::DestPort(value) => extras.ports.0 = Some(*value),
            TlvValue::SourcePort(value) => extras.ports.1 = Some(*value),
            // Nothing that a short message could carry.
            _ => {}
        }
    }
    let short_message = submit.short_message().as_ref();
    let is_payload = payload.is_some();
    let octets = match payload {
        // One of the two, never both (SMPP 3.4 §4.4.1).
        Some(_) if !short_message.is_empty() => return Err(CommandStatus::EsmeRinvmsglen),
        Some(payload) => payload,
        None => short_message.to_vec(),
    };
    let has_header = u8::from(submit.esm_class) & HEADER_INDICATOR != 0;
    let raw = Raw { has_header, data_coding: submit.data_coding.into(), octets };
    user_data::read(&raw, &extras, is_payload).map_err(|error| match error {
        UserDataError::Header => CommandStatus::EsmeRinvesmclass,
        UserDataError::TooLong => CommandStatus::EsmeRinvmsglen,
    })
}
