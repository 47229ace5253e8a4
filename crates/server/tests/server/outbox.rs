//! Sealed bytes are committed before they are sent, sent again until they are acknowledged, and deleted then; and what a
//! kill cuts off is made good.

use std::thread;

use matchbook_rules::{Authenticator, Changes, OutboxKind, RotationReason, SealedKey, Write};
use serde_json::json;

use crate::common::hooked::{of_issue, of_verify};
use crate::common::{Site, attempt, eventually, hand, site};

#[test]
fn sealed_bytes_are_committed_before_they_are_sent() {
    let (site, store) = Site::hooked();
    site.realm("ship", &json!({}));
    let mut hand = site.hand("ship", "alice");
    let message = hand.seal(&hand::wants(0, 0, 255));
    let (before, after) = (store.hold_before(of_issue), store.hold_after(of_issue));
    let asking = thread::spawn({
        let (url, cose) = (hand.url.clone(), matchbook_protocol::expand_uplink(&message).unwrap());
        move || hand::raw_post(&url, &cose, 0)
    });
    before.wait_for(1);
    assert!(site.stored(hand.id()).outbox.is_empty());
    assert!(!asking.is_finished());
    before.open();
    let answer = hand.read(&asking.join().unwrap());
    let stored = site.stored(hand.id()).outbox;
    assert_eq!(stored.len(), 1);
    assert_eq!(answer.messages, [stored[0].bytes.clone()]);

    // The next one is held back between its commit and its answer.
    let next = hand.seal(&hand::wants(40, 40, 255));
    let asking = thread::spawn({
        let (url, cose) = (hand.url.clone(), matchbook_protocol::expand_uplink(&next).unwrap());
        move || hand::raw_post(&url, &cose, 0)
    });
    after.wait_for(1);
    let stored = site.stored(hand.id()).outbox;
    assert_eq!(stored.len(), 1);
    assert!(!asking.is_finished(), "it is stored and not yet sent");
    after.open();
    assert_eq!(hand.read(&asking.join().unwrap()).messages, [stored[0].bytes.clone()]);
}

/// Killed between the commit and the answer: a new server on the same store answers the repetition with the same bytes.
#[test]
fn a_kill_between_commit_and_answer_changes_nothing() {
    let (mut site, store) = Site::hooked();
    let party = site.realm("ship", &json!({}));
    let mut hand = site.hand("ship", "alice");
    let message = hand.seal(&hand::wants(0, 0, 255));
    let after = store.hold_after(of_issue);
    let asking = thread::spawn({
        let (url, cose) = (hand.url.clone(), matchbook_protocol::expand_uplink(&message).unwrap());
        move || hand::raw_post(&url, &cose, 0)
    });
    after.wait_for(1);
    let committed = site.stored(hand.id()).outbox[0].bytes.clone();
    drop(site.take_node());
    assert_eq!(asking.join().unwrap(), b"", "no answer came");
    after.open();
    drop(store);
    site.kill_and_restart();
    hand.url = site.url().to_owned();
    let answer = hand.post(&message);
    assert_eq!(answer.messages, [committed]);
    let codes = hand::codes(&hand.set_in(&answer).unwrap());
    assert!(party.at(site.url()).accepts(&attempt("alice", &codes[0])));
}

/// The same for a verify: the retry with its operation id gets the answer that was committed.
#[test]
fn a_kill_between_a_spend_and_its_answer_is_answered_the_same() {
    let (mut site, store) = Site::hooked();
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let code = phone.take();
    let body = attempt("alice", &code);
    let after = store.hold_after(of_verify);
    let asking = thread::spawn({
        let (url, token, body) = (site.url().to_owned(), party.token.clone().unwrap(), body.to_string());
        move || {
            let bearer = format!("Bearer {token}");
            let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
            crate::common::raw::exchange(&url, "POST", "/v1/verify", &headers, body.as_bytes())
        }
    });
    after.wait_for(1);
    drop(site.take_node());
    assert_eq!(asking.join().unwrap(), "");
    after.open();
    drop(store);
    site.kill_and_restart();
    let party = party.at(site.url());
    assert!(party.accepts(&body));
    assert!(!party.accepts(&attempt("alice", &code)));
}

/// The spend that makes a set due commits that it is due: a server that is killed before the set is issued leaves it to
/// the sweep of the next one.
#[test]
fn a_refill_that_a_kill_cut_off_is_issued_by_the_next_server() {
    let (mut site, store) = Site::hooked();
    let party = site.realm("ship", &json!({ "set_size": 4, "threshold": 3, "sets_per_day": 5 }));
    let mut phone = site.phone("ship", "alice");
    let codes = phone.take_many(1);
    let sets = site.stored(phone.id()).sets.len();
    let gate = store.hold_before(of_issue);
    assert!(party.accepts(&attempt("alice", &codes[0])), "the answer does not wait for the set");
    gate.wait_for(1);
    assert_eq!(site.shown("ship", phone.id())["refill_due"], true);
    drop(site.take_node());
    gate.open();
    drop(store);
    site.kill_and_restart();
    eventually("the set is issued", || site.stored(phone.id()).sets.len() == sets + 1);
    assert_eq!(site.shown("ship", phone.id())["refill_due"], false);
    phone.move_to(site.url());
    assert_eq!(phone.sync().codes_received(), 4);
}

#[test]
fn a_message_is_sent_again_until_it_is_acknowledged_and_deleted_then() {
    let site = Site::new();
    site.realm("ship", &json!({ "threshold": 0 }));
    let mut hand = site.hand("ship", "alice");
    site.command("ship", hand.id(), "push").ok();
    let pushed = site.stored(hand.id()).outbox.remove(0);
    assert!(matches!(pushed.kind, OutboxKind::Set { .. }));
    eventually("the sweep sends it", || site.stored(hand.id()).outbox[0].attempts > 0);
    let again = site.stored(hand.id()).outbox.remove(0);
    assert_eq!(again.bytes, pushed.bytes);
    assert!(again.next_attempt_at > pushed.next_attempt_at, "and not at once again");

    for _ in 0..3 {
        let answer = hand.request(&hand::status(0, 0));
        assert_eq!(answer.messages, std::slice::from_ref(&pushed.bytes), "whatever is asked");
    }
    site.command("ship", hand.id(), "push").ok();
    let stored = site.stored(hand.id());
    assert_eq!((stored.outbox.len(), stored.sets.len()), (1, 1), "a second push makes the same set due again");
    assert_eq!(stored.outbox[0].bytes, pushed.bytes);

    let answer = hand.request(&hand::status(40, 40));
    assert!(hand.set_in(&answer).is_none());
    assert!(site.stored(hand.id()).outbox.is_empty());
    assert!(site.metric("matchbook_outbox_messages") >= 0.0);
}

/// One device that cannot be worked on, because its stored key is damaged, does not hold up the others.
#[test]
fn work_that_cannot_be_done_does_not_hold_up_the_rest() {
    let site = Site::new();
    site.realm("a-first", &json!({}));
    site.realm("b-second", &json!({}));
    let (damaged, good) = (site.phone("a-first", "alice"), site.phone("b-second", "bob"));
    let plant = |id, change: &dyn Fn(&mut Authenticator)| {
        let mut authenticator = site.stored(id).authenticator;
        change(&mut authenticator);
        let writes = vec![Write::PutAuthenticator(Box::new(authenticator))];
        site.block_on(site.store().commit(Changes { guards: Vec::new(), writes })).unwrap();
    };
    plant(damaged.id(), &|authenticator| {
        authenticator.keys.current.sealed = SealedKey(vec![1; 61]);
        authenticator.rotation_wanted = Some(RotationReason::Operator);
    });
    plant(good.id(), &|authenticator| authenticator.rotation_wanted = Some(RotationReason::Operator));
    eventually("the other one is asked for a key", || !site.stored(good.id()).outbox.is_empty());
    let first = site.stored(damaged.id()).authenticator;
    assert_eq!(first.rotation_wanted, Some(RotationReason::Operator), "it stays due");
    assert!(site::now().0 > 0);
}
