//! Every flow, with every secret of it noted.

use matchbook_protocol::{CodeSet, Downlink, Enrolment, EpochKeys, Selector, UnverifiedDownlink, activation_key, pack};
use serde_json::{Value, json};

use super::Secrets;
use super::common::hand::{self, Hand};
use super::common::{Api, Phone, Site, attempt};

/// Walks through all that the server does, and notes the secrets that came up.
pub(crate) fn walk(site: &mut Site, secrets: &mut Secrets) {
    let policy = json!({ "mode": "any-unused", "digits": 12, "threshold": 3, "set_size": 20, "sets_per_day": 100 });
    let party = site.realm("ship", &policy);
    note_token(secrets, &party);
    note_token(secrets, &site.operator());

    for (suite, delivery) in [
        ("symmetric", "shared"),
        ("x25519", "shared"),
        ("p256", "shared"),
        ("x25519", "public-key"),
        ("p256", "public-key"),
    ] {
        let enrolment = site.enrolment("ship", "alice", suite, delivery);
        note_enrolment(secrets, &enrolment);
        let mut phone = Phone::new(&enrolment);
        phone.sync();
        note_key(site, secrets, &phone);
        life_of(site, secrets, &party, &mut phone);
    }
    by_hand(site, secrets, &party);
    let party = trouble(site, secrets, &party);
    refusals(site, &party);
}

fn life_of(site: &Site, secrets: &mut Secrets, party: &Api, phone: &mut Phone) {
    let mut codes = phone.take_many(3);
    assert!(party.accepts(&attempt("alice", &codes[0])), "accepted");
    assert!(!party.accepts(&attempt("alice", &codes[0])), "used before");
    party.post("/v1/challenge", &json!({ "user": "alice" })).ok();
    site.command("ship", phone.id(), "push").ok();
    phone.sync();
    phone.request_set();
    site.command("ship", phone.id(), "rotate").ok();
    phone.sync();
    note_key(site, secrets, phone);
    phone.on(|device| device.rotate()).unwrap();
    note_key(site, secrets, phone);
    phone.request_set();
    site.command("ship", phone.id(), "suspend").ok();
    assert!(!party.accepts(&attempt("alice", &codes[1])), "suspended");
    phone.sync();
    site.command("ship", phone.id(), "resume").ok();
    phone.sync();
    assert!(party.accepts(&attempt("alice", &codes[1])));
    while phone.remaining() > 0 {
        codes.push(phone.wallet.take_code(phone.handle, Selector::Next).unwrap().code.reveal().to_string());
    }
    for code in &codes {
        secrets.code("a code", code);
    }
    // What the device keeps holds its private keys; a part of it long enough is a secret too.
    secrets.bytes("the vault's end", &phone.content()[phone.content().len() - 32..]);
}

/// A device whose every message is opened here, so that the keys under the keys are known as well.
fn by_hand(site: &Site, secrets: &mut Secrets, party: &Api) {
    let enrolment = site.enrolment("ship", "bob", "symmetric", "shared");
    note_enrolment(secrets, &enrolment);
    let mut hand = Hand::new(&enrolment);
    hand.enrol();
    note_epoch(secrets, "a key derived from the first", &hand.keys);
    let answer = hand.request(&hand::wants(0, 0, 20));
    let set = hand.set_in(&answer).unwrap();
    note_set(secrets, &set);
    assert!(party.accepts(&attempt("bob", &hand::codes(&set)[0])));
    site.command("ship", hand.id(), "rotate").ok();
    let answer = hand.request(&hand::status(20, 19));
    let (next, key) = hand.rotation_in(&answer).unwrap();
    secrets.bytes("a replaced key's successor", key.expose());
    hand.keys = EpochKeys::derive(&key, &hand.party, next);
    note_epoch(secrets, "a key derived from the second", &hand.keys);
    let answer = hand.request(&hand::wants(20, 19, 20));
    note_set(secrets, &hand.set_in(&answer).unwrap());
    // It stays unacknowledged: its sealed bytes stand in the outbox when the search comes.
    for (message, kind) in answer.messages.iter().zip(["the first", "the second", "the third", "the fourth"]) {
        let opened = hand.keys.open_downlink(&UnverifiedDownlink::decode(message).unwrap(), None);
        assert!(matches!(opened, Ok(Downlink::Set(_) | Downlink::Sync { .. })), "{kind}");
    }
}

/// A restart, a kill, a lock-out and a restore.
fn trouble(site: &mut Site, secrets: &mut Secrets, party: &Api) -> Api {
    let mut phone = site.phone("ship", "carol");
    note_key(site, secrets, &phone);
    let codes = phone.take_many(3);
    site.restart();
    site.kill_and_restart();
    let party = party.at(site.url());
    phone.move_to(site.url());
    for source in 0..101 {
        let mut body = attempt("carol", "000000000000");
        body["source"] = Value::from(format!("192.0.2.{source}"));
        assert!(!party.accepts(&body));
    }
    let mut body = attempt("carol", &codes[0]);
    body["source"] = Value::from("198.51.100.1");
    assert!(!party.accepts(&body), "locked");
    site.command("ship", phone.id(), "unlock").ok();
    site.block_on(site.store().mark_restored(super::common::site::now())).unwrap();
    body["operation_id"] = Value::from("restored");
    assert!(!party.accepts(&body), "restored");
    phone.sync();
    let new = phone.take();
    body["operation_id"] = Value::from("again");
    body["code"] = Value::from(new.clone());
    assert!(party.accepts(&body));
    codes.iter().chain([&new]).for_each(|code| secrets.code("a code", code));
    site.command("ship", phone.id(), "revoke").ok();
    phone.sync();
    party
}

/// Whatever is refused, and why it is, is logged or noted too.
fn refusals(site: &Site, party: &Api) {
    let mut phone = site.phone("ship", "dora");
    let code = phone.take();
    let mut wrong = attempt("dora", &code);
    wrong["realm"] = Value::from("elsewhere");
    assert!(!party.accepts(&wrong));
    let done = attempt("dora", &code);
    assert!(party.accepts(&done));
    let mut reused = done.clone();
    reused["code"] = Value::from(phone.take());
    party.post("/v1/verify", &reused).problem(409, "conflict");
    for body in ["{", "{\"code\":12}", "{\"operation_id\":\"a b\",\"user\":\"u\",\"code\":\"1\"}"] {
        assert_eq!(party.call("POST", "/v1/verify", serde_json::from_str(body).ok().as_ref()).status / 100, 4);
    }
    hand::raw_post(site.url(), b"garbage", 0);
    let mut forged = site.hand("ship", "ed");
    let mut message = forged.seal(&hand::wants(0, 0, 20));
    *message.last_mut().unwrap() ^= 1;
    assert_eq!(forged.post(&message).status, 204);
}

pub(crate) fn note_enrolment(secrets: &mut Secrets, enrolment: &Enrolment) {
    secrets.bytes("an activation secret", enrolment.secret.expose());
    secrets.bytes("an activation key", activation_key(&enrolment.secret, &enrolment.party).expose());
    let uri = enrolment.to_uri();
    let key = uri.split("&k=").nth(1).unwrap().split('&').next().unwrap();
    secrets.text("an enrolment's key", key);
    // The first four groups are the identification code; the last one is short.
    for group in enrolment.to_typed()[4..8].windows(2) {
        secrets.text("two typed groups", &group.join(" "));
        secrets.text("two typed groups", &group.concat());
    }
}

fn note_key(site: &Site, secrets: &mut Secrets, phone: &Phone) {
    let (key, epoch) = site.server_key(phone.id());
    secrets.bytes("a device's key", key.expose());
    note_epoch(secrets, "a derived key", &EpochKeys::derive(&key, &phone.party, epoch));
}

pub(crate) fn note_epoch(secrets: &mut Secrets, name: &str, keys: &EpochKeys) {
    let bare = keys.expose_for_oracle();
    for (use_, key) in [
        ("downlink", bare.downlink),
        ("uplink", bare.uplink),
        ("psk", bare.psk),
        ("hedge down", bare.hedge_downlink),
        ("hedge up", bare.hedge_uplink),
    ] {
        secrets.bytes(&format!("{name}, {use_}"), &key);
    }
}

fn note_set(secrets: &mut Secrets, set: &CodeSet) {
    secrets.bytes("a packed set", &pack(set));
    for code in hand::codes(set) {
        secrets.code("a code", &code);
    }
}

fn note_token(secrets: &mut Secrets, api: &Api) {
    let token = api.token.as_deref().unwrap();
    secrets.text("a token", token);
    secrets.text("a token's secret", token.strip_prefix("mb_").unwrap());
    secrets.bytes("a token's bytes", &data_encoding::BASE64URL_NOPAD.decode(&token.as_bytes()[3..]).unwrap());
}
