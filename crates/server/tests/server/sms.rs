//! The lifecycle by short messages alone: enrolment, sets by every trigger, and new keys, without a data connection.

use matchbook_protocol::codes::CodeFormat;
use matchbook_protocol::sms::{Body, Form, UserDataHeader};
use matchbook_protocol::{Event, largest_set};
use matchbook_smsc::Conditions;
use serde_json::json;

use crate::common::sms::{Air, octets};
use crate::common::{Land, Mobile, eventually};

/// M1 to M9: key and code, the first set, the device's trigger, the server's, the user's, the operator's, and a new key.
fn lives_by_short_messages_alone(suite: &str) {
    let policy = json!({ "mode": "any-unused", "digits": 8, "set_size": 6, "threshold": 2, "sets_per_day": 50 });
    let land = Land::new("resend_first_s = 3600", &policy);
    let mut mobile = land.new_mobile("alice", "+491700000001", suite);
    mobile.until("it is enrolled and has its first set", |mobile| mobile.sets() == 1);
    land.settled(&mut mobile);

    // The device counts: codes that nobody verifies.
    let mut codes: Vec<String> = (0..4).map(|_| mobile.take()).collect();
    mobile.until("the device's refill", |mobile| mobile.sets() == 2);
    land.settled(&mut mobile);

    // The server counts: what the device asks for meanwhile is lost, because its phone is off.
    let mut sets = mobile.sets();
    mobile.phone.set_on(false);
    codes.extend((2..mobile.remaining()).map(|_| mobile.take()));
    assert!(codes.iter().all(|code| land.accepts("alice", code)));
    eventually("the server's refill", || !land.site.stored(mobile.id()).outbox.is_empty());
    mobile.phone.set_on(true);
    mobile.until("the server's refill comes", |mobile| mobile.sets() > sets);
    land.settled(&mut mobile);

    sets = mobile.sets();
    let spend = |mobile: &mut Mobile| (0..3).for_each(|_| assert!(land.accepts("alice", &mobile.take())));
    spend(&mut mobile);
    mobile.ask_for_set();
    mobile.until("the user's set", |mobile| mobile.sets() > sets);
    land.settled(&mut mobile);

    sets = mobile.sets();
    spend(&mut mobile);
    land.push(&mobile);
    mobile.until("the operator's set", |mobile| mobile.sets() > sets);
    land.settled(&mut mobile);

    land.site.command("sea", mobile.id(), "rotate").ok();
    mobile.until("the operator's key", |mobile| mobile.has_key(1));
    mobile.ask_for_key();
    mobile.until("the device's own wish for a key", |mobile| mobile.has_key(2));
    mobile.until("the server knows it", |mobile| land.site.shown("sea", mobile.id())["epoch"] == 2);
    let code = mobile.take();
    assert!(land.accepts("alice", &code), "codes outlive keys");
    each_is_one_short_message(&mobile);
}

fn each_is_one_short_message(mobile: &Mobile) {
    assert!(mobile.came.len() >= 4);
    for incoming in &mobile.came {
        assert_eq!(incoming.from, crate::common::sms::server());
        let header = UserDataHeader::decode(&incoming.segment.header).unwrap();
        assert!(header.concatenation.is_none(), "{incoming:?}");
        assert!(matches!(incoming.segment.body, Body::Data(_)) && octets(&incoming.segment) <= 140, "{incoming:?}");
    }
}

#[test]
fn a_device_of_symmetric_keys_lives_by_short_messages_alone() {
    lives_by_short_messages_alone("symmetric");
}

#[test]
fn a_device_of_x25519_lives_by_short_messages_alone() {
    lives_by_short_messages_alone("x25519");
}

/// M10: the session key is sealed to the device's public key. The set takes two short messages, which overtake each other.
#[test]
fn a_set_to_a_public_key_comes_in_two_parts_in_any_order() {
    let air = Air::with(Conditions { seed: 3, reordering: 0.5, ..Conditions::default() });
    let land = Land::with(air, "resend_first_s = 3600", "", &json!({}));
    let enrolment = land.enrolment("alice", "+491700000001", "x25519", "public-key");
    let mut mobile = Mobile::new(&land.air, "+491700000001", &enrolment);
    mobile.until("the first set", |mobile| mobile.sets() == 1);
    for sets in 2..=5 {
        land.settled(&mut mobile);
        mobile.ask_for_set();
        mobile.until("another set", |mobile| mobile.sets() == sets);
    }
    assert!(land.air.network.counts().reordered > 0);
    let totals = mobile.came.iter().map(|incoming| {
        let header = UserDataHeader::decode(&incoming.segment.header).unwrap();
        assert!(octets(&incoming.segment) <= 140);
        header.concatenation.map_or(1, |part| part.total)
    });
    let totals: Vec<u8> = totals.collect();
    assert_eq!(totals.iter().filter(|total| **total == 2).count(), 10, "{totals:?}");
    assert!(totals.iter().all(|total| *total <= 2));
    let code = mobile.take();
    assert!(land.accepts("alice", &code));
}

/// An address that carries text alone: the set is chosen so that its base64 fits one message.
#[test]
fn a_set_fits_one_message_of_text() {
    let land = Land::with(Air::new(), "resend_first_s = 3600", "form = \"text\"", &json!({}));
    let mut mobile = land.new_mobile("alice", "+491700000001", "x25519").in_text();
    mobile.until("the first set", |mobile| mobile.sets() == 1);
    assert_eq!(mobile.remaining(), usize::from(largest_set(CodeFormat::DEFAULT, Form::Text.budget())));
    assert!(mobile.remaining() > 30, "{}", mobile.remaining());
    land.settled(&mut mobile);
    let before = mobile.came.len();
    land.push(&mobile);
    mobile.until("the operator's set", |mobile| mobile.sets() == 2);
    assert_eq!(mobile.came.len(), before + 1);
    for incoming in &mobile.came {
        assert!(incoming.segment.header.is_empty() && octets(&incoming.segment) <= 140, "{incoming:?}");
        assert!(matches!(&incoming.segment.body, Body::Text(text) if text.len() <= 160));
    }
}

/// A set that the policy wants larger than a message comes as sets that each stand for themselves.
#[test]
fn a_large_set_comes_as_several_that_stand_alone() {
    let land = Land::new("resend_first_s = 3600", &json!({ "set_size": 100 }));
    let mut mobile = land.new_mobile("alice", "+491700000001", "x25519");
    mobile.until("all of it", |mobile| mobile.remaining() == 100);
    let counts = mobile.events.iter().filter_map(|event| match event {
        Event::SetAccepted { count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(counts.collect::<Vec<_>>(), [40, 40, 20]);
    land.settled(&mut mobile);
    assert_eq!(mobile.remaining(), 100, "and no more than that");
    each_is_one_short_message(&mobile);
}
