//! How much may be sent in a day: to a device, to numbers that begin alike, in a realm. What is over a cap waits, and an
//! event tells of it once.

use serde_json::json;

use crate::common::sms::{Handset, enrolment};
use crate::common::{Land, Mobile, eventually, hand};

#[test]
fn a_device_gets_as_many_messages_as_its_cap() {
    let land = Land::new(
        "resend_first_s = 3600\n[caps]\nmessages_per_device = 3\nalarm_percent = 60",
        &json!({ "threshold": 0, "set_size": 5, "sets_per_day": 50 }),
    );
    let mut alice = Handset::enrolled(&land, "alice", "+491700000001");
    assert_eq!((land.events("messages-near-cap"), land.events("messages-capped")), (0, 0));
    let request = alice.hand.seal(&hand::wants(0, 0, 5));
    alice.send(&land, &request);
    alice.until("the set", |came| came.len() == 1);
    assert_eq!((land.events("messages-near-cap"), land.events("messages-capped")), (1, 0));
    let request = alice.hand.seal(&hand::wants(5, 5, 5));
    alice.send(&land, &request);
    alice.until("the second set", |came| came.len() == 2);
    assert_eq!((land.events("messages-near-cap"), land.events("messages-capped")), (1, 1));

    for highest in [10, 10, 10] {
        let request = alice.hand.seal(&hand::wants(highest, 10, 5));
        alice.send(&land, &request);
    }
    eventually("the third is held back", || land.counted("Capped") >= 1.0);
    land.site.command("sea", alice.hand.id(), "push").ok();
    eventually("and stays so", || land.counted("Capped") >= 2.0);

    // Another device is not concerned.
    let mut bob = land.new_mobile("bob", "+491700000002", "symmetric");
    bob.until("the set of another device", |mobile| mobile.sets() == 1);
    let listed = land.messages_of(alice.hand.id());
    assert_eq!(listed["outbox"].as_array().unwrap().len(), 1, "{listed}");
    let waiting = &listed["outbox"][0];
    assert_eq!((waiting["content"].as_str(), waiting["attempts"].as_u64()), (Some("set"), Some(0)), "{listed}");
    assert!(waiting["sent_at_ms"].is_null());
    assert_eq!(listed["sent"].as_array().unwrap().len(), 3, "{listed}");
    assert_eq!((land.events("messages-near-cap"), land.events("messages-capped")), (2, 1), "bob came near his own");
}

#[test]
fn numbers_that_begin_alike_share_a_cap() {
    let land = Land::new(
        "resend_first_s = 3600\n[caps]\nmessages_per_prefix = 3\nprefix_digits = 4",
        &json!({ "threshold": 0, "set_size": 5 }),
    );
    let mut alice = land.new_mobile("alice", "+491700000001", "symmetric");
    alice.until("alice's set", |mobile| mobile.sets() == 1);
    let mut bob = land.new_mobile("bob", "+491790000002", "symmetric");
    bob.until("bob is held back", |_| land.counted("Capped") >= 1.0);
    assert_eq!(bob.sets(), 0);
    let mut carol = land.new_mobile("carol", "+436600000003", "symmetric");
    carol.until("carol's number begins otherwise", |mobile| mobile.sets() == 1);
    bob.pump();
    assert_eq!((bob.sets(), land.events("messages-capped")), (0, 1));
    let told = land.site.events("sea").into_iter().find(|(kind, _)| kind == "messages-capped").unwrap().1;
    assert!(told.contains("+4917…"), "{told}");
}

#[test]
fn a_realm_has_a_cap_of_its_own() {
    let land =
        Land::new("resend_first_s = 3600\n[caps]\nmessages_per_realm = 3", &json!({ "threshold": 0, "set_size": 5 }));
    land.site.realm("lake", &json!({ "threshold": 0, "set_size": 5 }));
    let mut alice = land.new_mobile("alice", "+491700000001", "symmetric");
    alice.until("alice's set", |mobile| mobile.sets() == 1);
    let mut bob = land.new_mobile("bob", "+436600000002", "symmetric");
    bob.until("bob is held back", |_| land.counted("Capped") >= 1.0);
    let enrolment = enrolment(&land.site, "lake", "dora", "+491700000009", "symmetric", "shared");
    let mut dora = Mobile::new(&land.air, "+491700000009", &enrolment);
    dora.until("another realm's set", |mobile| mobile.sets() == 1);
    bob.pump();
    assert_eq!((bob.sets(), land.events("messages-capped")), (0, 1));
}

/// Sets have caps beside messages: answers still go.
#[test]
fn a_realm_has_a_cap_of_sets() {
    for caps in ["sets_per_realm = 1", "sets_per_prefix = 1"] {
        let top = format!("resend_first_s = 3600\n[caps]\n{caps}");
        let land = Land::new(&top, &json!({ "threshold": 0, "set_size": 5 }));
        let mut alice = land.new_mobile("alice", "+491700000001", "symmetric");
        alice.until("alice's set", |mobile| mobile.sets() == 1);
        let mut bob = Handset::enrolled(&land, "bob", "+491700000002");
        let request = bob.hand.seal(&hand::wants(0, 0, 5));
        bob.send(&land, &request);
        eventually("bob's set is held back", || land.counted("Capped") >= 1.0);
        assert_eq!((bob.came.len(), land.events("messages-capped")), (0, 1));
    }
}

/// A message of two parts that does not fit under the cap any more is told of like one that reaches it.
#[test]
fn a_message_of_several_parts_that_does_not_fit_is_told_of() {
    let land = Land::new("resend_first_s = 3600\n[caps]\nmessages_per_device = 4", &json!({ "threshold": 0 }));
    let enrolment = land.enrolment("alice", "+491700000001", "x25519", "public-key");
    let mut alice = Mobile::new(&land.air, "+491700000001", &enrolment);
    alice.until("the first set: 3 messages in all", |mobile| mobile.sets() == 1);
    land.settled(&mut alice);
    for _ in 0..3 {
        land.push(&alice);
    }
    alice.until("the second set is held back", |_| land.counted("Capped") >= 1.0);
    assert_eq!((alice.sets(), alice.came.len()), (1, 3));
    eventually("an event tells", || land.events("messages-capped") == 1);
    land.push(&alice);
    alice.until("it is held back again", |_| land.counted("Capped") >= 2.0);
    assert_eq!(land.events("messages-capped"), 1, "once");
}
