#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use matchbook_protocol::sms::{Body, Segment};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{Modem, ModemOptions};
use crate::{Conditions, Network, Phone};

/// Generous: nothing here takes a second on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A modem at one end of a stream.
struct Bench {
    stream: DuplexStream,
    other: Phone,
}

impl Bench {
    fn start(options: ModemOptions) -> Self {
        let network = Network::new(Conditions::default());
        let other = network.phone("+491700000002".parse().unwrap());
        let mut modem = Modem::new(network.phone("+491700000001".parse().unwrap()), &options);
        let (stream, mut far) = tokio::io::duplex(4_096);
        tokio::spawn(async move { modem.serve(&mut far).await });
        Self { stream, other }
    }

    async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until it has read this.
    async fn expect(&mut self, end: &str) -> String {
        let mut read = String::new();
        while !read.ends_with(end) {
            let byte = tokio::time::timeout(PATIENCE, self.stream.read_u8()).await;
            let byte = byte.unwrap_or_else(|_| panic!("{end:?} does not come after {read:?}")).unwrap();
            read.push(char::from(byte));
        }
        read
    }

    async fn ok(&mut self, command: &str) -> String {
        self.write(&format!("{command}\r")).await;
        self.expect("\r\nOK\r\n").await
    }

    async fn come(&self, text: &str) {
        let segment = Segment { header: Vec::new(), body: Body::Text(text.to_owned()) };
        self.other.send(&"+491700000001".parse().unwrap(), segment).await;
    }
}

#[tokio::test]
async fn a_message_that_comes_is_stored_and_told() {
    let mut bench = Bench::start(ModemOptions::default());
    assert_eq!(bench.ok("ATE0").await, "ATE0\r\r\nOK\r\n", "echo is on first");
    bench.ok("AT+CNMI=2,1,0,0,0").await;
    bench.come("one").await;
    bench.expect("\r\n+CMTI: \"SM\",1\r\n").await;
}

#[tokio::test]
async fn a_program_at_the_pseudo_terminal_is_told_too() {
    let network = Network::new(Conditions::default());
    let other = network.phone("+491700000002".parse().unwrap());
    let phone = network.phone("+491700000001".parse().unwrap());
    let (path, _handle) = super::pty(phone, ModemOptions::default()).unwrap();
    let mut program = tokio::fs::OpenOptions::new().read(true).write(true).open(path).await.unwrap();
    program.write_all(b"AT+CNMI=2,1\r").await.unwrap();
    let mut read = String::new();
    while !read.ends_with("OK\r\n") {
        read.push(char::from(program.read_u8().await.unwrap()));
    }
    let segment = Segment { header: Vec::new(), body: Body::Text("one".to_owned()) };
    other.send(&"+491700000001".parse().unwrap(), segment).await;
    while !read.ends_with("+CMTI: \"SM\",1\r\n") {
        let byte = tokio::time::timeout(Duration::from_secs(5), program.read_u8()).await;
        read.push(char::from(byte.unwrap_or_else(|_| panic!("{read:?}")).unwrap()));
    }
}
