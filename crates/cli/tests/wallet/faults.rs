//! What goes wrong on a user's machine: one clear sentence, the right exit code, nothing lost.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::stage::{Device, PASSPHRASE, Server, bare, texts};

#[test]
fn without_a_network_codes_come_and_a_refill_waits() {
    let mut server = Server::start();
    let device = Device::enrolled(&server);
    server.stop();
    let mut codes = BTreeSet::new();
    for _ in 0..12 {
        codes.insert(device.ok(&["take"]).0);
    }
    assert!(codes.len() == 12);
    assert!(device.fails(1, &["take"]).contains("no unused code is left"));
    assert!(device.fails(1, &["sync"]).contains("cannot be reached"));
    assert_eq!(device.json(&["status"])["awaits_answer"], true);
}

#[test]
fn an_enrolment_without_a_network_is_stored_and_tried_again() {
    let server = Server::start();
    let device = Device::new();
    device.ok(&["enrol", "--yes", "--offline", &server.uri("phone")]);
    assert_eq!(device.json(&["list"])["accounts"][0]["state"], "enrolling");
    assert_eq!(device.json(&["sync"])["accounts"][0]["codes_received"], 12);
}

#[test]
fn an_enrolment_that_the_server_does_not_take_is_told() {
    let server = Server::start();
    let uri = server.uri("phone");
    Device::new().ok(&["enrol", "--yes", &uri]);
    let second = Device::new();
    let err = second.fails(1, &["enrol", "--yes", &uri]);
    assert!(err.contains("did not answer") && err.contains("wallet sync"), "{err}");
    assert!(second.fails(1, &["enrol", "--yes", &uri]).contains("already"));
}

#[test]
fn what_is_no_enrolment_is_told_before_a_vault_is_made() {
    let device = Device::new();
    assert!(device.fails(1, &["enrol", "--yes", "otpauth://totp/x"]).contains("matchbook:enrol?"));
    let plain = "matchbook:enrol?v=1&k=AQIBAgMEBQYHCAAAAAAAAAAAAAAAAAAAAAA&s=http%3A%2F%2Fcodes.example.org&r=&l=";
    assert!(device.fails(1, &["enrol", "--yes", plain]).contains("--allow-plain-http"));
    let fine = "matchbook:enrol?v=1&k=AQIBAgMEBQYHCAAAAAAAAAAAAAAAAAAAAAA&s=https%3A%2F%2Fcodes.example.org&r=&l=";
    let err = device.fails(2, &["enrol", fine]);
    assert!(err.contains("https://codes.example.org") && err.contains("--yes"), "{err}");
    assert!(device.fails(1, &["enrol", "--yes", "--file", "/nowhere"]).contains("/nowhere"));
    device.fails(2, &["enrol"]);
    device.fails(2, &["enrol", "--typed", "--file", "x"]);
    assert!(!device.vault().exists());
}

#[test]
fn a_wrong_passphrase_and_none_at_all_are_told() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let before = fs::read(device.vault()).unwrap();
    let wrong = device.command(&["take"]).env("MATCHBOOK_PASSPHRASE", "wrong").output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(texts(&wrong).1.contains("the passphrase does not open the vault"), "{wrong:?}");
    let none = bare(&device.path(""), &["take"]).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    assert!(texts(&none).1.contains("--passphrase-file"), "{none:?}");
    assert_eq!(fs::read(device.vault()).unwrap(), before);
}

#[test]
fn a_passphrase_comes_from_a_file() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let file = device.path("pass.txt");
    let file_name = file.to_str().unwrap();
    let take = || bare(&device.path(""), &["take", "--passphrase-file", file_name]).output().unwrap();
    fs::write(&file, format!("{PASSPHRASE}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let taken = take();
    assert!(taken.status.success());
    assert!(texts(&taken).1.contains("chmod 0600"), "{taken:?}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(texts(&take()).1, "code 2\n");
    for content in ["", "\n", "two\nlines\n"] {
        fs::write(&file, content).unwrap();
        assert_eq!(take().status.code(), Some(1), "{content:?}");
    }
}

#[test]
fn a_missing_and_a_damaged_vault_are_told() {
    let server = Server::start();
    let device = Device::new();
    let err = device.fails(3, &["take"]);
    assert!(err.contains("there is no vault") && err.contains("wallet enrol"), "{err}");
    device.ok(&["enrol", "--yes", &server.uri("phone")]);
    let mut bytes = fs::read(device.vault()).unwrap();
    bytes[60] ^= 1;
    fs::write(device.vault(), bytes).unwrap();
    assert!(device.fails(1, &["list"]).contains("is damaged"));
    fs::write(device.vault(), b"hello").unwrap();
    assert!(device.fails(1, &["list"]).contains("is not a vault"));
}

#[test]
fn a_code_that_is_not_there_or_was_taken_is_told() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    device.ok(&["take", "--code", "7"]);
    assert!(device.fails(1, &["take", "--code", "7"]).contains("taken before"));
    assert!(device.fails(3, &["take", "--code", "99"]).contains("no code 99"));
    device.fails(2, &["take", "--code", "0"]);
    assert_eq!(device.json(&["status"])["unused"], 11);
}

#[test]
fn parallel_takes_never_show_a_code_twice() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut take = device.command(&["take", "--offline", "-o", "json"]);
            take.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut indices = BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{err}");
        let taken: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(indices.insert(taken["index"].as_u64().unwrap()), "{out}");
    }
    assert_eq!(indices, (1..=6).collect());
}

#[test]
fn a_code_that_nobody_read_is_told() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = device.command(&["take"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(texts(&output).1.contains("code 1 is used up"), "{output:?}");
}

#[test]
fn a_full_disk_shows_no_code_and_uses_none() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let before = fs::read(device.vault()).unwrap();
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    let take = device.command(&["take"]);
    let limited = std::process::Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(take.get_program())
        .args(take.get_args())
        .envs(take.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))))
        .output()
        .unwrap();
    let (out, err) = texts(&limited);
    assert_eq!((limited.status.code(), out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("no room to write the vault"), "{err}");
    assert_eq!(fs::read(device.vault()).unwrap(), before);
    assert_eq!(device.ok(&["take"]).1, "code 1\n");
}

#[test]
fn no_secret_is_in_the_vault_in_clear() {
    let server = Server::start();
    let device = Device::enrolled(&server);
    let vault = fs::read(device.vault()).unwrap();
    let code = device.ok(&["take"]).0;
    for secret in [code.trim_end(), "phone", server.url()] {
        assert!(!vault.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    let mode = fs::metadata(device.vault()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}
