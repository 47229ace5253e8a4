//! `matchbook smsc`: the simulated network as a process, and an ESME that speaks SMPP to it octet by octet.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::home::Home;

/// Nothing here takes as long, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);

const BIND_TRANSCEIVER: u32 = 0x09;
const SUBMIT_SM: u32 = 0x04;
const DELIVER_SM: u32 = 0x05;
const RESPONSE: u32 = 0x8000_0000;

/// A running network; killed when it is dropped.
pub(crate) struct Network {
    child: Child,
    pub(crate) address: String,
    out: Receiver<String>,
}

impl Network {
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.command(&[&["smsc", "--listen", "127.0.0.1:0"], arguments].concat());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let said = lines.by_ref().find(|line| line.contains("listens on ")).expect("it ended early");
        std::thread::spawn(move || lines.for_each(drop));
        let address = said.split("listens on ").nth(1).unwrap().split(". ").next().unwrap().to_owned();
        let (line, out) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        std::thread::spawn(move || lines.for_each(|text| line.send(text).unwrap_or_default()));
        Self { child, address, out }
    }

    fn line(&self) -> String {
        self.out.recv_timeout(LONG).expect("nothing was printed")
    }

    /// Ctrl-C; the exit code, and the rest of standard output.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let rest: Vec<String> = self.out.iter().collect();
        (self.child.wait().unwrap().code(), rest.join("\n"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An ESME.
struct Esme(TcpStream);

impl Esme {
    fn connect(network: &Network) -> Self {
        let stream = TcpStream::connect(&network.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self(stream)
    }

    fn send(&mut self, id: u32, body: &[u8]) {
        let length = u32::try_from(16 + body.len()).unwrap();
        let header = [length, id, 0, 1].map(u32::to_be_bytes).concat();
        self.0.write_all(&[&header, body].concat()).unwrap();
    }

    /// command_id, command_status and the body of the next PDU.
    fn next(&mut self) -> (u32, u32, Vec<u8>) {
        let mut header = [0; 16];
        self.0.read_exact(&mut header).unwrap();
        let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
        let mut body = vec![0; word(0) as usize - 16];
        self.0.read_exact(&mut body).unwrap();
        (word(4), word(8), body)
    }

    /// The status of a bind.
    fn bind(&mut self, system_id: &str, password: &str) -> u32 {
        let names = format!("{system_id}\0{password}\0\0");
        self.send(BIND_TRANSCEIVER, &[names.as_bytes(), &[0x34, 0, 0, 0]].concat());
        let (id, status, _) = self.next();
        assert_eq!(id, BIND_TRANSCEIVER | RESPONSE);
        status
    }

    /// Submits sealed-looking data behind a port header, a receipt wanted; the message id.
    fn submit(&mut self, to: &str) -> String {
        let message = [&[6, 5, 4, 0x3e, 0x94, 0x3e, 0x94][..], &[0x5a; 20]].concat();
        let addresses = [&[0, 0, 1][..], b"16020\0", &[1, 1], to.as_bytes(), &[0]].concat();
        let fields = [0x40, 0, 0, 0, 0, 1, 0, 4, 0, u8::try_from(message.len()).unwrap()];
        self.send(SUBMIT_SM, &[&addresses[..], &fields, &message].concat());
        let (id, status, body) = self.next();
        assert_eq!((id, status), (SUBMIT_SM | RESPONSE, 0));
        String::from_utf8(body).unwrap().trim_end_matches('\0').to_owned()
    }
}

#[test]
fn messages_are_printed_without_what_they_hold_and_ctrl_c_prints_the_sums() {
    let home = Home::new();
    let network = Network::start(&home, &["--phone", "+491700000001", "--seed", "7"]);
    let mut esme = Esme::connect(&network);
    assert_eq!(esme.bind("esme", "any"), 0);
    let id = esme.submit("491700000001");
    assert_eq!(network.line(), "+491700000001 from 16020, header 0605043e943e94, 20 bytes");
    let (command, _, receipt) = esme.next();
    let receipt = String::from_utf8_lossy(&receipt).into_owned();
    assert!(command == DELIVER_SM && receipt.contains(&id) && receipt.contains("stat:DELIVRD"), "{receipt}");
    let (exit, sums) = network.interrupt();
    assert_eq!(exit, Some(0));
    let field = |name: &str| sums.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().nth(1);
    assert_eq!((field("submitted"), field("delivered"), field("seed")), (Some("1"), Some("1"), Some("7")), "{sums}");
}

#[test]
fn the_sums_as_json_are_all_that_is_printed() {
    let home = Home::new();
    let arguments = ["--phone", "+491700000001", "--loss", "1", "--seed", "9", "-o", "json", "--show-bytes"];
    let network = Network::start(&home, &arguments);
    let mut esme = Esme::connect(&network);
    assert_eq!(esme.bind("esme", ""), 0);
    esme.submit("491700000001");
    esme.submit("491700000002");
    // The second number is no phone, which its receipt says.
    let (_, _, receipt) = esme.next();
    assert!(String::from_utf8_lossy(&receipt).contains("stat:UNDELIV"));
    let (exit, sums) = network.interrupt();
    assert_eq!(exit, Some(0));
    let sums: Value = serde_json::from_str(&sums).unwrap();
    for (name, count) in [("seed", 9), ("submitted", 2), ("lost", 1), ("undeliverable", 1), ("delivered", 0)] {
        assert_eq!(sums[name], count, "{name}: {sums}");
    }
    let number = &sums["numbers"][0];
    assert_eq!((number["number"].as_str(), number["lost"].as_u64()), (Some("+491700000001"), Some(1)));
}

#[test]
fn show_bytes_shows_them() {
    let home = Home::new();
    let network = Network::start(&home, &["--phone", "491700000001", "--show-bytes"]);
    let mut esme = Esme::connect(&network);
    assert_eq!(esme.bind("esme", ""), 0);
    esme.submit("491700000001");
    assert!(network.line().ends_with(&format!("20 bytes: {}", "5a".repeat(20))));
}

#[test]
fn a_modem_is_opened_like_a_serial_port_and_its_link_goes_with_it() {
    use matchbook_device::bearer::modem::{AtModem, AtOptions, Modem};
    let home = Home::new();
    let link = home.at("modem");
    let network = Network::start(&home, &["--modem", &format!("+491700000001={link}")]);
    let mut modem = AtModem::open(&link, AtOptions::default()).unwrap();
    let mut esme = Esme::connect(&network);
    assert_eq!(esme.bind("esme", ""), 0);
    esme.submit("491700000001");
    let incoming = modem.receive(LONG).unwrap().expect("a message comes");
    assert!(incoming.place.is_some());
    modem.send(&"16020".parse().unwrap(), &incoming.segment).unwrap();
    drop(modem);
    assert_eq!(network.interrupt().0, Some(0));
    assert!(!std::path::Path::new(&link).is_symlink());
    std::fs::write(&link, "a file of somebody's").unwrap();
    let said = home.run(&["smsc", "--listen", "127.0.0.1:0", "--modem", &format!("+491700000001={link}")]);
    said.fails(1, "link the modem at");
}

#[test]
fn only_the_esme_that_was_named_may_bind() {
    let home = Home::new();
    let file = home.at("esme.password");
    std::fs::write(&file, "secret\n").unwrap();
    let network = Network::start(&home, &["--system-id", "matchbook", "--password-file", &file]);
    let mut esme = Esme::connect(&network);
    assert_eq!(esme.bind("matchbook", "wrong"), 0x0e);
    assert_eq!(esme.bind("other", "secret"), 0x0d);
    assert_eq!(esme.bind("matchbook", "secret"), 0);
}

#[test]
fn what_cannot_be_says_what_to_do() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = home.run(&["smsc", "--listen", &address]).fails(1, "the port is in use");
    assert!(said.err.contains("--listen 127.0.0.1:0 takes a free one"), "{}", said.err);
    home.run(&["smsc", "--listen", "192.0.2.1:2775"]).fails(1, "this machine has no such address");
    home.run(&["smsc", "--phone", "+491", "--phone", "491"]).fails(2, "given twice");
    home.run(&["smsc", "--phone", "+491", "--modem", "491"]).fails(2, "given twice");
    home.run(&["smsc", "--modem", "+491="]).fails(2, "the link behind = is empty");
    home.run(&["smsc", "--loss", "2"]).fails(2, "from 0 (none) to 1 (all)");
    home.run(&["smsc", "--password", "secret"]).fails(2, "unexpected argument");
    let file = home.at("esme.password");
    home.run(&["smsc", "--system-id", "x", "--password-file", &file]).fails(1, "it is not there");
    for wrong in ["", "123456789", "two\nlines", "caf\u{e9}"] {
        std::fs::write(&file, wrong).unwrap();
        let said = home.run(&["smsc", "--system-id", "x", "--password-file", &file]);
        said.fails(1, "does not hold a password of SMPP");
    }
}
