//! `matchbook wallet` as a user runs it, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod faults;
mod sms;
mod stage;

use std::fs;

use stage::{Device, Server, texts};

#[test]
fn a_device_is_enrolled_and_its_codes_are_accepted_once_each() {
    let server = Server::start();
    let device = Device::new();
    let (out, err) = device.ok(&["enrol", "--yes", &server.uri("phone")]);
    assert!(out.contains("phone") && err.contains("Codes 1 to 12 came"), "{out}{err}");

    let (code, said) = device.ok(&["take"]);
    assert!(code.len() == 7 && code.trim_end().bytes().all(|byte| byte.is_ascii_digit()), "{code:?}");
    assert_eq!(said, "code 1\n");
    assert!(server.accepts(code.trim_end(), "op-1"));
    assert!(!server.accepts(code.trim_end(), "op-2"));

    let fifth = device.json(&["take", "--code", "5"]);
    assert_eq!((&fifth["index"], &fifth["unused"]), (&5.into(), &10.into()));
    assert!(server.accepts(fifth["code"].as_str().unwrap(), "op-3"));
}

#[test]
fn codes_are_listed_by_number_and_never_shown() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let taken = device.ok(&["take", "--code", "2"]).0;
    let (out, err) = device.ok(&["codes"]);
    assert_eq!(out.lines().count(), 13, "{out}");
    assert!(out.lines().any(|line| line.split_whitespace().eq(["2", "used"])), "{out}");
    assert!(!format!("{out}{err}").contains(taken.trim_end()));
    let codes = device.json(&["codes"]);
    assert_eq!(codes["unused"], 11);
    assert_eq!(codes["codes"][1]["used"], true);
    assert_eq!(codes["codes"][0], serde_json::json!({ "index": 1, "used": false }));
}

#[test]
fn accounts_are_listed_and_shown() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let (out, _) = device.ok(&["list"]);
    assert!(out.contains("phone") && out.contains(server.url()) && out.contains("active"), "{out}");
    let list = device.json(&["list"]);
    assert_eq!(list["accounts"][0]["unused"], 12);
    let status = device.json(&["status"]);
    assert_eq!(
        (&status["state"], &status["suite"], &status["threshold"]),
        (&"active".into(), &"x25519".into(), &3.into())
    );
    assert!(device.ok(&["status"]).0.contains("identification code"));
}

#[test]
fn the_last_codes_bring_a_new_set_by_themselves() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    for _ in 0..8 {
        device.ok(&["take"]);
    }
    let (_, err) = device.ok(&["take"]);
    assert!(err.contains("3 unused codes are left") && err.contains("Codes 13 to 24 came"), "{err}");
    assert_eq!(device.json(&["status"])["unused"], 15);
}

#[test]
fn a_set_and_a_key_come_by_hand() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    assert_eq!(device.json(&["request"])["codes_received"], 12);
    let rotated = device.json(&["rotate"]);
    assert_eq!(rotated["epoch"], 1);
    assert!(rotated["events"].as_array().unwrap().iter().any(|event| event["event"] == "key-replaced"), "{rotated}");
    assert_eq!(device.json(&["request"])["codes_received"], 12);
    let code = device.ok(&["take", "--code", "36"]).0;
    assert_eq!(code.trim_end().len(), 6);
    assert_eq!(device.json(&["status"])["rotations"], 1);
}

#[test]
fn a_long_poll_brings_what_the_server_pushes() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let id = device.json(&["status"])["id"].as_str().unwrap().to_owned();
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| device.json(&["sync", "--wait", "20"]));
        std::thread::sleep(std::time::Duration::from_millis(700));
        server.post(&format!("/v1/realms/main/devices/{id}/push"), &serde_json::json!({}));
        waiting.join().unwrap()
    });
    assert_eq!(waiting["accounts"][0]["codes_received"], 12, "{waiting}");
}

#[test]
fn an_enrolment_comes_from_a_file_or_from_standard_input() {
    let server = Server::start();
    let device = Device::new();
    let file = device.path("enrolment.txt");
    fs::write(&file, format!("{}\n", server.uri("from a file"))).unwrap();
    let (_, err) = device.ok(&["enrol", "--yes", "--file", file.to_str().unwrap()]);
    assert!(err.contains("delete it"), "{err}");
    let piped = device.run_with_input(&["enrol", "--yes", "--file", "-"], &server.uri("from a pipe"));
    assert!(piped.status.success(), "{piped:?}");
    let list = device.json(&["list"]);
    assert_eq!(list["accounts"][1]["label"], "from a pipe");
    // With two accounts, one is named, and sync takes both.
    assert!(device.fails(2, &["take"]).contains("--account"));
    device.ok(&["take", "--account", "from a pipe"]);
    assert_eq!(device.json(&["sync"])["accounts"].as_array().unwrap().len(), 2);
    assert!(device.fails(3, &["take", "-a", "nobody"]).contains("no account"));
}

#[test]
fn an_enrolment_is_typed_in_and_a_slip_is_named() {
    let server = Server::start();
    let device = Device::new();
    let enrolment = server.enrolment("typed");
    let typed: Vec<&str> = enrolment["typed"].as_array().unwrap().iter().map(|group| group.as_str().unwrap()).collect();
    let args = ["enrol", "--yes", "--typed", "--label", "typed", "--server", server.url()];
    let mut slip = typed.clone();
    slip[3] = "QQQQQ0";
    let (_, err) = texts(&device.run_with_input(&args, &slip.join(" ")));
    assert!(err.contains("group 4 of 9 is mistyped"), "{err}");
    let (_, err) = texts(&device.run_with_input(&args, &typed[1..].join("\n")));
    assert!(err.contains("8 groups were typed"), "{err}");
    assert!(!device.vault().exists(), "nothing was stored");
    let typed = device.run_with_input(&args, &typed.join("\n").to_lowercase());
    assert!(typed.status.success(), "{typed:?}");
    assert_eq!(device.json(&["list"])["accounts"][0]["unused"], 12);
}

#[test]
fn an_account_is_forgotten() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    assert!(device.fails(2, &["forget"]).contains("--yes"));
    device.ok(&["forget", "--yes"]);
    assert_eq!(device.json(&["list"])["accounts"].as_array().unwrap().len(), 0);
    assert!(device.fails(3, &["take"]).contains("wallet enrol"));
}
