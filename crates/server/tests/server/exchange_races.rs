//! Push, pull and count at the same moment: at most one set is outstanding, ever, and none is issued twice.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use matchbook_rules::{DeviceSnapshot, OutboxKind};
use serde_json::json;

use crate::common::{Site, Stands, attempt, on_stores};

on_stores! { [sqlite postgres] {
    push_pull_and_count_issue_one_set_at_a_time,
    a_request_that_comes_many_times_at_once_is_answered_once,
    rotations_from_both_sides_meet,
    a_device_with_two_bearers_is_answered_on_both,
}}

const ROUNDS: usize = 40;

fn outstanding(snapshot: &DeviceSnapshot) -> usize {
    snapshot.outbox.iter().filter(|item| matches!(item.kind, OutboxKind::Set { .. })).count()
}

/// The operator pushes through one server while the device pulls at another, and a verify makes a set due: whoever is
/// first issues, the others find it outstanding.
fn push_pull_and_count_issue_one_set_at_a_time(stands: Stands) {
    let site = Site::on(stands);
    let second = site.second();
    let policy = json!({ "set_size": 2, "threshold": 63, "sets_per_day": 100 });
    let party = site.realm("ship", &policy).at(&second.url);
    let mut phone = site.phone("ship", "alice");
    phone.move_to(&second.url);
    let (id, operator) = (phone.id(), site.operator());
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (store, reader, stop) = (Arc::clone(site.store()), site.reader(), Arc::clone(&stop));
        thread::spawn(move || {
            let mut most = 0;
            while !stop.load(Ordering::SeqCst) {
                most = most.max(outstanding(&reader.block_on(store.load_device(&id)).unwrap().unwrap()));
            }
            most
        })
    };
    for round in 0..ROUNDS {
        let start = Barrier::new(3);
        let attempt = attempt("alice", &phone.take());
        thread::scope(|scope| {
            let pushed = scope.spawn(|| {
                start.wait();
                operator.command(&format!("/v1/realms/ship/devices/{id}/push")).status
            });
            let verified = scope.spawn(|| {
                start.wait();
                party.accepts(&attempt)
            });
            start.wait();
            phone.request_set();
            assert_eq!(pushed.join().unwrap(), 200, "round {round}");
            assert!(verified.join().unwrap(), "round {round}");
        });
        let stored = site.stored(id);
        assert!(outstanding(&stored) <= 1, "round {round}: {:?}", stored.outbox);
        phone.sync();
    }
    stop.store(true, Ordering::SeqCst);
    assert_eq!(watcher.join().unwrap(), 1);
    let stored = site.stored(id);
    let mut indices = BTreeSet::new();
    for set in &stored.sets {
        assert!((set.first.0..).take(set.tags.len()).all(|index| indices.insert(index)), "{} twice", set.first);
    }
    assert!(phone.account().history().conflicts == 0);
    for _ in 0..10 {
        assert!(party.accepts(&attempt("alice", &phone.take())), "both hold the same codes");
    }
    second.stop();
}

/// The same request from many connections at once is one request.
fn a_request_that_comes_many_times_at_once_is_answered_once(stands: Stands) {
    let site = Site::on(stands);
    let second = site.second();
    site.realm("ship", &json!({ "threshold": 0, "set_size": 4, "sets_per_day": 100 }));
    let mut hand = site.hand("ship", "alice");
    let mut held = 0;
    for round in 0..10 {
        let message = hand.seal(&crate::common::hand::wants(held, 0, 255));
        let start = Barrier::new(8);
        let answers: Vec<_> = thread::scope(|scope| {
            let (hand, message, start) = (&hand, &message, &start);
            let calls: Vec<_> = [site.url(), &second.url]
                .repeat(4)
                .into_iter()
                .map(|url| {
                    scope.spawn(move || {
                        let cose = matchbook_protocol::expand_uplink(message).unwrap();
                        start.wait();
                        hand.read(&crate::common::hand::raw_post(url, &cose, 0))
                    })
                })
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        let set = hand.set_in(&answers[0]).unwrap();
        assert_eq!(set.first.0, held + 1, "round {round}");
        assert!(answers.iter().all(|answer| answer.messages == answers[0].messages), "round {round}");
        held += 4;
    }
    assert_eq!(site.shown("ship", hand.id())["next_index"], 41);
}

/// An operator's and a device's wish for a new key at the same moment come to one rotation.
fn rotations_from_both_sides_meet(stands: Stands) {
    let site = Site::on(stands);
    site.realm("ship", &json!({}));
    for suite in ["symmetric", "x25519"] {
        let mut phone = site.new_phone("ship", suite, suite, "shared");
        phone.sync();
        let (id, operator) = (phone.id(), site.operator());
        for _ in 0..10 {
            let start = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    operator.command(&format!("/v1/realms/ship/devices/{id}/rotate")).ok();
                });
                start.wait();
                phone.on(|device| device.rotate()).unwrap();
            });
            phone.sync();
            phone.sync();
            let shown = site.shown("ship", id);
            assert_eq!(shown["epoch"], phone.account().epoch().0, "{suite}");
            assert_eq!(shown["rotation_pending"], false, "{suite}");
        }
        assert_eq!(phone.account().history().conflicts, 0, "{suite}");
        assert_eq!(phone.request_set().codes_received(), 40, "{suite}");
    }
}

/// Requests that overtake each other all count, each once.
fn a_device_with_two_bearers_is_answered_on_both(stands: Stands) {
    let site = Site::on(stands);
    site.realm("ship", &json!({}));
    let mut hand = site.hand("ship", "alice");
    let first = hand.seal(&crate::common::hand::wants(0, 0, 5));
    let second = hand.seal(&crate::common::hand::wants(0, 0, 5));
    let late = hand.post(&second);
    let early = hand.post(&first);
    assert_eq!(hand.set_in(&late).unwrap().first, hand.set_in(&early).unwrap().first, "one set, the same bytes");
    assert_eq!(site.shown("ship", hand.id())["next_index"], 6);
}
