//! What happens between a decision and its commit: an operator stops the device, the caller goes away, too many come.

use std::io::Write;
use std::thread;

use matchbook_protocol::expand_uplink;
use serde_json::{Value, json};

use crate::common::hooked::{of_issue, of_verify};
use crate::common::{Api, Site, Stands, attempt, eventually, hand, on_stores, raw, site};

on_stores! { [sqlite postgres] {
    a_verify_that_is_decided_already_is_stopped_by_the_operator,
    a_set_that_is_decided_already_is_stopped_by_the_operator,
    a_caller_who_goes_away_holds_nobody_up,
    a_call_that_takes_too_long_is_ended,
}}

/// The head and body of a verify, for a caller who does not wait for the answer.
fn request(party: &Api, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST /v1/verify HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        party.token.as_deref().unwrap(),
        body.len()
    )
}

/// A stop that is told as done is never followed by an acceptance, though the verify was decided before it.
fn a_verify_that_is_decided_already_is_stopped_by_the_operator(stands: Stands) {
    for stop in ["suspend", "revoke", "suspend the user", "restore"] {
        let (site, store) = Site::hooked_on(stands);
        let party = site.realm("ship", &json!({}));
        let mut phone = site.phone("ship", "alice");
        let body = attempt("alice", &phone.take());
        let gate = store.hold_before(of_verify);
        let asking = thread::spawn({
            let (party, body) = (party.apart(), body.clone());
            move || party.accepts(&body)
        });
        gate.wait_for(1);
        match stop {
            "suspend the user" => drop(site.operator().command("/v1/realms/ship/users/alice/suspend").ok()),
            "restore" => assert_eq!(site.block_on(site.store().mark_restored(site::now())).unwrap(), 1),
            command => drop(site.command("ship", phone.id(), command).ok()),
        }
        gate.open();
        assert!(!asking.join().unwrap(), "{stop}");
        assert!(!party.accepts(&body), "{stop}: the same answer");
    }
}

/// Likewise a set that is being issued: the device that is revoked meanwhile gets none.
fn a_set_that_is_decided_already_is_stopped_by_the_operator(stands: Stands) {
    let (site, store) = Site::hooked_on(stands);
    site.realm("ship", &json!({}));
    let mut hand = site.hand("ship", "alice");
    let cose = expand_uplink(&hand.seal(&hand::wants(0, 0, 255))).unwrap();
    let gate = store.hold_before(of_issue);
    let url = hand.url.clone();
    let asking = thread::spawn(move || hand::raw_post(&url, &cose, 0));
    gate.wait_for(1);
    // From the other node, whose lanes are its own.
    let second = site.second();
    let operator = site.operator().at(&second.url);
    operator.command(&format!("/v1/realms/ship/devices/{}/revoke", hand.id())).ok();
    gate.open();
    let answer = hand.read(&asking.join().unwrap());
    assert_eq!((answer.status, answer.messages.len()), (204, 0));
    assert!(site.stored(hand.id()).sets.is_empty());
}

/// A caller who goes away in the middle leaves no lane taken; the operation is decided when it comes again.
fn a_caller_who_goes_away_holds_nobody_up(stands: Stands) {
    let (site, store) = Site::hooked_on(stands);
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let body = attempt("alice", &phone.take());
    let gate = store.hold_before(of_verify);
    let mut gone = raw::connect(site.url());
    gone.write_all(request(&party, &body).as_bytes()).unwrap();
    gate.wait_for(1);
    drop(gone);
    // The gate stays shut: only when the call is dropped, and its lane with it, the next one gets through.
    assert!(party.accepts(&body));
    assert!(party.accepts(&body));
    assert_eq!(site.stored(phone.id()).spent.len(), 1);
}

/// A device that goes away while it waits leaves its place.
#[test]
fn a_device_that_goes_away_leaves_the_waiting_room() {
    let site = Site::new();
    site.realm("ship", &json!({ "threshold": 0 }));
    let mut hand = site.hand("ship", "alice");
    hand.request(&hand::wants(0, 0, 20));
    let cose = expand_uplink(&hand.seal(&hand::status(20, 20))).unwrap();
    let mut gone = raw::connect(site.url());
    let head = format!(
        "POST /v1/device/messages HTTP/1.1\r\nHost: test\r\nContent-Type: application/cose\r\nPrefer: wait=50\r\n\
         Content-Length: {}\r\n\r\n",
        cose.len()
    );
    gone.write_all(head.as_bytes()).unwrap();
    gone.write_all(&cose).unwrap();
    eventually("the device waits", || site.metric("matchbook_waiting_devices") > 0.0);
    drop(gone);
    eventually("nobody waits", || site.metric("matchbook_waiting_devices") == 0.0);
}

/// More calls about one name than its lane holds are told to slow down at once; other names are not touched.
#[test]
fn a_full_lane_is_told_and_others_go_on() {
    const CALLS: usize = 560;
    let (site, store) = Site::hooked_in_memory();
    let party = site.realm("ship", &json!({}));
    site.phone("ship", "alice");
    let mut other = site.phone("ship", "bob");
    let gate = store.hold_before(of_verify);
    let calls: Vec<_> = (0..CALLS)
        .map(|caller| {
            let mut body = attempt("alice", "000000000000");
            body["source"] = Value::from(format!("10.0.{}.{}", caller / 256, caller % 256));
            let (mut stream, text) = (raw::connect(site.url()), request(&party, &body));
            thread::spawn(move || {
                stream.write_all(text.as_bytes()).unwrap();
                String::from_utf8(raw::read_to_end(&mut stream)).unwrap()
            })
        })
        .collect();
    gate.wait_for(1);
    eventually("the lane is full", || calls.iter().any(thread::JoinHandle::is_finished));
    assert!(party.accepts(&attempt("bob", &other.take())));
    gate.open();
    let answers: Vec<String> = calls.into_iter().map(|call| call.join().unwrap()).collect();
    let slowed = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 429 ")).count();
    let decided = answers.iter().filter(|answer| answer.ends_with("{\"accepted\":false}")).count();
    assert_eq!(slowed + decided, CALLS);
    assert!(slowed > 0 && decided > 0, "{slowed} slowed, {decided} decided");
    assert!(answers.iter().all(|answer| !answer.starts_with("HTTP/1.1 429 ") || answer.contains("retry-after: ")));
}

/// A store that does not come back: the call ends by itself, nothing was accepted, and the retry is decided.
fn a_call_that_takes_too_long_is_ended(stands: Stands) {
    let (site, store) = Site::hooked_on(stands);
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let body = attempt("alice", &phone.take());
    let gate = store.hold_before(of_verify);
    let reply = party.post("/v1/verify", &body);
    reply.problem(504, "timed-out");
    assert!(reply.retry_after().is_some());
    assert!(site.stored(phone.id()).spent.is_empty());
    assert!(party.accepts(&body));
    gate.open();
}
