//! Several nodes on one store: an authenticator's work lands on any of them, and each duty is one node's at a time.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::common::hooked::{of_issue, of_probe, of_verify};
use crate::common::sms::{Air, enrolment, settings, way};
use crate::common::{Api, Fault, Mobile, Site, Stands, attempt, eventually, hand, on_stores};

on_stores! { [shared_memory postgres] {
    a_code_that_one_node_accepted_is_used_on_all_of_them,
    a_repetition_gets_its_answer_on_another_node,
    a_device_changes_nodes_as_it_likes,
    a_push_at_one_node_answers_a_request_that_waits_at_another,
    what_a_repeated_request_is_answered_was_made_sure_of,
    what_was_in_doubt_is_not_answered_on_a_read_alone,
    one_node_has_the_sessions_with_the_centres_and_another_takes_them_over,
    a_node_that_the_store_does_not_answer_ends_its_sessions,
    nodes_that_send_side_by_side_hand_each_message_over_once,
}}

/// A metric of a node.
fn metric(url: &str, name: &str) -> f64 {
    let text = String::from_utf8(Api::new(url, None).get("/metrics").body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned);
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

fn a_code_that_one_node_accepted_is_used_on_all_of_them(stands: Stands) {
    let site = Site::on(stands);
    let second = site.second();
    let party = site.realm("ship", &json!({}));
    let there = party.at(&second.url);
    let mut phone = site.phone("ship", "alice");
    for code in phone.take_many(6) {
        assert!(party.accepts(&attempt("alice", &code)));
        assert!(!there.accepts(&attempt("alice", &code)));
    }
    for code in phone.take_many(6) {
        assert!(there.accepts(&attempt("alice", &code)));
        assert!(!party.accepts(&attempt("alice", &code)));
    }
}

fn a_repetition_gets_its_answer_on_another_node(stands: Stands) {
    let site = Site::on(stands);
    let second = site.second();
    let party = site.realm("ship", &json!({}));
    let there = party.at(&second.url);
    let mut phone = site.phone("ship", "alice");
    let good = attempt("alice", &phone.take());
    let wrong = attempt("alice", "000000");
    for (attempt, verdict) in [(good, true), (wrong, false)] {
        assert_eq!(party.post("/v1/verify", &attempt).verdict(), verdict);
        for _ in 0..3 {
            assert_eq!(there.post("/v1/verify", &attempt).verdict(), verdict);
            assert_eq!(party.post("/v1/verify", &attempt).verdict(), verdict);
        }
    }
}

/// A device's dialogue goes on at another node: its counters, its keys and its sets are in the store.
fn a_device_changes_nodes_as_it_likes(stands: Stands) {
    let site = Site::on(stands);
    let second = site.second();
    let party = site.realm("ship", &json!({ "threshold": 0 }));
    let mut phone = site.phone("ship", "alice");
    for (url, codes) in [(second.url.as_str(), 80), (site.url(), 120), (second.url.as_str(), 160)] {
        phone.move_to(url);
        phone.request_set();
        assert_eq!(phone.remaining(), codes);
    }
    assert!(party.accepts(&attempt("alice", &phone.take())));
    site.command("ship", phone.id(), "rotate").ok();
    phone.sync_at_last();
    phone.move_to(site.url());
    phone.request_set();
    assert!(party.at(&second.url).accepts(&attempt("alice", &phone.take())));
}

fn a_push_at_one_node_answers_a_request_that_waits_at_another(stands: Stands) {
    let site = Site::on(stands);
    let second = site.second();
    site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let id = phone.id();
    phone.move_to(&second.url);
    let held = thread::spawn(move || phone.on(|device| device.wait_for_push(Duration::from_secs(50))).unwrap());
    eventually("the device waits", || metric(&second.url, "matchbook_waiting_devices") > 0.0);
    site.command("ship", id, "push").ok();
    assert_eq!(held.join().unwrap().codes_received(), 40);
}

/// A held request that brings what another node has committed does not bring what a failover could take back: the answer
/// waits for a write of its own.
fn what_a_repeated_request_is_answered_was_made_sure_of(stands: Stands) {
    let (site, store) = Site::hooked_on(stands);
    site.realm("ship", &json!({ "threshold": 0 }));
    let mut hand = site.hand("ship", "alice");
    let request = hand.seal(&hand::wants(0, 0, 20));
    let first = hand.post(&request);
    assert_eq!(first.messages.len(), 1);
    let before = store.commits();
    assert_eq!(hand.post(&request).messages, first.messages);
    assert!(store.commits() > before, "a read alone was answered");
}

/// Nor what this node has written and does not know: a read that shows it is followed by a durable write, or by 503.
fn what_was_in_doubt_is_not_answered_on_a_read_alone(stands: Stands) {
    let (site, store) = Site::hooked_on(stands);
    let party = site.realm("ship", &json!({ "threshold": 0 }));
    let mut phone = site.phone("ship", "alice");
    let body = attempt("alice", &phone.take());
    store.fail(of_verify, &[Fault::InDoubtApplied]);
    store.fail(of_probe, &[Fault::Unavailable; 3]);
    for _ in 0..3 {
        party.post("/v1/verify", &body).problem(503, "unavailable");
    }
    assert!(store.is_spent());
    assert!(party.accepts(&body));

    let mut hand = site.hand("ship", "bob");
    let message = hand.seal(&hand::wants(0, 0, 255));
    store.fail(of_issue, &[Fault::InDoubtApplied]);
    store.fail(of_probe, &[Fault::Unavailable; 3]);
    for _ in 0..3 {
        let answer = hand.post(&message);
        assert_eq!((answer.status, answer.messages.len()), (503, 0));
    }
    let answer = hand.post(&message);
    assert_eq!(hand.set_in(&answer).unwrap().count(), 40);
    assert_eq!(site.stored(hand.id()).sets.len(), 1);
}

/// Waits until it is known that the device has its set: while one is outstanding, a push brings no other.
fn settled(site: &Site, mobile: &mut Mobile) {
    mobile.until("all is acknowledged", |mobile| site.stored(mobile.id()).outbox.is_empty());
}

fn one_node_has_the_sessions_with_the_centres_and_another_takes_them_over(stands: Stands) {
    let air = Air::new();
    let centre = air.centre();
    let mut site = Site::on_with(stands, settings("resend_first_s = 1", &[way("north", &centre, "")]));
    eventually("the first is bound", || centre.bound() == 1);
    let second = site.second();
    site.realm("sea", &json!({ "threshold": 0 }));
    let mut mobile =
        Mobile::new(&air, "+491700000001", &enrolment(&site, "sea", "alice", "+491700000001", "symmetric", "shared"));
    mobile.until("the first set", |mobile| mobile.sets() == 1);
    settled(&site, &mut mobile);
    // What the other node puts into the outbox goes too.
    let push = format!("/v1/realms/sea/devices/{}/push", mobile.id());
    site.operator().at(&second.url).command(&push).ok();
    mobile.until("the set of the other node", |mobile| mobile.sets() == 2);
    settled(&site, &mut mobile);
    assert_eq!(centre.bound(), 1);
    let operator = site.operator().at(&second.url);
    site.take_node().stop();
    eventually("the second is bound", || centre.bound() == 1);
    operator.command(&push).ok();
    mobile.until("a set by the second", |mobile| mobile.sets() == 3);
}

/// Another node has them by then.
fn a_node_that_the_store_does_not_answer_ends_its_sessions(stands: Stands) {
    let air = Air::new();
    let centre = air.centre();
    let (_site, hooked) = Site::hooked_on_with(stands, settings("resend_first_s = 600", &[way("north", &centre, "")]));
    eventually("it is bound", || centre.bound() == 1);
    hooked.hang_leases(true);
    eventually("its sessions are over", || centre.bound() == 0);
}

fn nodes_that_send_side_by_side_hand_each_message_over_once(stands: Stands) {
    let air = Air::new();
    let centre = air.centre();
    // Nothing is sent a second time within the test.
    let site = Site::on_with(stands, settings("resend_first_s = 600", &[way("north", &centre, "")]));
    let _second = site.second();
    eventually("one is bound", || centre.bound() == 1);
    site.realm("sea", &json!({ "threshold": 0 }));
    let mut mobiles: Vec<Mobile> = (0..20)
        .map(|number| {
            let (user, number) = (format!("user-{number}"), format!("+4917000{number:05}"));
            Mobile::new(&air, &number, &enrolment(&site, "sea", &user, &number, "symmetric", "shared"))
        })
        .collect();
    for mobile in &mut mobiles {
        mobile.until("the first set", |mobile| mobile.sets() == 1);
    }
    let ids: Vec<_> = mobiles.iter().map(Mobile::id).collect();
    for id in ids {
        let listed = site.operator().get(&format!("/v1/realms/sea/devices/{id}/messages?limit=1000")).ok();
        for message in listed["sent"].as_array().unwrap() {
            assert_eq!(message["attempt"], 1, "{listed}");
        }
    }
}
