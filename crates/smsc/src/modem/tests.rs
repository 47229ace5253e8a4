#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use matchbook_protocol::sms::tpdu::Submit;
use matchbook_protocol::sms::{Body, Segment};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::answer::to_hex;
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

    /// A command that is refused; what is said.
    async fn refused(&mut self, command: &str) -> String {
        self.write(&format!("{command}\r")).await;
        let said = self.expect("\r\n").await;
        said + &self.expect("\r\n").await
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
    let list = bench.ok("AT+CMGL=4").await;
    assert!(list.starts_with("\r\n+CMGL: 1,0,,22\r\n00040C9194"), "{list}");
    assert!(bench.ok("AT+CMGR=1").await.starts_with("\r\n+CMGR: 1,,22\r\n"), "read by now");
    assert!(bench.ok("AT+CMGL=0").await.starts_with("\r\nOK"), "none is unread");
    assert!(bench.ok("AT+CPMS?").await.contains("\"SM\",1,30"));
    bench.ok("AT+CMGD=1").await;
    assert_eq!(bench.refused("AT+CMGR=1").await, "\r\n+CMS ERROR: 321\r\n");
}

#[tokio::test]
async fn a_message_may_be_handed_over_at_once_or_said_nothing_about() {
    let mut bench = Bench::start(ModemOptions::default());
    bench.ok("ATE0;+CNMI=2,2").await;
    bench.come("one").await;
    let told = bench.expect("\r\n").await + &bench.expect("\r\n").await + &bench.expect("\r\n").await;
    assert!(told.starts_with("\r\n+CMT: ,22\r\n00040C9194"), "{told}");
    assert!(bench.ok("AT+CPMS?").await.contains("\"SM\",0,30"), "it is not kept");
    bench.ok("AT+CNMI=2,0").await;
    bench.come("two").await;
    while !bench.ok("AT+CPMS?").await.contains("\"SM\",1,30") {}
}

#[tokio::test]
async fn a_message_is_sent_behind_a_prompt() {
    let mut bench = Bench::start(ModemOptions::default());
    bench.ok("ATE0").await;
    let submit = Submit {
        reference: 0,
        destination: "+491700000002".parse().unwrap(),
        segment: Segment { header: Vec::new(), body: Body::Data(vec![7; 140]) },
        validity_minutes: None,
        wants_report: false,
    };
    let tpdu = submit.encode().unwrap();
    bench.write(&format!("AT+CMGS={}\r", tpdu.len())).await;
    bench.expect("\r\n> ").await;
    bench.write(&format!("00{}\x1a", to_hex(&tpdu))).await;
    assert_eq!(bench.expect("OK\r\n").await, "\r\n+CMGS: 1\r\n\r\nOK\r\n");
    assert_eq!(bench.other.receive().await.segment, submit.segment);

    // Another length than the TPDU has, and a prompt that is left.
    bench.write("AT+CMGS=9\r").await;
    bench.expect("\r\n> ").await;
    bench.write(&format!("00{}\x1a", to_hex(&tpdu))).await;
    bench.expect("\r\n+CMS ERROR: 304\r\n").await;
    bench.write("AT+CMGS=9\r").await;
    bench.expect("\r\n> ").await;
    bench.write("half\x1b").await;
    bench.expect("\r\nOK\r\n").await;
    bench.ok("AT").await;
}

#[tokio::test]
async fn a_full_store_leaves_messages_in_the_network_until_there_is_room() {
    let mut bench = Bench::start(ModemOptions { capacity: 2, ..ModemOptions::default() });
    bench.ok("ATE0;+CNMI=2,1").await;
    for text in ["one", "two", "three"] {
        bench.come(text).await;
    }
    bench.expect("+CMTI: \"SM\",2\r\n").await;
    assert!(bench.ok("AT+CPMS?").await.contains("\"SM\",2,2"));
    bench.write("AT+CMGD=1\r").await;
    bench.expect("+CMTI: \"SM\",1\r\n").await;
}

#[tokio::test]
async fn a_locked_card_does_nothing_but_take_its_pin() {
    let mut bench = Bench::start(ModemOptions { pin: Some("4711".to_owned()), ..ModemOptions::default() });
    bench.ok("ATE0;+CMEE=1").await;
    bench.come("one").await;
    assert!(bench.ok("AT+CPIN?").await.contains("+CPIN: SIM PIN"));
    assert_eq!(bench.refused("AT+CMGL=4").await, "\r\n+CME ERROR: 11\r\n");
    assert_eq!(bench.refused("AT+CPIN=\"0000\"").await, "\r\n+CME ERROR: 16\r\n");
    bench.ok("AT+CPIN=\"4711\"").await;
    bench.ok("AT+CNMI=2,1").await;
    bench.come("two").await;
    bench.expect("+CMTI: \"SM\",2\r\n").await;
}

#[tokio::test]
async fn what_is_no_command_is_an_error_and_no_more() {
    let mut bench = Bench::start(ModemOptions::default());
    bench.ok("ATE0;+CMEE=1").await;
    for wrong in [
        "hello",
        "AT+NONE",
        "AT+CMGR=",
        "AT+CMGR=99999999999",
        "AT+CMGS=0",
        "AT+CMGS=x",
        "AT+CPMS=\"ME\"",
        "AT+CNMI=2,9",
        "AT+",
    ] {
        let said = bench.refused(wrong).await;
        assert!(said.contains("ERROR"), "{wrong}: {said}");
    }
    // A line without an end, and noise.
    let noise = "A".repeat(100_000);
    bench.write(&format!("{noise}\u{1}\u{7f}\r")).await;
    bench.expect("ERROR\r\n").await;
    bench.ok("at+csq;+creg?").await;
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
