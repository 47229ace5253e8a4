//! Kills, failing commits and silent centres: what was committed goes again with the same bytes, what was not is asked
//! for again, and nothing is lost or made twice.

use std::thread;
use std::time::Duration;

use matchbook_rules::{Changes, Write};
use serde_json::json;

use crate::common::hooked::{of_device, of_issue};
use crate::common::sms::Handset;
use crate::common::{Fault, Land, attempt, eventually, hand};

const NUMBER: &str = "+491700000001";

/// Commits that settle a short message.
fn of_receipt(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::SettleDispatch { .. }))
}

/// Commits of what a centre said.
fn of_note(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::InsertDispatch(_)))
}

/// Commits that count a message as sent, before it is.
fn of_attempt(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::OutboxAttempt { .. }))
}

/// The centre takes a message and does not say so, and the server is killed: it cannot know, and sends the same again.
#[test]
fn a_kill_between_a_submit_and_its_answer_sends_the_same_bytes_again() {
    let mut land = Land::new("resend_first_s = 1", &json!({ "threshold": 0 }));
    let mut alice = Handset::enrolled(&land, "alice", NUMBER);
    let request = alice.hand.seal(&hand::wants(0, 0, 20));
    land.centre().set_mute(true);
    alice.send(&land, &request);
    alice.until("the set", |came| came.len() == 1);
    land.kill(|land| land.centre().set_mute(false));
    alice.until("the set again", |came| came.len() >= 2);
    assert!(alice.came.iter().all(|message| *message == alice.came[0]));
    assert_eq!(land.site.stored(alice.hand.id()).sets.len(), 1);
    let set = alice.sets().remove(0);
    let party = land.site.relying_party("sea", "after");
    for code in hand::codes(&set).iter().take(3) {
        assert!(party.accepts(&attempt("alice", code)));
        assert!(!party.accepts(&attempt("alice", code)));
    }
    let acknowledgement = alice.hand.seal(&hand::status(20, 17));
    alice.send(&land, &acknowledgement);
    eventually("it is acknowledged", || land.site.stored(alice.hand.id()).outbox.is_empty());
}

/// The same with a device that acts by itself: it takes the second copy for what it is.
#[test]
fn a_device_takes_a_second_copy_for_what_it_is() {
    let mut land = Land::new("resend_first_s = 1", &json!({ "threshold": 0 }));
    let mut mobile = land.mobile("alice", NUMBER);
    land.centre().set_mute(true);
    land.push(&mobile);
    let before = mobile.came.len();
    eventually("the centre has it", || land.air.network.counts().submitted > before as u64);
    // The acknowledgement is on its way when the server dies; nobody hears it.
    land.kill(|land| {
        mobile.until("the second set", |mobile| mobile.sets() == 2);
        land.centre().set_mute(false);
    });
    land.settled(&mut mobile);
    assert_eq!((mobile.sets(), mobile.remaining()), (2, 80));
}

/// A centre that hangs up before it answers: the message is in doubt, and goes again when the device asks.
#[test]
fn a_submit_without_an_answer_is_in_doubt() {
    let land = Land::new("resend_first_s = 1", &json!({ "threshold": 0 }));
    let mut alice = Handset::enrolled(&land, "alice", NUMBER);
    land.centre().set_mute(true);
    land.site.command("sea", alice.hand.id(), "push").ok();
    alice.until("the set", |came| !came.is_empty());
    let states = || -> Vec<String> {
        let listed = land.messages_of(alice.hand.id());
        listed["sent"].as_array().unwrap().iter().map(|item| item["state"].as_str().unwrap().to_owned()).collect()
    };
    land.centre().hang_up();
    eventually("it is noted as in doubt", || states().iter().any(|state| state == "in-doubt"));
    assert!(land.counted("InDoubt") >= 1.0);
    land.centre().set_mute(false);
    land.bound();
    // What the device asks for in the first second after a sending has crossed it on the way, and brings nothing.
    for asked in 0.. {
        assert!(asked < 50, "the set does not come again");
        let request = alice.hand.seal(&hand::wants(0, 0, 20));
        alice.send(&land, &request);
        eventually("the server has it", || land.air.taken() == land.air.network.counts().mo_sent);
        thread::sleep(Duration::from_millis(100));
        alice.until("what came", |_| true);
        if alice.came.len() >= 2 {
            break;
        }
    }
    assert_eq!(alice.came[0], alice.came[1]);
}

/// A message is answered to the centre only when what it brings about is durable: until then it comes again.
#[test]
fn what_cannot_be_committed_comes_again() {
    let land = Land::new("resend_first_s = 3600", &json!({ "threshold": 0 }));
    let mut mobile = land.new_mobile("alice", NUMBER, "x25519");
    land.store().fail(of_device, &[Fault::Unavailable, Fault::Unavailable]);
    mobile.until("the first set in spite of it", |mobile| mobile.sets() == 1);
    land.settled(&mut mobile);
    land.store().fail(of_issue, &[Fault::Unavailable, Fault::Conflict, Fault::InDoubtLost, Fault::InDoubtApplied]);
    mobile.ask_for_set();
    mobile.until("the second set in spite of it", |mobile| mobile.sets() == 2);
    land.settled(&mut mobile);
    assert!(land.store().is_spent());
    assert!(land.air.network.counts().retried >= 3, "{:?}", land.air.network.counts());
    assert_eq!(land.air.network.counts().mo_dropped, 0);
    assert_eq!((mobile.sent.len(), mobile.remaining()), (5, 80), "the device had to repeat nothing");
}

/// Nothing leaves before it is counted as sent; what a centre said, and a receipt, are noted in the end.
#[test]
fn notes_that_cannot_be_committed_are_made_later() {
    let land = Land::new("resend_first_s = 3600", &json!({ "threshold": 0 }));
    let mut mobile = land.mobile("alice", NUMBER);
    let before = land.messages(&mobile)["sent"].as_array().unwrap().len();
    land.store().fail(of_attempt, &[Fault::Unavailable, Fault::InDoubtLost]);
    land.store().fail(of_note, &[Fault::Unavailable, Fault::Unavailable]);
    land.store().fail(of_receipt, &[Fault::Unavailable, Fault::Unavailable]);
    land.push(&mobile);
    mobile.until("the set in spite of it", |mobile| mobile.sets() == 2);
    land.settled(&mut mobile);
    eventually("its receipt is noted", || {
        let listed = land.messages(&mobile);
        let sent = listed["sent"].as_array().unwrap();
        sent.len() == before + 1 && sent.iter().all(|item| item["state"] == "delivered")
    });
    assert!(land.store().is_spent());
}
