//! Delivery receipts.

use matchbook_smsc::{Centre, CentreOptions, Conditions, ReceiptForm};
use rusmpp::pdus::{DeliverSm, SubmitSm};
use rusmpp::tlvs::TlvValue;
use rusmpp::types::EmptyOrFullCOctetString;
use rusmpp::values::{InterfaceVersion, MessageState, RegisteredDelivery};

use crate::esme::{ALICE, BOB, Esme, Role, centre, submit, until};

fn parameters(receipt: &DeliverSm) -> (Option<String>, Option<MessageState>) {
    let mut found = (None, None);
    for value in receipt.tlvs().iter().filter_map(|tlv| tlv.value()) {
        match value {
            TlvValue::ReceiptedMessageId(id) => found.0 = Some(id.as_str().to_owned()),
            TlvValue::MessageState(state) => found.1 = Some(*state),
            _ => {}
        }
    }
    found
}

fn words(receipt: &DeliverSm) -> String {
    receipt.short_message().to_string()
}

fn wanting(to: &str, registered_delivery: u8) -> SubmitSm {
    let mut pdu = submit(to, b"x");
    pdu.registered_delivery = RegisteredDelivery::from(registered_delivery);
    pdu
}

fn valid_for(mut pdu: SubmitSm, validity: &str) -> SubmitSm {
    pdu.validity_period = EmptyOrFullCOctetString::from_string(validity.to_owned()).unwrap();
    pdu
}

#[tokio::test]
async fn receipts_in_every_form() {
    for (form, has_tlvs, has_text) in
        [(ReceiptForm::Both, true, true), (ReceiptForm::Tlv, true, false), (ReceiptForm::Text, false, true)]
    {
        let conditions = Conditions { receipts: form, ..Conditions::default() };
        let (network, centre) = centre(conditions, CentreOptions::default()).await;
        let _phone = network.phone(ALICE.parse().unwrap());
        let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
        let id = esme.submit(submit(ALICE, b"x")).await;
        let receipt = esme.receive().await;
        assert_eq!(u8::from(receipt.esm_class), 0x04);
        assert_eq!((receipt.source_addr.as_str(), receipt.destination_addr.as_str()), ("491700000001", "16020"));
        let expected = has_tlvs.then_some(MessageState::Delivered);
        assert_eq!(parameters(&receipt), (has_tlvs.then(|| id.clone()), expected));
        let text = words(&receipt);
        assert_eq!(!text.is_empty(), has_text, "{text}");
        if has_text {
            assert!(text.starts_with(&format!("id:{id} sub:001 dlvrd:001 submit date:")), "{text}");
            assert!(text.ends_with(" stat:DELIVRD err:000 text:"), "{text}");
        }
        until("it is answered", || network.counts().receipts == 1).await;
    }
}

#[tokio::test]
async fn an_esme_before_3_4_gets_the_text() {
    let conditions = Conditions { receipts: ReceiptForm::Tlv, ..Conditions::default() };
    let (network, centre) = centre(conditions, CentreOptions::default()).await;
    let _phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::connect(centre.address()).await;
    esme.bind(Role::Transceiver, "old", "", InterfaceVersion::Smpp3_3OrEarlier(0x33), "").await;
    esme.submit(submit(ALICE, b"x")).await;
    let receipt = esme.receive().await;
    assert!(receipt.tlvs().is_empty() && words(&receipt).contains("stat:DELIVRD"));
}

#[tokio::test]
async fn only_the_receipts_that_were_asked_for() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let _phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    // 0: none, 1: both, 2: of failure, 3: of success (SMPP 5.0). Bob has no phone.
    let mut expected = Vec::new();
    for (to, registered_delivery, is_expected) in [
        (ALICE, 0, false),
        (BOB, 0, false),
        (ALICE, 1, true),
        (BOB, 1, true),
        (ALICE, 2, false),
        (BOB, 2, true),
        (BOB, 3, false),
        (ALICE, 3, true),
    ] {
        let id = esme.submit(wanting(to, registered_delivery)).await;
        if is_expected {
            let (state, word) = if to == ALICE {
                (MessageState::Delivered, "dlvrd:001 ")
            } else {
                (MessageState::Undeliverable, "dlvrd:000 ")
            };
            expected.push((id, state, word));
        }
    }
    for (id, state, word) in expected {
        let receipt = esme.receive().await;
        assert_eq!(parameters(&receipt), (Some(id), Some(state)));
        assert!(words(&receipt).contains(word));
    }
    let counts = network.counts();
    assert_eq!((counts.submitted, counts.undeliverable), (8, 4));
}

#[tokio::test]
async fn none_when_the_centre_sends_none() {
    let conditions = Conditions { receipts: ReceiptForm::None, ..Conditions::default() };
    let (network, centre) = centre(conditions, CentreOptions::default()).await;
    let mut phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    esme.submit(submit(ALICE, b"x")).await;
    phone.receive().await;
    // A message behind it comes first.
    phone.send(&"16020".parse().unwrap(), phone_message()).await;
    assert_eq!(u8::from(esme.receive().await.esm_class), 0);
}

fn phone_message() -> matchbook_protocol::sms::Segment {
    matchbook_protocol::sms::Segment { header: Vec::new(), body: matchbook_protocol::sms::Body::Data(b"x".to_vec()) }
}

#[tokio::test]
async fn what_is_lost_expires() {
    let (network, centre) = centre(Conditions { loss: 1.0, ..Conditions::default() }, CentreOptions::default()).await;
    let _phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    let id = esme.submit(valid_for(submit(ALICE, b"x"), "000000000001000R")).await;
    let receipt = esme.receive().await;
    assert_eq!(parameters(&receipt), (Some(id), Some(MessageState::Expired)));
    assert!(words(&receipt).contains("stat:EXPIRED err:027"));
    let counts = network.counts();
    assert_eq!((counts.lost, counts.expired, counts.delivered), (1, 1, 0));
}

#[tokio::test]
async fn a_phone_that_is_off_gets_it_later_or_never() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    drop(network.phone(ALICE.parse().unwrap()));
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    let short = esme.submit(valid_for(submit(ALICE, b"short"), "000000000001000R")).await;
    let long = esme.submit(submit(ALICE, b"long")).await;
    let receipt = esme.receive().await;
    assert_eq!(parameters(&receipt), (Some(short), Some(MessageState::Expired)));
    let mut phone = network.phone(ALICE.parse().unwrap());
    let receipt = esme.receive().await;
    assert_eq!(parameters(&receipt), (Some(long), Some(MessageState::Delivered)));
    let incoming = phone.receive().await;
    assert_eq!(incoming.segment.body, matchbook_protocol::sms::Body::Data(b"long".to_vec()));
    assert_eq!(phone.try_receive(), None);
}

#[tokio::test]
async fn a_centre_that_starts_again_has_the_receipts_of_the_one_before() {
    let (network, first) = centre(Conditions::default(), CentreOptions::default()).await;
    let _phone = network.phone(ALICE.parse().unwrap());
    let mut sends = Esme::bound(first.address(), Role::Transmitter).await;
    let id = sends.submit(submit(ALICE, b"x")).await;
    until("it is delivered", || network.counts().delivered == 1).await;
    let address = first.address();
    first.hang_up();
    first.stop().await;
    let again = Centre::start(network, address, CentreOptions::default()).await.unwrap();
    let mut receives = Esme::bound(again.address(), Role::Receiver).await;
    assert_eq!(parameters(&receives.receive().await).0, Some(id));
}

#[tokio::test]
async fn receipts_go_to_the_account_that_submitted() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let _phone = network.phone(ALICE.parse().unwrap());
    let mut other = Esme::connect(centre.address()).await;
    other.bind(Role::Transceiver, "other", "", InterfaceVersion::Smpp3_4, "").await;
    let mut sends = Esme::bound(centre.address(), Role::Transmitter).await;
    let id = sends.submit(submit(ALICE, b"x")).await;
    let other_id = other.submit(submit(ALICE, b"x")).await;
    assert_eq!(parameters(&other.receive().await).0, Some(other_id));
    // The first one's waits until its account has a receiver.
    let mut receives = Esme::bound(centre.address(), Role::Receiver).await;
    assert_eq!(parameters(&receives.receive().await).0, Some(id));
}
