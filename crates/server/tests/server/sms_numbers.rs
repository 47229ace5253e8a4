//! Numbers of devices: set, changed, taken away; who has none, and who is suspended; and devices that have both bearers.

use std::thread;

use matchbook_protocol::{AuthenticatorId, Downlink, Enrolment};
use serde_json::{Value, json};

use crate::common::site::now;
use crate::common::sms::Handset;
use crate::common::{Land, Phone, Site, eventually, hand};

const NUMBER: &str = "+491700000001";
const CALM: &str = "resend_first_s = 3600";

fn enrol(site: &Site, body: &Value) -> crate::common::Reply {
    site.user("sea", "alice");
    site.operator().post("/v1/realms/sea/enrolments", body)
}

#[test]
fn wrong_numbers_and_bearers_get_a_sentence() {
    let land = Land::new(CALM, &json!({}));
    let told = |body: &Value, status: u16, kind: &str, wanted: &str| {
        let detail = enrol(&land.site, body).problem(status, kind)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(wanted), "{detail}");
    };
    told(&json!({ "user": "alice", "bearer": "sms" }), 400, "bad-request", "number");
    for bad in ["", "+", "49170", "16020", "ACME", "+49170x", "+1234567890123456", "++49170", "+49 170\n"] {
        let reply = enrol(&land.site, &json!({ "user": "alice", "bearer": "sms", "number": bad }));
        assert!(matches!(reply.status, 400 | 409), "{bad:?}: {reply:?}");
        let problem = reply.json();
        assert!(problem["detail"].as_str().unwrap().contains("number"), "{problem}");
        let mobile = land.site.stored(land.enrolment("bob", NUMBER, "symmetric", "shared").party.id).authenticator.id;
        let reply = land.set_number(mobile, Some(bad));
        assert!(matches!(reply.status, 400 | 409), "{bad:?}: {reply:?}");
        assert_eq!(land.site.shown("sea", mobile)["number"], NUMBER, "it stays as it was");
    }

    let plain = Site::new();
    plain.realm("sea", &json!({}));
    let reply = enrol(&plain, &json!({ "user": "alice", "bearer": "sms", "number": NUMBER }));
    let told = reply.problem(400, "bad-request")["detail"].as_str().unwrap().to_owned();
    assert!(told.contains("--sms"), "{told}");
}

#[test]
fn a_number_is_set_changed_and_taken_away() {
    let land = Land::new(CALM, &json!({ "threshold": 0 }));
    let mut alice = Handset::enrolled(&land, "alice", NUMBER);
    let id = alice.hand.id();
    let mut new = land.air.phone("+436601234567");
    assert_eq!(land.set_number(id, Some("+43 660 (123) 45-67")).ok()["number"], "+436601234567");
    land.site.command("sea", id, "push").ok();
    eventually("the set goes to the new number", || new.try_receive().is_some());
    assert!(alice.phone.try_receive().is_none());
    assert_eq!(land.events("number-changed"), 1);

    let acknowledgement = alice.hand.seal(&hand::status(40, 40));
    alice.send(&land, &acknowledgement);
    eventually("it is acknowledged", || land.site.stored(id).outbox.is_empty());
    assert!(land.set_number(id, None).ok()["number"].is_null());
    let before = land.air.submitted();
    land.site.command("sea", id, "push").ok();
    let request = alice.hand.seal(&hand::wants(40, 0, 20));
    alice.send(&land, &request);
    eventually("the server has it", || land.air.taken() == land.air.network.counts().mo_sent);
    eventually("the sweep has seen it", || land.site.stored(id).outbox.iter().any(|item| item.attempts > 0));
    assert_eq!(land.air.submitted(), before);

    land.set_number(id, Some(NUMBER)).ok();
    land.site.command("sea", id, "push").ok();
    alice.until("what waits goes to the number that is there again", |came| !came.is_empty());
}

/// A device on HTTP that has a number: what nobody asked for comes by short message, unless it waits on the line.
#[test]
fn a_device_with_both_bearers_is_reached_by_the_one_that_it_is_on() {
    let land = Land::new(CALM, &json!({ "threshold": 0 }));
    let enrolment = || {
        let body = json!({ "user": "alice", "suite": "symmetric", "number": NUMBER });
        Enrolment::from_uri(enrol(&land.site, &body).ok()["uri"].as_str().unwrap()).unwrap()
    };
    let mut radio = land.air.phone(NUMBER);
    let mut phone = Phone::new(&enrolment());
    phone.sync();
    assert_eq!((phone.remaining(), land.air.submitted()), (40, 0), "what it asks for comes by HTTP");
    land.site.command("sea", phone.id(), "push").ok();
    eventually("the set comes by short message", || radio.try_receive().is_some());
    assert_eq!(phone.sync().codes_received(), 40, "and by HTTP when it calls");

    let mut waiting = hand::Hand::new(&enrolment());
    waiting.enrol();
    waiting.request(&hand::wants(0, 0, 255));
    let before = land.air.submitted();
    let message = waiting.seal(&hand::status(40, 40));
    let id = waiting.id();
    let call = thread::spawn(move || {
        let answer = waiting.post_waiting(&message, 30);
        waiting.set_in(&answer).map(|set| set.codes().len())
    });
    eventually("it waits on the line", || land.site.metric("matchbook_waiting_devices") > 0.0);
    land.site.command("sea", id, "push").ok();
    assert_eq!(call.join().unwrap(), Some(40));
    assert_eq!(land.air.submitted(), before);
}

#[test]
fn a_suspended_device_gets_no_set_until_it_is_resumed() {
    suspends(
        |land, id| drop(land.site.command("sea", id, "suspend").ok()),
        |land, id| drop(land.site.command("sea", id, "resume").ok()),
    );
}

#[test]
fn a_suspended_users_device_gets_no_set_until_the_user_is_resumed() {
    let user = |land: &Land, command: &str| {
        land.site.operator().command(&format!("/v1/realms/sea/users/alice/{command}")).ok();
    };
    suspends(|land, _| user(land, "suspend"), |land, _| user(land, "resume"));
}

fn suspends(suspend: impl Fn(&Land, AuthenticatorId), resume: impl Fn(&Land, AuthenticatorId)) {
    let mut land = Land::new("resend_first_s = 1", &json!({ "threshold": 0 }));
    let mut alice = Handset::enrolled(&land, "alice", NUMBER);
    let id = alice.hand.id();
    // A set waits that could not go yet.
    let address = land.centre().address();
    let centre = land.centre.take().unwrap();
    land.air.stop(centre);
    land.site.command("sea", id, "push").ok();
    suspend(&land, id);
    land.centre = Some(land.air.centre_at(address));
    land.bound();
    let request = alice.hand.seal(&hand::wants(0, 0, 20));
    alice.send(&land, &request);
    alice.until("an answer", |came| !came.is_empty());
    let answer = alice.hand.open(&alice.came[0]);
    assert!(matches!(answer, Downlink::Sync { sync, .. } if sync.suspended), "and it says why");
    eventually("the set is put off", || {
        let stored = land.site.stored(id);
        stored.outbox.iter().all(|item| item.next_attempt_at > now().plus(1_800_000))
    });
    assert!(alice.sets().is_empty());
    resume(&land, id);
    alice.until("the set", |came| came.len() >= 2);
    assert_eq!(alice.sets()[0].codes().len(), 40);
}
