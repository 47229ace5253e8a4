//! `matchbook doctor` finds what is wrong and says what to do.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::home::Home;

/// The finding of one check, and the exit code.
fn finding(home: &Home, check: &str, more: &[&str]) -> (bool, String, i32) {
    let said = home.run(&[&["doctor", "-o", "json"], more].concat());
    let found = said.json();
    let found: &Value = found["checks"].as_array().unwrap().iter().find(|row| row["check"] == check).unwrap();
    let next = found["next"].as_str().unwrap_or_default();
    (found["ok"].as_bool().unwrap(), format!("{} {next}", found["detail"].as_str().unwrap()), said.exit)
}

#[track_caller]
fn problem(home: &Home, check: &str, more: &[&str], sentence: &str) {
    let (ok, said, exit) = finding(home, check, more);
    assert!(!ok && exit == 1 && said.contains(sentence), "{check}: {said}");
}

#[test]
fn a_new_store_is_well_with_and_without_a_server() {
    let mut home = Home::with_store();
    assert_eq!(home.json(&["doctor"])["ok"], true);
    let server = home.serve(&[]);
    let (ok, said, exit) = finding(&home, "port", &["--listen", &server.address]);
    assert!(ok && exit == 0 && said.contains("and is ready"), "{said}");
    assert!(finding(&home, "store", &[]).1.contains("a server has it open"));
    problem(&Home::with_store(), "port", &["--listen", &server.address], "does not serve this store");
}

#[test]
fn what_is_wrong_is_found() {
    let mut home = Home::with_store();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let answering = std::thread::spawn({
        let taken = taken.try_clone().unwrap();
        move || drop(taken.accept())
    });
    problem(&home, "port", &["--listen", &taken.local_addr().unwrap().to_string()], "another program has");
    answering.join().unwrap();
    problem(&home, "data", &["--data", "nowhere"], "matchbook init");
    problem(&home, "store", &["--secrets", Home::with_store().secrets().to_str().unwrap()], "other secrets");

    let token = home.path().join(".config/matchbook/operator.token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    problem(&home, "token", &[], "chmod 0600");
    fs::set_permissions(home.secrets(), fs::Permissions::from_mode(0o644)).unwrap();
    problem(&home, "secrets", &[], "chmod 0400");
    let data = home.database().parent().unwrap().to_owned();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    problem(&home, "data", &[], "chmod 0700");
    fs::write(home.database(), "x".repeat(9_000)).unwrap();
    problem(&home, "database", &[], "is no database of Matchbook");
    home.set("MATCHBOOK_SEVER", "x");
    problem(&home, "variables", &[], "MATCHBOOK_SEVER");
    fs::write(home.config(), "[sever]\n").unwrap();
    problem(&home, "config", &[], "unknown key");
}
