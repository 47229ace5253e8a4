//! Devices and their sets: enrolment, the first set, and the three triggers of a refill.

use std::thread;
use std::time::{Duration, Instant};

use matchbook_protocol::{CodeIndex, DownlinkKind, Event, Selector, UnverifiedDownlink};
use serde_json::json;

use crate::common::phone::Loss;
use crate::common::{Phone, Site, Stands, attempt, eventually, hand, on_stores};

on_stores! { [sqlite postgres] {
    a_device_enrols_and_gets_its_first_set,
    the_device_asks_at_its_threshold,
    the_server_counts_and_its_push_answers_a_held_request,
    the_operators_push_answers_a_held_request,
    the_user_asks_for_a_set,
    sets_are_sealed_to_the_devices_public_key,
    lost_messages_and_answers_are_made_good,
    a_duplicate_gets_the_same_bytes,
}}

pub(crate) fn kinds(phone: &Phone) -> Vec<DownlinkKind> {
    let messages = phone.line.tape.iter().flat_map(|(_, answers)| answers);
    messages.map(|message| UnverifiedDownlink::decode(message).unwrap().header().kind).collect()
}

fn a_device_enrols_and_gets_its_first_set(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let mut phone = site.new_phone("ship", "alice", "x25519", "shared");
    let id = phone.id();
    let before = site.shown("ship", id);
    assert_eq!((before["status"].as_str(), before["last_seen_at_ms"].is_null()), (Some("pending"), true));

    let report = phone.sync();
    assert!(matches!(report.events[0], Event::Enrolled), "{:?}", report.events);
    assert_eq!((report.codes_received(), phone.remaining(), phone.account().threshold()), (40, 40, 10));
    assert!(report.answered);
    let after = site.shown("ship", id);
    let fields =
        ["status", "suite", "delivery", "epoch", "next_index", "acknowledged", "issued_unused", "reported_unused"];
    let found: Vec<_> = fields.iter().map(|field| after[*field].clone()).collect();
    assert_eq!(json!(found), json!(["active", "x25519", "shared", 0, 41, 40, 40, 40]));
    assert_eq!(after["set_outstanding"], false, "the device has said that it came");
    let kinds: Vec<String> = site.events("ship").into_iter().rev().map(|(kind, _)| kind).collect();
    let expected = [
        "realm-created",
        "subscriber-created",
        "enrolment-created",
        "device-enrolled",
        "set-issued",
        "set-acknowledged",
    ];
    assert_eq!(kinds, expected);

    assert!(party.accepts(&attempt("alice", &phone.take())));
    let quiet = phone.sync();
    assert!(quiet.is_quiet() && quiet.answered, "{quiet:?}");
}

/// M5: the device asks when few codes are left.
fn the_device_asks_at_its_threshold(stands: Stands) {
    let site = Site::on(stands);
    site.realm("ship", &json!({ "set_size": 12, "threshold": 4 }));
    let mut phone = site.phone("ship", "alice");
    phone.take_many(7);
    assert!(!phone.account().awaits_answer());
    phone.take();
    assert!(phone.account().awaits_answer(), "four are left: the request waits to be sent");
    assert_eq!(phone.on(|device| device.send_pending()).unwrap().codes_received(), 12);
    assert_eq!(phone.remaining(), 16);
    let why = site.events("ship").into_iter().find(|(kind, _)| kind == "set-issued").unwrap().1;
    assert!(why.contains("the device runs low"), "{why}");
}

/// M6: the server counts, pushes, and the request that the device has left waiting is answered before its time.
fn the_server_counts_and_its_push_answers_a_held_request(stands: Stands) {
    let site = Site::on(stands);
    let party =
        site.realm("ship", &json!({ "mode": "next-in-order", "look_ahead": 10, "set_size": 12, "threshold": 4 }));
    let mut phone = site.phone("ship", "alice");
    let eighth = phone.take_with(Selector::Index(CodeIndex(8)));
    let began = Instant::now();
    let held = thread::spawn(move || phone.on(|device| device.wait_for_push(Duration::from_secs(50))).unwrap());
    eventually("the device waits", || site.metric("matchbook_waiting_devices") > 0.0);
    assert!(party.accepts(&attempt("alice", &eighth)), "and the seven before it are dead: four are left");
    assert_eq!(held.join().unwrap().codes_received(), 12);
    assert!(began.elapsed() < Duration::from_secs(45), "held to its end: {:?}", began.elapsed());
    let why = site.events("ship").into_iter().find(|(kind, _)| kind == "set-issued").unwrap().1;
    assert!(why.contains("the server counted"), "{why}");
}

/// The operator's push, likewise.
fn the_operators_push_answers_a_held_request(stands: Stands) {
    let site = Site::on(stands);
    site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let id = phone.id();
    let began = Instant::now();
    let held = thread::spawn(move || phone.on(|device| device.wait_for_push(Duration::from_secs(50))).unwrap());
    eventually("the device waits", || site.metric("matchbook_waiting_devices") > 0.0);
    let shown = site.command("ship", id, "push").ok();
    assert_eq!(shown["device"], id.to_string());
    assert_eq!(held.join().unwrap().codes_received(), 40);
    assert!(began.elapsed() < Duration::from_secs(45), "held to its end: {:?}", began.elapsed());
    assert_eq!(site.shown("ship", id)["set_outstanding"], false);
}

/// M7: the user asks.
fn the_user_asks_for_a_set(stands: Stands) {
    let site = Site::on(stands);
    site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    assert_eq!(phone.request_set().codes_received(), 40);
    assert_eq!(phone.remaining(), 80);
    assert!(site.events("ship").into_iter().any(|(kind, why)| kind == "set-issued" && why.contains("the user asked")));
}

/// M11: sets sealed to the device's own public key.
fn sets_are_sealed_to_the_devices_public_key(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    for suite in ["x25519", "p256"] {
        let user = format!("alice-{suite}");
        let mut phone = site.new_phone("ship", &user, suite, "public-key");
        phone.sync();
        phone.request_set();
        assert_eq!(kinds(&phone).iter().filter(|kind| **kind == DownlinkKind::SetPk).count(), 2);
        assert!(!kinds(&phone).contains(&DownlinkKind::Set));
        assert_eq!(phone.remaining(), 80);
        assert!(party.accepts(&attempt(&user, &phone.take())));
        let shown = site.shown("ship", phone.id());
        assert_eq!((shown["suite"].as_str(), shown["delivery"].as_str()), (Some(suite), Some("public-key")));
    }
    let body = json!({ "user": "alice-p256", "suite": "symmetric", "delivery": "public-key" });
    site.operator().post("/v1/realms/ship/enrolments", &body).problem(400, "bad-request");
}

/// Whatever the line loses, and however often: what is asked for comes once.
fn lost_messages_and_answers_are_made_good(stands: Stands) {
    for suite in ["symmetric", "x25519", "p256"] {
        let site = Site::on(stands);
        let party = site.realm("ship", &json!({}));
        let mut phone = site.new_phone("ship", "alice", suite, "shared");
        let lossy = |phone: &mut Phone| {
            phone.line.losses = vec![Loss::Answer, Loss::Request, Loss::Answer, Loss::Answer];
            phone.sync_at_last();
            phone.line.losses.clear();
            phone.sync()
        };
        lossy(&mut phone);
        assert_eq!(
            (phone.remaining(), site.shown("ship", phone.id())["next_index"].clone()),
            (40, json!(41)),
            "{suite}"
        );

        phone.line.losses = vec![Loss::Answer, Loss::Answer, Loss::Request];
        phone.on(|device| device.request_set()).unwrap_err();
        lossy(&mut phone);
        assert_eq!(
            (phone.remaining(), site.shown("ship", phone.id())["next_index"].clone()),
            (80, json!(81)),
            "{suite}"
        );

        phone.line.losses = vec![Loss::Answer];
        phone.on(|device| device.rotate()).unwrap_err();
        lossy(&mut phone);
        lossy(&mut phone);
        assert_eq!(
            (phone.account().epoch().0, site.shown("ship", phone.id())["epoch"].clone()),
            (1, json!(1)),
            "{suite}"
        );
        phone.request_set();
        assert_eq!(phone.remaining(), 120, "{suite}");
        assert!(party.accepts(&attempt("alice", &phone.take())), "{suite}");
        let shown = site.shown("ship", phone.id());
        assert_eq!((shown["set_outstanding"].clone(), shown["rotation_pending"].clone()), (json!(false), json!(false)));
    }
}

fn a_duplicate_gets_the_same_bytes(stands: Stands) {
    let site = Site::on(stands);
    site.realm("ship", &json!({}));
    let mut hand = hand::Hand::new(&site.enrolment("ship", "alice", "symmetric", "shared"));
    let enrol = hand.seal_enrol();
    let status = hand.seal(&hand::status(0, 0));
    let wants = hand.seal(&hand::wants(0, 0, 255));
    let first: Vec<_> = [&enrol, &status, &wants].map(|message| hand.post(message)).into();
    assert!(first.iter().all(|answer| answer.status == 200 && !answer.messages.is_empty()), "{first:?}");
    for _ in 0..3 {
        assert_eq!(hand.post(&wants).messages, first[2].messages);
    }
    let settled = hand.seal(&hand::status(40, 40));
    let answer = hand.post(&settled);
    assert!(hand.set_in(&answer).is_none());
    assert_eq!(hand.post(&settled).messages, answer.messages);
    assert_eq!(hand.post(&wants).messages, Vec::<Vec<u8>>::new(), "its answer is settled, and a later one came");
    assert_eq!(site.shown("ship", hand.id())["next_index"], 41);
}

/// A replay holds no connection: only the first time does a request wait.
#[test]
fn a_duplicate_is_not_held() {
    let site = Site::new();
    site.realm("ship", &json!({ "threshold": 0 }));
    let mut hand = site.hand("ship", "alice");
    hand.request(&hand::wants(0, 0, 20));
    let message = hand.seal(&hand::status(20, 20));
    let first = hand.post(&message);
    let began = Instant::now();
    assert_eq!(hand.post_waiting(&message, 50).messages, first.messages);
    assert!(began.elapsed() < Duration::from_secs(40));
}
