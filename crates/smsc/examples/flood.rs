//! How many submits a second one connection gets through a centre, receipts included.
//!
//! `cargo run --release -p matchbook-smsc --example flood -- [SUBMITS] [WINDOW]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use matchbook_smsc::{Centre, CentreOptions, Conditions, Network};
use rusmpp::pdus::{BindTransceiver, DeliverSmResp, SubmitSm};
use rusmpp::tokio_codec::CommandCodec;
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, RegisteredDelivery, Ton};
use rusmpp::{Command, CommandId, CommandStatus};
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

fn submit() -> SubmitSm {
    let sealed = [&[6, 5, 4, 0x3e, 0x94, 0x3e, 0x94][..], &[0x5a; 133]].concat();
    SubmitSm::builder()
        .source_addr(COctetString::from_string("16020".into()).unwrap())
        .dest_addr_ton(Ton::International)
        .destination_addr(COctetString::from_string("491700000001".into()).unwrap())
        .esm_class(EsmClass::from(0x40))
        .data_coding(DataCoding::OctetUnspecified2)
        .registered_delivery(RegisteredDelivery::from(1))
        .short_message(OctetString::from_vec(sealed).unwrap())
        .build()
}

#[tokio::main]
async fn main() {
    let argument = |place| std::env::args().nth(place).map(|text| text.parse().expect("a number"));
    let (submits, window): (u32, u32) = (argument(1).unwrap_or(50_000), argument(2).unwrap_or(100));
    let network = Network::new(Conditions::default());
    let options = CentreOptions { window: 100, ..CentreOptions::default() };
    let centre = Centre::start(network.clone(), "127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let mut phone = network.phone("+491700000001".parse().unwrap());
    let emptying = tokio::spawn(async move {
        loop {
            phone.receive().await;
        }
    });

    let stream = TcpStream::connect(centre.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut framed = Framed::new(stream, CommandCodec::new());
    framed.send(Command::new(CommandStatus::EsmeRok, 0, BindTransceiver::default())).await.unwrap();
    framed.next().await.unwrap().unwrap();

    let began = Instant::now();
    let (mut sent, mut answered, mut receipts) = (0, 0, 0);
    while answered < submits || receipts < submits {
        while sent < submits && sent - answered < window {
            sent += 1;
            framed.feed(Command::new(CommandStatus::EsmeRok, sent, submit())).await.unwrap();
        }
        SinkExt::<Command>::flush(&mut framed).await.unwrap();
        let command = framed.next().await.unwrap().unwrap();
        match command.id() {
            CommandId::SubmitSmResp => {
                assert_eq!(command.status(), CommandStatus::EsmeRok);
                answered += 1;
            }
            CommandId::DeliverSm => {
                receipts += 1;
                let answer = Command::new(CommandStatus::EsmeRok, command.sequence_number(), DeliverSmResp::default());
                framed.feed(answer).await.unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{submits} submits, as many receipts, window {window}: {seconds:.2} s");
    println!("{:.0} submits a second", f64::from(submits) / seconds);
    emptying.abort();
    centre.stop().await;
}
