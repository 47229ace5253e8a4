//! A centre by hand: it reads and writes octets, and nothing happens that the test does not say.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::bearer::sms::testing::PATIENCE;

pub(super) const SUBMIT: u32 = 4;
pub(super) const DELIVER: u32 = 5;
pub(super) const UNBIND: u32 = 6;
pub(super) const BIND: u32 = 9;
pub(super) const ENQUIRE: u32 = 0x15;
pub(super) const DATA: u32 = 0x103;
pub(super) const NACK: u32 = 0x8000_0000;
/// Makes the id of a request that of its response.
pub(super) const RESP: u32 = 0x8000_0000;

/// Where the session connects to.
pub(super) struct Door {
    listener: TcpListener,
}

/// One connection of the session.
pub(super) struct Peer {
    stream: TcpStream,
}

/// A PDU as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) id: u32,
    pub(super) status: u32,
    pub(super) sequence: u32,
    pub(super) body: Vec<u8>,
}

impl Door {
    pub(super) async fn open() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap() }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> Peer {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("nobody connects").unwrap();
        Peer { stream }
    }

    /// The next connection, bound.
    pub(super) async fn bound(&self) -> Peer {
        let mut peer = self.accept().await;
        let bind = peer.read().await;
        assert_eq!(bind.id, BIND);
        peer.write(BIND | RESP, 0, bind.sequence, b"centre\0").await;
        peer
    }
}

impl Peer {
    /// The next PDU.
    pub(super) async fn read(&mut self) -> Raw {
        timeout(PATIENCE, self.try_read()).await.expect("nothing comes").expect("the connection is closed")
    }

    /// The next PDU; `None` when the connection is closed.
    pub(super) async fn try_read(&mut self) -> Option<Raw> {
        let mut head = [0; 16];
        self.stream.read_exact(&mut head).await.ok()?;
        let field = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let mut body = vec![0; field(0) as usize - 16];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(Raw { id: field(4), status: field(8), sequence: field(12), body })
    }

    /// Reads to the end of the connection, and gives back what came before.
    pub(super) async fn read_to_end(&mut self) -> Vec<Raw> {
        let mut all = Vec::new();
        let reading = async {
            while let Some(raw) = self.try_read().await {
                all.push(raw);
            }
        };
        timeout(PATIENCE, reading).await.expect("the connection stays open");
        all
    }

    pub(super) async fn write(&mut self, id: u32, status: u32, sequence: u32, body: &[u8]) {
        self.write_raw(&pdu(id, status, sequence, body)).await;
    }

    pub(super) async fn write_raw(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// Writes for as long as the other side lets it; false when the connection is gone.
    pub(super) async fn try_write(&mut self, octets: &[u8]) -> bool {
        timeout(PATIENCE, self.stream.write_all(octets)).await.expect("the connection stays open").is_ok()
    }

    /// Answers a submit.
    pub(super) async fn accept(&mut self, submit: &Raw, id: &str) {
        self.write(SUBMIT | RESP, 0, submit.sequence, format!("{id}\0").as_bytes()).await;
    }

    /// Whatever the session was told before this, it has read: the answer to an enquire_link is the next PDU.
    pub(super) async fn fence(&mut self) {
        self.write(ENQUIRE, 0, 0x7000_0000, &[]).await;
        let answer = self.read().await;
        assert_eq!((answer.id, answer.sequence), (ENQUIRE | RESP, 0x7000_0000), "{answer:?}");
    }
}

pub(super) fn pdu(id: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 16).unwrap();
    let mut octets = Vec::new();
    for field in [length, id, status, sequence] {
        octets.extend_from_slice(&field.to_be_bytes());
    }
    octets.extend_from_slice(body);
    octets
}

/// The body of a deliver_sm from +491701234567 to 16020.
pub(super) fn deliver(class: u8, coding: u8, message: &[u8], options: &[u8]) -> Vec<u8> {
    let mut body = b"\0\x01\x01491701234567\0\x00\x0116020\0".to_vec();
    body.extend_from_slice(&[class, 0, 0, 0, 0, 0, 0, coding, 0, u8::try_from(message.len()).unwrap()]);
    body.extend_from_slice(message);
    body.extend_from_slice(options);
    body
}

/// An optional parameter.
pub(super) fn option(tag: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&tag.to_be_bytes()[..], &length.to_be_bytes()[..], value].concat()
}
