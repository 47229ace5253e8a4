#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use ureq::http::StatusCode;

use super::url::{is_loopback, page_path};
use super::{path, problem};
use crate::exit::ExitCode;

#[test]
fn names_cannot_leave_their_segment() {
    assert_eq!(path(&["v1", "realms", "a/../b?x=1#y", "users"]), "/v1/realms/a%2F..%2Fb%3Fx%3D1%23y/users");
    assert_eq!(page_path("/v1/x", &[("user", "a&b")], Some("é"), 5), "/v1/x?limit=5&user=a%26b&after=%C3%A9");
}

#[test]
fn loopback_is_told_from_the_rest() {
    for url in ["http://127.0.0.1:8470", "http://localhost", "http://[::1]:1/x", "http://127.9.9.9"] {
        assert!(is_loopback(url), "{url}");
    }
    for url in ["http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example:80", "https://[2001:db8::1]:1"]
    {
        assert!(!is_loopback(url), "{url}");
    }
}

#[test]
fn statuses_become_exit_codes() {
    let body = br#"{"type":"/problems/x","title":"T","status":400,"detail":"D \u001b[2J.","hint":"H"}"#;
    for (status, exit) in [
        (StatusCode::BAD_REQUEST, ExitCode::Usage),
        (StatusCode::UNAUTHORIZED, ExitCode::SignIn),
        (StatusCode::FORBIDDEN, ExitCode::SignIn),
        (StatusCode::NOT_FOUND, ExitCode::NotFound),
        (StatusCode::CONFLICT, ExitCode::Failure),
        (StatusCode::TOO_MANY_REQUESTS, ExitCode::Failure),
        (StatusCode::SERVICE_UNAVAILABLE, ExitCode::Failure),
    ] {
        let error = problem::read(status, Some("7"), body, "http://x", "file t").error;
        assert_eq!(error.exit, exit);
        assert_eq!(error.message, "D \\u{1b}[2J");
    }
    let error = problem::read(StatusCode::TOO_MANY_REQUESTS, Some("7"), body, "http://x", "file t").error;
    assert_eq!(error.hint.unwrap(), "Try again in 7 s.");
}

#[test]
fn what_may_have_been_done_is_asked_again() {
    let body = br#"{"type":"/problems/x","title":"T","status":504,"detail":"D"}"#;
    for status in [500, 502, 503, 504] {
        for body in [&body[..], b"<html>proxy"] {
            let failure = problem::read(StatusCode::from_u16(status).unwrap(), None, body, "http://x", "file t");
            assert!(failure.may_be_done && failure.again.is_some(), "{status}");
        }
    }
    // Nothing is done by a store that takes no writes, but perhaps by a server on the other database.
    let read_only = br#"{"type":"/problems/read-only","title":"T","status":503,"detail":"D"}"#;
    let failure = problem::read(StatusCode::SERVICE_UNAVAILABLE, None, read_only, "http://x", "file t");
    assert!(!failure.may_be_done && failure.again.is_some());
    for status in [400, 401, 404, 409, 429] {
        let failure = problem::read(StatusCode::from_u16(status).unwrap(), None, body, "http://x", "file t");
        assert!(!failure.may_be_done && failure.again.is_none(), "{status}");
    }
    let garbage = ureq::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
    assert!(problem::unreachable("http://x", &garbage).may_be_done);
    let nobody = ureq::Error::Io(std::io::ErrorKind::ConnectionRefused.into());
    assert!(!problem::unreachable("http://x", &nobody).may_be_done);
}

#[test]
fn a_stranger_that_answers_404_is_not_taken_for_a_missing_realm() {
    let error = problem::read(StatusCode::NOT_FOUND, None, b"<html>nginx", "http://x", "file t").error;
    assert_eq!(error.exit, ExitCode::Failure);
    assert!(error.message.contains("not as a Matchbook server"));
}
