//! What is delivered to a bound ESME: messages of phones, and receipts.

use std::collections::BTreeMap;
use std::sync::Arc;

use matchbook_protocol::sms::Address;
use rusmpp::CommandStatus;
use rusmpp::pdus::DeliverSm;
use rusmpp::tlvs::MessageDeliveryRequestTlvValue as Parameter;
use rusmpp::types::{AnyOctetString, COctetString, OctetString};
use rusmpp::values::{
    DataCoding, ErrorCodeNetworkType, EsmClass, MessagePayload, MessageState, NetworkErrorCode, Npi, Ton,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::submit::HEADER_INDICATOR;
use super::validity::receipt_date;
use super::{Shared, bind::Bind};
use crate::clock::after;
use crate::conditions::ReceiptForm;
use crate::desk::{Delivery, Item, Route};
use crate::ticket::{Outcome, Receipt};
use crate::user_data;

/// A bound receiver's place at the desk. Dropping it gives back what was not answered.
#[derive(Debug)]
pub(super) struct Seat {
    shared: Arc<Shared>,
    id: u64,
    has_parameters: bool,
    items: mpsc::UnboundedReceiver<Item>,
    /// By sequence number, which is the order in which they were sent.
    unanswered: BTreeMap<u32, (Item, Instant)>,
}

impl Seat {
    pub(super) fn take(shared: &Arc<Shared>, route: Route, bind: &Bind) -> Self {
        let id = shared.network.unique_number();
        let items = shared.network.join(id, route, bind.range.clone(), shared.options.window);
        let has_parameters = bind.has_parameters();
        Self { shared: Arc::clone(shared), id, has_parameters, items, unanswered: BTreeMap::new() }
    }

    /// The next thing to deliver; waits until there is one. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> Item {
        match self.items.recv().await {
            Some(item) => item,
            // The desk keeps the other end as long as the seat is taken.
            None => std::future::pending().await,
        }
    }

    /// It is written as `sequence_number`: from now on an answer is waited for.
    pub(super) fn send(&mut self, sequence_number: u32, item: Item) -> DeliverSm {
        let pdu = match &item.delivery {
            Delivery::Message { from, to, segment } => message(from, to, &user_data::write(segment)),
            Delivery::Receipt { receipt, .. } => write_receipt(receipt, self.has_parameters),
        };
        self.unanswered.insert(sequence_number, (item, after(Instant::now(), self.shared.options.response)));
        pdu
    }

    /// The ESME answered, with a response or a generic_nack.
    pub(super) fn answered(&mut self, sequence_number: u32, status: CommandStatus) {
        // An answer to nothing is one that came too late.
        let Some((item, _)) = self.unanswered.remove(&sequence_number) else { return };
        let network = &self.shared.network;
        match status {
            CommandStatus::EsmeRok => network.delivered(self.id, &item),
            CommandStatus::EsmeRxPAppn | CommandStatus::EsmeRxRAppn => network.refused(self.id, &item),
            _ => network.try_again(self.id, item, after(Instant::now(), self.shared.options.retry_pause)),
        }
    }

    /// When the oldest delivery has to be answered.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.unanswered.values().map(|(_, deadline)| *deadline).min()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.items.close();
        let mut items: Vec<Item> = std::mem::take(&mut self.unanswered).into_values().map(|(item, _)| item).collect();
        while let Ok(item) = self.items.try_recv() {
            items.push(item);
        }
        self.shared.network.leave(self.id, items);
    }
}

/// The longest short_message field (SMPP 3.4 §5.2.22 has 254); what is longer goes into message_payload.
const MAX_SHORT_MESSAGE: usize = 254;

/// esm_class of a delivery receipt (SMPP 3.4 §5.2.12).
const RECEIPT: u8 = 0x04;

fn message(from: &Address, to: &Address, raw: &user_data::Raw) -> DeliverSm {
    let mut pdu = envelope(from, to);
    pdu.esm_class = EsmClass::from(if raw.has_header { HEADER_INDICATOR } else { 0 });
    pdu.data_coding = DataCoding::from(raw.data_coding);
    if raw.octets.len() > MAX_SHORT_MESSAGE {
        pdu.push_tlv(Parameter::MessagePayload(MessagePayload::new(AnyOctetString::from_slice(&raw.octets))));
    } else {
        pdu.set_short_message(OctetString::from_slice(&raw.octets).unwrap_or_default());
    }
    pdu
}

fn write_receipt(receipt: &Receipt, has_parameters: bool) -> DeliverSm {
    let mut pdu = envelope(&receipt.from, &receipt.to);
    pdu.esm_class = EsmClass::from(RECEIPT);
    let (has_tlvs, has_text) = match receipt.form {
        ReceiptForm::Tlv if has_parameters => (true, false),
        ReceiptForm::Both => (has_parameters, true),
        // An ESME that knows no optional parameters gets the text, as there is nothing else for it.
        ReceiptForm::Tlv | ReceiptForm::Text | ReceiptForm::None => (false, true),
    };
    let (state, word, error) = match receipt.outcome {
        Outcome::Delivered => (MessageState::Delivered, "DELIVRD", 0),
        Outcome::Expired => (MessageState::Expired, "EXPIRED", ABSENT_SUBSCRIBER),
        Outcome::Undeliverable => (MessageState::Undeliverable, "UNDELIV", UNKNOWN_SUBSCRIBER),
    };
    if has_tlvs {
        pdu.push_tlv(Parameter::ReceiptedMessageId(COctetString::from_string(receipt.id.clone()).unwrap_or_default()));
        pdu.push_tlv(Parameter::MessageState(state));
        if error != 0 {
            pdu.push_tlv(Parameter::NetworkErrorCode(NetworkErrorCode::new(ErrorCodeNetworkType::Gsm, error)));
        }
    }
    if has_text {
        // The message itself is not quoted: most are binary.
        let text = format!(
            "id:{} sub:001 dlvrd:{:03} submit date:{} done date:{} stat:{word} err:{error:03} text:",
            receipt.id,
            u8::from(receipt.outcome == Outcome::Delivered),
            receipt_date(receipt.submitted_at),
            receipt_date(receipt.settled_at),
        );
        pdu.set_short_message(OctetString::from_string(text).unwrap_or_default());
    }
    pdu
}

/// Errors of the network (3GPP TS 29.002).
const UNKNOWN_SUBSCRIBER: u16 = 1;
const ABSENT_SUBSCRIBER: u16 = 27;

fn envelope(from: &Address, to: &Address) -> DeliverSm {
    let text = |address: &Address| COctetString::from_string(address.text().to_owned()).unwrap_or_default();
    DeliverSm::builder()
        .source_addr_ton(Ton::from(from.type_of_number()))
        .source_addr_npi(Npi::from(from.numbering_plan()))
        .source_addr(text(from))
        .dest_addr_ton(Ton::from(to.type_of_number()))
        .dest_addr_npi(Npi::from(to.numbering_plan()))
        .destination_addr(text(to))
        .build()
}
