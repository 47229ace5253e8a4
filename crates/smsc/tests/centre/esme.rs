//! A plain ESME for tests: what it sends and gets is what is asserted on.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use matchbook_smsc::{Centre, CentreOptions, Conditions, Network};
use rusmpp::pdus::{BindReceiver, BindTransceiver, BindTransmitter, DeliverSm, DeliverSmResp, SubmitSm};
use rusmpp::tokio_codec::{CommandCodec, DecodeError};
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, InterfaceVersion, Npi, RegisteredDelivery, Ton};
use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

/// Nothing here takes as long, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) const ALICE: &str = "+491700000001";
pub(crate) const BOB: &str = "+491700000002";

/// What a bind is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Transmitter,
    Receiver,
    Transceiver,
}

pub(crate) struct Esme {
    framed: Framed<TcpStream, CommandCodec>,
    sequence_number: u32,
    /// Came while something else was waited for.
    came: VecDeque<Command>,
}

/// A network and a centre on a free port.
pub(crate) async fn centre(conditions: Conditions, options: CentreOptions) -> (Arc<Network>, Centre) {
    let network = Network::new(conditions);
    let centre = Centre::start(Arc::clone(&network), "127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    (network, centre)
}

/// Waits until `is_so`.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LONG.as_millis() / 5 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

pub(crate) fn text<const MIN: usize, const MAX: usize>(text: &str) -> COctetString<MIN, MAX> {
    COctetString::from_string(text.to_owned()).unwrap()
}

/// A submit_sm of 8-bit data with a receipt wanted.
pub(crate) fn submit(to: &str, octets: &[u8]) -> SubmitSm {
    SubmitSm::builder()
        .source_addr_npi(Npi::Isdn)
        .source_addr(text("16020"))
        .dest_addr_ton(Ton::International)
        .dest_addr_npi(Npi::Isdn)
        .destination_addr(text(to.trim_start_matches('+')))
        // The default of this type is none: it sets the bit of an acknowledgement.
        .esm_class(EsmClass::from(0))
        .data_coding(DataCoding::OctetUnspecified2)
        .registered_delivery(RegisteredDelivery::from(1))
        .short_message(OctetString::from_slice(octets).unwrap())
        .build()
}

/// The same with the header indicator.
pub(crate) fn with_header(mut submit: SubmitSm) -> SubmitSm {
    submit.esm_class = EsmClass::from(0x43);
    submit
}

impl Esme {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(LONG, TcpStream::connect(address)).await.unwrap().unwrap();
        Self { framed: Framed::new(stream, CommandCodec::new()), sequence_number: 0, came: VecDeque::new() }
    }

    /// Bound as 3.4 under the name of `esme`.
    pub(crate) async fn bound(address: SocketAddr, role: Role) -> Self {
        let mut esme = Self::connect(address).await;
        let bound = esme.bind(role, "esme", "secret", InterfaceVersion::Smpp3_4, "").await;
        assert_eq!(bound.status(), CommandStatus::EsmeRok);
        esme
    }

    pub(crate) async fn bind(
        &mut self,
        role: Role,
        system_id: &str,
        password: &str,
        version: InterfaceVersion,
        range: &str,
    ) -> Command {
        macro_rules! bind {
            ($kind:ident) => {
                $kind::builder()
                    .system_id(text(system_id))
                    .password(text(password))
                    .interface_version(version)
                    .address_range(text(range))
                    .build()
                    .into()
            };
        }
        let pdu: Pdu = match role {
            Role::Transmitter => bind!(BindTransmitter),
            Role::Receiver => bind!(BindReceiver),
            Role::Transceiver => bind!(BindTransceiver),
        };
        self.request(pdu).await
    }

    /// Sends, and gives back the sequence number.
    pub(crate) async fn send(&mut self, pdu: impl Into<Pdu>) -> u32 {
        self.sequence_number += 1;
        self.send_as(CommandStatus::EsmeRok, self.sequence_number, pdu).await;
        self.sequence_number
    }

    pub(crate) async fn send_as(&mut self, status: CommandStatus, sequence_number: u32, pdu: impl Into<Pdu>) {
        let command = Command::new(status, sequence_number, pdu);
        timeout(LONG, self.framed.send(command)).await.unwrap().unwrap();
    }

    /// Sends, and waits for the response.
    pub(crate) async fn request(&mut self, pdu: impl Into<Pdu>) -> Command {
        let sequence_number = self.send(pdu).await;
        self.response(sequence_number).await
    }

    pub(crate) async fn response(&mut self, sequence_number: u32) -> Command {
        self.find(|command| command.id().is_response() && command.sequence_number() == sequence_number).await
    }

    /// The message id of a submit that is taken.
    pub(crate) async fn submit(&mut self, submit: SubmitSm) -> String {
        let response = self.request(submit).await;
        assert_eq!(response.status(), CommandStatus::EsmeRok);
        message_id(&response)
    }

    /// The status of a submit.
    pub(crate) async fn status_of(&mut self, submit: SubmitSm) -> CommandStatus {
        self.request(submit).await.status()
    }

    /// The next delivery; it is not answered.
    pub(crate) async fn delivery(&mut self) -> (u32, DeliverSm) {
        let command = self.find(|command| command.id() == CommandId::DeliverSm).await;
        match command.pdu() {
            Some(Pdu::DeliverSm(deliver)) => (command.sequence_number(), deliver.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// The next delivery, which is answered.
    pub(crate) async fn receive(&mut self) -> DeliverSm {
        let (sequence_number, deliver) = self.delivery().await;
        self.answer(sequence_number, CommandStatus::EsmeRok).await;
        deliver
    }

    pub(crate) async fn answer(&mut self, sequence_number: u32, status: CommandStatus) {
        self.send_as(status, sequence_number, DeliverSmResp::default()).await;
    }

    /// Waits for a PDU, keeping the others for later.
    pub(crate) async fn find(&mut self, mut is_it: impl FnMut(&Command) -> bool) -> Command {
        if let Some(place) = self.came.iter().position(&mut is_it) {
            return self.came.remove(place).unwrap();
        }
        loop {
            let command = self.next().await.expect("the centre closed the connection");
            if is_it(&command) {
                return command;
            }
            self.came.push_back(command);
        }
    }

    /// The next PDU off the line; `None` at its end.
    pub(crate) async fn next(&mut self) -> Option<Command> {
        match timeout(LONG, self.framed.next()).await.expect("nothing came")? {
            Ok(command) => Some(command),
            // A reset: the centre closed with something unread.
            Err(DecodeError::Io(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads to the end of the line.
    pub(crate) async fn end(&mut self) {
        while let Some(Ok(_)) = timeout(LONG, self.framed.next()).await.expect("the centre did not close") {}
    }
}

pub(crate) fn message_id(response: &Command) -> String {
    match response.pdu() {
        Some(Pdu::SubmitSmResp(response)) => response.message_id().as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}
