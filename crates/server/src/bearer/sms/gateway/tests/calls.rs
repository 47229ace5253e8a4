//! What is sent to a gateway, and what its answers mean.

use matchbook_protocol::sms::{Body, Segment};

use super::{Called, Hand, Rig, SECRET, gateway};
use crate::bearer::sms::centre::{Accepted, SubmitError};
use crate::bearer::sms::gateway::fields::Fields;
use crate::bearer::sms::testing::{OPTIONS, PORTS, config, longest, number};

const KANNEL: &str = "user = \"matchbook\"\npassword = \"p&ss=word\"\ncallback_url = \"http://127.0.0.1:8470/\"";

fn fields(text: &str) -> Fields {
    let mut fields = Fields::default();
    fields.read(text.as_bytes()).unwrap();
    fields
}

async fn send(rig: &Rig, segment: &Segment) -> Result<Accepted, SubmitError> {
    rig.only().submit(&number("+491701234567"), segment, &OPTIONS).await
}

#[tokio::test]
async fn kannel_gets_a_binary_message_with_the_names_it_knows() {
    let hand = Hand::start().await;
    let rig = Rig::start(&config(&gateway("kannel", hand.port, KANNEL)));
    let id = send(&rig, &longest(1)).await.unwrap().id.unwrap();
    let Called { method, query, authorization, body, .. } = hand.call().await;
    assert_eq!((method.as_str(), authorization.as_str(), body.as_str()), ("GET", "", ""));
    let fields = fields(&query);
    let Body::Data(data) = longest(1).body else { panic!() };
    assert_eq!((fields.octets("udh"), fields.octets("text")), (Some(&PORTS[..]), Some(data.as_slice())));
    for (name, value) in [
        ("username", "matchbook"),
        ("password", "p&ss=word"),
        ("from", "16020"),
        ("to", "+491701234567"),
        ("coding", "1"),
        ("validity", "1440"),
        ("dlr-mask", "19"),
    ] {
        assert_eq!(fields.text(name), Some(value), "{name}");
    }
    let report = format!("http://127.0.0.1:8470/v1/sms/gateways/kannel/{SECRET}/receipts?id={id}&status=%d&answer=%A");
    assert_eq!(fields.text("dlr-url"), Some(report.as_str()));
    assert_eq!(id.len(), 24);
    assert_ne!(send(&rig, &longest(1)).await.unwrap().id.unwrap(), id, "each message has its own");
}

#[tokio::test]
async fn kannel_gets_a_text_without_a_header_and_no_report_when_none_is_wanted() {
    let hand = Hand::start().await;
    let more = format!("{KANNEL}\nform = \"text\"\nreceipts = false");
    let rig = Rig::start(&config(&gateway("kannel", hand.port, &more)));
    let text = Segment { header: Vec::new(), body: Body::Text("QUJD+/9=".to_owned()) };
    assert_eq!(send(&rig, &text).await, Ok(Accepted { id: None }));
    let fields = fields(&hand.call().await.query);
    assert_eq!((fields.text("text"), fields.text("coding")), (Some("QUJD+/9="), Some("0")));
    for absent in ["udh", "dlr-mask", "dlr-url"] {
        assert_eq!(fields.octets(absent), None);
    }
}

#[tokio::test]
async fn a_generic_gateway_gets_json_or_a_form() {
    let hand = Hand::start().await;
    let login = "user = \"me\"\npassword = \"it is I\"";
    let rig = Rig::start(&config(&gateway("generic", hand.port, login)));
    hand.answer(200, "{\"id\": \"abc-1\", \"cost\": 7}");
    assert_eq!(send(&rig, &longest(0)).await.unwrap().id.as_deref(), Some("abc-1"));
    let called = hand.call().await;
    assert_eq!(
        (called.method.as_str(), called.query.as_str(), called.media.as_str()),
        ("POST", "", "application/json")
    );
    // me:it is I
    assert_eq!(called.authorization, "Basic bWU6aXQgaXMgSQ==");
    let Body::Data(data) = longest(0).body else { panic!() };
    let expected = serde_json::json!({
        "from": "16020", "to": "+491701234567", "udh": "0605043e943e94",
        "data": data_encoding::HEXLOWER.encode(&data), "validity_minutes": 1440, "receipt": true,
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&called.body).unwrap(), expected);

    let rig = Rig::start(&config(&gateway("generic", hand.port, "body = \"form\"\nform = \"text\"")));
    hand.answer(200, "{\"id\": 12}");
    let text = Segment { header: Vec::new(), body: Body::Text("QUJD+/9=".to_owned()) };
    assert_eq!(send(&rig, &text).await.unwrap().id.as_deref(), Some("12"));
    let called = hand.call().await;
    assert_eq!((called.media.as_str(), called.authorization.as_str()), ("application/x-www-form-urlencoded", ""));
    assert_eq!(called.body, "from=16020&to=%2B491701234567&text=QUJD%2B%2F9%3D&validity_minutes=1440&receipt=true");
}

#[tokio::test]
async fn what_a_gateway_answers_is_what_came_of_it() {
    enum Is {
        Taken,
        Throttled,
        InDoubt,
        Refused(bool),
    }
    let login = format!("{KANNEL}\nper_second = 10000");
    for (kind, status, expected) in [
        ("kannel", 202, Is::Taken),
        ("kannel", 200, Is::Taken),
        ("kannel", 400, Is::Refused(false)),
        ("kannel", 403, Is::Refused(false)),
        ("kannel", 302, Is::Refused(false)),
        ("kannel", 503, Is::Throttled),
        ("kannel", 502, Is::InDoubt),
        ("generic", 201, Is::Taken),
        ("generic", 400, Is::Refused(false)),
        ("generic", 422, Is::Refused(true)),
        ("generic", 429, Is::Throttled),
        ("generic", 503, Is::Throttled),
        ("generic", 500, Is::InDoubt),
    ] {
        let hand = Hand::start().await;
        let rig = Rig::start(&config(&gateway(kind, hand.port, &login)));
        hand.answer(status, "0: a word\u{7}\n");
        let came = send(&rig, &longest(0)).await;
        match (expected, &came) {
            (Is::Taken, Ok(_)) | (Is::Throttled, Err(SubmitError::Throttled)) => {}
            (Is::InDoubt, Err(SubmitError::InDoubt(word))) => assert_eq!(*word, format!("{status} 0: a word")),
            (Is::Refused(expected), Err(SubmitError::Refused { code, is_permanent })) => {
                assert_eq!((*is_permanent, code.as_str()), (expected, format!("{status} 0: a word").as_str()));
            }
            _ => panic!("{kind} {status}: {came:?}"),
        }
        assert!(rig.only().is_up(), "it answered");
    }
}

#[tokio::test]
async fn a_gateway_that_cannot_be_reached_is_left_alone_for_a_while() {
    let [port] = crate::bearer::sms::kannel::free_ports();
    let rig = Rig::start(&config(&gateway("generic", port, "")));
    let gateway = rig.only();
    assert!(gateway.is_up(), "nothing speaks against it yet");
    assert_eq!(gateway.room(), 10);
    for _ in 0..8 {
        let came = send(&rig, &longest(0)).await;
        assert!(matches!(came, Err(SubmitError::Unreachable(_))), "{came:?}");
    }
    assert!(!gateway.is_up());
    assert_eq!(gateway.room(), 0);
}

#[tokio::test]
async fn a_gateway_that_hangs_up_without_an_answer_leaves_a_doubt() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let rig = Rig::start(&config(&gateway("generic", port, "")));
    let hang_up = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 64];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head).await.unwrap();
    };
    let segment = longest(0);
    let (came, ()) = tokio::join!(send(&rig, &segment), hang_up);
    assert!(matches!(came, Err(SubmitError::InDoubt(_))), "{came:?}");
}
