//! `matchbook card`, and `matchbook wallet --bearer card` over HTTP and by SMS.

use serde_json::Value;

use crate::network::{Network, SERVER};
use crate::reader::Readers;
use crate::stage::Server;

#[test]
fn a_card_is_personalised_filled_and_used_over_http() {
    let Some(mut readers) = Readers::start() else { return };
    readers.insert("ship.card", false);
    let server = Server::start();
    let (out, _) = readers.ok(&["card", "list"]);
    assert!(out.contains("yes") && out.contains("no"), "one card in two readers: {out}");
    assert!(readers.ok(&["card", "status"]).0.contains("new"));
    assert_eq!(readers.fails(&["card", "take"]).0, Some(3));

    readers.write("enrolment", &server.uri("ship"));
    readers.write("pin", "4711\n");
    let personalise = ["card", "personalise", "--enrolment", "enrolment", "--card-pin-file", "pin", "-o", "json"];
    let (_, err) = readers.fails(&personalise);
    assert!(err.contains("--yes"), "nobody is asked here: {err}");
    let made: Value = serde_json::from_str(&readers.ok(&[&personalise[..], &["--yes"]].concat()).0).unwrap();
    let puk = made["puk"].as_str().unwrap().to_owned();
    assert!(puk.len() == 8 && puk.bytes().all(|byte| byte.is_ascii_digit()), "{puk}");
    assert!(readers.fails(&[&personalise[..], &["--yes"]].concat()).1.contains("personalised before"));

    let (out, err) = readers.ok(&["wallet", "--bearer", "card", "sync"]);
    assert!(out.contains("ship") && err.contains("Codes 1 to 12 came (12)."), "{out}{err}");
    let (code, _) = readers.ok(&["card", "take", "--card-pin-file", "pin"]);
    assert!(server.accepts(code.trim_end(), "card-1"));
    let fifth = readers.ok(&["wallet", "--bearer", "card", "take", "--code", "5", "--card-pin-file", "pin"]).0;
    assert!(server.accepts(fifth.trim_end(), "card-2"));
    let (_, err) = readers.fails(&["card", "take", "--code", "5", "--card-pin-file", "pin"]);
    assert!(err.contains("code 5 was taken before"), "{err}");

    // The power goes, and comes back: nothing is lost.
    readers.pull_out();
    let (exit, err) = readers.fails(&["card", "status"]);
    assert!(exit == Some(3) && err.contains("no card in the reader"), "{err}");
    readers.insert("ship.card", false);
    let codes: Value = serde_json::from_str(
        &readers.ok(&["wallet", "--bearer", "card", "codes", "--card-pin-file", "pin", "-o", "json"]).0,
    )
    .unwrap();
    assert_eq!((&codes["unused"], &codes["codes"][0], &codes["codes"][3]), (&10.into(), &2.into(), &6.into()));

    // A new key, a set by hand, and one because the card counted.
    let rotated = readers.ok(&["wallet", "--bearer", "card", "rotate", "-o", "json"]).0;
    let rotated: Value = serde_json::from_str(&rotated).unwrap();
    assert_eq!((&rotated["epoch"], &rotated["answered"]), (&1.into(), &true.into()), "{rotated}");
    let (_, err) = readers.ok(&["wallet", "--bearer", "card", "request"]);
    assert!(err.contains("Codes 13 to 24 came"), "{err}");
    for _ in 0..19 {
        let (_, err) = readers.ok(&["wallet", "--bearer", "card", "take", "--card-pin-file", "pin"]);
        if err.contains("came") {
            assert!(err.contains("3 unused codes are left") && err.contains("Codes 25 to 36 came"), "{err}");
        }
    }
    let status: Value = serde_json::from_str(&readers.ok(&["card", "status", "-o", "json"]).0).unwrap();
    assert_eq!((&status["unused"], &status["sets_accepted"]), (&15.into(), &3.into()), "{status}");

    // Tries of the PIN.
    readers.write("wrong", "0000");
    for left in ["2 tries are left", "1 try is left", "last try", "no tries are left"] {
        let (_, err) = readers.fails(&["card", "pin", "check", "--card-pin-file", "wrong"]);
        assert!(err.contains(left), "{err}");
    }
    readers.write("puk", &puk);
    readers.write("new", "123456");
    readers.ok(&["card", "pin", "unblock", "--puk-file", "puk", "--new-pin-file", "new"]);
    readers.ok(&["card", "pin", "change", "--card-pin-file", "new", "--new-pin-file", "pin"]);
    readers.ok(&["card", "pin", "check", "--card-pin-file", "pin"]);
}

#[test]
fn a_phone_relays_a_cards_messages_by_sms() {
    let Some(mut readers) = Readers::start() else { return };
    readers.insert("ship.card", false);
    let network = Network::start();
    readers.write("enrolment", &network.uri());
    readers.write("pin", "4711");
    readers.ok(&["card", "personalise", "--enrolment", "enrolment", "--card-pin-file", "pin", "--yes"]);
    let port = network.port();
    let (exit, err) = readers.fails(&["wallet", "--bearer", "card", "sync", "--modem", port]);
    assert!(
        exit == Some(2) && err.contains("--to +491700000099"),
        "the card alone does not say who is paid for: {err}"
    );
    let by_sms = ["--modem", port, "--to", SERVER];
    let (_, err) = readers.ok(&[&["wallet", "--bearer", "card", "sync"], &by_sms[..]].concat());
    assert!(err.contains("Sent by SMS to +491700000099") && err.contains("Codes 1 to 12 came"), "{err}");
    assert_eq!(readers.ok(&["card", "take", "--card-pin-file", "pin"]).0.trim_end(), network.code(1));
    let asked = readers.ok(&[&["wallet", "--bearer", "card", "request", "-o", "json"], &by_sms[..]].concat()).0;
    let asked: Value = serde_json::from_str(&asked).unwrap();
    assert_eq!((&asked["answered"], &asked["codes_received"]), (&true.into(), &12.into()), "{asked}");

    // The server counts, and pushes.
    network.push();
    let listen = ["wallet", "--bearer", "card", "listen", "--once", "--for", "60"];
    let heard = readers.ok(&[&listen[..], &by_sms].concat()).0;
    assert!(heard.contains("radio: Codes 25 to 36 came"), "{heard}");
}

#[test]
fn what_is_in_the_way_is_said_with_what_to_do() {
    let Some(mut readers) = Readers::start() else { return };
    let (exit, err) = readers.fails(&["card", "status"]);
    assert!(exit == Some(3) && err.contains("no card"), "{err}");
    let (exit, err) = readers.fails(&["card", "status", "--reader", "another"]);
    assert!(exit == Some(3) && err.contains("no card reader \"another\"") && err.contains("card list"), "{err}");
    readers.insert("one", false);
    readers.insert("two", true);
    let (exit, err) = readers.fails(&["card", "status"]);
    assert!(exit == Some(2) && err.contains("several readers have cards"), "{err}");
    let slots = readers.ok(&["card", "list", "-o", "json"]).0;
    let slots: Value = serde_json::from_str(&slots).unwrap();
    let name = slots["readers"][1]["name"].as_str().unwrap();
    readers.ok(&["card", "status", "--reader", name]);
    readers.write("letter", "Dear all");
    let (_, err) = readers.fails(&["card", "run", "letter"]);
    assert!(err.contains("letter is no card, and is not overwritten"), "{err}");
    let (_, err) = readers.fails(&["card", "run", "three", "--vpcd", "127.0.0.1:9"]);
    assert!(err.contains("no virtual reader listens") && err.contains("vsmartcard-vpcd"), "{err}");
    assert!(!readers.folder.path().join("three").exists(), "no card is made where there is no reader");
    for refused in [&["enrol", "--file", "letter"][..], &["forget"]] {
        let (exit, err) = readers.fails(&[&["wallet", "--bearer", "card"], refused].concat());
        assert_eq!(exit, Some(2), "{err}");
    }
    assert_eq!(readers.fails(&["wallet", "--reader", name, "list"]).0, Some(2));

    let output = readers.matchbook(&["card", "list"]).env("MATCHBOOK_READER", "/nowhere/reader").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("matchbook-reader is not there") && err.contains("libpcsclite-dev"), "{err}");
}
