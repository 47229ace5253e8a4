//! Cards that misbehave, and what goes wrong between a card and its host.

use std::fs;
use std::process::Stdio;

use matchbook_protocol::{AuthenticatorId, Delivery, Enrolment, Party, Profile, Secret, Suite};

use crate::fake::{Fake, KEY, said};

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

fn enrolment(server: &str) -> String {
    let profile = Profile::new(Suite::Symmetric, Delivery::Shared).unwrap();
    let party = Party { id: AuthenticatorId([7; 8]), profile };
    let (realm, label) = ("sea".to_owned(), "ship".to_owned());
    Enrolment { party, secret: Secret::new([3; 16]), server: server.to_owned(), realm, label }.to_uri().to_string()
}
