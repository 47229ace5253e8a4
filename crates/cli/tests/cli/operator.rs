//! The operator's commands over the API, and what their exit codes are.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::home::Home;

#[test]
fn a_session_from_the_first_realm_to_a_code_that_is_refused() {
    let (mut home, _server) = Home::with_server();
    let device = home.enrol_wallet();
    let row = home.json(&["device", "show", &device]);
    assert_eq!((&row["status"], &row["issued_unused"]), (&"active".into(), &40.into()));

    let code = home.ok(&["wallet", "take"]);
    let accepted = home.verify(code.trim_end(), &[]);
    assert_eq!((accepted.exit, accepted.out.as_str()), (0, "accepted\n"), "{accepted:?}");
    let refused = home.verify(code.trim_end(), &[]);
    assert_eq!((refused.exit, refused.out.as_str()), (5, "refused\n"), "{refused:?}");

    let events = home.json(&["realm", "events", "ship", "--device", &device]);
    let kinds: Vec<&str> =
        events["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["code-rejected", "code-accepted"], "{kinds:?}");
    assert_eq!(home.json(&["realm", "events", "--limit", "1"])["items"].as_array().unwrap().len(), 1);
}

#[test]
fn json_stands_alone_on_standard_output() {
    let (mut home, _server) = Home::with_server();
    let device = home.enrol_wallet();
    // A failure, so that there is one to clear.
    assert_eq!(home.verify("000000", &[]).exit, 5);
    for arguments in [
        &["realm", "list"][..],
        &["realm", "show"],
        &["realm", "policy", "show"],
        &["realm", "policy", "set", "--digits", "8"],
        &["realm", "create", "second"],
        &["realm", "events"],
        &["user", "list"],
        &["user", "show", "alice"],
        &["user", "create", "bob", "--display-name", "Bob B."],
        &["user", "suspend", "bob"],
        &["user", "resume", "bob"],
        &["device", "list", "--user", "alice"],
        &["device", "enrol", "bob"],
        &["device", "push", &device],
        &["device", "rotate", &device],
        &["device", "suspend", &device],
        &["device", "resume", &device],
        &["device", "unlock", &device],
        &["token", "list"],
        &["token", "create", "operator", "--label", "second"],
        &["config", "show"],
        &["store", "check"],
        &["policy", "check"],
    ] {
        assert!(home.json(arguments).is_object(), "{arguments:?}");
    }
}

#[test]
fn what_is_not_there_is_exit_code_3() {
    let (home, _server) = Home::with_server();
    home.run(&["realm", "show", "nowhere"]).fails(3, "There is no realm nowhere\n  `matchbook realm list` shows");
    home.run(&["user", "list", "--realm", "nowhere"]).fails(3, "nowhere");
    home.run(&["user", "show", "bob"]).fails(3, "`matchbook user list --realm ");
    home.run(&["device", "show", "0011223344556677"]).fails(3, "0011223344556677");
    home.run(&["device", "revoke", "0011223344556677", "--yes"]).fails(3, "0011223344556677");
    home.run(&["device", "enrol", "bob"]).fails(3, "bob");
    home.run(&["token", "revoke", "0011223344556677", "--yes"]).fails(3, "no such token");
}

#[test]
fn names_that_cannot_be_are_exit_code_2() {
    let (mut home, _server) = Home::with_server();
    home.run(&["realm", "create", "Ship 17"]).fails(2, "such as ship-17");
    home.run(&["device", "show", "xyz"]).fails(2, "16 hexadecimal digits");
    home.run(&["realm", "create", "ship"]).fails(1, "there already");
    home.set("MATCHBOOK_REALM", "");
    home.run(&["user", "list"]).fails(2, "--realm");
}

#[test]
fn without_a_good_token_it_is_exit_code_4() {
    let (home, _server) = Home::with_server();
    let (missing, empty, wrong) = (home.at("missing"), home.at("empty"), format!("mb_{}", "A".repeat(43)));
    fs::write(&empty, "\n").unwrap();
    home.run(&["realm", "list", "--token-file", &missing]).fails(4, "it is not there");
    home.run(&["realm", "list", "--token-file", &empty]).fails(4, "does not hold a token");
    let said = home.run_with(&["realm", "list"], "", &[("MATCHBOOK_TOKEN", &wrong)]).fails(4, "No valid bearer token");
    assert!(said.err.contains("MATCHBOOK_TOKEN") && !said.err.contains(&wrong), "{said:?}");
    // A relying party is no operator, and an operator is no relying party.
    home.run(&["realm", "list", "--token-file", &home.at("vpn.token")]).fails(4, "not for this call");
    let said = home.run_with(&["verify", "alice"], "123456\n", &[]).fails(4, "not for this call");
    assert!(said.err.contains("matchbook token create relying-party"), "{said:?}");
    Home::new().run(&["realm", "list"]).fails(4, "there is no token");
}

#[test]
fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let (home, _server) = Home::with_server();
    let made = home.run(&["token", "create", "realm-operator", "--valid-for", "90d"]);
    let token = made.out.trim_end();
    assert!(made.exit == 0 && token.starts_with("mb_") && made.out.lines().count() == 1, "{made:?}");
    let list = home.json(&["token", "list"]);
    assert!(!list.to_string().contains(token));
    let known = list["items"].as_array().unwrap().iter().find(|item| item["role"] == "realm-operator").unwrap();
    assert!(known["expires_at_ms"].is_u64() && known["realm"] == "ship");

    let as_its_bearer = |arguments: &[&str]| home.run_with(arguments, "", &[("MATCHBOOK_TOKEN", token)]);
    assert_eq!(as_its_bearer(&["user", "list"]).exit, 0);
    as_its_bearer(&["realm", "create", "other"]).fails(4, "not for this call");
    home.run(&["token", "revoke", known["id"].as_str().unwrap()]).fails(2, "--yes");
    home.ok(&["token", "revoke", known["id"].as_str().unwrap(), "--yes"]);
    as_its_bearer(&["user", "list"]).fails(4, "No valid bearer token");
}

#[test]
fn tokens_and_enrolments_go_into_new_files_of_their_owner() {
    let (home, _server) = Home::with_server();
    let mode = |name: &str| fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("vpn.token"), 0o600);
    home.ok(&["device", "enrol", "alice", "--out", &home.at("uri")]);
    assert_eq!(mode("uri"), 0o600);
    assert!(fs::read_to_string(home.path().join("uri")).unwrap().starts_with("matchbook:enrol?"));
    home.run(&["device", "enrol", "alice", "--out", &home.at("uri")]).fails(1, "is not overwritten");
    home.run(&["token", "create", "operator", "--out", &home.at("uri")]).fails(1, "is not overwritten");
    home.run(&["token", "create", "operator", "--realm", "ship"]).fails(2, "every realm");
    home.run(&["token", "create", "relying-party"]).fails(2, "--name");

    fs::set_permissions(home.path().join("vpn.token"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = home.run(&["challenge", "alice", "--token-file", &home.at("vpn.token")]);
    assert!(said.err.contains("others can read the token file"), "{said:?}");
}

#[test]
fn an_enrolment_comes_as_a_uri_or_as_groups() {
    let (home, _server) = Home::with_server();
    let said = home.run(&["device", "enrol", "alice", "--label", "phone"]);
    assert!(said.exit == 0 && said.out.starts_with("matchbook:enrol?") && said.out.lines().count() == 1, "{said:?}");
    let typed = home.ok(&["device", "enrol", "alice", "--typed", "--suite", "p256", "--public-key"]);
    assert!(typed.lines().count() > 3 && typed.lines().all(|group| group.len() <= 6), "{typed}");
    let json = home.json(&["device", "enrol", "alice", "--suite", "symmetric", "--valid-for", "15m"]);
    assert!(json["typed"].is_array() && json["expires_at_ms"].is_u64());
    home.run(&["device", "enrol", "alice", "--suite", "symmetric", "--public-key"]).fails(2, "public");
    home.run(&["device", "enrol", "alice", "--valid-for", "365d"]).fails(2, "valid_for_s");
    assert_eq!(home.json(&["device", "list"])["items"].as_array().unwrap().len(), 3);
}

#[test]
fn a_device_is_stopped_for_a_while_and_for_good() {
    let (mut home, _server) = Home::with_server();
    let device = home.enrol_wallet();
    let take = || home.ok(&["wallet", "take"]).trim_end().to_owned();
    assert_eq!(home.json(&["device", "suspend", &device])["status"], "suspended");
    let code = take();
    assert_eq!(home.verify(&code, &[]).exit, 5);
    assert_eq!(home.json(&["device", "resume", &device])["status"], "active");
    assert_eq!(home.verify(&code, &[]).exit, 0);
    home.ok(&["user", "suspend", "alice"]);
    let code = take();
    assert_eq!(home.verify(&code, &[]).exit, 5);
    home.ok(&["user", "resume", "alice"]);
    assert_eq!(home.verify(&code, &[]).exit, 0);

    home.run(&["device", "revoke", &device]).fails(2, "Add --yes when you are sure.");
    assert_eq!(home.json(&["device", "revoke", &device, "--yes"])["status"], "revoked");
    assert_eq!(home.verify(&take(), &[]).exit, 5);
    home.run(&["device", "resume", &device]).fails(1, "revoked");
}
