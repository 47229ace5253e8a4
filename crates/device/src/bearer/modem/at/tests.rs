//! A scripted modem on a pseudo-terminal: what no simulator says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::File;
use std::io::{Read, Write};
use std::thread::JoinHandle;

use matchbook_protocol::sms::tpdu::Timestamp;
use matchbook_protocol::sms::{Form, segments};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::*;
use crate::bearer::modem::Refusal;

const SERVER: &str = "+491700000099";
/// Generous: nothing here takes a second on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a scripted modem answers to a command line; nothing for no answer.
type Script = Box<dyn FnMut(&str) -> Option<String> + Send>;

/// A modem that is set up as any other, and answers the rest as the script says. It goes away when the script is over,
/// which `None` for `bye` says.
fn scripted(script: Script) -> (AtModem, JoinHandle<()>) {
    let (path, thread) = start(script);
    (AtModem::open(path, AtOptions::default()).unwrap(), thread)
}

fn start(mut script: Script) -> (PathBuf, JoinHandle<()>) {
    let side = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&side).unwrap();
    unlockpt(&side).unwrap();
    let path = PathBuf::from(ptsname(&side, Vec::new()).unwrap().into_string().unwrap());
    // Raw from the beginning, so that no line discipline answers for us; and open, so that closing is no end.
    let held = File::options().read(true).write(true).open(&path).unwrap();
    let mut settings = rustix::termios::tcgetattr(&held).unwrap();
    settings.make_raw();
    rustix::termios::tcsetattr(&held, rustix::termios::OptionalActions::Now, &settings).unwrap();
    let mut side = File::from(side);
    let thread = std::thread::spawn(move || {
        let _held = held;
        let mut line = Vec::new();
        let mut byte = [0];
        while side.read(&mut byte).unwrap_or(0) > 0 {
            match byte[0] {
                b'\r' | 0x1a => {
                    let command = String::from_utf8(std::mem::take(&mut line)).unwrap();
                    let answer = script(&command).or_else(|| usual(&command));
                    if answer.as_deref() == Some("bye") {
                        return;
                    }
                    let _ = side.write_all(answer.unwrap_or_default().as_bytes());
                }
                0x1b => line.clear(),
                other => line.push(other),
            }
        }
    });
    (path, thread)
}

/// What any modem answers.
fn usual(command: &str) -> Option<String> {
    let answer = match command {
        "" => return None,
        "AT+CPIN?" => "+CPIN: READY\r\nOK\r\n",
        "AT+CPMS?" => "+CPMS: \"SM\",0,20,\"SM\",0,20,\"SM\",0,20\r\nOK\r\n",
        sending if sending.starts_with("AT+CMGS=") => "\r\n> ",
        pdu if !pdu.starts_with("AT") => "\r\n+CMGS: 7\r\n\r\nOK\r\n",
        _ => "OK\r\n",
    };
    Some(answer.to_owned())
}

fn message(length: usize) -> Segment {
    segments(&vec![0x21; length], Form::Binary, 1).unwrap().remove(0)
}

/// A message as a modem shows it.
fn pdu(length: usize) -> String {
    let deliver = Deliver {
        origin: SERVER.parse().unwrap(),
        segment: message(length),
        sent_at: Timestamp::utc(matchbook_protocol::UnixMillis(0)),
    };
    format!("07919471000000F0{}", parse::to_hex(&deliver.encode().unwrap()))
}

fn to() -> Address {
    SERVER.parse().unwrap()
}

#[test]
fn a_modem_that_repeats_every_command_is_understood() {
    let script = |command: &str| {
        let usual = usual(command)?;
        Some(if command == "ATE0" { "ERROR\r\n".to_owned() } else { format!("{command}\r\n{usual}") })
    };
    let (mut modem, _) = scripted(Box::new(script));
    modem.send(&to(), &message(133)).unwrap();
    assert_eq!(modem.receive(Duration::ZERO).unwrap(), None);
}

#[test]
fn notices_within_answers_are_heard() {
    let head = format!("+CMGR: 0,,1\r\n{}\r\nOK\r\n", pdu(60));
    let script = move |command: &str| match command {
        // Between the command and its answer, in the answer, and between the message and its end.
        "AT+CMGL=4" => Some(format!(
            "+CMTI: \"SM\",3\r\n+CMGL: 1,1,,1\r\n{}\r\n+CDS: 25\r\n0006\r\n+CMGL: 2,3,,1\r\n00\r\n+CMT: ,1\r\n{}\r\nOK\r\n",
            pdu(50),
            pdu(70)
        )),
        "AT+CMGR=3" => Some(head.clone()),
        _ => None,
    };
    let (mut modem, _) = scripted(Box::new(script));
    let mut came: Vec<(Segment, Option<String>)> = Vec::new();
    while came.len() < 3 {
        let incoming = modem.receive(PATIENCE).unwrap().unwrap();
        came.push((incoming.segment, incoming.place.map(|place| place.name().to_owned())));
    }
    assert_eq!(came[0], (message(50), Some("SM/1".to_owned())));
    assert!(came.contains(&(message(60), Some("SM/3".to_owned()))));
    assert!(came.contains(&(message(70), None)), "a message that the modem does not keep");
}

#[test]
fn errors_are_sentences_with_a_next_step() {
    let answer = |text: &'static str| {
        move |command: &str| (!command.is_empty() && !command.starts_with("AT")).then(|| text.to_owned())
    };
    for (text, refusal, words) in [
        ("ERROR\r\n", Refusal::Plain, "try again later"),
        ("+CMS ERROR: 38\r\n", Refusal::Message(38), "out of order"),
        ("+CMS ERROR: 330\r\n", Refusal::Message(330), "message centre"),
        ("+CME ERROR: 30\r\n", Refusal::Equipment(30), "antenna"),
        ("+CMS ERROR: what?\r\n", Refusal::Message(u16::MAX), "try again later"),
    ] {
        let (mut modem, _) = scripted(Box::new(answer(text)));
        let error = modem.send(&to(), &message(45)).unwrap_err();
        assert_eq!(error, ModemError::Refused { doing: "send a message", refusal });
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.is_in_doubt());
        modem.receive(Duration::ZERO).unwrap();
    }
}

#[test]
fn a_port_on_which_nothing_answers_is_no_modem() {
    let (path, _) = start(Box::new(|_| Some(String::new())));
    let error = AtModem::open(&path, AtOptions::default()).unwrap_err();
    assert_eq!(error, ModemError::Silent { port: path.display().to_string() });
}

#[test]
fn a_flood_before_the_modem_answers_is_waited_out() {
    let mut greetings = 0;
    let script = move |command: &str| {
        if command != "AT" {
            return None;
        }
        greetings += 1;
        let junk: String = (0..2_000).map(|n| char::from(b'!' + (n % 80) as u8)).collect();
        Some(if greetings == 1 { junk } else { format!("{junk}\r\nOK\r\n") })
    };
    let (mut modem, _) = scripted(Box::new(script));
    assert_eq!(modem.receive(Duration::ZERO).unwrap(), None);
}

#[test]
fn an_answer_without_an_end_is_given_up() {
    let script = |command: &str| (command == "AT+CMGL=4").then(|| "+CMGL: 1,1,,1\r\nAB\r\n".repeat(2_000));
    let (mut modem, _) = scripted(Box::new(script));
    let error = modem.receive(Duration::ZERO).unwrap_err();
    assert!(matches!(error, ModemError::Gone { .. }), "{error}");
}

#[test]
fn what_no_message_is_is_left_where_it_is() {
    let list = "+CMGL: 1,1,,5\r\n0011223344\r\n+CMGL: 2,1,,5\r\nFF00\r\n+CMGL: 3,1,,1\r\n00\r\n+CMGL: 4,1,,1\r\nzz\r\n";
    let list = format!("{list}\u{fffd}\x01\x02+++\r\n+CMTI: \"SM\",x\r\n+CMGL: 5,0,,1\r\n{}\r\nOK\r\n", pdu(50));
    let script = move |command: &str| (command == "AT+CMGL=4").then(|| list.clone());
    let (mut modem, _) = scripted(Box::new(script));
    let incoming = modem.receive(PATIENCE).unwrap().unwrap();
    assert_eq!(incoming.place.unwrap().name(), "SM/5");
    assert_eq!(modem.receive(Duration::ZERO).unwrap(), None);
}

#[test]
fn a_modem_that_goes_away_while_it_sends_leaves_doubt() {
    let script = |command: &str| (!command.is_empty() && !command.starts_with("AT")).then(|| "bye".to_owned());
    let (mut modem, thread) = scripted(Box::new(script));
    let error = modem.send(&to(), &message(45)).unwrap_err();
    assert_eq!((&error, error.is_in_doubt()), (&ModemError::InDoubt, true));
    thread.join().unwrap();
    let error = modem.receive(Duration::ZERO).unwrap_err();
    assert!(matches!(error, ModemError::Port { .. } | ModemError::Gone { .. }), "{error}");
}

#[test]
fn a_card_that_is_busy_or_missing_is_told_from_one_that_is_locked() {
    let mut tries = 0;
    let busy = move |command: &str| {
        tries += u32::from(command == "AT+CPIN?");
        (command == "AT+CPIN?" && tries == 1).then(|| "+CME ERROR: 14\r\n".to_owned())
    };
    scripted(Box::new(busy));
    for (answer, error) in [
        ("+CME ERROR: 10\r\n", ModemError::NoSim),
        ("+CPIN: SIM PUK\r\nOK\r\n", ModemError::Locked { waits_for: "SIM PUK".to_owned() }),
        ("+CPIN: SIM PIN\r\nOK\r\n", ModemError::PinNeeded),
    ] {
        let (path, _) = start(Box::new(move |command| (command == "AT+CPIN?").then(|| answer.to_owned())));
        assert_eq!(AtModem::open(path, AtOptions::default()).unwrap_err(), error);
    }
}

#[test]
fn a_wrong_pin_is_given_once() {
    let (asked, given) = std::sync::mpsc::channel();
    let script = move |command: &str| match command {
        "AT+CPIN?" => Some("+CPIN: SIM PIN\r\nOK\r\n".to_owned()),
        pin if pin.starts_with("AT+CPIN=") => {
            asked.send(pin.to_owned()).unwrap();
            Some("+CME ERROR: 16\r\n".to_owned())
        }
        _ => None,
    };
    let (path, _) = start(Box::new(script));
    let options = AtOptions { pin: Pin::parse("0000"), ..AtOptions::default() };
    assert_eq!(AtModem::open(path, options).unwrap_err(), ModemError::PinRefused);
    assert_eq!(given.try_iter().collect::<Vec<_>>(), ["AT+CPIN=\"0000\""]);
    assert!(ModemError::PinRefused.needs_a_person());
}

#[test]
fn pins_are_digits() {
    for good in ["1234", " 12345678\n"] {
        assert!(Pin::parse(good).is_some(), "{good}");
    }
    for bad in ["", "123", "123456789", "12a4", "1234\"\rATD112;"] {
        assert!(Pin::parse(bad).is_none(), "{bad}");
    }
}
