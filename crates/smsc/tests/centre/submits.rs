//! What ESMEs submit, and how phones get it.

use std::collections::HashSet;

use matchbook_protocol::sms::{Body, Segment};
use matchbook_smsc::{CentreOptions, Conditions};
use rusmpp::CommandStatus;
use rusmpp::pdus::SubmitSm;
use rusmpp::tlvs::MessageSubmissionRequestTlvValue as Parameter;
use rusmpp::types::{AnyOctetString, EmptyOrFullCOctetString, OctetString};
use rusmpp::values::{DataCoding, MessagePayload, Ton};

use crate::esme::{ALICE, Esme, Role, centre, message_id, submit, text, with_header};

const PORTS: [u8; 7] = [6, 5, 4, 0x3e, 0x94, 0x3e, 0x94];

fn data(header: &[u8], octets: &[u8]) -> Segment {
    Segment { header: header.to_vec(), body: Body::Data(octets.to_vec()) }
}

#[tokio::test]
async fn many_submits_in_flight_arrive_in_order_under_ids_of_their_own() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transmitter).await;
    let mut numbers = Vec::new();
    for number in 0..200_u8 {
        numbers.push(esme.send(submit(ALICE, &[number])).await);
    }
    let mut ids = HashSet::new();
    for number in numbers {
        ids.insert(message_id(&esme.response(number).await));
    }
    assert_eq!(ids.len(), 200);
    for number in 0..200_u8 {
        let incoming = phone.receive().await;
        assert_eq!(incoming.segment, data(&[], &[number]));
        assert_eq!(incoming.from, "16020".parse().unwrap());
    }
    let counts = network.counts();
    assert_eq!((counts.submitted, counts.delivered, counts.refused), (200, 200, 0));
}

#[tokio::test]
async fn codings_headers_and_parameters() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    let coded = |data_coding: u8, octets: &[u8]| submit(ALICE, octets).with_data_coding(DataCoding::from(data_coding));
    let words = |words: &str| Segment { header: Vec::new(), body: Body::Text(words.to_owned()) };
    let mut sar = submit(ALICE, b"part");
    sar.push_tlv(Parameter::SarMsgRefNum(7));
    sar.push_tlv(Parameter::SarTotalSegments(2));
    sar.push_tlv(Parameter::SarSegmentSeqnum(1));
    let mut ports = submit(ALICE, b"ports");
    ports.push_tlv(Parameter::DestPort(16_020));
    ports.push_tlv(Parameter::SourcePort(16_020));
    for (pdu, segment) in [
        (coded(0, b"QUJD\x00"), words("QUJD@")),
        (coded(1, b"QUJD"), words("QUJD")),
        (coded(8, b"\x20\xac"), words("€")),
        (coded(4, b"\x00\xff"), data(&[], b"\x00\xff")),
        (with_header(submit(ALICE, &[&PORTS[..], b"sealed"].concat())), data(&PORTS, b"sealed")),
        (sar, data(&[6, 8, 4, 0, 7, 2, 1], b"part")),
        (ports, data(&PORTS, b"ports")),
    ] {
        esme.submit(pdu).await;
        assert_eq!(phone.receive().await.segment, segment);
    }
}

#[tokio::test]
async fn a_payload_is_split_into_parts() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    let octets: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    let mut pdu = submit(ALICE, b"");
    pdu.push_tlv(Parameter::MessagePayload(MessagePayload::new(AnyOctetString::from_slice(&octets))));
    let id = esme.submit(pdu.clone()).await;
    let mut joined = Vec::new();
    for number in 1..=8 {
        let segment = phone.receive().await.segment;
        assert_eq!((segment.header[4], segment.header[5]), (8, number));
        let Body::Data(part) = segment.body else { panic!() };
        joined.extend(part);
    }
    assert_eq!(joined, octets);
    // One receipt for all of it.
    let receipt = esme.receive().await;
    assert!(receipt.short_message().to_string().starts_with(&format!("id:{id} ")));
    assert_eq!(network.counts().submitted, 1);
    pdu.set_short_message(OctetString::from_static_slice(b"both").unwrap());
    assert_eq!(esme.status_of(pdu).await, CommandStatus::EsmeRinvmsglen);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let _phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transmitter).await;
    let good = || submit(ALICE, b"x");
    let with = |change: fn(&mut SubmitSm)| {
        let mut pdu = good();
        change(&mut pdu);
        pdu
    };
    let to_a_name = with(|pdu| {
        pdu.dest_addr_ton = Ton::Alphanumeric;
        pdu.destination_addr = text("MATCHBOOK");
    });
    let cases = [
        (with(|pdu| pdu.destination_addr = text("")), CommandStatus::EsmeRinvdstadr),
        (with(|pdu| pdu.destination_addr = text("49x")), CommandStatus::EsmeRinvdstadr),
        (with(|pdu| pdu.destination_addr = text("1234567890123456")), CommandStatus::EsmeRinvdstadr),
        (to_a_name, CommandStatus::EsmeRinvdstadr),
        (with(|pdu| pdu.source_addr = text("")), CommandStatus::EsmeRinvsrcadr),
        (with(|pdu| pdu.source_addr = text("1 2")), CommandStatus::EsmeRinvsrcadr),
        (with(|pdu| pdu.validity_period = time("261331000000000+")), CommandStatus::EsmeRinvexpiry),
        (with(|pdu| pdu.schedule_delivery_time = time("000000000100000R")), CommandStatus::EsmeRinvsched),
        (submit(ALICE, &[0; 141]), CommandStatus::EsmeRinvmsglen),
        (with_header(submit(ALICE, &[200, 1, 2])), CommandStatus::EsmeRinvesmclass),
        (with_header(submit(ALICE, b"")), CommandStatus::EsmeRinvesmclass),
    ];
    let refused = cases.len() as u64;
    for (pdu, status) in cases {
        assert_eq!(esme.status_of(pdu.clone()).await, status, "{pdu:?}");
    }
    esme.submit(with(|pdu| pdu.destination_addr = text("+491700000001"))).await;
    let counts = network.counts();
    assert_eq!((counts.refused, counts.submitted, counts.delivered), (refused, 1, 1));
}

fn time(text: &str) -> EmptyOrFullCOctetString<17> {
    EmptyOrFullCOctetString::from_string(text.to_owned()).unwrap()
}

#[tokio::test]
async fn above_the_rate_submits_are_throttled() {
    // A bucket that holds one, and takes a second to fill.
    let (network, centre) =
        centre(Conditions { per_second: Some(1), ..Conditions::default() }, CentreOptions::default()).await;
    let _phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transmitter).await;
    let mut numbers = Vec::new();
    for _ in 0..50 {
        numbers.push(esme.send(submit(ALICE, b"x")).await);
    }
    let (mut taken, mut throttled) = (0, 0);
    for number in numbers {
        match esme.response(number).await.status() {
            CommandStatus::EsmeRok => taken += 1,
            CommandStatus::EsmeRthrottled => throttled += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(taken >= 1 && throttled >= 1);
    assert_eq!((network.counts().submitted, network.counts().throttled), (taken, throttled));
    // Without the limit all go.
    network.set_conditions(Conditions::default());
    esme.submit(submit(ALICE, b"x")).await;
}
