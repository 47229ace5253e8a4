//! What holds for every call: limits, problem documents, names and lists.

use std::io::Write;
use std::thread;

use matchbook_store::StoreCounts;
use serde_json::{Value, json};

use crate::common::{Api, Site, attempt, raw};

fn post_text(api: &Api, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
    let bearer = format!("Bearer {}", api.token.as_deref().unwrap_or_default());
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", kind)];
    let answer = raw::exchange(&api.url, "POST", path, &headers, body);
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[test]
fn a_body_that_does_not_fit_is_refused_with_a_problem() {
    let site = Site::in_memory();
    let party = site.realm("ship", &json!({}));
    let good = attempt("alice", "123456").to_string();
    let huge = format!("{{\"operation_id\":\"x\",\"user\":\"alice\",\"code\":\"{}\"}}", "1".repeat(17 * 1024));
    let cases = [
        ("application/json", huge.as_str(), 413, "too-large"),
        ("text/plain", good.as_str(), 415, "unsupported-media-type"),
        ("", good.as_str(), 415, "unsupported-media-type"),
        ("application/json", "", 400, "bad-request"),
        ("application/json", "{", 400, "bad-request"),
        ("application/json", "[]", 400, "bad-request"),
        ("application/json", "{\"operation_id\":\"x\",\"user\":\"alice\",\"code\":7}", 400, "bad-request"),
        ("application/json", "{\"operation_id\":\"x\",\"user\":\"alice\"}", 400, "bad-request"),
        (
            "application/json",
            "{\"operation_id\":\"x\",\"user\":\"a\",\"code\":\"1\",\"pin\":\"1\"}",
            400,
            "bad-request",
        ),
        (
            "application/json",
            "{\"operation_id\":\"x\",\"user\":\"a\",\"code\":\"1\",\"code\":\"2\"}",
            400,
            "bad-request",
        ),
        ("application/json", "\u{0}", 400, "bad-request"),
    ];
    for (kind, body, status, word) in cases {
        let (found, answer) = post_text(&party, "/v1/verify", kind, body.as_bytes());
        assert_eq!(found, status, "{kind} {:.80}: {answer}", body);
        assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
        assert!(answer.contains(&format!("\"type\":\"/problems/{word}\"")), "{answer}");
    }
    let (status, _) = post_text(&party, "/v1/verify", "application/json; charset=utf-8", good.as_bytes());
    assert_eq!(status, 200);
}

/// A body without a length is bounded as well.
#[test]
fn a_body_without_end_is_cut_off() {
    let site = Site::in_memory();
    let party = site.realm("ship", &json!({}));
    let mut stream = raw::connect(site.url());
    let head = format!(
        "POST /v1/verify HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        party.token.as_deref().unwrap()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for _ in 0..8 {
        // The server may have answered and closed already.
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    let answer = String::from_utf8(raw::read_to_end(&mut stream)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 ") || answer.is_empty(), "{answer}");
}

#[test]
fn names_are_checked_where_they_enter() {
    let site = Site::in_memory();
    let operator = site.operator();
    let party = site.realm("ship", &json!({}));
    for id in ["", "Ship", "a b", "-a", &"a".repeat(33), "ä"] {
        operator.post("/v1/realms", &json!({ "id": id })).problem(400, "bad-request");
    }
    for id in ["", " alice", "alice ", "a\u{7}", &"a".repeat(129)] {
        operator.post("/v1/realms/ship/users", &json!({ "id": id })).problem(400, "bad-request");
    }
    for id in ["alice@example.org", "José", "名前", "a b", "a/b", "a%b"] {
        operator.post("/v1/realms/ship/users", &json!({ "id": id })).ok();
        let escaped: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(operator.get(&format!("/v1/realms/ship/users/{escaped}")).ok()["id"], id);
    }
    for (field, value) in [
        ("operation_id", ""),
        ("operation_id", "a b"),
        ("operation_id", &"a".repeat(65)),
        ("user", ""),
        ("realm", "No!"),
        ("code", &"1".repeat(65)),
        ("source", &"1".repeat(129)),
        ("device", "0011"),
    ] {
        let mut body = attempt("alice", "123456");
        body[field] = Value::from(value);
        party.post("/v1/verify", &body).problem(400, "bad-request");
    }
    let long = "x".repeat(129);
    operator.post("/v1/realms", &json!({ "id": "x", "display_name": long })).problem(400, "bad-request");
    let body = json!({ "user": "alice@example.org", "label": "x".repeat(65) });
    operator.post("/v1/realms/ship/enrolments", &body).problem(400, "bad-request");
    operator.get("/v1/realms/Ship!").problem(400, "bad-request");
    operator.get("/v1/realms/ship/devices/xyz").problem(400, "bad-request");
}

#[test]
fn what_is_not_there_is_not_found() {
    let site = Site::in_memory();
    site.realm("ship", &json!({}));
    let operator = site.operator();
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/verify",
        "/v1/realms/none",
        "/v1/realms/none/policy",
        "/v1/realms/none/users",
        "/v1/realms/none/devices",
        "/v1/realms/none/events",
        "/v1/realms/ship/users/none",
        "/v1/realms/ship/devices/00000000000000aa",
    ] {
        let reply = operator.get(path);
        if path == "/" {
            assert_eq!((reply.status, reply.header("location")), (307, Some("/docs/")));
        } else {
            reply.problem(404, "not-found");
        }
    }
    operator.post("/v1/realms/ship/enrolments", &json!({ "user": "none" })).problem(404, "not-found");
    operator.post("/v1/realms/none/users", &json!({ "id": "a" })).problem(404, "not-found");
    operator.delete("/v1/verify").problem(405, "method-not-allowed");
    assert!(operator.delete("/v1/verify").header("allow").is_some_and(|allow| allow.contains("POST")));
}

#[test]
fn what_is_there_is_not_made_again() {
    let site = Site::in_memory();
    site.realm("ship", &json!({}));
    let operator = site.operator();
    operator.post("/v1/realms", &json!({ "id": "ship" })).problem(409, "conflict");
    site.user("ship", "alice");
    operator.post("/v1/realms/ship/users", &json!({ "id": "alice" })).problem(409, "conflict");
    let statuses: Vec<u16> = thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let operator = operator.apart();
                scope.spawn(move || operator.post("/v1/realms", &json!({ "id": "harbour" })).status)
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
}

#[test]
fn lists_come_in_pages() {
    let site = Site::in_memory();
    site.realm("ship", &json!({}));
    let operator = site.operator();
    let made: Vec<String> = (0..7).map(|number| format!("user {number} ü&?")).collect();
    made.iter().for_each(|user| site.user("ship", user));
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = operator.get(&format!("/v1/realms/ship/users?limit=3{after}")).ok();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        let escaped: String = next.bytes().map(|byte| format!("%{byte:02X}")).collect();
        after = format!("&after={escaped}");
    }
    assert_eq!(found, made);

    let events = operator.get("/v1/realms/ship/events?limit=2").ok();
    let next = events["next"].as_str().unwrap();
    let older = operator.get(&format!("/v1/realms/ship/events?limit=1000&after={next}")).ok();
    assert_eq!(older["items"].as_array().unwrap().len(), 8 - 2, "the realm and seven users");
    assert!(older["next"].is_null());

    for query in ["limit=0", "limit=1001", "limit=x", "page=2", "after=%00"] {
        operator.get(&format!("/v1/realms/ship/users?{query}")).problem(400, "bad-request");
    }
    operator.get("/v1/realms/ship/events?after=zz").problem(400, "bad-request");
    operator.get("/v1/realms/ship/devices?after=zz").problem(400, "bad-request");
}

#[test]
fn devices_and_events_are_listed_by_whose_they_are() {
    let site = Site::in_memory();
    site.realm("ship", &json!({}));
    let (alice, bob) = (site.hand("ship", "alice"), site.hand("ship", "bob"));
    let operator = site.operator();
    let listed = |query: &str, field: &str| -> Vec<String> {
        let listed = operator.get(&format!("/v1/realms/ship/{query}")).ok();
        listed["items"].as_array().unwrap().iter().filter_map(|item| item[field].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(listed("devices", "user").len(), 2);
    assert_eq!(listed("devices?user=alice", "device"), [alice.id().to_string()]);
    assert!(listed("devices?user=nobody", "device").is_empty());
    let of_bob = listed(&format!("events?device={}", bob.id()), "device");
    assert!(!of_bob.is_empty() && of_bob.iter().all(|device| *device == bob.id().to_string()));
}

#[test]
fn a_policy_is_checked_before_it_is_stored() {
    let site = Site::in_memory();
    site.realm("ship", &json!({}));
    let operator = site.operator();
    let defaults = operator.get("/v1/realms/ship/policy").ok();
    assert_eq!((defaults["mode"].as_str(), defaults["digits"].as_u64()), (Some("indexed"), Some(6)));
    for wrong in [
        json!({ "digits": 3 }),
        json!({ "digits": 13 }),
        json!({ "mode": "any-unused" }),
        json!({ "mode": "indexed", "look_ahead": 3 }),
        json!({ "mode": "next-in-order", "look_ahead": 11 }),
        json!({ "set_size": 0 }),
        json!({ "set_size": 251 }),
        json!({ "threshold": 64 }),
        json!({ "max_failures": 0 }),
        json!({ "sets_per_day": 0 }),
        json!({ "rotate_after_days": 0 }),
        json!({ "digits": 6, "colour": "red" }),
    ] {
        operator.put("/v1/realms/ship/policy", &wrong).problem(400, "bad-request");
        operator.post("/v1/policy/check", &wrong).problem(400, "bad-request");
        operator.post("/v1/realms", &json!({ "id": "harbour", "policy": wrong })).problem(400, "bad-request");
    }
    assert_eq!(operator.get("/v1/realms/ship/policy").ok(), defaults);
    let report = operator.post("/v1/policy/check", &json!({})).ok();
    assert_eq!((report["acceptable_at_once"].as_u64(), report["guesses"].as_u64()), (Some(1), Some(5)));
    assert!((report["guess_probability"].as_f64().unwrap() - 5e-6).abs() < 1e-9, "{report}");
    let guessable = json!({ "mode": "any-unused", "accept_guessable_codes": true });
    assert!(!operator.post("/v1/policy/check", &guessable).ok()["warnings"].as_array().unwrap().is_empty());
    let stored = operator.put("/v1/realms/ship/policy", &guessable).ok();
    assert_eq!(stored["mode"], "any-unused");
    assert_eq!(operator.get("/v1/realms/ship").ok()["policy"], stored);
    assert!(site.has_event("ship", "policy-changed"));
}

#[test]
fn health_and_metrics_say_how_it_goes() {
    let site = Site::new();
    let stranger = site.stranger();
    for path in ["/healthz", "/readyz"] {
        let reply = stranger.get(path);
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"ok\n".as_slice()), "{path}");
    }
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let body = attempt("alice", &phone.take());
    assert!(party.accepts(&body) && party.accepts(&body) && !party.accepts(&attempt("alice", "0")));
    let reply = stranger.get("/metrics");
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let text = String::from_utf8(reply.body).unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    for line in [
        "matchbook_verifies_total{outcome=\"Accepted\"} 1",
        "matchbook_verifies_total{outcome=\"Repeated\"} 1",
        "matchbook_verifies_total{outcome=\"Rejected\"} 1",
        "# TYPE matchbook_commit_seconds histogram",
        "# TYPE matchbook_outbox_messages gauge",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    crate::common::eventually("devices are counted", || site.metric("matchbook_authenticators") >= 1.0);
    assert!(!text.contains("alice") && !text.contains(&phone.id().to_string()), "no name becomes a label");
}

#[test]
fn what_the_store_counts_is_in_the_metrics() {
    let (site, store) = Site::hooked_in_memory();
    let shown = || ["retries", "doubts"].map(|name| site.metric(&format!("matchbook_store_{name}_total")));
    assert_eq!(shown(), [0.0, 0.0]);
    store.set_counts(StoreCounts { retries: 7, doubts: 2 });
    assert_eq!(shown(), [7.0, 2.0], "read when it is asked for");
    store.set_counts(StoreCounts { retries: 6, doubts: 3 });
    assert_eq!(shown(), [7.0, 3.0], "a counter never falls");
}

#[test]
fn every_answer_carries_the_headers_of_safety() {
    let site = Site::in_memory();
    for path in ["/docs/", "/healthz", "/nothing", "/v1/realms", "/openapi.json"] {
        let reply = site.stranger().get(path);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("http:") && !policy.contains("https:") && !policy.contains('*'), "{policy}");
    }
}

/// A connection that does not say what it wants is closed: with nothing sent, in the middle of a head, and after a call.
#[test]
fn a_slow_head_ends_the_connection() {
    let site = Site::in_memory();
    let begun = [
        "",
        "GET /he",
        "GET /healthz HTTP/1.1\r\nHost: test\r\nX-Slow: ",
        "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n",
        "PRI * HTTP/2.0\r\n",
    ];
    thread::scope(|scope| {
        for text in begun {
            let url = site.url();
            scope.spawn(move || {
                let mut stream = raw::connect(url);
                stream.write_all(text.as_bytes()).unwrap();
                let answer = String::from_utf8_lossy(&raw::read_to_end(&mut stream)).into_owned();
                let called = text.ends_with("\r\n\r\n");
                assert_eq!(answer.contains("200 OK"), called, "{text:?}: {answer}");
            });
        }
    });
}
