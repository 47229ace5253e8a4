#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{Duration, Instant};

use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Epoch, EpochKeys, Handle, Party,
    Profile, Reason, Request, Secret, Suite, Sync, expand_downlink, expand_uplink,
};

use super::test_server::{TestServer, answer, bare, deaf, hang_up, nobody};
use super::*;
use crate::system::system_rng;

fn party() -> Party {
    Party { id: AuthenticatorId([7; 8]), profile: Profile::new(Suite::X25519, Delivery::Shared).unwrap() }
}

fn keys() -> EpochKeys {
    EpochKeys::derive(&Secret::new([5; 32]), &party(), Epoch(0))
}

fn request() -> Vec<u8> {
    let request = Request { highest: CodeIndex(0), unused: 0, wanted: 0, reason: Reason::Status, ephemeral: None };
    keys().seal_request(1, &request, &mut system_rng()).unwrap()
}

fn downlinks() -> Vec<Vec<u8>> {
    let format = CodeFormat::new(Alphabet::Decimal, 6).unwrap();
    let codes = (0..40).map(|_| Code::draw(format, &mut system_rng())).collect();
    let set = CodeSet::new(CodeIndex(1), format, false, codes).unwrap();
    let sync = Sync { last_request: 1, rotate: false, suspended: false, threshold: 5 };
    vec![
        keys().seal_set(Handle(0), &set, &mut system_rng()).unwrap(),
        keys().seal_sync(Handle(0), 1, &sync, &mut system_rng()).unwrap(),
    ]
}

fn sequence(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|message| expand_downlink(message, &party()).unwrap()).collect()
}

fn bearer(url: &str) -> HttpBearer {
    let options = HttpOptions {
        connect_timeout: Duration::from_secs(2),
        exchange_timeout: Duration::from_millis(1500),
        ..HttpOptions::default()
    };
    HttpBearer::new(url, party(), &options).unwrap()
}

fn exchange_with(answer: Vec<u8>) -> Result<Vec<Vec<u8>>, BearerError> {
    let server = TestServer::start(vec![answer]);
    bearer(&server.url).exchange(&request(), None)
}

#[test]
fn a_message_goes_out_as_cose_and_the_sequence_comes_back_compressed() {
    let (message, downlinks) = (request(), downlinks());
    let server = TestServer::start(vec![answer("200 OK", "application/cbor-seq", &sequence(&downlinks))]);
    let mut bearer = bearer(&format!("{}/", server.url));
    assert_eq!(bearer.exchange(&message, None).unwrap(), downlinks);
    let asked = &server.asked()[0];
    assert!(asked.head.starts_with("post /v1/device/messages http/1.1\r\n"), "{}", asked.head);
    assert!(asked.head.contains("content-type: application/cose\r\n"));
    assert!(!asked.head.contains("prefer:"));
    assert_eq!(asked.body, expand_uplink(&message).unwrap());
}

#[test]
fn a_base_url_with_a_path_is_kept() {
    let server = TestServer::start(vec![bare("204 No Content", "")]);
    bearer(&format!("{}/codes/", server.url)).exchange(&request(), None).unwrap();
    assert!(server.asked()[0].head.starts_with("post /codes/v1/device/messages http/1.1\r\n"));
}

#[test]
fn a_long_poll_says_how_long_and_is_capped() {
    let none = || bare("204 No Content", "");
    let server = TestServer::start(vec![none(), none(), none()]);
    let mut bearer = bearer(&server.url);
    for wait in [30, 3_000, 0] {
        assert!(bearer.exchange(&request(), Some(Duration::from_secs(wait))).unwrap().is_empty());
    }
    let asked = server.asked();
    assert!(asked[0].head.contains("prefer: wait=30\r\n"));
    assert!(asked[1].head.contains("prefer: wait=50\r\n"));
    assert!(!asked[2].head.contains("prefer:"));
}

#[test]
fn a_busy_server_is_told_with_its_time() {
    let busy = exchange_with(bare("503 Service Unavailable", "retry-after: 7\r\n")).unwrap_err();
    assert!(matches!(busy, BearerError::Busy { retry_after: Some(after) } if after == Duration::from_secs(7)));
    let busy = exchange_with(bare("429 Too Many Requests", "retry-after: soon\r\n")).unwrap_err();
    assert!(matches!(busy, BearerError::Busy { retry_after: None }));
    let forever = exchange_with(bare("429 Too Many Requests", "retry-after: 99999999999\r\n")).unwrap_err();
    assert!(matches!(forever, BearerError::Busy { retry_after: Some(after) } if after == Duration::from_secs(86_400)));
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = TestServer::start(vec![]);
    let redirect = bare("307 Temporary Redirect", &format!("location: {}/\r\n", elsewhere.url));
    assert!(matches!(exchange_with(redirect), Err(BearerError::NotMatchbook { .. })));
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn other_statuses_are_told() {
    for (line, status) in [("404 Not Found", 404), ("500 Internal Server Error", 500), ("415 No", 415)] {
        let error = exchange_with(bare(line, "")).unwrap_err();
        assert!(matches!(error, BearerError::Status { status: told, .. } if told == status), "{error}");
    }
}

#[test]
fn a_captive_portal_is_not_taken_for_the_server() {
    let page = answer("200 OK", "text/html; charset=utf-8", b"<h1>Welcome to our hotel</h1>");
    let error = exchange_with(page).unwrap_err();
    assert!(error.to_string().contains("text/html"), "{error}");
    assert!(matches!(exchange_with(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()), Err(BearerError::NotMatchbook { .. })));
}

#[test]
fn what_is_no_message_is_refused_whole() {
    let garbage = |body: &[u8]| exchange_with(answer("200 OK", "application/cbor-seq", body));
    assert!(matches!(garbage(b"\xff\xff"), Err(BearerError::NotMatchbook { .. })));
    let mut cut = sequence(&downlinks());
    cut.pop();
    assert!(matches!(garbage(&cut), Err(BearerError::NotMatchbook { .. })));
    let mut five = Vec::new();
    (0..5).for_each(|_| five.extend_from_slice(&sequence(&downlinks()[..1])));
    assert!(matches!(garbage(&five), Err(BearerError::NotMatchbook { .. })));
    assert!(garbage(b"").unwrap().is_empty());
}

#[test]
fn an_endless_answer_is_cut_off() {
    let error = exchange_with(answer("200 OK", "application/cbor-seq", &vec![0xd0; 200_000])).unwrap_err();
    assert!(error.to_string().contains("more than four messages"), "{error}");
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(100_000));
    assert!(matches!(exchange_with(head.into_bytes()), Err(BearerError::NotMatchbook { .. })));
}

#[test]
fn a_server_that_hangs_up_or_is_not_there_is_unreachable() {
    assert!(matches!(exchange_with(hang_up()), Err(BearerError::Unreachable { .. })));
    assert!(matches!(bearer(&nobody()).exchange(&request(), None), Err(BearerError::Unreachable { .. })));
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let (_listener, url) = deaf();
    let started = Instant::now();
    assert!(matches!(bearer(&url).exchange(&request(), None), Err(BearerError::TimedOut { .. })));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn only_https_is_taken_but_on_this_machine_or_when_allowed() {
    let open = |server: &str, allow_plain_http: bool| {
        HttpBearer::new(server, party(), &HttpOptions { allow_plain_http, ..HttpOptions::default() }).map(drop)
    };
    for fine in ["https://codes.example.org", "http://localhost:1", "http://127.9.9.9/x", "http://[::1]:80/"] {
        assert_eq!(open(fine, false), Ok(()), "{fine}");
    }
    for plain in
        ["http://codes.example.org", "http://192.0.2.1", "http://localhost.example.org", "http://[2001:db8::1]"]
    {
        assert!(matches!(open(plain, false), Err(AddressError::PlainHttp { .. })), "{plain}");
        assert_eq!(open(plain, true), Ok(()), "{plain}");
    }
    let none =
        ["codes.example.org", "ftp://h", "https://", "https://h/?q", "https://h/#f", "https://127.0.0.1@h/", "/x"];
    for bad in none {
        assert!(matches!(open(bad, true), Err(AddressError::NotAUrl { .. })), "{bad}");
    }
    assert_eq!(open("", true), Err(AddressError::NoServer));
}

#[test]
fn bytes_that_are_no_message_are_not_sent() {
    assert!(matches!(bearer(&nobody()).exchange(b"hello", None), Err(BearerError::NotAMessage)));
}

#[test]
fn each_error_is_one_sentence_that_says_what_to_do() {
    let server = || "https://h".to_owned();
    let errors = [
        BearerError::Unreachable { server: server(), cause: "refused".into() },
        BearerError::TimedOut { server: server() },
        BearerError::Tls { server: server(), cause: "expired".into() },
        BearerError::Busy { retry_after: None },
        BearerError::Busy { retry_after: Some(Duration::from_millis(10)) },
        BearerError::Status { server: server(), status: 404 },
        BearerError::NotMatchbook { server: server(), what: "a page".into() },
        BearerError::NotAMessage,
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains(": ") && !text.contains('\n'), "{text}");
    }
}
