//! What phones send, and how ESMEs get it.

use std::time::Duration;

use matchbook_protocol::sms::{Body, Segment};
use matchbook_smsc::{CentreOptions, Conditions, Phone};
use rusmpp::values::InterfaceVersion;
use rusmpp::{CommandStatus, Pdu};

use crate::esme::{ALICE, Esme, Role, centre, until};

fn quick() -> CentreOptions {
    CentreOptions { retry_pause: Duration::from_millis(20), ..CentreOptions::default() }
}

async fn send(phone: &Phone, to: &str, octet: u8) {
    let segment = Segment { header: Vec::new(), body: Body::Data(vec![octet]) };
    phone.send(&to.parse().unwrap(), segment).await;
}

#[tokio::test]
async fn messages_of_phones_arrive_whole() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    let header = vec![6, 5, 4, 0x3e, 0x94, 0x3e, 0x94];
    let sealed = vec![0x5a; 133];
    for (segment, esm_class, data_coding, octets) in [
        (
            Segment { header: header.clone(), body: Body::Data(sealed.clone()) },
            0x40,
            4,
            [&header[..], &sealed[..]].concat(),
        ),
        (Segment { header: Vec::new(), body: Body::Text("QUJD=+/€".into()) }, 0, 0, b"QUJD=+/\x1b\x65".to_vec()),
        (Segment { header: Vec::new(), body: Body::Text("日".into()) }, 0, 8, vec![0x65, 0xe5]),
    ] {
        phone.send(&"16020".parse().unwrap(), segment).await;
        let delivered = esme.receive().await;
        assert_eq!(u8::from(delivered.esm_class), esm_class);
        assert_eq!(u8::from(delivered.data_coding), data_coding);
        assert_eq!(delivered.short_message().as_ref(), octets);
        let from = (u8::from(delivered.source_addr_ton), delivered.source_addr.as_str());
        assert_eq!(from, (1, "491700000001"));
        let to = (u8::from(delivered.dest_addr_ton), delivered.destination_addr.as_str());
        assert_eq!(to, (0, "16020"));
    }
    until("all are answered", || network.counts().mo_delivered == 3).await;
}

#[tokio::test]
async fn they_wait_until_somebody_is_bound() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let phone = network.phone(ALICE.parse().unwrap());
    for octet in 0..3 {
        send(&phone, "16020", octet).await;
    }
    assert_eq!(network.messages_waiting(), 3);
    let _transmitter = Esme::bound(centre.address(), Role::Transmitter).await;
    assert_eq!(network.messages_waiting(), 3);
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    for octet in 0..3 {
        assert_eq!(esme.receive().await.short_message().as_ref(), [octet]);
    }
}

#[tokio::test]
async fn bound_esmes_take_turns() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let phone = network.phone(ALICE.parse().unwrap());
    let mut one = Esme::bound(centre.address(), Role::Receiver).await;
    let mut two = Esme::bound(centre.address(), Role::Transceiver).await;
    for octet in 0..10 {
        send(&phone, "16020", octet).await;
    }
    for _ in 0..5 {
        one.receive().await;
        two.receive().await;
    }
    until("all are answered", || network.counts().mo_delivered == 10).await;
}

#[tokio::test]
async fn no_more_than_the_window_is_open() {
    let options = CentreOptions { window: 2, ..quick() };
    let (network, centre) = centre(Conditions::default(), options).await;
    let phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    for octet in 0..3 {
        send(&phone, "16020", octet).await;
    }
    let (first, _) = esme.delivery().await;
    esme.delivery().await;
    // What comes next is the answer to this, and not the third one.
    let asked = esme.send(Pdu::EnquireLink).await;
    let next = esme.next().await.unwrap();
    assert!(next.id().is_response() && next.sequence_number() == asked);
    assert_eq!(network.messages_waiting(), 1);
    esme.answer(first, CommandStatus::EsmeRok).await;
    assert_eq!(esme.receive().await.short_message().as_ref(), [2]);
}

#[tokio::test]
async fn refused_for_now_it_comes_again_and_refused_for_good_it_does_not() {
    let (network, centre) = centre(Conditions::default(), quick()).await;
    let phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    send(&phone, "16020", 1).await;
    for status in [CommandStatus::EsmeRxTAppn, CommandStatus::EsmeRmsgqful, CommandStatus::EsmeRsyserr] {
        let (number, delivered) = esme.delivery().await;
        assert_eq!(delivered.short_message().as_ref(), [1]);
        esme.answer(number, status).await;
    }
    // A generic_nack is an answer too.
    let (number, _) = esme.delivery().await;
    esme.send_as(CommandStatus::EsmeRinvcmdid, number, Pdu::GenericNack).await;
    let (number, _) = esme.delivery().await;
    esme.answer(number, CommandStatus::EsmeRxPAppn).await;
    until("it is dropped", || network.counts().mo_dropped == 1).await;
    let counts = network.counts();
    assert_eq!((counts.mo_queued, counts.mo_delivered, counts.retried), (1, 0, 4));
}

#[tokio::test]
async fn what_was_not_answered_comes_to_the_next_one() {
    let (network, centre) = centre(Conditions::default(), quick()).await;
    let phone = network.phone(ALICE.parse().unwrap());
    for octet in 0..3 {
        send(&phone, "16020", octet).await;
    }
    // Three ways to leave: unbind, a broken line, and a centre that hangs up.
    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    let (number, _) = esme.delivery().await;
    esme.answer(number, CommandStatus::EsmeRok).await;
    esme.delivery().await;
    esme.request(Pdu::Unbind).await;
    esme.end().await;

    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    assert_eq!(esme.delivery().await.1.short_message().as_ref(), [1]);
    drop(esme);
    until("it is gone", || centre.bound() == 0).await;

    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    assert_eq!(esme.delivery().await.1.short_message().as_ref(), [1]);
    centre.hang_up();
    esme.end().await;

    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    assert_eq!(esme.receive().await.short_message().as_ref(), [1]);
    assert_eq!(esme.receive().await.short_message().as_ref(), [2]);
    until("all are answered", || network.counts().mo_delivered == 3).await;
}

#[tokio::test]
async fn a_centre_that_is_dropped_loses_nothing() {
    let (network, first) = centre(Conditions::default(), quick()).await;
    let phone = network.phone(ALICE.parse().unwrap());
    send(&phone, "16020", 7).await;
    let mut esme = Esme::bound(first.address(), Role::Receiver).await;
    esme.delivery().await;
    drop(first);
    esme.end().await;
    let second = matchbook_smsc::Centre::start(network, "127.0.0.1:0".parse().unwrap(), quick()).await.unwrap();
    let mut esme = Esme::bound(second.address(), Role::Receiver).await;
    assert_eq!(esme.receive().await.short_message().as_ref(), [7]);
}

#[tokio::test]
async fn who_does_not_answer_a_delivery_is_hung_up_on() {
    let options = CentreOptions { response: Duration::from_secs(1), ..quick() };
    let (network, centre) = centre(Conditions::default(), options).await;
    let phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    send(&phone, "16020", 1).await;
    esme.delivery().await;
    esme.end().await;
    let mut esme = Esme::bound(centre.address(), Role::Receiver).await;
    assert_eq!(esme.receive().await.short_message().as_ref(), [1]);
}

#[tokio::test]
async fn an_address_range_is_kept_to() {
    let (network, centre) = centre(Conditions::default(), quick()).await;
    let phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::connect(centre.address()).await;
    esme.bind(Role::Receiver, "esme", "", InterfaceVersion::Smpp3_4, "^16020$").await;
    send(&phone, "999", 1).await;
    send(&phone, "16020", 2).await;
    assert_eq!(esme.receive().await.short_message().as_ref(), [2]);
    assert_eq!(network.messages_waiting(), 1);
}
