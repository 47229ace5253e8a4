//! The whole exchange through a real Kannel: the server calls its `sendsms` and is called back, Kannel is the ESME of the
//! centre, and the device is a phone in that centre's network.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use matchbook_server::{ServerConfig, SmsConfig};
use serde_json::json;

use crate::common::sms::{Air, enrolment};
use crate::common::{Mobile, Site, eventually, site};
use kannel::{Kannel, PASSWORD, Plan, USER};

#[allow(dead_code, reason = "the gateways' own tests use the rest")]
#[path = "../common/kannel.rs"]
mod kannel;

/// What the callbacks' path holds.
const SECRET: &str = "b0b5f2b4c0d94e7c8a1e";

#[test]
fn a_device_behind_a_real_kannel_gets_sets_and_keys() {
    if !Kannel::is_installed() {
        return;
    }
    let air = Air::new();
    let centre = air.centre();
    let [port] = kannel::free_ports();
    let callbacks = format!("http://127.0.0.1:{port}");
    let messages_url = format!("{callbacks}/v1/sms/gateways/kannel/{SECRET}/messages");
    let kannel = Kannel::start(&Plan { centre_port: centre.address().port(), messages_url: &messages_url });
    let site = Site::hooked_with(settings(&kannel.sendsms_url, &callbacks, port)).0;
    site.realm("sea", &json!({ "mode": "any-unused", "digits": 8, "threshold": 2, "sets_per_day": 50 }));
    eventually("Kannel is bound at the centre", || centre.bound() == 1);

    let enrolled = enrolment(&site, "sea", "alice", "+491700000001", "x25519", "shared");
    let mut mobile = Mobile::new(&air, "+491700000001", &enrolled);
    mobile.until("the first set through Kannel", |mobile| mobile.remaining() == 30);
    mobile.ask_for_key();
    mobile.until("a key through Kannel", |mobile| mobile.has_key(1));
    let code = mobile.take();
    let accepts = |operation: &str| {
        let attempt = json!({ "operation_id": operation, "user": "alice", "code": code });
        site.relying_party("sea", "door").accepts(&attempt)
    };
    assert!(accepts("first") && !accepts("second"));

    // In public-key mode a set takes two short messages, which Kannel takes one by one.
    let enrolled = enrolment(&site, "sea", "bob", "+491700000002", "x25519", "public-key");
    let mut other = Mobile::new(&air, "+491700000002", &enrolled);
    other.until("a set of two parts through Kannel", |mobile| mobile.remaining() == 30);
    eventually("the receipts come back", || {
        let messages = site.operator().get(&format!("/v1/realms/sea/devices/{}/messages", mobile.id())).ok();
        messages["sent"].as_array().unwrap().iter().any(|sent| sent["state"] == "delivered")
    });
    drop(kannel);
    air.stop(centre);
}

fn settings(sendsms: &str, callbacks: &str, port: u16) -> ServerConfig {
    let text = format!(
        "number = \"16020\"\nresend_first_s = 20\n[[gateway]]\nname = \"kannel\"\nkind = \"kannel\"\n\
         url = \"{sendsms}\"\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\nsecret = \"{SECRET}\"\n\
         callback_url = \"{callbacks}\"\n"
    );
    let sms = SmsConfig::from_toml(&text, Path::new("/")).unwrap_or_else(|error| panic!("{error}: {text}"));
    ServerConfig { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), sms: Some(Arc::new(sms)), ..site::config() }
}
