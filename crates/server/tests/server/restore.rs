//! A store that was put back from a backup knows less than its devices: nothing verifies until each has called, and what
//! was used stays used.

use matchbook_protocol::Event;
use matchbook_store::sqlite::{OpenOptions, backup, restore};
use serde_json::json;

use crate::common::{Api, Phone, Site, attempt, site};

/// Puts the site's store back from a backup that is made now; what `meanwhile` does is forgotten.
fn put_back(site: &mut Site, meanwhile: impl FnOnce(&mut Site)) {
    let folder = site.path().parent().unwrap().to_owned();
    let copy = folder.join("copy");
    backup(&site.path(), &copy, |_| {}).unwrap();
    meanwhile(site);
    site.close();
    let place = folder.join("restored.sqlite");
    let options =
        OpenOptions { check_value: Some(site::keyring().check_value()), create: false, ..OpenOptions::default() };
    let (store, marked) = site.block_on(restore(&copy, &place, options, site::now())).unwrap();
    assert!(marked > 0);
    site.serve(std::sync::Arc::new(store));
}

fn any(party: &Api, codes: &[String]) -> bool {
    codes.iter().enumerate().any(|(number, code)| {
        let mut body = attempt("alice", code);
        body["source"] = json!(format!("192.0.2.{number}"));
        party.accepts(&body)
    })
}

fn came_by_reset(report: &matchbook_device::Report) -> bool {
    report.events.iter().any(|event| matches!(event, Event::SetAccepted { dropped, .. } if *dropped > 0))
}

#[test]
fn after_a_restore_nothing_verifies_until_the_device_has_called() {
    let mut site = Site::new();
    let party = site.realm("ship", &json!({ "mode": "any-unused", "digits": 8 }));
    let mut phone = site.phone("ship", "alice");
    let codes = phone.take_many(6);
    assert!(party.accepts(&attempt("alice", &codes[0])));
    let (id, url) = (phone.id(), site.url().to_owned());
    let forgotten = codes[1].clone();
    put_back(&mut site, |site| {
        let party = party.at(site.url());
        assert!(party.accepts(&attempt("alice", &forgotten)), "a spend that the backup does not have");
        phone.request_set();
        assert!(phone.remaining() > 24);
    });
    assert_ne!(url, site.url());
    let party = party.at(site.url());
    phone.move_to(site.url());
    assert_eq!(site.shown("ship", id)["status"], "restored");
    assert!(!any(&party, &codes), "neither the used nor the unused");
    site.command("ship", id, "push").problem(409, "conflict");

    let report = phone.sync();
    assert!(came_by_reset(&report), "{report:?}");
    let shown = site.shown("ship", id);
    assert_eq!(shown["status"], "active");
    assert!(shown["next_index"].as_u64().unwrap() > 60, "beyond all that the device has ever held");
    assert_eq!(phone.remaining(), 30, "the new set, and nothing of before");
    assert!(!any(&party, &codes), "no code of before lives again");
    let new = phone.take();
    assert!(any(&party, std::slice::from_ref(&new)));
    assert!(!any(&party, &[new]));
    assert!(site.has_event("ship", "device-restored"));
}

/// The mark alone, on a store that is served: what is on its way is void too.
#[test]
fn a_mark_voids_what_is_on_its_way() {
    let site = Site::new();
    let party = site.realm("ship", &json!({ "mode": "any-unused", "digits": 8 }));
    let mut phone = site.phone("ship", "alice");
    site.command("ship", phone.id(), "push").ok();
    site.command("ship", phone.id(), "rotate").ok();
    let marked = site.block_on(site.store().mark_restored(site::now())).unwrap();
    assert_eq!(marked, 1);
    let stored = site.stored(phone.id());
    assert!(stored.sets.is_empty() && stored.outbox.is_empty());
    let old = phone.take_many(5);
    assert!(!any(&party, &old));
    let report = phone.sync();
    assert!(came_by_reset(&report), "{report:?}");
    assert!(!any(&party, &old));
    assert!(any(&party, &[phone.take()]));
}

/// A rotation that the backup has not got: the device's key is one that the server does not have, so the operator is
/// told to enrol it anew, and nothing verifies.
#[test]
fn a_key_that_the_backup_does_not_have_needs_a_new_enrolment() {
    let mut site = Site::new();
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    put_back(&mut site, |_| {
        phone.on(|device| device.rotate()).unwrap();
    });
    let party = party.at(site.url());
    phone.move_to(site.url());
    assert!(!phone.sync().answered);
    assert_eq!(site.shown("ship", phone.id())["status"], "restored");
    assert!(!party.accepts(&attempt("alice", &phone.take())));
    let mut replacement = site.phone("ship", "alice");
    assert!(party.accepts(&attempt("alice", &replacement.take())));
}

/// The other way round: a phone that was put back from a copy is told to enrol anew, and revives nothing.
#[test]
fn a_device_that_was_put_back_is_found_out() {
    let site = Site::new();
    let party = site.realm("ship", &json!({ "mode": "any-unused", "digits": 8 }));
    let mut phone: Phone = site.phone("ship", "alice");
    let copy = phone.content();
    let used = phone.take();
    assert!(party.accepts(&attempt("alice", &used)));
    phone.request_set();
    phone.sync();
    phone.put_back(copy);
    assert!(!party.accepts(&attempt("alice", &phone.take())), "the same code again");
    let report = phone.sync();
    assert!(report.events.iter().all(|event| !matches!(event, Event::KeyReplaced { .. })));
    assert!(!any(&party, &[used]));
}
