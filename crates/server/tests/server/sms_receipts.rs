//! What became of each message: receipts of centres in every form, and of a gateway; and what is sent again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use data_encoding::HEXLOWER;
use matchbook_protocol::sms::{Form, segments};
use matchbook_server::{ServerConfig, SmsConfig};
use matchbook_smsc::{Conditions, ReceiptForm};
use serde_json::{Value, json};

use crate::common::sms::{Air, Handset, enrolment};
use crate::common::{Hand, Land, Reply, Site, eventually, hand, site};

const NUMBER: &str = "+491700000001";
const DAY_MS: u64 = 24 * 3_600_000;

#[test]
fn a_delivered_message_is_left_alone_for_a_day() {
    for form in [ReceiptForm::Both, ReceiptForm::Tlv, ReceiptForm::Text] {
        let air = Air::with(Conditions { receipts: form, ..Conditions::default() });
        let land = Land::with(air, "resend_first_s = 1", "", &json!({ "threshold": 0 }));
        let mut alice = Handset::enrolled(&land, "alice", NUMBER);
        land.site.command("sea", alice.hand.id(), "push").ok();
        alice.until("the set", |came| !came.is_empty());
        let listed = || land.messages_of(alice.hand.id());
        // The newest that is noted is still the answer to the enrolment, until what the centre said of the set is.
        eventually("the set's receipt is noted", || {
            let listed = listed();
            let (sent, waiting) = (&listed["sent"][0], &listed["outbox"][0]);
            sent["state"] == "delivered" && sent["message"] == waiting["message"]
        });
        let listed = listed();
        let (sent, waiting) = (&listed["sent"][0], &listed["outbox"][0]);
        let settled = sent["settled_at_ms"].as_u64().unwrap();
        assert!(settled >= sent["sent_at_ms"].as_u64().unwrap());
        assert_eq!(waiting["next_attempt_at_ms"].as_u64().unwrap(), settled + DAY_MS, "{form:?}");
        // It is counted after it is noted.
        eventually("both are counted", || land.counted("Delivered") >= 2.0);
        assert_eq!((land.events("message-failed"), land.events("message-expired")), (0, 0));
    }
}

#[test]
fn a_message_that_nobody_got_is_sent_again() {
    let land = Land::new("resend_first_s = 1", &json!({ "threshold": 0 }));
    let mut alice = Handset::enrolled(&land, "alice", NUMBER);
    alice.phone.set_on(false);
    land.site.command("sea", alice.hand.id(), "push").ok();
    eventually("it is sent again", || land.messages_of(alice.hand.id())["sent"][0]["attempt"].as_u64() >= Some(2));
    let listed = land.messages_of(alice.hand.id());
    assert_eq!(listed["sent"][0]["state"], "submitted", "{listed}");
    alice.phone.set_on(true);
    alice.until("both come", |came| came.len() >= 2);
    assert_eq!(alice.came[0], alice.came[1]);
}

#[test]
fn a_message_to_nobody_fails_and_an_event_tells() {
    for form in [ReceiptForm::Tlv, ReceiptForm::Text] {
        let air = Air::with(Conditions { receipts: form, ..Conditions::default() });
        let land = Land::with(air, "resend_first_s = 3600", "", &json!({ "threshold": 0 }));
        let alice = Handset::enrolled(&land, "alice", NUMBER);
        land.set_number(alice.hand.id(), Some("+491700000999")).ok();
        land.site.command("sea", alice.hand.id(), "push").ok();
        eventually("it failed", || land.messages_of(alice.hand.id())["sent"][0]["state"] == "failed");
        let listed = land.messages_of(alice.hand.id());
        assert!(listed["sent"][0]["settled_at_ms"].is_u64(), "{listed}");
        assert_ne!(listed["sent"][0]["error"], "", "{listed}");
        assert_eq!(land.events("message-failed"), 1);
    }
}

/// A gateway of the plain kind, by hand: it notes what it gets, and gives every message an id.
struct Gateway {
    _air: Air,
    site: Site,
    got: Arc<Mutex<Vec<Value>>>,
}

const SECRET: &str = "an-address-that-nobody-guesses";

impl Gateway {
    fn start() -> Self {
        async fn take(State(got): State<Arc<Mutex<Vec<Value>>>>, body: String) -> String {
            let mut got = got.lock().unwrap();
            got.push(serde_json::from_str(&body).unwrap());
            json!({ "id": format!("g-{}", got.len()) }).to_string()
        }
        let air = Air::new();
        let got = Arc::<Mutex<Vec<Value>>>::default();
        let router = Router::new().route("/send", post(take)).with_state(Arc::clone(&got));
        let listener =
            air.runtime.block_on(tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).unwrap();
        let address = listener.local_addr().unwrap();
        air.runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let text = format!(
            "number = \"16020\"\nresend_first_s = 3600\n[[gateway]]\nname = \"web\"\nkind = \"generic\"\n\
             url = \"http://{address}/send\"\nsecret = \"{SECRET}\"\nper_second = 1000\n"
        );
        let sms = SmsConfig::from_toml(&text, std::path::Path::new("/")).unwrap();
        let (site, _) = Site::hooked_with(ServerConfig { sms: Some(Arc::new(sms)), ..site::config() });
        site.realm("sea", &json!({ "threshold": 0 }));
        Self { _air: air, site, got }
    }

    fn call(&self, what: &str, body: &Value) -> Reply {
        self.site.stranger().post(&format!("/v1/sms/gateways/web/{SECRET}/{what}"), body)
    }

    /// Brings a phone's message.
    fn bring(&self, message: &[u8]) {
        for segment in segments(message, Form::Binary, 0).unwrap() {
            let matchbook_protocol::sms::Body::Data(data) = segment.body else { panic!() };
            let (udh, data) = (HEXLOWER.encode(&segment.header), HEXLOWER.encode(&data));
            self.call("messages", &json!({ "from": NUMBER, "udh": udh, "data": data })).ok();
        }
    }

    fn sent(&self, hand: &Hand) -> Value {
        let path = format!("/v1/realms/sea/devices/{}/messages", hand.id());
        self.site.operator().get(&path).ok()["sent"].clone()
    }
}

#[test]
fn receipts_of_a_gateway_settle_what_they_are_about() {
    let gateway = Gateway::start();
    let mut hand = Hand::new(&enrolment(&gateway.site, "sea", "alice", NUMBER, "symmetric", "shared"));
    gateway.bring(&hand.seal_enrol());
    eventually("the answer", || gateway.got.lock().unwrap().len() == 1);
    gateway.site.command("sea", hand.id(), "push").ok();
    eventually("the set", || gateway.got.lock().unwrap().len() == 2);
    assert_eq!(gateway.got.lock().unwrap()[1]["to"], NUMBER);
    eventually("both are noted", || gateway.sent(&hand).as_array().unwrap().len() == 2);

    // Of nobody's message, and of a state that settles nothing.
    gateway.call("receipts", &json!({ "id": "g-999", "state": "failed" })).ok();
    gateway.call("receipts", &json!({ "id": "g-2", "state": "other" })).ok();
    assert!(gateway.sent(&hand).as_array().unwrap().iter().all(|item| item["state"] == "submitted"));
    eventually("the unknown one is given up", || {
        gateway.site.metric("matchbook_short_messages_total{event=\"UnknownReceipt\"}") >= 1.0
    });

    let due = gateway.site.stored(hand.id()).outbox[0].next_attempt_at;
    gateway.call("receipts", &json!({ "id": "g-2", "state": "expired", "error": "27" })).ok();
    let set = gateway.sent(&hand)[0].clone();
    assert_eq!((set["state"].as_str(), set["error"].as_str()), (Some("expired"), Some("27")), "{set}");
    assert!(set["settled_at_ms"].is_u64());
    let told = gateway.site.events("sea").into_iter().find(|(kind, _)| kind == "message-expired").unwrap().1;
    assert!(told.contains("a set by web: 27"), "{told}");
    assert_eq!(gateway.site.stored(hand.id()).outbox[0].next_attempt_at, due, "it is sent again in its time");

    // The first word counts; and whoever asks gets the set again.
    gateway.call("receipts", &json!({ "id": "g-2", "state": "delivered" })).ok();
    assert_eq!(gateway.sent(&hand)[0]["state"], "expired");
    assert_eq!(gateway.site.events("sea").iter().filter(|(kind, _)| kind == "message-expired").count(), 1);
    let stranger = gateway.site.stranger();
    let wrong = "/v1/sms/gateways/web/an-address-that-somebody-guessed/receipts";
    assert_eq!(stranger.post(wrong, &json!({ "id": "g-1", "state": "failed" })).status, 404);
    let request = hand.seal(&hand::status(40, 40));
    gateway.bring(&request);
    assert!(gateway.site.stored(hand.id()).outbox.is_empty());
}

/// The lists of a device's messages have the fields that are described, and its page ends where it is asked to.
#[test]
fn a_devices_messages_are_listed_as_described() {
    let land = Land::new("resend_first_s = 3600", &json!({ "threshold": 0 }));
    let mut mobile = land.mobile("alice", NUMBER);
    land.push(&mobile);
    eventually("all are delivered", || {
        let listed = land.messages(&mobile);
        let sent = listed["sent"].as_array().unwrap();
        sent.len() == 3 && sent.iter().all(|item| item["state"] == "delivered" && item["error"] == "")
    });
    let listed = land.messages(&mobile);
    let description = land.site.stranger().get("/openapi.json").ok();
    for (schema, item) in [("WaitingItem", &listed["outbox"][0]), ("SentItem", &listed["sent"][0])] {
        let described = description["components"]["schemas"][schema]["properties"].as_object().unwrap();
        assert!(described.keys().eq(item.as_object().unwrap().keys()), "{schema}: {item}");
    }
    let path = format!("/v1/realms/sea/devices/{}/messages?limit=1", mobile.id());
    let page = land.site.operator().get(&path).ok();
    assert_eq!(page["sent"], json!([listed["sent"][0]]), "the newest");
    for item in listed["sent"].as_array().unwrap() {
        assert_eq!(
            (item["part"].as_u64(), item["parts"].as_u64(), item["attempt"].as_u64()),
            (Some(1), Some(1), Some(1))
        );
        assert!(item["bytes"].as_u64().unwrap() <= 133 && item["centre"] == "north");
    }
    land.settled(&mut mobile);
    assert_eq!(land.messages(&mobile)["outbox"], json!([]));
}
