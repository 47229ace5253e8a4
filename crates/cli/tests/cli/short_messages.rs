//! A device by short message alone, by the commands that `docs/how-to/sms.md` shows: a simulated network with a modem, a
//! server that sends by its centre, and a wallet on the modem.

use std::os::unix::fs::PermissionsExt;

use crate::home::{Home, Server};
use crate::smsc::Network;

/// A home with a network, a server on it, the realm `ship` and the user `alice`.
fn site() -> (Home, Network, Server, String) {
    let mut home = Home::with_store();
    let modem = home.at("modem");
    let network = Network::start(&home, &["--modem", &format!("+491700000001={modem}")]);
    let sms = home.at("sms.toml");
    let text = format!(
        "number = \"16020\"\nresend_first_s = 5\n[[centre]]\nname = \"trial\"\naddress = \"{}\"\n\
         system_id = \"matchbook\"\npassword = \"trial\"\n",
        network.address
    );
    std::fs::write(&sms, text).unwrap();
    home.run(&["serve", "--sms", &sms]).fails(1, "can be read by others");
    std::fs::set_permissions(&sms, PermissionsExt::from_mode(0o600)).unwrap();
    let server = home.serve(&["--sms", &sms]);
    home.set("MATCHBOOK_REALM", "ship");
    home.set("MATCHBOOK_PASSPHRASE", "a passphrase of the tests");
    home.ok(&["realm", "create", "ship"]);
    home.ok(&["user", "create", "alice"]);
    home.ok(&["token", "create", "relying-party", "--name", "vpn", "--out", &home.at("vpn.token")]);
    (home, network, server, modem)
}

#[test]
fn a_wallet_on_a_modem_gets_codes_and_the_trace_shows_how() {
    let (mut home, _network, _server, modem) = site();
    home.set("MATCHBOOK_MODEM", &modem);
    let file = home.at("alice.uri");
    let enrol = ["device", "enrol", "alice", "--number", "+491700000001", "--sms-only", "--out", &file];
    let device = home.ok(&enrol).trim_end().to_owned();
    assert_eq!(home.json(&["device", "show", &device])["number"], "+491700000001");
    let before = home.run(&["sms", "trace", &device]);
    assert!(before.exit == 0 && before.err.contains("No short message"), "{before:?}");

    home.ok(&["wallet", "enrol", "--yes", "--file", &file]);
    let mut tries = 0;
    while home.json(&["wallet", "status"])["unused"] != 40 {
        tries += 1;
        assert!(tries < 30, "{:?}", home.run(&["sms", "trace", &device]));
        home.run(&["wallet", "listen", "--for", "5", "--once"]);
    }
    let code = home.ok(&["wallet", "take", "--offline"]);
    assert_eq!(home.verify(code.trim_end(), &[]).exit, 0);
    assert_eq!(home.verify(code.trim_end(), &[]).exit, 5);

    let traced = home.json(&["sms", "trace", &device]);
    let sent = traced["sent"].as_array().unwrap();
    let set = sent.iter().find(|it| it["content"] == "set").unwrap();
    assert_eq!((&set["bytes"], &set["parts"], &set["centre"]), (&133.into(), &1.into(), &"trial".into()));
    let table = home.ok(&["sms", "trace", &device]);
    assert!(table.contains("trial") && table.contains("1/1"), "{table}");
    assert!(!table.contains(code.trim_end()), "{table}");
}

#[test]
fn a_number_is_set_and_taken_away() {
    let (home, _network, _server, _modem) = site();
    let device = home.ok(&["device", "enrol", "alice", "--out", &home.at("alice.uri")]).trim_end().to_owned();
    assert_eq!(home.json(&["device", "number", &device, "+49 170 0000002"])["number"], "+491700000002");
    home.run(&["device", "number", &device, "nobody"]).fails(1, "international");
    home.run(&["device", "number", &device]).fails(2, "NUMBER");
    assert!(home.json(&["device", "number", &device, "--none"])["number"].is_null());
    home.run(&["device", "enrol", "alice", "--sms-only"]).fails(2, "--number");
}
