//! What no ESME sends.

use std::net::SocketAddr;
use std::time::Duration;

use matchbook_smsc::{CentreOptions, Conditions};
use rusmpp::Pdu;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::esme::{ALICE, Esme, LONG, Role, centre};

const GENERIC_NACK: u32 = 0x8000_0000;
const RINVCMDLEN: u32 = 2;
const RINVBNDSTS: u32 = 4;

fn header(length: u32, id: u32, sequence_number: u32) -> Vec<u8> {
    [length, id, 0, sequence_number].iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Sends bytes, and reads until the centre closes; words of what came.
async fn answer_to(address: SocketAddr, bytes: &[u8]) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    words(&mut stream).await
}

async fn words(stream: &mut TcpStream) -> Vec<u32> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    // A reset is an end as well: the centre closed with something unread.
    while let Ok(length @ 1..) = timeout(LONG, stream.read(&mut buffer)).await.expect("the centre did not close") {
        all.extend_from_slice(&buffer[..length]);
    }
    all.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect()
}

/// The centre still serves others.
async fn still_serves(address: SocketAddr) {
    let mut esme = Esme::bound(address, Role::Transceiver).await;
    esme.request(Pdu::EnquireLink).await;
}

#[tokio::test]
async fn lengths_that_no_pdu_has_are_nacked_and_the_connection_closed() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    for length in [0, 1, 15, 40_001, 1 << 31, u32::MAX] {
        let answer = answer_to(centre.address(), &header(length, 0x15, 9)).await;
        assert_eq!(answer, [16, GENERIC_NACK, RINVCMDLEN, 9], "{length}");
        // Of the length alone, too.
        let answer = answer_to(centre.address(), &length.to_be_bytes()).await;
        assert_eq!(answer, [16, GENERIC_NACK, RINVCMDLEN, 0], "{length}");
    }
    still_serves(centre.address()).await;
    assert_eq!(network.counts().bad_pdus, 12);
}

#[tokio::test]
async fn bodies_that_are_none_are_nacked_and_too_many_end_it() {
    let (_network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    // An enquire_link of 17 octets; a submit_sm whose sm_length is 255 and whose body ends there; a bind without body,
    // and one without a NUL.
    let mut short = header(16 + 17, 4, 2);
    short.extend([0; 17]);
    short[16 + 16] = 255;
    let pdus = [
        [header(17, 0x15, 1), vec![0]].concat(),
        short,
        header(16, 9, 3),
        [header(20, 9, 4), b"long".to_vec()].concat(),
        [header(16 + 9, 0x8000_0015, 5), vec![7; 9]].concat(),
    ];
    let mut stream = TcpStream::connect(centre.address()).await.unwrap();
    stream.write_all(&pdus.concat()).await.unwrap();
    let mut answers = [0; 64];
    timeout(LONG, stream.read_exact(&mut answers)).await.unwrap().unwrap();
    for (number, answer) in (1_u32..).zip(answers.as_chunks::<16>().0) {
        assert_eq!(answer[..], {
            let mut nack = header(16, GENERIC_NACK, number);
            nack[11] = 2;
            nack
        });
    }
    // The fifth is a response, which is not answered; five more are the end.
    stream.write_all(&pdus.concat()).await.unwrap();
    assert_eq!(words(&mut stream).await.len(), 4 * 4);
    still_serves(centre.address()).await;
}

#[tokio::test]
async fn submits_before_the_bind_are_refused_and_too_many_end_it() {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let _phone = network.phone(ALICE.parse().unwrap());
    let mut submit = header(16 + 17, 4, 1);
    submit.extend([0; 17]);
    let answer = answer_to(centre.address(), &submit.repeat(100)).await;
    assert_eq!(answer.len(), 10 * 4);
    assert_eq!(answer[..4], [16, 0x8000_0004, RINVBNDSTS, 1]);
    assert_eq!(network.counts().submitted, 0);
    still_serves(centre.address()).await;
}

#[tokio::test]
async fn half_a_pdu_is_silence() {
    let options = CentreOptions {
        session_init: Duration::from_millis(100),
        inactivity: Duration::from_millis(300),
        ..CentreOptions::default()
    };
    let (_network, centre) = centre(Conditions::default(), options).await;
    for half in [&[0, 0, 0][..], &header(16, 0x15, 1)[..15], &header(40_000, 4, 1)[..]] {
        assert!(answer_to(centre.address(), half).await.is_empty());
    }
    // Octet after octet of a PDU that never ends: it is not heard from.
    let mut stream = TcpStream::connect(centre.address()).await.unwrap();
    stream.write_all(&header(40_000, 4, 1)).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let dripping = tokio::spawn(async move {
        while write.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut buffer = [0; 16];
    assert!(matches!(timeout(LONG, read.read(&mut buffer)).await.unwrap(), Ok(0) | Err(_)));
    dripping.abort();
}

#[tokio::test]
async fn a_stream_of_nothing_is_not_read_for_ever() {
    let (_network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let mut stream = TcpStream::connect(centre.address()).await.unwrap();
    stream.write_all(&header(1 << 31, 4, 1)).await.unwrap();
    let mut written = 0_usize;
    while let Ok(Ok(())) = timeout(LONG, stream.write_all(&[0; 65_536])).await {
        written += 65_536;
        // What the system's buffers hold, and no more.
        assert!(written < 64 << 20, "the centre reads on");
    }
    still_serves(centre.address()).await;
}

#[tokio::test]
async fn who_does_not_read_is_hung_up_on() {
    let options = CentreOptions { response: Duration::from_millis(200), ..CentreOptions::default() };
    let (network, centre) = centre(Conditions::default(), options).await;
    let mut stream = TcpStream::connect(centre.address()).await.unwrap();
    let flood = header(16, 0x15, 1).repeat(4_096);
    let mut written = 0_usize;
    while let Ok(Ok(())) = timeout(LONG, stream.write_all(&flood)).await {
        written += flood.len();
        assert!(written < 256 << 20, "the centre reads on though its answers are not read");
    }
    assert_eq!(network.counts().bad_pdus, 0);
    still_serves(centre.address()).await;
}

#[tokio::test]
async fn a_flood_of_connections_is_turned_away() {
    let options = CentreOptions { max_connections: 8, ..CentreOptions::default() };
    let (network, centre) = centre(Conditions::default(), options).await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.extend(TcpStream::connect(centre.address()).await.ok());
    }
    assert!(words(streams.last_mut().unwrap()).await.is_empty());
    assert_eq!(network.counts().connections, 8);
    drop(streams);
    // Somebody who asks until there is room gets it.
    loop {
        let mut esme = Esme::connect(centre.address()).await;
        esme.send(Pdu::EnquireLink).await;
        if esme.next().await.is_some() {
            break;
        }
    }
}
