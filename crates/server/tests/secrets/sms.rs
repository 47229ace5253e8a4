//! The same for short messages: what goes out, what comes in, what fails, and what the centre is told.

use std::collections::BTreeSet;

use matchbook_protocol::sms::{Body, Segment};
use matchbook_protocol::{Enrolment, EpochKeys};
use serde_json::json;

use super::common::sms::{Air, Handset, PASSWORD, enrolment, send_from};
use super::common::{Fault, Land, Mobile, eventually, hand, hooked};
use super::haystack::{Haystack, capture_logs};
use super::{Secrets, flows};

const NUMBER: &str = "+491700000001";

#[test]
fn no_secret_of_short_messages_stands_in_the_store_or_the_logs() {
    let logs = capture_logs();
    let land = Land::with(
        Air::new(),
        "resend_first_s = 1\n[caps]\nmessages_per_device = 60",
        "",
        &json!({ "mode": "any-unused", "digits": 12, "threshold": 3, "set_size": 15, "sets_per_day": 100 }),
    );
    let (mut secrets, mut sealed) = (Secrets::default(), Secrets::default());
    for (user, number, suite, delivery) in [
        ("alice", NUMBER, "symmetric", "shared"),
        ("bob", "+491700000002", "x25519", "shared"),
        ("carol", "+491700000003", "p256", "public-key"),
    ] {
        let enrolment = enrolment(&land.site, "sea", user, number, suite, delivery);
        flows::note_enrolment(&mut secrets, &enrolment);
        life_of(&land, &enrolment, number, &mut secrets, &mut sealed);
    }
    trouble(&land, &mut secrets, &mut sealed);
    assert!(secrets.needles.len() > 300 && sealed.needles.len() > 200);

    let mut haystack = Haystack::default();
    haystack.add("the logs", logs.lock().unwrap().clone());
    assert_eq!(sealed.found_in(&haystack), BTreeSet::new());
    secrets.text("the centre's password", PASSWORD);
    haystack.add_files(land.site.path().parent().unwrap());
    haystack.add_dump(&land.site.path());
    assert_eq!(secrets.found_in(&haystack), BTreeSet::new());
    // The search is not empty: what is no secret is there.
    let needles = [("a word".to_owned(), b"a device's message was refused".to_vec()), ("n".to_owned(), NUMBER.into())];
    assert!(haystack.search(&needles).len() >= 2);
}

/// Sets by every trigger, and a new key.
fn life_of(land: &Land, enrolment: &Enrolment, number: &str, secrets: &mut Secrets, sealed: &mut Secrets) {
    let mut mobile = Mobile::new(&land.air, number, enrolment);
    mobile.until("the first set", |mobile| mobile.sets() == 1);
    note_key(land, &mobile, secrets);
    let mut codes: Vec<String> = (0..6).map(|_| mobile.take()).collect();
    land.settled(&mut mobile);
    mobile.ask_for_set();
    mobile.until("the second set", |mobile| mobile.sets() == 2);
    land.settled(&mut mobile);
    land.site.command("sea", mobile.id(), "rotate").ok();
    mobile.until("the key", |mobile| mobile.has_key(1));
    mobile.until("the server knows it", |mobile| land.site.shown("sea", mobile.id())["epoch"] == 1);
    note_key(land, &mobile, secrets);
    codes.extend((0..mobile.remaining()).map(|_| mobile.take()));
    codes.iter().for_each(|code| secrets.code("a code", code));
    for incoming in &mobile.came {
        note_segment(sealed, &incoming.segment);
    }
    for message in &mobile.sent {
        mobile.segments(message).iter().for_each(|segment| note_segment(sealed, segment));
    }
    land.messages(&mobile);
}

/// What is refused, forged, cut off or over a cap is logged, too.
fn trouble(land: &Land, secrets: &mut Secrets, sealed: &mut Secrets) {
    let mut handset = Handset::enrolled(land, "dora", "+491700000004");
    let request = handset.hand.seal(&hand::wants(0, 0, 15));
    land.store().fail(hooked::of_issue, &[Fault::Unavailable, Fault::InDoubtLost]);
    let mut forged = request.clone();
    *forged.last_mut().unwrap() ^= 1;
    for message in [&forged[..], &forged[1..], &request] {
        send_from(land, &handset.phone, message);
    }
    handset.until("the set", |came| !came.is_empty());
    land.centre().set_mute(true);
    land.site.command("sea", handset.hand.id(), "push").ok();
    handset.until("the set in doubt", |came| came.len() >= 2);
    land.centre().hang_up();
    eventually("it is noted", || land.counted("InDoubt") >= 1.0);
    land.centre().set_mute(false);
    land.set_number(handset.hand.id(), Some("+491700000999")).ok();
    land.bound();
    land.site.command("sea", handset.hand.id(), "push").ok();
    let text = Segment { header: Vec::new(), body: Body::Text(data_encoding::BASE64.encode(&request)) };
    land.air.send(&handset.phone, text);
    eventually("it fails", || land.events("message-failed") >= 1);
    for set in handset.sets() {
        hand::codes(&set).iter().for_each(|code| secrets.code("a code", code));
    }
    sealed.bytes("a request", &request[13..]);
    handset.came.iter().for_each(|message| sealed.bytes("a set", &message[13..]));
}

/// The key in use, as the server has it.
fn note_key(land: &Land, mobile: &Mobile, secrets: &mut Secrets) {
    let (key, epoch) = land.site.server_key(mobile.id());
    secrets.bytes("a device's key", key.expose());
    flows::note_epoch(secrets, "a derived key", &EpochKeys::derive(&key, &mobile.party, epoch));
}

/// Sealed bytes: without the head of a message, which is in clear and logged.
fn note_segment(sealed: &mut Secrets, segment: &Segment) {
    if let Body::Data(data) = &segment.body {
        sealed.bytes("sealed bytes", &data[data.len() - 16..]);
    }
}
