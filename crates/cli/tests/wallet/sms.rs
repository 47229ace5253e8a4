//! `matchbook wallet` by SMS, over a modem of the simulated network, with enough of a server behind a number.

mod server;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::Device;
use server::{Network, OURS, SERVER};

/// Generous: nothing here takes long on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(60);

/// `wallet listen` under way, with the lines that it prints.
struct Listening {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Listening {
    fn start(device: &Device, args: &[&str]) -> Self {
        let mut command = device.command(&[&["listen", "-o", "json"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
                let _ = send.send(std::mem::take(&mut line));
            }
        });
        Self { child, lines }
    }

    /// The next event of this kind.
    fn next(&self, kind: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let event: Value = serde_json::from_str(&line.unwrap_or_else(|_| panic!("{kind} does not come"))).unwrap();
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// Ctrl-C; gives the exit code. `setsid` has become the program, as this process leads its group and not it.
    fn interrupt(mut self) -> Option<i32> {
        let killed = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_device_without_a_data_network_enrols_and_gets_codes() {
    let network = Network::start();
    let device = Device::new();
    let (out, err) = device.ok(&["enrol", "--yes", "--modem", network.port(), &network.uri()]);
    assert!(err.contains("Sent by SMS to +491700000099:"), "{err}");
    assert!(err.contains("Codes 1 to 12 came"), "{err}");
    assert!(out.contains("radio"), "{out}");
    assert_eq!(device.ok(&["take"]).0.trim_end(), network.code(1));

    // The account names the number, and the variable the modem.
    let mut command = device.command(&["request", "-o", "json"]);
    let output = command.env("MATCHBOOK_MODEM", network.port()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let asked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&asked["answered"], &asked["codes_received"]), (&true.into(), &12.into()), "{asked}");
    assert_eq!(device.json(&["sync", "--modem", network.port()])["accounts"][0]["answered"], true);
}

#[test]
fn an_answer_that_has_not_come_is_no_failure_and_listening_takes_it_in() {
    let network = Network::start();
    let device = Device::new();
    network.set_deaf(true);
    let (_, err) = device.ok(&["enrol", "--yes", "--wait", "1", "--modem", network.port(), &network.uri()]);
    assert!(err.contains("Sent by SMS to +491700000099: 1 message of 72 bytes."), "{err}");
    assert!(err.contains("No answer has come yet") && err.contains("wallet listen"), "{err}");
    assert!(!err.contains("wallet take"), "{err}");

    network.set_deaf(false);
    let listening = Listening::start(&device, &["--modem", network.port()]);
    assert_eq!(listening.next("sent")["bytes"], 72, "the same message again");
    listening.next("enrolled");
    let came = listening.next("set-accepted");
    assert_eq!((&came["first"], &came["last"], &came["label"]), (&1.into(), &12.into(), &"radio".into()));

    // Codes are taken while it listens, and a push comes then.
    assert_eq!(device.ok(&["take", "--offline"]).0.trim_end(), network.code(1));
    network.push();
    assert_eq!(listening.next("set-accepted")["first"], 13);
    assert_eq!(listening.interrupt(), Some(0));
    assert_eq!(device.json(&["status"])["unused"], 23);
}

#[test]
fn listening_ends_by_itself_when_it_is_told_when() {
    let network = Network::start();
    let device = Device::new();
    device.ok(&["enrol", "--yes", "--modem", network.port(), &network.uri()]);
    assert_eq!(device.ok(&["listen", "--for", "1", "--modem", network.port()]).0, "");
    network.push();
    let (out, _) = device.ok(&["listen", "--once", "--for", "60", "--modem", network.port()]);
    assert_eq!(out, "radio: 12 codes came: 13 to 24\n");
}

#[test]
fn what_is_missing_for_sms_is_said() {
    let network = Network::start();
    let device = Device::new();
    let no_modem = device.fails(2, &["enrol", "--yes", &network.uri()]);
    assert!(no_modem.contains("--modem"), "{no_modem}");
    assert!(!device.vault().exists(), "nothing was stored");
    device.ok(&["enrol", "--yes", "--offline", &network.uri()]);
    assert!(device.fails(2, &["sync"]).contains("MATCHBOOK_MODEM"));
    assert!(device.fails(1, &["sync", "--modem", "/nowhere/ttyUSB0"]).contains("no such file"));
    assert!(device.fails(2, &["sync", "--modem", "mm:x"]).contains("mm:0"));
    assert!(device.fails(2, &["sync", "--modem", network.port(), "--to", "Matchbook"]).contains("number"));
    let pin = device.path("sim.pin");
    std::fs::write(&pin, "12ab").unwrap();
    let no_pin = device.fails(1, &["sync", "--modem", network.port(), "--pin-file", pin.to_str().unwrap()]);
    assert!(no_pin.contains("4 to 8 digits"), "{no_pin}");
    assert!(device.fails(2, &["listen"]).contains("--modem"));
    let nobody = Device::new();
    assert!(nobody.fails(3, &["listen", "--modem", network.port()]).contains("wallet enrol"));
}

#[test]
fn another_number_is_named_on_the_command_line() {
    let network = Network::start();
    let device = Device::new();
    device.ok(&["enrol", "--yes", "--offline", &network.uri()]);
    let (_, err) = device.ok(&["sync", "--wait", "0", "--modem", network.port(), "--to", "+491700000077"]);
    assert!(err.contains("Sent by SMS to +491700000077: 1 message of 72 bytes."), "{err}");
    assert!(network.got("+491700000077") && OURS != SERVER);
}
