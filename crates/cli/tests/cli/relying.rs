//! `verify` and `challenge`, as a relying party's script uses them.

use crate::home::Home;

#[test]
fn the_same_operation_gets_the_same_answer() {
    let (mut home, _server) = Home::with_server();
    home.enrol_wallet();
    let code = home.ok(&["wallet", "take"]);
    for _ in 0..3 {
        let said = home.verify(code.trim_end(), &["--operation-id", "log-in-1", "-o", "json"]);
        assert_eq!(said.exit, 0, "{said:?}");
        assert_eq!(said.json(), serde_json::json!({ "accepted": true, "operation_id": "log-in-1" }));
    }
    let said = home.verify(code.trim_end(), &["--operation-id", "log-in-2", "-o", "json"]);
    assert_eq!((said.exit, &said.json()["accepted"]), (5, &false.into()));
    let said = home.verify("000000", &["--operation-id", "log-in-1"]).fails(1, "operation");
    assert!(!said.err.contains("000000"), "{said:?}");
    assert!(!said.err.contains("--operation-id"), "the same id would get the same answer: {said:?}");
}

#[test]
fn the_challenge_names_the_code_that_counts() {
    let (mut home, _server) = Home::with_server();
    home.enrol_wallet();
    let token = home.at("vpn.token");
    let challenge = |more: &[&str]| home.ok(&[&["challenge", "alice", "--token-file", token.as_str()], more].concat());
    assert_eq!(challenge(&[]), "code 1\n");
    assert_eq!(challenge(&["--unavailable", "1"]), "code 2\n");
    let code = home.ok(&["wallet", "take", "--code", "2"]);
    assert_eq!(home.verify(code.trim_end(), &[]).exit, 0);
    assert!(challenge(&["-o", "json"]).contains("\"index\": 3"));
}

#[test]
fn wrong_names_are_refused_like_wrong_codes() {
    let (home, _server) = Home::with_server();
    let token = home.at("vpn.token");
    let verify = |target: &[&str]| {
        let arguments = [&["verify", "--token-file", token.as_str(), "--source", "192.0.2.1"], target].concat();
        let said = home.run_with(&arguments, "123456\n", &[]);
        (said.exit, said.out, said.err)
    };
    let refused = (5, "refused\n".to_owned(), String::new());
    assert_eq!(verify(&["alice"]), refused);
    assert_eq!(verify(&["nobody"]), refused);
    assert_eq!(verify(&["--device", "0011223344556677"]), refused);
    assert_eq!(verify(&["alice", "--realm", "elsewhere"]), refused);
}

#[test]
fn too_many_wrong_codes_are_slowed_and_said_so() {
    let (home, _server) = Home::with_server();
    for _ in 0..5 {
        assert_eq!(home.verify("123456", &["--source", "192.0.2.9"]).exit, 5);
    }
    let said = home.verify("123456", &["--source", "192.0.2.9"]).fails(1, "heard in");
    assert!(!said.err.contains("123456"), "{said:?}");
    assert_eq!(home.verify("123456", &["--source", "192.0.2.10"]).exit, 5, "another source is not slowed");
}

#[test]
fn no_code_is_a_usage_error() {
    let (home, _server) = Home::with_server();
    home.verify("", &[]).fails(2, "no code on standard input");
    home.verify(&"9".repeat(300), &[]).fails(2, "64");
}
