//! Guessing is slowed where it comes from, and nowhere else; counts outlive everything but a success or an operator.

use matchbook_protocol::UnixMillis;
use matchbook_rules::throttle::{
    Attempt, Buckets, GLOBAL_FAILURES, GLOBAL_WINDOW_MS, PLACE_FAILURES, PLACE_WINDOW_MS, RELYING_PARTY_FAILURES,
    RELYING_PARTY_WINDOW_MS,
};
use matchbook_rules::{Changes, RealmId, RelyingPartyId, SubscriberId, VerifyTarget, Write};
use serde_json::{Value, json};

use crate::common::{Api, Phone, Reply, Site, Stands, attempt, on_stores, site};

on_stores! { [sqlite postgres] {
    a_source_is_slowed_and_another_is_not,
    names_that_nobody_has_are_slowed_the_same,
    counts_outlive_restart_refill_and_rotation,
    after_100_consecutive_failures_the_device_is_locked,
    one_customer_of_ipv6_is_one_source,
    without_a_source_the_relying_party_is_one,
    a_wait_that_is_over_is_over_and_the_next_is_longer,
    a_place_that_fails_at_many_names_is_slowed,
    in_a_relying_party_with_many_failures_the_places_that_made_some_are_slowed,
    a_realm_with_too_many_failures_slows_those_that_cause_them,
}}

const NO_CODE: &str = "000000000000";

fn from(source: &str, mut body: Value) -> Value {
    body["source"] = Value::from(source);
    body
}

fn fail(party: &Api, user: &str, source: &str, times: usize) {
    for _ in 0..times {
        assert!(!party.accepts(&from(source, attempt(user, NO_CODE))));
    }
}

fn try_once(party: &Api, user: &str, source: &str) -> Reply {
    party.post("/v1/verify", &from(source, attempt(user, NO_CODE)))
}

fn failures(site: &Site, phone: &Phone) -> u64 {
    site.shown("ship", phone.id())["failures"].as_u64().unwrap()
}

fn a_source_is_slowed_and_another_is_not(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    site.phone("ship", "bob");
    fail(&party, "alice", "192.0.2.1", 5);
    let wait = try_once(&party, "alice", "192.0.2.1").slowed();
    assert!((1..=30).contains(&wait), "{wait}");

    let code = phone.take();
    let right = attempt("alice", &code);
    party.post("/v1/verify", &from("192.0.2.1", right.clone())).slowed();
    assert_eq!(failures(&site, &phone), 5, "who is slowed is not heard");
    party.post("/v1/challenge", &json!({ "user": "alice", "source": "192.0.2.1" })).slowed();

    assert!(!try_once(&party, "bob", "192.0.2.1").verdict(), "the source is slowed at this name alone");
    party.post("/v1/challenge", &json!({ "user": "alice", "source": "192.0.2.2" })).ok();
    assert!(
        party.accepts(&from("192.0.2.2", right)),
        "the user elsewhere gets in, with the operation that was slowed too"
    );
    assert_eq!(failures(&site, &phone), 0, "a success ends the run");
    assert!(site.has_event("ship", "source-slowed"));
}

fn one_customer_of_ipv6_is_one_source(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    for host in 1..=5 {
        fail(&party, "alice", &format!("2001:db8::{host}"), 1);
    }
    try_once(&party, "alice", "2001:db8::ffff").slowed();
    assert!(!try_once(&party, "alice", "2001:db8:0:1::1").verdict());
    fail(&party, "alice", "192.0.2.9", 5);
    try_once(&party, "alice", "::ffff:192.0.2.9").slowed();
}

/// A relying party that names no source is one source by itself.
fn without_a_source_the_relying_party_is_one(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({ "max_failures": 2 }));
    let other = site.relying_party("ship", "mail");
    for _ in 0..2 {
        assert!(!party.accepts(&attempt("alice", NO_CODE)));
    }
    party.post("/v1/verify", &attempt("alice", NO_CODE)).slowed();
    assert!(!other.accepts(&attempt("alice", NO_CODE)));
    assert!(!try_once(&party, "alice", "192.0.2.1").verdict());
}

fn names_that_nobody_has_are_slowed_the_same(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    site.realm("other", &json!({}));
    let phone = site.phone("ship", "alice");
    site.command("ship", site.phone("ship", "revoked").id(), "revoke").ok();
    site.command("ship", site.phone("ship", "suspended").id(), "suspend").ok();
    site.enrolment("ship", "pending", "symmetric", "shared");
    let other_realm = |user: &str| {
        let mut body = attempt(user, NO_CODE);
        body["realm"] = Value::from("other");
        body
    };
    let by_device =
        |device: &str| json!({ "operation_id": crate::common::operation(), "device": device, "code": NO_CODE });
    let known = phone.id().to_string();
    let names: [&dyn Fn() -> Value; 8] = [
        &|| attempt("alice", NO_CODE),
        &|| attempt("nobody", NO_CODE),
        &|| attempt("revoked", NO_CODE),
        &|| attempt("suspended", NO_CODE),
        &|| attempt("pending", NO_CODE),
        &|| other_realm("alice"),
        &|| by_device(&known),
        &|| by_device("00000000000000aa"),
    ];
    for (number, name) in names.iter().enumerate() {
        let source = format!("192.0.2.{number}");
        let answers: Vec<u16> = (0..6).map(|_| party.post("/v1/verify", &from(&source, name())).status).collect();
        assert_eq!(answers, [200, 200, 200, 200, 200, 429], "name {number}");
    }
}

fn a_wait_that_is_over_is_over_and_the_next_is_longer(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let long_ago = site::now().0 - 31_000;
    plant(&site, &[(buckets("alice", "192.0.2.1").source, 5)], long_ago, 24 * 3_600_000);
    assert!(!try_once(&party, "alice", "192.0.2.1").verdict(), "30 seconds have passed");
    let wait = try_once(&party, "alice", "192.0.2.1").slowed();
    assert!((31..=60).contains(&wait), "{wait}");
}

fn counts_outlive_restart_refill_and_rotation(stands: Stands) {
    let mut site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    fail(&party, "alice", "192.0.2.1", 2);
    site.kill_and_restart();
    let party = party.at(site.url());
    phone.move_to(site.url());
    assert_eq!(failures(&site, &phone), 2);

    site.command("ship", phone.id(), "push").ok();
    assert_eq!(phone.sync().codes_received(), 40);
    fail(&party, "alice", "192.0.2.1", 1);
    phone.on(|device| device.rotate()).unwrap();
    assert_eq!(site.shown("ship", phone.id())["epoch"], 1);
    fail(&party, "alice", "192.0.2.1", 1);
    site.command("ship", phone.id(), "suspend").ok();
    site.command("ship", phone.id(), "resume").ok();
    site.restart();
    let party = party.at(site.url());
    fail(&party, "alice", "192.0.2.1", 1);
    assert_eq!(failures(&site, &phone), 5);
    try_once(&party, "alice", "192.0.2.1").slowed();
    let second = site.second();
    try_once(&party.at(&second.url), "alice", "192.0.2.1").slowed();
    assert!(party.accepts(&from("192.0.2.2", attempt("alice", &phone.take()))));
}

fn after_100_consecutive_failures_the_device_is_locked(stands: Stands) {
    let mut site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    for source in 1..=99 {
        fail(&party, "alice", &format!("192.0.2.{source}"), 1);
    }
    assert_eq!(site.shown("ship", phone.id())["status"], "active");
    fail(&party, "alice", "192.0.2.100", 1);
    let shown = site.shown("ship", phone.id());
    assert_eq!((shown["status"].as_str(), shown["failures"].as_u64()), (Some("locked"), Some(100)));
    assert!(site.has_event("ship", "device-locked"));

    let code = phone.take();
    let from_afar = |code: &str| from("203.0.113.1", attempt("alice", code));
    assert!(!party.accepts(&from_afar(&code)));
    phone.request_set();
    phone.on(|device| device.rotate()).unwrap();
    site.restart();
    let party = party.at(site.url());
    phone.move_to(site.url());
    assert_eq!(site.shown("ship", phone.id())["status"], "locked", "no set, key or restart unlocks it");
    assert!(!party.accepts(&from_afar(&code)));

    site.command("ship", phone.id(), "unlock").ok();
    assert_eq!(failures(&site, &phone), 0);
    assert!(party.accepts(&from_afar(&code)), "the codes that it had are good again");
    site.command("ship", phone.id(), "unlock").problem(409, "conflict");
}

/// One place that tries its luck at many names waits after each failure, and nobody else does.
fn a_place_that_fails_at_many_names_is_slowed(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let other = site.relying_party("ship", "mail");
    for user in 0..PLACE_FAILURES {
        fail(&party, &format!("nobody-{user}"), "192.0.2.1", 1);
    }
    let wait = try_once(&party, "alice", "192.0.2.1").slowed();
    assert!((1..=5).contains(&wait), "{wait}");
    assert!(!try_once(&party, "alice", "192.0.2.2").verdict());
    assert!(!try_once(&other, "alice", "192.0.2.1").verdict(), "another relying party's sources are others");
}

fn in_a_relying_party_with_many_failures_the_places_that_made_some_are_slowed(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let other = site.relying_party("ship", "mail");
    let mut phone = site.phone("ship", "alice");
    for attacker in 0..RELYING_PARTY_FAILURES {
        fail(&party, &format!("nobody-{attacker}"), &format!("10.0.{}.{}", attacker / 256, attacker % 256), 1);
    }
    let wait = try_once(&party, "alice", "10.0.0.7").slowed();
    assert!((1..=5).contains(&wait), "{wait}");
    party.post("/v1/challenge", &json!({ "user": "alice", "source": "10.0.0.8" })).slowed();
    assert!(party.accepts(&from("192.0.2.1", attempt("alice", &phone.take()))), "who has not failed gets in");
    assert!(!try_once(&other, "alice", "10.0.0.7").verdict());
}

fn a_realm_with_too_many_failures_slows_those_that_cause_them(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let other = site.relying_party("ship", "mail");
    let elsewhere = site.realm("harbour", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let seen = buckets("alice", "192.0.2.1");
    let now = site::now().0;
    plant(&site, &[(seen.place, 1)], now, PLACE_WINDOW_MS);
    plant(&site, &[(seen.relying_party, RELYING_PARTY_FAILURES)], now, RELYING_PARTY_WINDOW_MS);
    plant(&site, &[(seen.global, GLOBAL_FAILURES)], now, GLOBAL_WINDOW_MS);
    let wait = try_once(&party, "alice", "192.0.2.1").slowed();
    assert!((6..=30).contains(&wait), "longer than for its relying party's failures alone: {wait}");
    assert!(party.accepts(&from("192.0.2.2", attempt("alice", &phone.take()))), "who has not failed gets in");
    assert!(!try_once(&other, "alice", "192.0.2.1").verdict(), "this one is no cause of it");
    assert!(!try_once(&elsewhere, "alice", "192.0.2.1").verdict());
}

fn buckets(user: &str, source: &str) -> Buckets {
    let realm = RealmId::new("ship").unwrap();
    let attempt = Attempt {
        home: &realm,
        realm: &realm,
        target: &VerifyTarget::Subscriber(SubscriberId::new(user).unwrap()),
        relying_party: &RelyingPartyId::new("vpn").unwrap(),
        source: Some(source),
    };
    Buckets::of(&attempt, &site::keyring())
}

/// Counts failures that nobody waited for.
fn plant(site: &Site, counts: &[(matchbook_rules::BucketKey, u32)], at_ms: u64, window_ms: u64) {
    let mut changes = Changes::default();
    for (bucket, count) in counts {
        let write = Write::CountFailure {
            realm: RealmId::new("ship").unwrap(),
            bucket: *bucket,
            at: UnixMillis(at_ms),
            window_ms,
        };
        changes.writes.extend(std::iter::repeat_n(write, usize::try_from(*count).unwrap()));
    }
    site.block_on(site.store().commit(changes)).unwrap();
}
