//! Whatever is wrong, the answer is the same, byte for byte; why is told to the operator alone.

use serde_json::{Value, json};

use crate::common::{Api, Site, attempt, hand, operation, raw};

/// The whole answer to an attempt, the date masked.
fn answer(party: &Api, body: &Value) -> String {
    let token = format!("Bearer {}", party.token.as_deref().unwrap());
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
    raw::exchange(&party.url, "POST", "/v1/verify", &headers, body.to_string().as_bytes())
}

#[test]
fn every_refusal_is_the_same_bytes() {
    let site = Site::new();
    let party = site.realm("ship", &json!({ "threshold": 0 }));
    site.realm("other", &json!({}));
    let by_user = |user: &str, code: &str| attempt(user, code);
    let by_device = |device: String, code: &str| json!({ "operation_id": operation(), "device": device, "code": code });

    let mut phone = site.phone("ship", "alice");
    let (used, next, later) = (phone.take(), phone.take(), phone.take());
    assert!(party.accepts(&by_user("alice", &used)));
    let mut foreign = site.phone("other", "carol");
    let foreign_code = foreign.take();
    let mut stopped = site.phone("ship", "dora");
    let stopped_code = stopped.take();
    site.command("ship", stopped.id(), "suspend").ok();
    let mut gone = site.phone("ship", "ed");
    let gone_code = gone.take();
    site.command("ship", gone.id(), "revoke").ok();
    let pending = site.enrolment("ship", "fred", "symmetric", "shared").party.id;
    let mut sent_home = site.phone("ship", "gina");
    let home_code = sent_home.take();
    site.operator().command("/v1/realms/ship/users/gina/suspend").ok();
    site.user("ship", "nodevice");
    let mut fresh = site.hand("ship", "hal");
    fresh.request(&hand::status(0, 0));

    let mut with_realm = by_user("alice", &next);
    with_realm["realm"] = Value::from("other");
    let mut with_no_realm = by_user("alice", &next);
    with_no_realm["realm"] = Value::from("no-such-realm");
    let mut foreign_in_its_realm = by_user("carol", &foreign_code);
    foreign_in_its_realm["realm"] = Value::from("other");
    let refused = [
        ("a wrong code", by_user("alice", "000000")),
        ("a used code", by_user("alice", &used)),
        ("a code that is not asked for", by_user("alice", &later)),
        ("too short", by_user("alice", "1")),
        ("no digits", by_user("alice", "☃ not a code")),
        ("nothing", by_user("alice", "")),
        ("an unknown user", by_user("zoe", &next)),
        ("a user without a device", by_user("nodevice", &next)),
        ("another user", by_user("dora", &next)),
        ("an unknown device", by_device("00000000000000aa".to_owned(), &next)),
        ("another's device", by_device(fresh.id().to_string(), &next)),
        ("a device of another realm", by_device(foreign.id().to_string(), &foreign_code)),
        ("a user of another realm", by_user("carol", &foreign_code)),
        ("another realm", with_realm),
        ("another realm's user there", foreign_in_its_realm),
        ("a realm that is not", with_no_realm),
        ("suspended, by user", by_user("dora", &stopped_code)),
        ("suspended, by device", by_device(stopped.id().to_string(), &stopped_code)),
        ("revoked, by user", by_user("ed", &gone_code)),
        ("revoked, by device", by_device(gone.id().to_string(), &gone_code)),
        ("pending, by user", by_user("fred", &next)),
        ("pending, by device", by_device(pending.to_string(), &next)),
        ("a suspended user", by_user("gina", &home_code)),
        ("a suspended user's device", by_device(sent_home.id().to_string(), &home_code)),
        ("a first set, but another code", by_user("hal", &next)),
    ];
    let like = answer(&party, &by_user("alice", "999999"));
    assert!(like.starts_with("HTTP/1.1 200 OK\r\n") && like.ends_with("{\"accepted\":false}"), "{like}");
    for (number, (why, mut body)) in refused.into_iter().enumerate() {
        // Each from a place of its own, so that none is slowed.
        body["source"] = Value::from(format!("192.0.2.{number}"));
        assert_eq!(answer(&party, &body), like, "{why}");
    }
    assert!(party.accepts(&by_user("alice", &next)), "none of them spent anything");
}

/// The operator reads why: each of these stands in the events of the relying party's own realm.
#[test]
fn the_operator_is_told_why() {
    let site = Site::new();
    let party = site.realm("ship", &json!({ "threshold": 0 }));
    let mut phone = site.phone("ship", "alice");
    let used = phone.take();
    assert!(party.accepts(&attempt("alice", &used)));
    let mut elsewhere = attempt("alice", "123456");
    elsewhere["realm"] = Value::from("other");
    for body in [attempt("alice", &used), attempt("alice", "x"), attempt("zoe", "123456"), elsewhere] {
        assert!(!party.accepts(&body));
    }
    site.command("ship", phone.id(), "suspend").ok();
    assert!(!party.accepts(&attempt("alice", "123456")));
    let told: Vec<String> =
        site.events("ship").into_iter().filter(|(kind, _)| kind == "code-rejected").map(|(_, why)| why).collect();
    let expected = [
        "the device is suspended",
        "the relying party named another realm than its own",
        "there is no user of that name",
        "what was typed is no code",
        "code 1 was used up before",
    ];
    assert_eq!(told, expected);
    assert!(site.has_event("ship", "code-accepted"));
}

/// A set that waits to be acknowledged may have arrived: its codes count.
#[test]
fn a_set_that_is_not_acknowledged_verifies() {
    let site = Site::new();
    let party = site.realm("ship", &json!({ "threshold": 2 }));
    let mut hand = site.hand("ship", "alice");
    let answer = hand.request(&hand::wants(0, 0, 5));
    let codes = hand::codes(&hand.set_in(&answer).unwrap());
    assert_eq!(site.shown("ship", hand.id())["set_outstanding"], true);
    assert!(party.accepts(&attempt("alice", &codes[0])));
    hand.request(&hand::status(5, 4));
    assert_eq!(site.shown("ship", hand.id())["set_outstanding"], false);
    assert!(!party.accepts(&attempt("alice", &codes[0])));
    assert!(party.accepts(&attempt("alice", &codes[1])));
}

/// Which codes count is the policy's: the one that is asked for, the next few, or any.
#[test]
fn the_mode_says_which_codes_count() {
    let site = Site::new();
    let counts = |policy: Value, order: [usize; 5]| {
        let realm = policy["mode"].as_str().unwrap().to_owned();
        let party = site.realm(&realm, &policy);
        let mut phone = site.phone(&realm, "alice");
        let codes = phone.take_many(6);
        order.map(|place| party.accepts(&attempt("alice", &codes[place])))
    };
    assert_eq!(counts(json!({ "mode": "indexed" }), [1, 0, 2, 1, 1]), [false, true, false, true, false]);
    let in_order = json!({ "mode": "next-in-order", "look_ahead": 2 });
    assert_eq!(counts(in_order, [2, 1, 0, 2, 5]), [false, true, false, true, false]);
    let any = json!({ "mode": "any-unused", "digits": 8 });
    assert_eq!(counts(any, [4, 0, 4, 2, 1]), [true, true, false, true, true]);
}

/// Codes are read as people write them.
#[test]
fn a_code_is_read_as_people_write_it() {
    let site = Site::new();
    let party = site.realm("ship", &json!({ "digits": 8, "base32": true }));
    let mut phone = site.phone("ship", "alice");
    for (round, write) in [
        (|code: &str| code.to_lowercase()) as fn(&str) -> String,
        |code| format!(" {} - {} ", &code[..4], &code[4..]),
        |code| code.replace('1', "l").replace('0', "o"),
        |code| code.replace('1', "I").replace('0', "O"),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(party.accepts(&attempt("alice", &write(&phone.take()))), "round {round}");
    }
}

/// Several devices of one user: each one's codes count, and one's are not another's.
#[test]
fn a_user_with_two_devices_uses_either() {
    let site = Site::new();
    let party = site.realm("ship", &json!({}));
    let (mut one, mut two) = (site.phone("ship", "alice"), site.phone("ship", "alice"));
    let (first, second, third) = (one.take(), two.take(), two.take());
    let on_one = json!({ "operation_id": operation(), "device": one.id().to_string(), "code": second });
    assert!(!party.accepts(&on_one));
    assert!(party.accepts(&attempt("alice", &second)));
    assert!(party.accepts(&attempt("alice", &first)));
    let on_two = json!({ "operation_id": operation(), "device": two.id().to_string(), "code": third });
    assert!(party.accepts(&on_two));
    assert!(!party.accepts(&attempt("alice", "0")));
    let failures = |phone: &crate::common::Phone| site.shown("ship", phone.id())["failures"].clone();
    assert_eq!((failures(&one), failures(&two)), (json!(1), json!(1)), "a refusal counts at each");
}
