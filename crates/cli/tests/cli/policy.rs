//! Policies: checked without a server, and changed on one.

use std::fs;

use crate::home::Home;

#[test]
fn a_policy_is_checked_without_a_server() {
    let home = Home::new();
    let report = home.json(&["policy", "check"]);
    assert_eq!(
        (&report["acceptable"], &report["largest_set"], &report["guesses"]),
        (&true.into(), &40.into(), &5.into())
    );
    assert_eq!(report["guess_probability"], 5e-6);
    let table = home.ok(&["policy", "check"]);
    assert!(table.contains("1 in 200000 in 5 guesses") && table.contains("40 codes in 133 bytes"), "{table}");
    assert_eq!(home.json(&["policy", "check", "--digits", "8"])["largest_set"], 30);
}

#[test]
fn guessable_codes_are_refused_unless_said_in_so_many_words() {
    let home = Home::new();
    home.run(&["policy", "check", "--mode", "any-unused"]).fails(1, "at least 8 digits");
    home.ok(&["policy", "check", "--mode", "any-unused", "--digits", "8"]);
    let said = home.run(&["policy", "check", "--mode", "any-unused", "--accept-guessable-codes"]);
    assert!(said.exit == 0 && said.err.contains("accept_guessable_codes is set"), "{said:?}");
    let said = home.run(&["policy", "check", "--mode", "any-unused", "-o", "json"]);
    assert_eq!((said.exit, &said.json()["acceptable"]), (1, &false.into()));
}

#[test]
fn wrong_fields_are_named() {
    let home = Home::new();
    home.run(&["policy", "check", "--digits", "3", "--threshold", "64"]).fails(1, "digits is 3, but has to be 4 to 12");
    home.run(&["policy", "check", "--look-ahead", "3"]).fails(2, "look_ahead goes with");
    home.run(&["policy", "check", "--digits", "many"]).fails(2, "--digits");
    fs::write(home.at("policy.toml"), "digts = 8\n").unwrap();
    home.run(&["policy", "check", "--file", "policy.toml"]).fails(2, "unknown field `digts`");
    home.run(&["policy", "check", "--file", "missing.toml"]).fails(1, "missing.toml");
}

#[test]
fn flags_go_over_the_file_over_the_realms_policy() {
    let (home, _server) = Home::with_server();
    fs::write(home.at("policy.toml"), "mode = \"next-in-order\"\nlook_ahead = 5\ndigits = 8\n").unwrap();
    let set = home.json(&["realm", "policy", "set", "ship", "--file", "policy.toml", "--digits", "10"]);
    assert_eq!((&set["policy"]["look_ahead"], &set["policy"]["digits"]), (&5.into(), &10.into()));
    let tried = home.json(&["policy", "check", "--realm", "ship", "--mode", "indexed"]);
    assert_eq!((&tried["acceptable_at_once"], &tried["policy"]["digits"]), (&1.into(), &10.into()));
    assert_eq!(home.json(&["realm", "policy", "show"])["acceptable_at_once"], 5, "a check changes nothing");
    home.run(&["realm", "policy", "set", "ship", "--mode", "any-unused", "--digits", "6"]).fails(2, "8 digits");
    home.run(&["realm", "create", "weak", "--digits", "2"]).fails(2, "digits is 2");
    home.run(&["realm", "show", "weak"]).fails(3, "weak");
}
