//! Devices with keys from a factory: taken in all at once or not at all, and at work from then on.

use matchbook_device::bearer::{Bearer, HttpBearer, HttpOptions};
use matchbook_protocol::{
    AuthenticatorId, Delivery, Engine, Event, Handle, Output, Party, Profile, Provision, Secret, Selector, Suite,
    UnixMillis,
};
use matchbook_rules::{Changes, Write};
use matchbook_server::ServerConfig;
use serde_json::{Value, json};

use crate::common::site::{config, now};
use crate::common::{Api, Fault, Site, Stands, attempt, hand, on_stores};

on_stores! { [memory sqlite postgres] {
    a_device_with_a_key_from_the_factory_gets_codes_and_one_is_verified_once,
    nothing_is_live_before_all_is_and_the_same_rows_are_found_there,
    a_lost_answer_is_asked_for_again,
    an_import_that_is_broken_off_leaves_nothing_that_is_in_the_way,
    keys_leave_only_where_that_is_allowed_and_while_they_were_never_used,
}}

const IMPORT: &str = "/v1/realms/ship/imports/00112233445566778899aabbccddeeff";
const OTHER: &str = "/v1/realms/ship/imports/ffeeddccbbaa99887766554433221100";

fn row(byte: u8, user: &str) -> Value {
    let (device, key) = (format!("{byte:02x}").repeat(8), format!("{:02x}", byte.wrapping_add(100)).repeat(32));
    json!({ "device": device, "key": key, "user": user, "label": format!("card {byte}") })
}

fn add(api: &Api, import: &str, rows: &[Value], more: &Value) -> Vec<String> {
    let mut body = json!({ "devices": rows });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let report = api.post(&format!("{import}/devices"), &body).ok();
    report["devices"].as_array().unwrap().iter().map(|it| it["outcome"].as_str().unwrap().to_owned()).collect()
}

fn live(api: &Api, import: &str, devices: u32) -> Value {
    api.post(&format!("{import}/live"), &json!({ "devices": devices })).ok()
}

fn listed(api: &Api) -> usize {
    api.get("/v1/realms/ship/devices").ok()["items"].as_array().unwrap().len()
}

/// A card that was given its key where it was made.
struct Card {
    engine: Engine,
    bearer: HttpBearer,
}

impl Card {
    fn new(byte: u8, url: &str) -> Self {
        let profile = Profile::new(Suite::Symmetric, Delivery::Shared).unwrap();
        let party = Party { id: AuthenticatorId([byte; 8]), profile };
        let key = Secret::new([byte.wrapping_add(100); 32]);
        let (realm, label, server) = ("ship".to_owned(), "card".to_owned(), url.to_owned());
        let provision = Provision { party, handle: Handle(0), key, realm, label, server };
        let engine = Engine::provision(provision, &mut hand::rng()).unwrap();
        let bearer = HttpBearer::new(url, party, &HttpOptions::default()).unwrap();
        Self { engine, bearer }
    }

    /// Sends what it has to send until it has nothing more; the code that it shows meanwhile.
    fn call(&mut self) -> Option<String> {
        let mut shown = None;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit(message) => {
                    for answer in self.bearer.exchange(&message, None).unwrap() {
                        self.engine.handle_input(&answer, now(), &mut hand::rng()).unwrap();
                    }
                }
                Output::Event(Event::Code { code, .. }) => shown = Some(code.reveal().to_string()),
                _ => {}
            }
        }
        shown
    }

    fn take(&mut self) -> String {
        self.engine.take_code(Selector::Next, now(), &mut hand::rng()).unwrap();
        self.call().unwrap()
    }
}

// MB-ENR-8, MB-ENR-9
fn a_device_with_a_key_from_the_factory_gets_codes_and_one_is_verified_once(stands: Stands) {
    let site = Site::on(stands);
    let party = site.realm("ship", &json!({}));
    let operator = site.operator();
    let rows = [row(1, "alice"), row(2, "bob")];
    assert_eq!(add(&operator, IMPORT, &rows, &json!({ "create_users": true })), ["new", "new"]);
    assert_eq!(live(&operator, IMPORT, 2), json!({ "devices": 2, "users": 2 }));
    assert!(site.has_event("ship", "devices-imported"));
    let shown = site.shown("ship", AuthenticatorId([1; 8]));
    assert_eq!((&shown["status"], &shown["epoch"], &shown["label"]), (&json!("active"), &json!(0), &json!("card 1")));
    let mut card = Card::new(1, site.url());
    card.call();
    assert!(card.engine.remaining() > 0, "it got codes");
    let code = card.take();
    assert!(!party.accepts(&attempt("bob", &code)), "another user's");
    assert!(party.accepts(&attempt("alice", &code)));
    assert!(!party.accepts(&attempt("alice", &code)), "once");
    // At rest there is the sealed key alone.
    let stored = site.stored(AuthenticatorId([2; 8])).authenticator;
    let key = [102_u8; 32];
    assert!(!stored.keys.current.sealed.0.windows(32).any(|part| part == key));
    assert_eq!(site.server_key(AuthenticatorId([2; 8])).0, Secret::new(key));
}

fn nothing_is_live_before_all_is_and_the_same_rows_are_found_there(stands: Stands) {
    let site = Site::on(stands);
    site.realm("ship", &json!({}));
    let operator = site.operator();
    let makes = json!({ "create_users": true });
    let rows: Vec<Value> = (1..=5).map(|byte| row(byte, "alice")).collect();
    assert_eq!(add(&operator, IMPORT, &rows, &json!({ "dry_run": true })), ["refused"; 5], "there is no such user");
    assert_eq!(add(&operator, IMPORT, &rows, &json!({ "dry_run": true, "create_users": true })), ["new"; 5]);
    operator.post(&format!("{IMPORT}/live"), &json!({ "devices": 5 })).problem(409, "conflict");
    assert_eq!(add(&operator, IMPORT, &rows[..3], &makes), ["new"; 3]);
    assert_eq!(add(&operator, IMPORT, &rows[3..], &makes), ["new"; 2]);
    assert_eq!(listed(&operator), 0);
    assert_eq!(operator.get("/v1/realms/ship/users").ok()["items"], json!([]));
    operator.post(&format!("{IMPORT}/live"), &json!({ "devices": 4 })).problem(409, "conflict");
    assert_eq!(listed(&operator), 0);
    assert_eq!(live(&operator, IMPORT, 5), json!({ "devices": 5, "users": 1 }));
    assert_eq!(listed(&operator), 5);
    // The same file again; and what is like it and is not.
    assert_eq!(add(&operator, OTHER, &rows, &makes), ["already-there"; 5]);
    let mut other = row(1, "alice");
    other["key"] = json!("ab".repeat(32));
    let zero = json!({ "device": "0a".repeat(8), "key": "00".repeat(32), "user": "alice" });
    let odd = [other, row(2, "bob"), row(9, "carol"), zero, row(8, "alice"), row(8, "alice")];
    let report = operator.post(&format!("{OTHER}/devices"), &json!({ "devices": odd })).ok();
    let why: Vec<&str> =
        report["devices"].as_array().unwrap().iter().map(|it| it["why"].as_str().unwrap_or_default()).collect();
    for (why, says) in why.iter().zip(["another key", "another user's", "no such user", "all zeros", "", "before"]) {
        assert!(why.contains(says) && why.is_empty() == says.is_empty(), "{says}: {why}");
    }
    operator.post(&format!("{OTHER}/live"), &json!({ "devices": 1 })).problem(409, "conflict");
    let part: Vec<Value> = (0..=500).map(|_| row(7, "alice")).collect();
    operator.post(&format!("{OTHER}/devices"), &json!({ "devices": part })).problem(400, "bad-request");
    let key = json!({ "devices": [{ "device": "09".repeat(8), "key": "0123", "user": "alice" }] });
    let refused = operator.post(&format!("{OTHER}/devices"), &key);
    assert!(!String::from_utf8_lossy(&refused.body).contains("0123"), "a key with a slip in it is still a key");
}

fn of_live(changes: &Changes) -> bool {
    changes.writes.iter().any(|write| matches!(write, Write::GoLive(_)))
}

fn a_lost_answer_is_asked_for_again(stands: Stands) {
    for fault in [Fault::InDoubtApplied, Fault::InDoubtLost] {
        let (site, hooked) = Site::hooked_on(stands);
        site.realm("ship", &json!({}));
        let operator = site.operator();
        assert_eq!(add(&operator, IMPORT, &[row(1, "alice")], &json!({ "create_users": true })), ["new"]);
        hooked.fail(of_live, &[fault]);
        for _ in 0..3 {
            assert_eq!(live(&operator, IMPORT, 1), json!({ "devices": 1, "users": 1 }), "{fault:?}");
        }
        assert!(hooked.is_spent());
        operator.post(&format!("{IMPORT}/live"), &json!({ "devices": 2 })).problem(409, "conflict");
        let again = json!({ "devices": [row(3, "alice")] });
        operator.post(&format!("{IMPORT}/devices"), &again).problem(409, "conflict");
        assert_eq!(listed(&operator), 1);
        let told = site.events("ship").iter().filter(|(kind, _)| kind == "devices-imported").count();
        assert_eq!(told, 1, "{fault:?}");
    }
}

/// Killed between any two steps, it is begun anew with nothing in its way.
fn an_import_that_is_broken_off_leaves_nothing_that_is_in_the_way(stands: Stands) {
    let mut site = Site::on(stands);
    site.realm("ship", &json!({}));
    let makes = json!({ "create_users": true });
    let rows = [row(1, "alice"), row(2, "alice"), row(3, "bob")];
    assert_eq!(add(&site.operator(), IMPORT, &rows[..2], &makes), ["new"; 2]);
    if stands != Stands::Memory {
        site.kill_and_restart();
    }
    assert_eq!(listed(&site.operator()), 0);
    // Another one of the same devices, beside what is left of the first.
    assert_eq!(add(&site.operator(), OTHER, &rows, &makes), ["new"; 3]);
    if stands != Stands::Memory {
        site.kill_and_restart();
    }
    assert_eq!(live(&site.operator(), OTHER, 3), json!({ "devices": 3, "users": 2 }));
    if stands != Stands::Memory {
        site.kill_and_restart();
    }
    let operator = site.operator();
    assert_eq!(listed(&operator), 3);
    operator.post(&format!("{IMPORT}/live"), &json!({ "devices": 2 })).problem(409, "conflict");
    assert_eq!(operator.delete(IMPORT).status, 204);
    assert_eq!(operator.delete(IMPORT).status, 204, "it may be asked for again");
    assert_eq!((listed(&operator), live(&operator, OTHER, 3)), (3, json!({ "devices": 3, "users": 2 })));
    let store = site.store();
    let left = site.block_on(store.stale_imports(UnixMillis(u64::MAX))).unwrap();
    assert!(left.iter().all(|(_, id)| id.0[0] == 0xff), "of the first one nothing is left: {left:?}");
}

fn keys_leave_only_where_that_is_allowed_and_while_they_were_never_used(stands: Stands) {
    let closed = Site::on(stands);
    closed.realm("ship", &json!({}));
    let said = closed.operator().get("/v1/realms/ship/factory-keys").problem(409, "keys-stay");
    assert!(said["hint"].as_str().unwrap().contains("--allow-key-export"));
    drop(closed);
    let site = Site::on_with(stands, ServerConfig { allow_key_export: true, ..config() });
    site.realm("ship", &json!({}));
    let operator = site.operator();
    let own = site.token(&json!({ "role": "realm-operator", "realm": "ship" }));
    own.get("/v1/realms/ship/factory-keys").problem(403, "forbidden");
    let _phone = site.phone("ship", "alice");
    let rows: Vec<Value> = (1..=4).map(|byte| row(byte, "alice")).collect();
    assert_eq!(add(&operator, IMPORT, &rows, &json!({})), ["new"; 4]);
    live(&operator, IMPORT, 4);
    Card::new(2, site.url()).call();
    site.command("ship", AuthenticatorId([3; 8]), "suspend").ok();
    let given = operator.get("/v1/realms/ship/factory-keys?limit=1000").ok();
    let keys: Vec<_> = given["items"].as_array().unwrap().iter().map(|it| (&it["device"], &it["key"])).collect();
    assert_eq!(keys, [(&rows[0]["device"], &rows[0]["key"]), (&rows[3]["device"], &rows[3]["key"])]);
    assert_eq!(given["left_out"], json!({ "used": 1, "enrolled": 1, "not_in_use": 1 }));
    assert!(site.has_event("ship", "keys-exported"));
}
