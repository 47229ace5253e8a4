//! What gateways call.

use std::sync::atomic::Ordering;

use axum::body::Body as HttpBody;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use matchbook_protocol::sms::{Body, Segment};
use tower::ServiceExt;

use super::{Rig, SECRET, gateway};
use crate::bearer::sms::centre::{Receipt, ReceiptState};
use crate::bearer::sms::gateway::{Callbacks, path_without_secret, router};
use crate::bearer::sms::testing::{Came, PORTS, config, number};

fn rig() -> Rig {
    let kannel = gateway("kannel", 1, "user = \"a\"\npassword = \"b\"\nreceipts = false");
    let generic = gateway("generic", 1, "").replace(SECRET, "another-secret-0123");
    Rig::start(&config(&format!("{kannel}{}", generic.trim_start_matches("number = \"16020\"\n"))))
}

async fn call(callbacks: &Callbacks, request: Request<HttpBody>) -> Response {
    let app = axum::Router::from(router::<Callbacks>()).with_state(callbacks.clone());
    app.oneshot(request).await.unwrap()
}

async fn get(rig: &Rig, path: &str) -> StatusCode {
    let request = Request::get(format!("/v1/sms/gateways/{path}")).body(HttpBody::empty()).unwrap();
    call(&rig.callbacks(), request).await.status()
}

async fn post(rig: &Rig, path: &str, media: &str, body: &str) -> StatusCode {
    let request = Request::post(format!("/v1/sms/gateways/{path}")).header("content-type", media);
    call(&rig.callbacks(), request.body(HttpBody::from(body.to_owned())).unwrap()).await.status()
}

fn message(gateway: &str, from: &str, header: &[u8], body: Body) -> Came {
    Came::Message(gateway.to_owned(), number(from), Segment { header: header.to_vec(), body })
}

fn data(octets: impl IntoIterator<Item = u8>) -> Body {
    Body::Data(octets.into_iter().collect())
}

#[tokio::test]
async fn kannels_get_url_brings_every_octet() {
    let rig = rig();
    let all: String = (0..=255_u8).map(|octet| format!("%{octet:02x}")).collect();
    let path = format!("kannel/{SECRET}/messages?from=%2B491701234567&coding=1&udh=%06%05%04%3E%94%3E%94&bin={all}");
    let request = Request::get(format!("/v1/sms/gateways/{path}")).body(HttpBody::empty()).unwrap();
    let answer = call(&rig.callbacks(), request).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(axum::body::to_bytes(answer.into_body(), 10).await.unwrap().len(), 0, "Kannel would send it on");
    assert_eq!(rig.inbox.next().await, message("kannel", "+491701234567", &PORTS, data(0..=255)));
    let text = format!("kannel/{SECRET}/messages?from=+4917&coding=0&udh=&bin=QUJD%2B%2F9%3D");
    assert_eq!(get(&rig, &text).await, 200);
    assert_eq!(rig.inbox.next().await, message("kannel", "+4917", &[], Body::Text("QUJD+/9=".to_owned())));
    let form = "from=%2B4917&coding=1&udh=&text=%00+%FF";
    let path = format!("kannel/{SECRET}/messages");
    assert_eq!(post(&rig, &path, "application/x-www-form-urlencoded", form).await, 200);
    assert_eq!(rig.inbox.next().await, message("kannel", "+4917", &[], data([0, b' ', 255])));
}

#[tokio::test]
async fn a_generic_gateway_writes_hexadecimal() {
    let rig = rig();
    let path = "generic/another-secret-0123/messages";
    assert_eq!(get(&rig, &format!("{path}?from=%2B4917&udh=0605043E943e94&data=00ff")).await, 200);
    assert_eq!(rig.inbox.next().await, message("generic", "+4917", &PORTS, data([0, 255])));
    let json = r#"{"from": "+4917", "udh": null, "text": "QUJD"}"#;
    assert_eq!(post(&rig, path, "application/json; charset=utf-8", json).await, 200);
    assert_eq!(rig.inbox.next().await, message("generic", "+4917", &[], Body::Text("QUJD".to_owned())));
    let path = "generic/another-secret-0123/receipts";
    for (state, expected) in [
        ("delivered", ReceiptState::Delivered),
        ("expired", ReceiptState::Expired),
        ("failed", ReceiptState::Failed),
        ("other", ReceiptState::Other),
    ] {
        let json = format!(r#"{{"id": "x1", "state": "{state}", "error": "no such number"}}"#);
        assert_eq!(post(&rig, path, "application/json", &json).await, 200);
        let receipt = Receipt { id: "x1".to_owned(), state: expected, error: "no".to_owned() };
        assert_eq!(rig.inbox.next().await, Came::Receipt("generic".to_owned(), receipt));
    }
}

#[tokio::test]
async fn kannels_reports_are_receipts() {
    let rig = rig();
    for (status, answer, state, error) in [
        ("1", "id:7%20stat:DELIVRD+err:000+text:", ReceiptState::Delivered, "000"),
        ("2", "id:7+stat:EXPIRED+err:012", ReceiptState::Expired, "012"),
        ("2", "id:7+stat:UNDELIV+err:013", ReceiptState::Failed, "013"),
        ("16", "NACK%2F0x0000000b%2FInvalid+Destination+Address", ReceiptState::Failed, ""),
        ("8", "ACK%2F", ReceiptState::Other, ""),
        ("4", "", ReceiptState::Other, ""),
    ] {
        let path = format!("kannel/{SECRET}/receipts?id=0a1b&status={status}&answer={answer}");
        assert_eq!(get(&rig, &path).await, 200);
        let receipt = Receipt { id: "0a1b".to_owned(), state, error: error.to_owned() };
        assert_eq!(rig.inbox.next().await, Came::Receipt("kannel".to_owned(), receipt));
    }
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_name_look_alike() {
    let rig = rig();
    let mut answers = Vec::new();
    for path in [
        "kannel/wrong-secret-wrong/messages?from=%2B4917&bin=x",
        "nobody/0123456789abcdef-secret/messages?from=%2B4917&bin=x",
        // Another gateway's secret.
        "kannel/another-secret-0123/messages?from=%2B4917&bin=x",
        "kannel/wrong/messages?%zz",
        "kannel/wrong/receipts",
    ] {
        let request = Request::get(format!("/v1/sms/gateways/{path}")).body(HttpBody::empty()).unwrap();
        let answer = call(&rig.callbacks(), request).await;
        assert_eq!(answer.status(), 404, "{path}");
        answers.push(axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let request = Request::get(format!("/v1/sms/gateways/kannel/{SECRET}/messages")).body(HttpBody::empty()).unwrap();
    assert_eq!(call(&Callbacks::default(), request).await.status(), 404, "no configuration, no gateway");
    assert!(rig.inbox.is_empty().await);
}

#[tokio::test]
async fn what_cannot_be_taken_now_is_503_and_what_is_no_message_400() {
    let rig = rig();
    rig.inbox.not_now.store(true, Ordering::SeqCst);
    let path = format!("kannel/{SECRET}/messages?from=%2B4917&coding=1&bin=x");
    let request = Request::get(format!("/v1/sms/gateways/{path}")).body(HttpBody::empty()).unwrap();
    let answer = call(&rig.callbacks(), request).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(get(&rig, &format!("kannel/{SECRET}/receipts?id=1&status=1")).await, 503);
    for bad in [
        "messages",
        "messages?from=%2B4917",
        "messages?bin=x",
        "messages?from=nobody%20knows%20whom&bin=x",
        "messages?from=%2B4917&coding=2&bin=x",
        "messages?from=%2B4917&udh=%09%05&bin=x",
        "messages?from=%2B4917&bin=%zz",
        "receipts?status=1",
        "receipts?id=1&status=3",
        "receipts?id=%00&status=1",
    ] {
        assert_eq!(get(&rig, &format!("kannel/{SECRET}/{bad}")).await, 400, "{bad}");
    }
    for bad in ["udh=0&data=00", "udh=zz&data=00", "data=0", "data=00&text=x", ""] {
        let path = format!("generic/another-secret-0123/messages?from=%2B4917&{bad}");
        assert_eq!(get(&rig, &path).await, 400, "{bad}");
    }
    let path = "generic/another-secret-0123/messages";
    for bad in ["[]", "{", "{\"from\": [1]}", "7"] {
        assert_eq!(post(&rig, path, "application/json", bad).await, 400, "{bad}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let rig = rig();
    let long = "x".repeat(16 * 1024);
    assert_eq!(get(&rig, &format!("kannel/{SECRET}/messages?from=%2B4917&bin={long}")).await, 413);
    let media = "application/x-www-form-urlencoded";
    assert_eq!(post(&rig, &format!("kannel/{SECRET}/messages"), media, &format!("bin={long}")).await, 413);
    let over = "x".repeat(4_097);
    assert_eq!(get(&rig, &format!("kannel/{SECRET}/messages?from=%2B4917&bin={over}")).await, 400);
    let fits = "x".repeat(4_096);
    assert_eq!(get(&rig, &format!("kannel/{SECRET}/messages?from=%2B4917&bin={fits}")).await, 200);
}

#[test]
fn a_path_for_a_log_has_no_secret() {
    for (path, shown) in [
        ("/v1/sms/gateways/kannel/s3cret/messages", "/v1/sms/gateways/kannel/…/messages"),
        ("/v1/sms/gateways/kannel/s3cret/receipts/more", "/v1/sms/gateways/kannel/…/receipts/more"),
        ("/v1/sms/gateways/kannel/s3cret", "/v1/sms/gateways/kannel"),
        ("/v1/sms/gateways/", "/v1/sms/gateways/"),
        ("/v1/verify", "/v1/verify"),
    ] {
        assert_eq!(path_without_secret(path), shown);
    }
}
