//! Who may call what: every route with every role, from the same list that the description is checked against.

use matchbook_protocol::UnixMillis;
use matchbook_rules::{RealmId, Role};
use matchbook_server::{NewToken, ServerConfig};
use serde_json::{Value, json};

use crate::common::hooked::of_token;
use crate::common::site::config;
use crate::common::{Api, Fault, Site, Stands, attempt};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// Everybody, without a token.
    Everybody,
    /// Relying parties, in their own realm.
    RelyingParties,
    /// Operators, and the operator of the realm.
    OperatorsOfTheRealm,
    /// Operators, and any realm's operator, who sees what is the realm's.
    AnyOperator,
    /// Operators alone.
    Operators,
}

/// Every route.
pub(crate) const ROUTES: &[(&str, &str, May)] = &[
    ("GET", "/healthz", May::Everybody),
    ("GET", "/readyz", May::Everybody),
    ("GET", "/metrics", May::Everybody),
    ("POST", "/v1/device/messages", May::Everybody),
    ("POST", "/v1/verify", May::RelyingParties),
    ("POST", "/v1/challenge", May::RelyingParties),
    ("GET", "/v1/realms", May::AnyOperator),
    ("POST", "/v1/realms", May::Operators),
    ("GET", "/v1/realms/{realm}", May::OperatorsOfTheRealm),
    ("GET", "/v1/realms/{realm}/policy", May::OperatorsOfTheRealm),
    ("PUT", "/v1/realms/{realm}/policy", May::OperatorsOfTheRealm),
    ("POST", "/v1/policy/check", May::AnyOperator),
    ("GET", "/v1/realms/{realm}/users", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/users", May::OperatorsOfTheRealm),
    ("GET", "/v1/realms/{realm}/users/{user}", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/users/{user}/suspend", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/users/{user}/resume", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/enrolments", May::OperatorsOfTheRealm),
    ("GET", "/v1/realms/{realm}/devices", May::OperatorsOfTheRealm),
    ("GET", "/v1/realms/{realm}/devices/{device}", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/devices/{device}/suspend", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/devices/{device}/resume", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/devices/{device}/unlock", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/devices/{device}/rotate", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/devices/{device}/push", May::OperatorsOfTheRealm),
    ("PUT", "/v1/realms/{realm}/devices/{device}/number", May::OperatorsOfTheRealm),
    ("GET", "/v1/realms/{realm}/devices/{device}/messages", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/devices/{device}/revoke", May::OperatorsOfTheRealm),
    ("GET", "/v1/realms/{realm}/events", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/imports/{import}/devices", May::OperatorsOfTheRealm),
    ("POST", "/v1/realms/{realm}/imports/{import}/live", May::OperatorsOfTheRealm),
    ("DELETE", "/v1/realms/{realm}/imports/{import}", May::OperatorsOfTheRealm),
    ("GET", "/v1/realms/{realm}/factory-keys", May::Operators),
    ("GET", "/v1/tokens", May::AnyOperator),
    ("POST", "/v1/tokens", May::AnyOperator),
    ("DELETE", "/v1/tokens/{id}", May::AnyOperator),
];

/// What gateways call. The path holds their secret, and a wrong one looks like a path that is not there; the tests of the
/// gateways call them.
pub(crate) const GATEWAY_ROUTES: &[(&str, &str, May)] = &[
    ("GET", "/v1/sms/gateways/{name}/{secret}/messages", May::Everybody),
    ("POST", "/v1/sms/gateways/{name}/{secret}/messages", May::Everybody),
    ("GET", "/v1/sms/gateways/{name}/{secret}/receipts", May::Everybody),
    ("POST", "/v1/sms/gateways/{name}/{secret}/receipts", May::Everybody),
];

/// A body that the route takes.
fn body(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("POST", "/v1/verify") => attempt("alice", "000000"),
        ("POST", "/v1/challenge") => json!({ "user": "alice" }),
        ("POST", "/v1/realms") => json!({ "id": format!("r{}", attempt("", "")["operation_id"].as_str().unwrap()) }),
        ("PUT", "/v1/realms/{realm}/policy") | ("POST", "/v1/policy/check") => json!({}),
        ("POST", "/v1/realms/{realm}/users") => json!({ "id": attempt("", "")["operation_id"] }),
        ("POST", "/v1/realms/{realm}/enrolments") => json!({ "user": "alice" }),
        ("PUT", "/v1/realms/{realm}/devices/{device}/number") => json!({ "number": "+491700000001" }),
        ("POST", "/v1/realms/{realm}/imports/{import}/devices") => json!({ "devices": [] }),
        ("POST", "/v1/realms/{realm}/imports/{import}/live") => json!({ "devices": 1 }),
        ("POST", "/v1/tokens") => json!({ "role": "realm-operator", "realm": "ship" }),
        _ => return None,
    })
}

fn allowed(status: u16) -> bool {
    // What a role may do may still fail for another reason: there is nothing to resume, say, or no such token.
    matches!(status, 200 | 201 | 204 | 404 | 409 | 415)
}

#[test]
fn every_route_knows_who_may_call_it() {
    let site = Site::on_with(Stands::Memory, ServerConfig { allow_key_export: true, ..config() });
    let party = site.realm("ship", &json!({}));
    site.realm("harbour", &json!({}));
    let phone = site.phone("ship", "alice");
    let own = site.token(&json!({ "role": "realm-operator", "realm": "ship" }));
    let others = site.token(&json!({ "role": "realm-operator", "realm": "harbour" }));
    for (method, path, may) in ROUTES {
        let place = path
            .replace("{realm}", "ship")
            .replace("{user}", "alice")
            .replace("{device}", &phone.id().to_string())
            .replace("{import}", &"ab".repeat(16))
            .replace("{id}", "0011223344556677");
        let status = |caller: &Api| caller.call(method, &place, body(method, path).as_ref()).status;
        let strangers = [site.stranger(), Api::new(site.url(), Some("mb_")), Api::new(site.url(), Some(&forged()))];
        for stranger in strangers {
            let status = status(&stranger);
            let right = if *may == May::Everybody { allowed(status) } else { status == 401 };
            assert!(right, "{method} {path} without a token: {status}");
        }
        let (rp, operators, of_the_realm, of_another) = match may {
            May::Everybody => (true, true, true, true),
            May::RelyingParties => (true, false, false, false),
            May::OperatorsOfTheRealm => (false, true, true, false),
            May::AnyOperator => (false, true, true, true),
            May::Operators => (false, true, false, false),
        };
        let callers =
            [("relying party", &party, rp), ("operator", &site.operator(), operators), ("its own", &own, of_the_realm)];
        for (who, caller, may) in callers {
            let status = status(caller);
            assert!(if may { allowed(status) } else { status == 403 }, "{method} {path} as {who}: {status}");
        }
        if *path != "/v1/tokens" {
            let status = status(&others);
            let right = if of_another { allowed(status) } else { status == 403 };
            assert!(right, "{method} {path} as another realm's operator: {status}");
        }
    }
}

fn forged() -> String {
    format!("mb_{}", "A".repeat(43))
}

#[test]
fn what_is_refused_says_what_is_needed() {
    let site = Site::in_memory();
    let party = site.realm("ship", &json!({}));
    let refused = site.stranger().get("/v1/realms");
    refused.problem(401, "sign-in-needed");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    party.get("/v1/realms").problem(403, "forbidden");
    Api::new(site.url(), Some("")).get("/v1/realms").problem(401, "sign-in-needed");
    // The scheme's name is written as one likes (RFC 9110 §11.1).
    let token = site.operator().token.unwrap();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let header = format!("{scheme} {token}");
        let answer = crate::common::raw::exchange(site.url(), "GET", "/v1/realms", &[("Authorization", &header)], b"");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let basic = crate::common::raw::exchange(site.url(), "GET", "/v1/realms", &[("Authorization", "Basic eA==")], b"");
    assert!(basic.starts_with("HTTP/1.1 401 "), "{basic}");
}

/// A realm's operator sees and makes what is the realm's, and learns nothing of others.
#[test]
fn a_realms_operator_stays_in_the_realm() {
    let site = Site::in_memory();
    site.realm("ship", &json!({}));
    site.realm("harbour", &json!({}));
    let phone = site.phone("harbour", "bob");
    let own = site.token(&json!({ "role": "realm-operator", "realm": "ship" }));
    let names = |listed: Value| -> Vec<String> {
        listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(own.get("/v1/realms").ok()), ["ship"]);
    own.get("/v1/realms/no-such-realm").problem(403, "forbidden");
    own.get(&format!("/v1/realms/ship/devices/{}", phone.id())).problem(404, "not-found");
    own.command(&format!("/v1/realms/ship/devices/{}/revoke", phone.id())).problem(404, "not-found");
    assert_eq!(site.shown("harbour", phone.id())["status"], "active");

    let theirs = names(own.get("/v1/tokens").ok());
    let all = names(site.operator().get("/v1/tokens").ok());
    assert!(theirs.iter().all(|id| all.contains(id)) && theirs.len() < all.len());
    let foreign = all.iter().find(|id| !theirs.contains(id)).unwrap();
    own.delete(&format!("/v1/tokens/{foreign}")).problem(404, "not-found");
    for role in [
        json!({ "role": "operator" }),
        json!({ "role": "realm-operator", "realm": "harbour" }),
        json!({ "role": "relying-party", "realm": "harbour", "name": "vpn" }),
    ] {
        own.post("/v1/tokens", &role).problem(403, "forbidden");
    }
    own.post("/v1/tokens", &json!({ "role": "relying-party", "realm": "ship", "name": "mail" })).ok();
}

#[test]
fn a_token_ends_with_its_revocation_and_its_time() {
    let site = Site::in_memory();
    let party = site.realm("ship", &json!({}));
    let made = site.operator().post("/v1/tokens", &json!({ "role": "operator", "label": "temporary" }));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.ok();
    let temporary = Api::new(site.url(), made["token"].as_str());
    temporary.get("/v1/realms").ok();
    let place = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(site.operator().delete(&place).status, 204);
    temporary.get("/v1/realms").problem(401, "sign-in-needed");
    site.operator().delete(&place).problem(404, "not-found");
    site.operator().delete("/v1/tokens/xyz").problem(404, "not-found");
    assert!(!party.accepts(&attempt("alice", "0")), "the others go on");

    for (expires_at, status) in [(UnixMillis(1), 401), (UnixMillis(u64::MAX >> 2), 200)] {
        let role = Role::RealmOperator(RealmId::new("ship").unwrap());
        let (changes, token) = NewToken::make(role, String::new(), Some(expires_at)).into_changes();
        site.block_on(site.store().commit(changes)).unwrap();
        assert_eq!(Api::new(site.url(), Some(&token)).get("/v1/realms").status, status);
    }
    let short = json!({ "role": "operator", "valid_for_s": 59 });
    site.operator().post("/v1/tokens", &short).problem(400, "bad-request");
}

#[test]
fn a_token_names_what_its_role_needs() {
    let site = Site::in_memory();
    site.realm("ship", &json!({}));
    for wrong in [
        json!({ "role": "operator", "realm": "ship" }),
        json!({ "role": "operator", "name": "vpn" }),
        json!({ "role": "realm-operator" }),
        json!({ "role": "realm-operator", "realm": "ship", "name": "vpn" }),
        json!({ "role": "relying-party", "realm": "ship" }),
        json!({ "role": "relying-party", "name": "vpn" }),
        json!({ "role": "relying-party", "realm": "Ship!", "name": "vpn" }),
        json!({ "role": "god" }),
        json!({}),
    ] {
        site.operator().post("/v1/tokens", &wrong).problem(400, "bad-request");
    }
    let nowhere = json!({ "role": "realm-operator", "realm": "no-such-realm" });
    site.operator().post("/v1/tokens", &nowhere).problem(404, "not-found");
}

/// A look-up that was under way when the token was revoked must not bring it back.
#[test]
fn a_revocation_outruns_a_look_up_under_way() {
    let (site, store) = Site::hooked_in_memory();
    let operator = site.operator();
    let made = operator.post("/v1/tokens", &json!({ "role": "operator" })).ok();
    let victim = Api::new(site.url(), made["token"].as_str());
    let gate = store.hold_token_loads();
    let first = victim.clone();
    let call = std::thread::spawn(move || first.get("/v1/realms").status);
    gate.wait_for(1);
    assert_eq!(operator.delete(&format!("/v1/tokens/{}", made["id"].as_str().unwrap())).status, 204);
    gate.open();
    call.join().unwrap();
    victim.get("/v1/realms").problem(401, "sign-in-needed");
}

/// Callers without a good token are slowed; those with one are not, though they share an address and come all at once.
#[test]
fn strangers_are_slowed_and_callers_are_not() {
    let (site, store) = Site::hooked_in_memory();
    let party = site.realm("ship", &json!({}));
    let gate = store.hold_token_loads();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..300)
            .map(|user| {
                let party = party.apart();
                scope.spawn(move || party.post("/v1/challenge", &json!({ "user": format!("u{user}") })).status)
            })
            .collect();
        // The longer, the more of them have come; the outcome is the same.
        std::thread::sleep(std::time::Duration::from_millis(300));
        gate.open();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");

    let stranger = Api::new(site.url(), Some(&forged()));
    let slowed = (0..5_000).map(|_| stranger.get("/v1/realms")).find(|reply| reply.status == 429);
    slowed.expect("a flood of strangers is slowed").slowed();
    let without = site.stranger();
    crate::common::eventually("without a token, too", || without.get("/v1/realms").status == 429);
    assert_eq!(party.post("/v1/challenge", &json!({ "user": "alice" })).status, 200);
}

/// A token whose record is not durable is not handed out.
#[test]
fn a_token_that_was_not_stored_is_not_handed_out() {
    let (site, store) = Site::hooked_in_memory();
    store.fail(of_token, &[Fault::Unavailable]);
    let reply = site.operator().post("/v1/tokens", &json!({ "role": "operator" }));
    reply.problem(503, "unavailable");
}
