#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use matchbook_protocol::CodeIndex;
use matchbook_rules::{Candidate, Changes, Guard, SubscriberId, VerifySnapshot, VerifyTarget, Version, Write};

use super::Hot;
use crate::VerifyLookup;
use crate::contract::fixtures::*;

fn hot() -> Hot {
    Hot::new(1 << 20)
}

fn read(name: &str, device: u8) -> VerifySnapshot {
    let candidate = Candidate {
        authenticator: Arc::new(authenticator("alpha", device, name)),
        sets: [set("alpha", device, 1, 40)].into(),
        spent: vec![CodeIndex(3)],
        highest_spent: CodeIndex(3),
        failures: 0,
        set_outstanding: false,
    };
    VerifySnapshot {
        realm: Some(Arc::new(realm("alpha"))),
        subscriber: Some(Arc::new(subscriber("alpha", name))),
        candidates: vec![candidate],
        throttle: matchbook_rules::ThrottleSnapshot::default(),
        operation: None,
    }
}

fn of_device(device: u8) -> VerifyLookup {
    lookup("alpha", VerifyTarget::Authenticator(id(device)))
}

fn writes(writes: Vec<Write>) -> Changes {
    Changes { guards: Vec::new(), writes }
}

#[test]
fn what_was_read_is_remembered_by_name_and_by_device() {
    let hot = hot();
    assert!(hot.remembered(&lookup_user("alpha", "ada")).is_none());
    hot.fill(hot.ticket(), &lookup_user("alpha", "ada"), &read("ada", 1));
    for lookup in [lookup_user("alpha", "ada"), of_device(1)] {
        let found = hot.remembered(&lookup).unwrap();
        assert_eq!((found.candidates.len(), found.candidates[0].spent.as_slice()), (1, &[CodeIndex(3)][..]));
    }
    assert!(hot.remembered(&lookup_user("beta", "ada")).is_none());
    // By the device alone it is not known which others the person has.
    hot.fill(hot.ticket(), &of_device(2), &read("bob", 2));
    assert!(hot.remembered(&lookup_user("alpha", "bob")).is_none() && hot.remembered(&of_device(2)).is_some());
    hot.fill(hot.ticket(), &of_device(1), &read("ada", 1));
    assert!(hot.remembered(&lookup_user("alpha", "ada")).is_some(), "what was known is not forgotten for less");
}

#[test]
fn a_load_from_before_a_commit_fills_nothing_that_it_changed() {
    let changes: Vec<Write> = vec![
        Write::Spend(Box::new(spend("alpha", 1, 5))),
        Write::SetFailures { realm: realm_id("alpha"), id: id(1), count: 1 },
        Write::PutAuthenticator(Box::new(authenticator("alpha", 1, "ada"))),
        Write::InsertSet(Box::new(set("alpha", 1, 41, 40))),
        Write::DeleteSet { realm: realm_id("alpha"), id: id(1), first: CodeIndex(1) },
        Write::InsertOutbox(Box::new(outbox("alpha", 1, 1))),
        Write::DeleteOutbox { realm: realm_id("alpha"), id: id(1), message: [1; 16] },
        Write::PutSubscriber(Box::new(subscriber("alpha", "ada"))),
        Write::InsertAuthenticator(Box::new(authenticator("alpha", 9, "ada"))),
        Write::PutRealm(Box::new(realm("alpha"))),
    ];
    for change in changes {
        // Of a realm that was never asked for, and of one that is known.
        for hot in [hot(), {
            let known = hot();
            known.fill(known.ticket(), &of_device(7), &read("eve", 7));
            known
        }] {
            let ticket = hot.ticket();
            hot.committed(&writes(vec![change.clone()]));
            hot.fill(ticket, &lookup_user("alpha", "ada"), &read("ada", 1));
            assert!(hot.remembered(&lookup_user("alpha", "ada")).is_none(), "{change:?}");
            hot.fill(hot.ticket(), &lookup_user("alpha", "ada"), &read("ada", 1));
            assert!(hot.remembered(&lookup_user("alpha", "ada")).is_some(), "{change:?}");
        }
    }
}

#[test]
fn spends_and_failures_change_what_is_remembered() {
    let hot = hot();
    hot.fill(hot.ticket(), &lookup_user("alpha", "ada"), &read("ada", 1));
    let handed_out = hot.remembered(&of_device(1)).unwrap();
    let failures = Write::SetFailures { realm: realm_id("alpha"), id: id(1), count: 4 };
    hot.committed(&writes(vec![Write::Spend(Box::new(spend("alpha", 1, 2))), failures]));
    hot.spent(&realm_id("alpha"), &id(1), CodeIndex(9));
    let found = &hot.remembered(&of_device(1)).unwrap().candidates[0];
    assert_eq!(found.spent, [CodeIndex(2), CodeIndex(3), CodeIndex(9)]);
    assert_eq!((found.highest_spent, found.failures), (CodeIndex(9), 4));
    assert_eq!(handed_out.candidates[0].spent, [CodeIndex(3)], "a snapshot stays as it was");
}

#[test]
fn what_changes_rest_on_can_be_forgotten() {
    let guards = [
        Guard::Realm { id: realm_id("alpha"), version: Version(1) },
        Guard::Subscriber { realm: realm_id("alpha"), id: SubscriberId::new("ada").unwrap(), version: Version(1) },
        Guard::Authenticator { realm: realm_id("alpha"), id: id(1), version: Version(1) },
        Guard::Failures { realm: realm_id("alpha"), id: id(1), count: 0 },
    ];
    for guard in guards {
        let hot = hot();
        hot.fill(hot.ticket(), &lookup_user("alpha", "ada"), &read("ada", 1));
        hot.forget(&Changes { guards: vec![guard.clone()], writes: Vec::new() });
        assert!(hot.remembered(&lookup_user("alpha", "ada")).is_none(), "{guard:?}");
    }
    let hot = hot();
    let ticket = hot.ticket();
    hot.clear();
    hot.fill(ticket, &of_device(1), &read("ada", 1));
    assert!(hot.remembered(&of_device(1)).is_none());
}

#[test]
fn the_budget_is_kept() {
    let hot = hot();
    for device in 0..=u8::MAX {
        for name in 0..8 {
            let mut read = read(&format!("user{name}-{device}"), device);
            let mut device = read.candidates[0].authenticator.as_ref().clone();
            device.id.0[0] = name;
            read.candidates[0].authenticator = Arc::new(device);
            hot.fill(hot.ticket(), &of_device(1), &read);
        }
    }
    let held = hot.entries.weight();
    assert!((1 << 18..=1 << 20).contains(&held), "{held}");
}
