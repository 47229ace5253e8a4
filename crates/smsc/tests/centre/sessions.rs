//! From bind to unbind.

use std::time::Duration;

use matchbook_smsc::{Account, CentreOptions, Conditions};
use rusmpp::pdus::{DataSm, QuerySm};
use rusmpp::types::AnyOctetString;
use rusmpp::values::InterfaceVersion;
use rusmpp::{CommandId, CommandStatus, Pdu};

use crate::esme::{ALICE, Esme, Role, centre, submit, until};

fn version_of(response: Option<&Pdu>) -> Option<InterfaceVersion> {
    match response {
        Some(Pdu::BindTransmitterResp(response)) => response.sc_interface_version(),
        Some(Pdu::BindReceiverResp(response)) => response.sc_interface_version(),
        Some(Pdu::BindTransceiverResp(response)) => response.sc_interface_version(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn binds_of_every_kind_and_version() {
    let (_network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut esmes = Vec::new();
    for role in [Role::Transmitter, Role::Receiver, Role::Transceiver] {
        for (version, answered) in [
            (InterfaceVersion::Smpp3_3OrEarlier(0x33), None),
            (InterfaceVersion::Smpp3_4, Some(InterfaceVersion::Smpp3_4)),
            (InterfaceVersion::Smpp5_0, Some(InterfaceVersion::Smpp5_0)),
        ] {
            let mut esme = Esme::connect(centre.address()).await;
            let response = esme.bind(role, "anybody", "", version, "").await;
            assert_eq!(response.status(), CommandStatus::EsmeRok);
            assert_eq!(version_of(response.pdu()), answered);
            esmes.push(esme);
        }
    }
    assert_eq!(centre.bound(), 9);
}

#[tokio::test]
async fn only_accounts_bind() {
    let accounts = vec![Account::new("esme", "secret".to_owned().into())];
    let options = CentreOptions { accounts, ..CentreOptions::default() };
    assert!(!format!("{options:?}").contains("secret"));
    let (_network, centre) = centre(Conditions::default(), options).await;
    let mut esme = Esme::connect(centre.address()).await;
    for (system_id, password, status) in [
        ("esme", "wrong", CommandStatus::EsmeRinvpaswd),
        ("esme", "", CommandStatus::EsmeRinvpaswd),
        ("other", "secret", CommandStatus::EsmeRbindfail),
        ("esme", "secret", CommandStatus::EsmeRok),
    ] {
        let response = esme.bind(Role::Transceiver, system_id, password, InterfaceVersion::Smpp3_4, "").await;
        assert_eq!((response.id(), response.status()), (CommandId::BindTransceiverResp, status));
        assert_eq!(response.pdu().is_some(), status == CommandStatus::EsmeRok);
    }
}

#[tokio::test]
async fn commands_need_the_right_state() {
    let (_network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut esme = Esme::connect(centre.address()).await;
    assert_eq!(esme.status_of(submit(ALICE, b"x")).await, CommandStatus::EsmeRinvbndsts);
    esme.bind(Role::Receiver, "esme", "", InterfaceVersion::Smpp3_4, "").await;
    assert_eq!(esme.status_of(submit(ALICE, b"x")).await, CommandStatus::EsmeRinvbndsts);
    let again = esme.bind(Role::Transceiver, "esme", "", InterfaceVersion::Smpp3_4, "").await;
    assert_eq!(again.status(), CommandStatus::EsmeRalybnd);
}

#[tokio::test]
async fn unknown_commands_are_nacked_and_the_session_goes_on() {
    let (_network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    let unknown = Pdu::Other { command_id: CommandId::from(0x0001_0002), body: AnyOctetString::from_slice(b"?") };
    for pdu in [unknown, DataSm::default().into(), QuerySm::default().into()] {
        let response = esme.request(pdu).await;
        assert_eq!((response.id(), response.status()), (CommandId::GenericNack, CommandStatus::EsmeRinvcmdid));
    }
    // Responses are never answered, not even to nothing.
    for pdu in [Pdu::EnquireLinkResp, Pdu::GenericNack, Pdu::UnbindResp] {
        esme.send_as(CommandStatus::EsmeRok, 4711, pdu).await;
    }
    assert_eq!(esme.request(Pdu::EnquireLink).await.id(), CommandId::EnquireLinkResp);
}

#[tokio::test]
async fn unbind_is_answered_and_closes() {
    let (_network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    assert_eq!(centre.bound(), 1);
    assert_eq!(esme.request(Pdu::Unbind).await.id(), CommandId::UnbindResp);
    esme.end().await;
    until("nobody is bound", || centre.bound() == 0).await;
}

#[tokio::test]
async fn the_centre_asks_whether_one_is_there() {
    let options = CentreOptions { enquire_link: Duration::from_millis(50), ..CentreOptions::default() };
    let (_network, centre) = centre(Conditions::default(), options).await;
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    for _ in 0..3 {
        let asked = esme.find(|command| command.id() == CommandId::EnquireLink).await;
        esme.send_as(CommandStatus::EsmeRok, asked.sequence_number(), Pdu::EnquireLinkResp).await;
    }
}

#[tokio::test]
async fn who_says_nothing_is_asked_and_hung_up_on() {
    let options = CentreOptions {
        enquire_link: Duration::from_millis(200),
        inactivity: Duration::from_millis(1_000),
        ..CentreOptions::default()
    };
    let (_network, centre) = centre(Conditions::default(), options).await;
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    esme.find(|command| command.id() == CommandId::EnquireLink).await;
    esme.end().await;
}

#[tokio::test]
async fn who_does_not_bind_is_hung_up_on() {
    let options = CentreOptions { session_init: Duration::from_millis(50), ..CentreOptions::default() };
    let (_network, centre) = centre(Conditions::default(), options).await;
    Esme::connect(centre.address()).await.end().await;
}

#[tokio::test]
async fn connections_are_limited() {
    let options = CentreOptions { max_connections: 2, ..CentreOptions::default() };
    let (_network, centre) = centre(Conditions::default(), options).await;
    let mut first = Esme::bound(centre.address(), Role::Transceiver).await;
    let _second = Esme::bound(centre.address(), Role::Transceiver).await;
    Esme::connect(centre.address()).await.end().await;
    // One that leaves makes room.
    first.request(Pdu::Unbind).await;
    until("the first one is gone", || centre.bound() == 1).await;
    let mut third = Esme::connect(centre.address()).await;
    let bound = third.bind(Role::Receiver, "esme", "", InterfaceVersion::Smpp3_4, "").await;
    assert_eq!(bound.status(), CommandStatus::EsmeRok);
}

#[tokio::test]
async fn a_centre_that_stops_unbinds_and_its_port_is_free() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let address = centre.address();
    let mut esme = Esme::bound(address, Role::Transceiver).await;
    let esme = tokio::spawn(async move {
        let unbind = esme.find(|command| command.id() == CommandId::Unbind).await;
        esme.send_as(CommandStatus::EsmeRok, unbind.sequence_number(), Pdu::UnbindResp).await;
        esme.end().await;
    });
    centre.stop().await;
    esme.await.unwrap();
    let again = matchbook_smsc::Centre::start(network, address, CentreOptions::default()).await.unwrap();
    Esme::bound(again.address(), Role::Transceiver).await;
}

#[tokio::test]
async fn a_centre_hangs_up_without_a_word() {
    let (_network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut esme = Esme::bound(centre.address(), Role::Transceiver).await;
    centre.hang_up();
    assert!(esme.next().await.is_none());
    // And takes the next one.
    Esme::bound(centre.address(), Role::Transceiver).await;
}

#[tokio::test]
async fn a_mute_centre_acts_and_says_nothing() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut phone = network.phone(ALICE.parse().unwrap());
    let mut esme = Esme::bound(centre.address(), Role::Transmitter).await;
    centre.set_mute(true);
    esme.send(submit(ALICE, b"x")).await;
    phone.receive().await;
    centre.set_mute(false);
    let answered = esme.request(Pdu::EnquireLink).await;
    assert_eq!(answered.id(), CommandId::EnquireLinkResp);
}
