//! Operation ids: the same one is one attempt, whatever came of it, however often and wherever it is repeated.

use std::sync::{Arc, Barrier};
use std::thread;

use serde_json::{Value, json};

use crate::common::{Api, Reply, Site, Stands, attempt, on_stores};

on_stores! { [sqlite postgres] {
    the_same_operation_gets_the_same_answer,
    an_operation_with_other_content_is_refused,
    an_operation_id_counts_for_its_relying_party_alone,
    an_operation_may_be_repeated_with_a_new_token,
    an_operation_repeated_at_once_is_one_attempt,
    an_operation_id_used_twice_at_once_stands_for_one_request,
}}

fn failures(site: &Site, phone: &crate::common::Phone) -> u64 {
    site.shown("ship", phone.id())["failures"].as_u64().unwrap()
}

fn the_same_operation_gets_the_same_answer(stands: Stands) {
    let mut site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let code = phone.take();

    let refused = attempt("alice", "no-such-code");
    assert!(!party.accepts(&refused));
    assert!(!party.accepts(&refused));
    assert_eq!(failures(&site, &phone), 1, "a repetition is no second attempt");

    let accepted = attempt("alice", &code);
    assert!(party.accepts(&accepted));
    assert!(party.accepts(&accepted), "the same answer although the code is spent");
    assert!(!party.accepts(&attempt("alice", &code)), "another operation: the code is used up");
    assert!(party.accepts(&accepted), "whatever came between");
    assert_eq!(failures(&site, &phone), 1);

    let spaced = json!({ "operation_id": accepted["operation_id"], "user": "alice", "code": format!(" {}-{} ", &code[..3], &code[3..]) });
    assert!(party.accepts(&spaced), "blanks and dashes are no other content");
    let moved =
        json!({ "operation_id": accepted["operation_id"], "user": "alice", "code": code, "source": "198.51.100.1" });
    assert!(party.accepts(&moved), "a user may have moved to another network");

    site.kill_and_restart();
    let party = party.at(site.url());
    assert!(party.accepts(&accepted), "another run of the server");
    assert!(!party.accepts(&refused));
}

fn an_operation_with_other_content_is_refused(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let (first, second) = (phone.take(), phone.take());
    let done = attempt("alice", &first);
    assert!(party.accepts(&done));

    let with = |field: &str, value: &str| {
        let mut body = done.clone();
        body[field] = Value::from(value);
        body
    };
    let mut by_device = with("device", &phone.id().to_string());
    by_device.as_object_mut().unwrap().remove("user");
    for other in [with("code", &second), with("user", "bob"), with("realm", "elsewhere"), by_device] {
        party.post("/v1/verify", &other).problem(409, "conflict");
    }
    assert_eq!(failures(&site, &phone), 0, "nothing was tried");
    assert!(party.accepts(&attempt("alice", &second)), "and nothing was spent");
}

fn an_operation_id_counts_for_its_relying_party_alone(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let other = site.relying_party("ship", "mail");
    let mut phone = site.phone("ship", "alice");
    let (first, second) = (phone.take(), phone.take());
    let mut body = attempt("alice", &first);
    assert!(party.accepts(&body));
    body["code"] = Value::from(second);
    assert!(other.accepts(&body), "the other's own operation of the same name");
}

/// Two tokens of one name are one relying party: a repetition may come with the other, as after a change of tokens.
fn an_operation_may_be_repeated_with_a_new_token(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let renewed = site.relying_party("ship", "vpn");
    let mut phone = site.phone("ship", "alice");
    let body = attempt("alice", &phone.take());
    assert!(party.accepts(&body));
    assert!(renewed.accepts(&body));
}

fn an_operation_repeated_at_once_is_one_attempt(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let second = site.second();
    let mut phone = site.phone("ship", "alice");
    for round in 0..10 {
        let accepted = attempt("alice", &phone.take());
        let replies = all_at_once(&[party.clone(), party.at(&second.url)], &accepted);
        assert!(replies.iter().all(|reply| reply.json()["accepted"] == true), "round {round}: {replies:?}");
        let refused = attempt("alice", "000000000000");
        let before = failures(&site, &phone);
        let replies = all_at_once(&[party.clone(), party.at(&second.url)], &refused);
        assert!(replies.iter().all(|reply| reply.json()["accepted"] == false), "round {round}: {replies:?}");
        assert_eq!(failures(&site, &phone), before + 1);
    }
    let spent = site.stored(phone.id()).spent;
    assert_eq!(spent.len(), 10, "{spent:?}");
}

/// One id for two requests at once: one of them is decided, the other one is told.
fn an_operation_id_used_twice_at_once_stands_for_one_request(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({ "mode": "any-unused", "digits": 8 }));
    let mut phone = site.phone("ship", "alice");
    site.user("ship", "bob");
    for round in 0..10 {
        let mut right = attempt("alice", &phone.take());
        right["source"] = Value::from(format!("192.0.2.{round}"));
        let mut wrong = right.clone();
        wrong["user"] = Value::from("bob");
        let start = Arc::new(Barrier::new(2));
        let calls: Vec<_> = [right, wrong]
            .map(|body| {
                let (party, start) = (party.apart(), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    party.post("/v1/verify", &body)
                })
            })
            .into();
        let replies: Vec<Reply> = calls.into_iter().map(|call| call.join().unwrap()).collect();
        let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        assert!(statuses == [200, 409] || statuses == [409, 200], "{replies:?}");
        if statuses[0] == 200 {
            assert_eq!(replies[0].json()["accepted"], true);
        } else {
            assert_eq!(replies[1].json()["accepted"], false);
        }
    }
}

fn all_at_once(parties: &[Api], body: &Value) -> Vec<Reply> {
    let start = Arc::new(Barrier::new(16));
    let calls: Vec<_> = (0..16)
        .map(|caller| {
            let (party, start, body) = (parties[caller % parties.len()].apart(), Arc::clone(&start), body.clone());
            thread::spawn(move || {
                start.wait();
                party.post("/v1/verify", &body)
            })
        })
        .collect();
    calls.into_iter().map(|call| call.join().unwrap()).collect()
}
