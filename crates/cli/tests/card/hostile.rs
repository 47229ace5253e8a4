//! Cards that misbehave, and what goes wrong between a card and its host.

use std::fs;
use std::io::{BufRead, Read, Write};
use std::process::Stdio;

use data_encoding::HEXLOWER as HEX;
use getrandom::SysRng;
use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Enrolment, Epoch, EpochKeys, Handle,
    Party, Profile, Reason, Request, Secret, Suite, expand_downlink,
};
use rand_core::UnwrapErr;

use crate::fake::{Fake, KEY, said};
use crate::network::{Network, SERVER};

/// ACTIVATE FILE: the card is in use from then on, for good.
const ACTIVATE: &str = "00440000";

fn new_card(says: &[(&'static str, &str)]) -> Fake {
    let fake = Fake::new(&[&[("CARD_LIFE", "new")], says].concat());
    fs::write(fake.at("key"), KEY).unwrap();
    fake
}

const PERSONALISE: [&str; 9] = [
    "card",
    "personalise",
    "--factory-key",
    "key",
    "--server",
    "https://codes.example",
    "--card-pin-file",
    "pin",
    "--yes",
];

#[test]
fn a_puk_that_nobody_read_locks_no_card() {
    let (reader, gone) = std::io::pipe().unwrap();
    drop(reader);
    for form in ["table", "json"] {
        for stdout in [Stdio::from(gone.try_clone().unwrap()), fs::File::create("/dev/full").unwrap().into()] {
            let fake = new_card(&[]);
            let output = fake.matchbook(&[&PERSONALISE[..], &["-o", form]].concat()).stdout(stdout).output().unwrap();
            let (exit, _, err) = said(&output);
            assert_eq!(exit, 1, "{err}");
            assert!(err.contains("the card is new still"), "{err}");
            assert!(!fake.heard(ACTIVATE), "{:?}", fake.commands());
        }
    }
}

#[test]
fn a_puk_is_shown_before_the_card_is_locked_whatever_comes_after() {
    // GET DATA fails once the account is on the card; the card refuses to be locked; its answer is lost.
    let cases = [
        ("00ca0101=6f00", 0, ""),
        ("00440000=6581", 1, "The card is new still: run this again. The PUK of this try is void."),
        ("00440000=gone", 1, "`matchbook card status` tells"),
    ];
    for (says, exit, sentence) in cases {
        let fake = new_card(&[("CARD_SAYS", says)]);
        let (code, out, err) = fake.run(&PERSONALISE);
        assert!(out.trim_end().len() == 8 && out.trim_end().bytes().all(|byte| byte.is_ascii_digit()), "{out:?}");
        assert!(code == exit && err.contains(sentence), "{says}: {code} {err}");
    }
    let (exit, out, err) = new_card(&[]).run(&[&PERSONALISE[..], &["-o", "json"]].concat());
    assert!(exit == 0 && out.contains("\"puk\"") && out.contains("0707070707070707"), "{out}{err}");
}

#[test]
fn an_address_that_cannot_work_is_refused_before_the_card_is_touched() {
    let fake = new_card(&[]);
    for server in ["", "codes.example", "sms:", "sms:ship", "ftp://codes.example", "http://codes.example"] {
        let args =
            ["card", "personalise", "--factory-key", "key", "--card-pin-file", "pin", "--yes", "--server", server];
        let (exit, out, err) = fake.run(&args);
        assert!(exit == 1 && out.is_empty(), "{server}: {out}{err}");
        assert_eq!(err.contains("--allow-plain-http"), server.starts_with("http:"), "{err}");
    }
    assert!(fake.commands().is_empty(), "{:?}", fake.commands());
    // An enrolment's server is looked at likewise, and is named in the question.
    let uri = enrolment("ftp://codes.example");
    fs::write(fake.at("enrolment"), uri).unwrap();
    let from_file = ["card", "personalise", "--enrolment", "enrolment", "--card-pin-file", "pin"];
    assert_eq!(fake.run(&[&from_file[..], &["--yes"]].concat()).0, 1);
    assert!(fake.commands().is_empty(), "{:?}", fake.commands());
    fs::write(fake.at("enrolment"), enrolment("https://codes.example")).unwrap();
    let (exit, _, err) = fake.run(&from_file);
    assert!(exit == 2 && err.contains("with https://codes.example, and lock it for good?"), "{err}");
    for server in ["sms:+491700000099", "https://codes.example", "http://127.0.0.1:8470"] {
        let args =
            ["card", "personalise", "--factory-key", "key", "--card-pin-file", "pin", "--yes", "--server", server];
        assert_eq!(new_card(&[]).run(&args).0, 0, "{server}");
    }
}

#[test]
fn what_a_card_says_does_not_reach_the_terminal_as_it_is() {
    let evil = "evil\u{1b}]0;x\u{7}\u{202e}";
    for server in ["https://127.0.0.1:1/\u{9b}2J\u{9b}31m", "https://\u{9b}31m/", "sms:\u{9b}2J", "https://a\u{202e}b"]
    {
        let fake = Fake::new(&[("CARD_LABEL", evil), ("CARD_SERVER", server), ("CARD_WAITS", "1")]);
        for args in [&["card", "status"][..], &["wallet", "--bearer", "card", "list"]] {
            let (_, out, err) = fake.run(args);
            assert!(is_plain(&out) && is_plain(&err) && out.contains("evil"), "{out:?}{err:?}");
        }
        // A message that goes out: its first byte says so.
        let fake = Fake::new(&[("CARD_LABEL", evil), ("CARD_SERVER", server), ("CARD_SAYS", MESSAGE)]);
        for command in ["sync", "request", "rotate", "listen"] {
            let (exit, out, err) = fake.run(&["wallet", "--bearer", "card", command]);
            assert!(exit != 0 && is_plain(&out) && is_plain(&err), "{command}: {out:?}{err:?}");
        }
    }
    let fake = Fake::new(&[("CARD_READER", "evil\u{1b}[2J; reader\u{9b}"), ("CARD_SAYS", "00a4=gone")]);
    let (_, _, err) = fake.run(&["card", "status"]);
    assert!(is_plain(&err), "{err:?}");
}

/// Any NEXT MESSAGE gives one.
const MESSAGE: &str = "8040=010707070707070707000000000000000000000000000000000000000000000000009000";

fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| (c.is_control() && c != '\n') || "\u{202e}\u{200f}\u{2066}".contains(c))
}

#[test]
fn an_account_that_is_not_the_cards_is_refused_before_anything_is_done() {
    let fake = Fake::new(&[]);
    for command in ["take", "codes", "status", "sync", "request", "rotate", "listen"] {
        let args = ["wallet", "--bearer", "card", command, "--card-pin-file", "pin"];
        let (exit, _, err) = fake.run(&[&args[..], &["--account", "phone"]].concat());
        assert!(exit == 3 && err.contains("no account \"phone\"") && err.contains("ship"), "{command}: {err}");
    }
    assert!(!fake.heard("80") && !fake.heard("0020"), "neither code, PIN nor message: {:?}", fake.commands());
    for account in ["ship", "0707070707070707"] {
        let (exit, _, err) = fake.run(&["wallet", "--bearer", "card", "status", "--account", account]);
        assert_eq!(exit, 0, "{err}");
    }
    for flag in ["--vault", "--passphrase-file"] {
        let (exit, _, err) = fake.run(&["wallet", "--bearer", "card", "status", flag, "pin"]);
        assert!(exit == 2 && err.contains(flag), "{err}");
    }
}

#[test]
fn where_nobody_can_be_asked_the_right_flag_is_named() {
    let fake = Fake::new(&[]);
    let cases = [
        (&["pin", "check"][..], "--card-pin-file FILE"),
        (&["pin", "change", "--card-pin-file", "pin"], "--new-pin-file FILE"),
        (&["pin", "unblock"], "--puk-file FILE"),
        (&["pin", "unblock", "--puk-file", "pin"], "--new-pin-file FILE"),
        (&["take"], "--card-pin-file FILE"),
    ];
    for (args, flag) in cases {
        // Without a terminal to ask at, wherever the test runs.
        let mut command = std::process::Command::new("setsid");
        let inner = fake.matchbook(&[&["card"], args].concat());
        command.arg("--wait").arg(inner.get_program()).args(inner.get_args()).current_dir(fake.folder.path());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
        let (exit, _, err) = said(&command.output().unwrap());
        assert!(exit == 2 && err.contains(flag), "{args:?}: {err}");
    }
}

#[test]
fn a_number_that_a_card_names_is_sent_to_when_somebody_said_so() {
    let fake = Fake::new(&[("CARD_SERVER", "sms:+491700000099"), ("CARD_SAYS", MESSAGE)]);
    for command in ["sync", "request", "rotate", "listen"] {
        let args = ["wallet", "--bearer", "card", command, "--modem", "/nowhere/modem"];
        let (exit, _, err) = fake.run(&args);
        assert!(exit == 2 && err.contains("Add --to +491700000099 when you are sure"), "{command}: {err}");
        assert!(!fake.heard("8040"), "no message was asked for: {:?}", fake.commands());
        let (exit, _, err) = fake.run(&[&args[..], &["--to", "+491700000099"]].concat());
        assert!(exit == 1 && err.contains("/nowhere/modem"), "{err}");
        assert!(err.contains("Carrying the messages of card ship to +491700000099."), "{err}");
    }
    let fake = Fake::new(&[]);
    let (exit, _, err) = fake.run(&["wallet", "--bearer", "card", "sync"]);
    assert!(exit == 0 && err.contains("Carrying the messages of card ship to https://127.0.0.1:1."), "{err}");
}

#[test]
fn a_listener_waits_for_a_card_that_another_program_holds() {
    let network = Network::start();
    // Whatever message it is given, it says that its codes run low.
    let fake = Fake::new(&[("CARD_SERVER", &format!("sms:{SERVER}")), ("CARD_SAYS", "8042=06009000")]);
    let args =
        ["wallet", "--bearer", "card", "listen", "--once", "--for", "120", "--modem", network.port(), "--to", SERVER];
    let mut command = fake.matchbook(&args);
    let mut listener = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = std::io::BufReader::new(listener.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.starts_with("Listening.")), "it ended");
    fs::write(fake.at("busy"), "").unwrap();
    network.push();
    assert!(said.any(|line| line.contains("A message waits for the card: another program uses the card")), "it ended");
    fs::remove_file(fake.at("busy")).unwrap();
    let output = listener.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && out.starts_with("ship: "), "{out}");
}

#[test]
fn a_card_that_refuses_the_answer_is_told_apart_from_a_server_that_does_not_answer() {
    let keys = EpochKeys::derive(&Secret::new([1; 32]), &party(), Epoch(0));
    let mut rng = UnwrapErr(SysRng);
    let request = Request { highest: CodeIndex(0), unused: 0, wanted: 12, reason: Reason::Low, ephemeral: None };
    let message = HEX.encode(&keys.seal_request(1, &request, &mut rng).unwrap());
    let format = CodeFormat::new(Alphabet::Decimal, 6).unwrap();
    let set = CodeSet::new(CodeIndex(1), format, false, vec![Code::draw(format, &mut rng)]).unwrap();
    let set = keys.seal_set(Handle(0), &set, &mut rng).unwrap();
    let server = server(expand_downlink(&set, &party()).unwrap());
    for (word, why) in [("6988", "does not verify"), ("6a88", "for another card"), ("6985", "stale")] {
        let says = format!("8040={message}9000 8042={word}");
        let fake = Fake::new(&[("CARD_SERVER", &server), ("CARD_WAITS", "1"), ("CARD_SAYS", &says)]);
        let (exit, _, err) = fake.run(&["wallet", "--bearer", "card", "sync"]);
        assert!(exit == 1 && err.contains("refused what the server answered") && err.contains(why), "{err}");
        assert!(!err.contains("did not answer"), "{err}");
    }
}

/// An HTTP server that answers every message so.
fn server(body: Vec<u8>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = std::io::BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let mut stream = reader.into_inner();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/cose\r\nContent-Length: ";
            stream.write_all(format!("{head}{}\r\n\r\n", body.len()).as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    format!("http://{address}")
}

fn enrolment(server: &str) -> String {
    let party = party();
    let (realm, label) = ("sea".to_owned(), "ship".to_owned());
    Enrolment { party, secret: Secret::new([3; 16]), server: server.to_owned(), realm, label }.to_uri().to_string()
}

fn party() -> Party {
    let profile = Profile::new(Suite::Symmetric, Delivery::Shared).unwrap();
    Party { id: AuthenticatorId([7; 8]), profile }
}
