//! Whoever sends: answers go to the registered number alone, and what is forged, damaged, unknown or doubled brings no
//! message about.

use matchbook_protocol::sms::{Body, Concatenation, PORT, Ports, Reference, Segment, UserDataHeader};
use serde_json::json;

use crate::common::sms::{Handset, send_from};
use crate::common::{Land, eventually, hand};

const NUMBER: &str = "+491700000001";

/// Nothing is sent again in the time of a test.
const CALM: &str = "resend_first_s = 3600";

#[test]
fn answers_go_to_the_registered_number_whoever_sends() {
    let land = Land::new(CALM, &json!({ "threshold": 0 }));
    let mut forger = land.air.phone("+491709999999");
    let mut alice = Handset::new(&land, "alice", NUMBER);
    let message = alice.hand.seal_enrol();
    send_from(&land, &forger, &message);
    alice.until("the answer to the enrolment", |came| came.len() == 1);
    let message = alice.hand.seal(&hand::wants(0, 0, 20));
    send_from(&land, &forger, &message);
    alice.until("the set", |came| came.len() == 2);
    assert_eq!(alice.sets()[0].codes().len(), 20);

    // The same from the right number is a repetition: nothing more comes.
    alice.send(&land, &message);
    let other = alice.hand.seal(&hand::status(20, 20));
    send_from(&land, &forger, &other);
    eventually("the set is acknowledged", || land.site.stored(alice.hand.id()).outbox.is_empty());
    land.site.command("sea", alice.hand.id(), "push").ok();
    alice.until("the operator's set", |came| came.len() == 3);
    assert_eq!(land.air.submitted(), 3);
    assert!(forger.try_receive().is_none());
    let sent = land.site.operator().get(&format!("/v1/realms/sea/devices/{}", alice.hand.id())).ok();
    assert_eq!(sent["number"], NUMBER);
}

#[test]
fn what_is_forged_damaged_or_unknown_brings_no_message_about() {
    let land = Land::new(CALM, &json!({ "threshold": 0 }));
    let mut alice = Handset::enrolled(&land, "alice", NUMBER);
    let before = land.air.submitted();
    let good = alice.hand.seal(&hand::wants(0, 0, 20));
    // Octets damaged in turn; those of the identification code are among them. Fewer than one sender's limit, which is
    // another test's.
    for place in 0..good.len().min(50) {
        let mut bad = good.clone();
        bad[place] ^= 1 << (place % 8);
        alice.send(&land, &bad);
    }
    alice.send(&land, &[0; 40]);
    alice.send(&land, &good[..good.len() - 1]);
    let taken = land.air.network.counts().mo_sent;
    eventually("the server has taken all of it", || land.air.taken() == taken);
    let highest = land.site.stored(alice.hand.id()).authenticator.requests.highest;
    assert_eq!(highest + 1, alice.hand.counter, "none was authentic");

    // From here on whatever had been brought about would have come first.
    alice.send(&land, &good);
    alice.until("the set", |came| !came.is_empty());
    assert_eq!((alice.sets().len(), land.air.submitted() - before), (1, 1));
}

/// A network doubles what it carries. One request, one set; and when it is sent again, the same bytes.
#[test]
fn a_request_that_comes_twice_brings_one_set() {
    let land = Land::new(CALM, &json!({ "threshold": 0 }));
    let mut alice = Handset::enrolled(&land, "alice", NUMBER);
    let before = land.air.submitted();
    let request = alice.hand.seal(&hand::wants(0, 0, 20));
    (0..20).for_each(|_| alice.send(&land, &request));
    let sent = land.air.network.counts().mo_sent;
    eventually("the server has taken all of it", || land.air.taken() == sent);
    // A message of another kind that leaves behind what the copies brought about.
    alice.until("the set", |came| !came.is_empty());
    let acknowledgement = alice.hand.seal(&hand::status(20, 20));
    alice.send(&land, &acknowledgement);
    eventually("it is acknowledged", || land.site.stored(alice.hand.id()).outbox.is_empty());
    land.site.command("sea", alice.hand.id(), "push").ok();
    alice.until("the operator's set", |came| came.len() > 1);
    assert_eq!((alice.came.len(), land.air.submitted() - before), (2, 2));
    assert_eq!(land.site.stored(alice.hand.id()).sets.len(), 2);
}

#[test]
fn what_is_sent_again_is_the_same_bytes() {
    let quiet = matchbook_smsc::Conditions { receipts: matchbook_smsc::ReceiptForm::None, ..Default::default() };
    let air = crate::common::sms::Air::with(quiet);
    let land = Land::with(air, "resend_first_s = 1", "", &json!({ "threshold": 0 }));
    let mut alice = Handset::enrolled(&land, "alice", NUMBER);
    let request = alice.hand.seal(&hand::wants(0, 0, 20));
    alice.send(&land, &request);
    alice.until("the set comes again by itself", |came| came.len() >= 2);
    let seen = alice.came.len();
    alice.send(&land, &request);
    alice.until("and again, asked for or not", |came| came.len() > seen);
    let first = alice.came[0].clone();
    assert!(alice.came.iter().all(|message| *message == first));
    assert_eq!(land.site.stored(alice.hand.id()).sets.len(), 1);
    assert!(land.counted("Resent") >= 2.0);
}

/// Parts that never become messages, from everywhere: the server goes on answering those who send whole ones.
#[test]
fn a_flood_of_parts_keeps_nobody_waiting() {
    let land = Land::new(CALM, &json!({}));
    let ports = Some(Ports { destination: PORT, origin: PORT });
    for number in 0..2_000_u16 {
        let phone = land.air.phone(&format!("+4915{number:06}"));
        let part = Concatenation { reference: Reference::Long(number), total: 4, number: 2 };
        let header = UserDataHeader { ports, concatenation: Some(part) }.encode();
        land.air.send(&phone, Segment { header, body: Body::Data(vec![0x5A; 120]) });
    }
    let mut alice = land.new_mobile("alice", NUMBER, "x25519");
    alice.until("the first set in spite of it", |mobile| mobile.sets() == 1);
    eventually("all is taken", || land.air.taken() >= 2_000);
    assert!(land.site.metric("matchbook_short_messages_inbound_total{outcome=\"Part\"}") >= 2_000.0);
    assert_eq!(land.air.submitted(), land.air.network.counts().delivered, "none of them was answered");
}

/// One number that never ends is slowed; the others are not.
#[test]
fn one_sender_cannot_flood_the_server() {
    let land = Land::new(CALM, &json!({}));
    let flooder = land.air.phone("+491709999999");
    for _ in 0..200 {
        send_from(&land, &flooder, &[0x5A; 40]);
    }
    let mut alice = land.new_mobile("alice", NUMBER, "symmetric");
    alice.until("the first set in spite of it", |mobile| mobile.sets() == 1);
    eventually("it is limited", || {
        land.site.metric("matchbook_short_messages_inbound_total{outcome=\"Limited\"}") > 100.0
    });
}
