//! What a device is not given: nothing to strangers and to who was stopped, not too much to anybody.

use std::thread;
use std::time::{Duration, Instant};

use matchbook_protocol::{CodeIndex, Event, Reason, Request};
use serde_json::{Value, json};

use crate::common::{Site, attempt, eventually, hand, raw};

/// A message that nobody may learn anything from is answered with the same bytes, whatever is wrong with it.
#[test]
fn every_refused_message_is_answered_alike() {
    let site = Site::new();
    site.realm("ship", &json!({}));
    let url = site.url();
    let mut good = site.hand("ship", "alice");
    let mut revoked = site.hand("ship", "bob");
    site.command("ship", revoked.id(), "revoke").ok();
    let mut pending = hand::Hand::new(&site.enrolment("ship", "carol", "symmetric", "shared"));
    let mut unknown = hand::Hand::new(&site.enrolment("ship", "dora", "symmetric", "shared"));
    unknown.party.id = matchbook_protocol::AuthenticatorId([0xEE; 8]);
    unknown.keys = matchbook_protocol::EpochKeys::derive(
        &matchbook_protocol::Secret::new([1; 32]),
        &unknown.party,
        matchbook_protocol::Epoch(0),
    );
    let mut flipped = good.seal(&hand::wants(0, 0, 5));
    *flipped.last_mut().unwrap() ^= 1;
    let stale = good.seal(&hand::status(0, 0));
    for _ in 0..70 {
        good.request(&hand::status(0, 0));
    }
    let mut other_key = good.seal(&hand::status(0, 0));
    other_key[9] ^= 1;

    let cose = |message: &[u8]| matchbook_protocol::expand_uplink(message).unwrap();
    let refused = [
        ("an unknown device", cose(&unknown.seal(&hand::wants(0, 0, 5)))),
        ("an unknown device's enrolment", cose(&unknown.seal_enrol())),
        ("a bad tag", cose(&flipped)),
        ("a stale counter", cose(&stale)),
        ("another key", cose(&other_key)),
        ("a revoked device", cose(&revoked.seal(&hand::wants(0, 0, 5)))),
        ("a revoked device's enrolment", cose(&revoked.seal_enrol())),
        ("a request before the enrolment", cose(&pending.seal(&hand::wants(0, 0, 5)))),
        ("garbage", b"garbage".to_vec()),
        ("nothing", Vec::new()),
        ("much garbage", vec![0xD0; 4_096]),
        ("two messages", [cose(&flipped), cose(&flipped)].concat()),
    ];
    let before = site.stored(good.id());
    let like = hand::raw_post(url, b"", 0);
    assert!(like.starts_with(b"HTTP/1.1 204 No Content\r\n"), "{}", String::from_utf8_lossy(&like));
    for (why, body) in refused {
        let answer = hand::raw_post(url, &body, 50);
        assert_eq!(String::from_utf8_lossy(&answer), String::from_utf8_lossy(&like), "{why}");
    }
    let after = site.stored(good.id());
    assert_eq!(after.authenticator, before.authenticator, "none of them changed anything");
    assert_eq!((after.sets, after.outbox.len()), (before.sets, before.outbox.len()));
    assert_eq!(pending.enrol().threshold, 10, "the pending device is still there");
}

#[test]
fn a_suspended_device_is_told_and_gets_no_set() {
    let site = Site::new();
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let code = phone.take();
    for (stop, go) in [
        (
            format!("/v1/realms/ship/devices/{}/suspend", phone.id()),
            format!("/v1/realms/ship/devices/{}/resume", phone.id()),
        ),
        ("/v1/realms/ship/users/alice/suspend".to_owned(), "/v1/realms/ship/users/alice/resume".to_owned()),
    ] {
        site.operator().command(&stop).ok();
        site.operator().command(&stop).problem(409, "conflict");
        let held = phone.remaining();
        let report = phone.request_set();
        assert!(report.events.iter().any(|event| matches!(event, Event::Suspended)), "{report:?}");
        assert_eq!((phone.remaining(), phone.account().is_suspended()), (held, true));
        assert!(!party.accepts(&attempt("alice", &code)));
        site.operator().command(&go).ok();
        let report = phone.request_set();
        assert!(report.events.iter().any(|event| matches!(event, Event::Resumed)), "{report:?}");
        assert_eq!(phone.remaining(), held + 40);
    }
    assert!(party.accepts(&attempt("alice", &code)));
}

#[test]
fn a_revoked_device_is_answered_with_silence_for_good() {
    let site = Site::new();
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let code = phone.take();
    site.command("ship", phone.id(), "push").ok();
    let shown = site.command("ship", phone.id(), "revoke").ok();
    assert_eq!((shown["status"].as_str(), shown["issued_unused"].as_u64()), (Some("revoked"), Some(0)));
    let report = phone.sync();
    assert!(!report.answered && report.received == 0, "{report:?}");
    assert!(!party.accepts(&attempt("alice", &code)));
    let stored = site.stored(phone.id());
    assert!(
        stored.sets.is_empty() && stored.outbox.is_empty() && stored.authenticator.keys.current.sealed.0.is_empty()
    );
    for command in ["suspend", "resume", "revoke", "unlock", "rotate", "push"] {
        site.command("ship", phone.id(), command).problem(409, "conflict");
    }
}

/// Who waits while the operator stops the device is answered at once, with nothing that was made later, and learns of it
/// with the next request.
#[test]
fn a_device_that_is_stopped_while_it_waits_learns_of_it() {
    let site = Site::new();
    site.realm("ship", &json!({ "threshold": 0 }));
    for stop in ["suspend", "revoke"] {
        let mut hand = site.hand("ship", stop);
        hand.request(&hand::wants(0, 0, 20));
        let message = hand.seal(&hand::status(20, 20));
        let began = Instant::now();
        let held = thread::spawn(move || {
            let answer = hand.post_waiting(&message, 50);
            (hand, answer)
        });
        eventually("the device waits", || site.metric("matchbook_waiting_devices") > 0.0);
        let id = site.operator().get("/v1/realms/ship/devices").ok()["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|device| device["user"] == stop)
            .and_then(|device| device["device"].as_str()?.parse().ok())
            .unwrap();
        site.command("ship", id, stop).ok();
        let (mut hand, answer) = held.join().unwrap();
        assert!(began.elapsed() < Duration::from_secs(45), "held to its end: {:?}", began.elapsed());
        assert!(hand.set_in(&answer).is_none() && !hand.sync_in(&answer).suspended, "what was sealed before");
        let answer = hand.request(&hand::wants(20, 0, 20));
        match stop {
            "suspend" => assert!(hand.sync_in(&answer).suspended && hand.set_in(&answer).is_none()),
            _ => assert_eq!(answer.status, 204),
        }
        eventually("nobody waits", || site.metric("matchbook_waiting_devices") == 0.0);
    }
}

#[test]
fn an_enrolment_works_once_and_in_time() {
    let site = Site::new();
    site.realm("ship", &json!({}));
    let enrolment = site.enrolment("ship", "alice", "x25519", "shared");
    let mut first = crate::common::Phone::new(&enrolment);
    let mut second = crate::common::Phone::new(&enrolment);
    first.sync();
    assert!(!second.sync().answered, "somebody else with the same secret gets silence");
    assert!(
        site.events("ship").iter().any(|(kind, why)| kind == "enrolment-refused" && why.contains("same activation"))
    );
    assert_eq!(first.request_set().codes_received(), 40, "the first one is not harmed");

    let body = json!({ "user": "alice", "valid_for_s": 59 });
    site.operator().post("/v1/realms/ship/enrolments", &body).problem(400, "bad-request");
    let body = json!({ "user": "alice", "valid_for_s": 604_801 });
    site.operator().post("/v1/realms/ship/enrolments", &body).problem(400, "bad-request");
}

#[test]
fn sets_a_day_are_capped() {
    let site = Site::new();
    site.realm("ship", &json!({ "sets_per_day": 2 }));
    let mut phone = site.phone("ship", "alice");
    assert_eq!(phone.request_set().codes_received(), 40);
    let report = phone.request_set();
    assert_eq!((report.codes_received(), report.answered), (0, true), "{report:?}");
    let problem = site.command("ship", phone.id(), "push").problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("2 sets of today"), "{problem}");
    assert!(site.has_event("ship", "refill-capped"));
    assert_eq!(site.shown("ship", phone.id())["sets_today"], 2);
}

#[test]
fn a_device_holds_250_codes_at_most() {
    let site = Site::new();
    site.realm("ship", &json!({ "set_size": 200 }));
    let mut hand = site.hand("ship", "alice");
    let first = hand.request(&hand::wants(0, 0, 255));
    assert_eq!(hand.set_in(&first).unwrap().count(), 200);
    let second = hand.request(&hand::wants(200, 200, 255));
    assert_eq!(hand.set_in(&second).unwrap().count(), 50, "as many as there is room for");
    let third = hand.request(&hand::wants(250, 250, 255));
    assert!(hand.set_in(&third).is_none());
    let problem = site.command("ship", hand.id(), "push").problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("250"), "{problem}");
}

/// A request may name how many codes it wants; what the policy allows is the most.
#[test]
fn a_request_for_a_few_gets_a_few() {
    let site = Site::new();
    site.realm("ship", &json!({ "threshold": 0 }));
    let mut hand = site.hand("ship", "alice");
    let mut held = 0;
    for (wanted, given) in [(3, 3), (40, 40), (41, 40), (254, 40)] {
        let answer = hand.request(&hand::wants(held, u8::try_from(held).unwrap(), wanted));
        let set = hand.set_in(&answer).unwrap();
        assert_eq!((set.first, set.count()), (CodeIndex(held + 1), given));
        held += u32::from(given);
    }
}

/// A device that claims what cannot be is refused or caught up with, and never makes the server fail.
#[test]
fn absurd_claims_do_no_harm() {
    let site = Site::new();
    let party = site.realm("ship", &json!({}));
    let mut hand = site.hand("ship", "alice");
    let absurd =
        Request { highest: CodeIndex(u32::MAX), unused: 255, wanted: 255, reason: Reason::Low, ephemeral: None };
    assert_eq!(hand.request(&absurd).status, 204);
    let claims = Request { highest: CodeIndex(1_000), unused: 0, wanted: 1, reason: Reason::First, ephemeral: None };
    let answer = hand.request(&claims);
    let set = hand.set_in(&answer).unwrap();
    assert!(set.first > CodeIndex(1_000) && set.reset, "{set:?}");
    assert!(party.accepts(&attempt("alice", &hand::codes(&set)[0])));
}

/// The bearer's own refusals.
#[test]
fn the_bearer_wants_one_message_of_its_type() {
    let site = Site::in_memory();
    let url = site.url();
    let post = |kind: &str, length: usize| {
        let answer = raw::exchange(url, "POST", "/v1/device/messages", &[("Content-Type", kind)], &vec![0; length]);
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    assert_eq!(post("application/cose", 4_096), 204);
    assert_eq!(post("application/cose; cose-type=\"cose-encrypt0\"", 10), 204);
    assert_eq!(post("application/cose", 4_097), 413);
    assert_eq!(post("application/json", 10), 415);
    assert_eq!(post("", 10), 415);
    let get = raw::exchange(url, "GET", "/v1/device/messages", &[], b"");
    assert!(get.starts_with("HTTP/1.1 405 "), "{get}");
}

/// A flood from one address is told to slow down, whatever it sends.
#[test]
fn a_flood_of_messages_is_slowed() {
    let mut site = Site::in_memory();
    site.config.device_messages_per_second = 1;
    let node = site.second();
    let mut last = String::new();
    for _ in 0..20 {
        let kind = [("Content-Type", "application/cose")];
        last = raw::exchange(&node.url, "POST", "/v1/device/messages", &kind, b"x");
        if !last.starts_with("HTTP/1.1 204 ") {
            break;
        }
    }
    assert!(last.starts_with("HTTP/1.1 429 "), "{last}");
    assert!(last.contains("retry-after: 1\r\n"), "{last}");
    let body: Value = serde_json::from_str(last.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["type"], "/problems/slow-down");
}
