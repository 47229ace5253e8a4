//! The OpenAPI description and its viewer: whole, true to the routes, and loading nothing from elsewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{Api, Site};
use crate::roles::{May, ROUTES};

fn description(api: &Api) -> Value {
    let reply = api.get("/openapi.json");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.ok()
}

/// Every operation with its method and path.
fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    let of = |path: &String, item: &Value| {
        let item = item.as_object().unwrap();
        let found: Vec<_> = item.iter().map(|(method, it)| (method.to_uppercase(), path.clone(), it.clone())).collect();
        found
    };
    paths.iter().flat_map(|(path, item)| of(path, item)).collect()
}

#[test]
fn the_description_lists_every_route_and_no_other() {
    let site = Site::in_memory();
    let description = description(&site.stranger());
    assert_eq!(description, serde_json::to_value(matchbook_server::openapi()).unwrap());
    let described: BTreeSet<_> = operations(&description).into_iter().map(|(method, path, _)| (method, path)).collect();
    let routes = ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(described, routes);
    for (method, path, _) in ROUTES {
        let place = path.replace(['{', '}'], "");
        let status = site.stranger().call(method, &place, None).status;
        // Without a gateway every secret is a wrong one, which looks like a path that is not there.
        let right = if path.contains("{secret}") { status == 404 } else { !matches!(status, 404 | 405 | 500) };
        assert!(right, "{method} {path}: {status}");
    }
}

#[test]
fn the_description_is_whole() {
    let site = Site::in_memory();
    let description = description(&site.stranger());
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1."), "{}", description["openapi"]);
    for field in ["title", "version", "description"] {
        assert!(description["info"][field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    assert_eq!(description["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let tags: BTreeSet<&str> =
        description["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&description) {
        let at = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at}: the id is there twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{at}");
        assert!(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(tag.as_str().unwrap())), "{at}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{at}");
        let may = ROUTES.iter().find(|route| route.0 == method && route.1 == path).unwrap().2;
        let secured = operation["security"].as_array().is_some_and(|schemes| schemes[0]["token"].is_array());
        assert_eq!(secured, may != May::Everybody, "{at}");
        assert_eq!(responses.contains_key("401"), secured, "{at}");
        let declared: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let named: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, named, "{at}");
    }
    let mut references = Vec::new();
    collect_references(&description, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let place = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(place).is_some(), "{reference} leads nowhere");
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "$ref" => found.push(text.clone()),
                    other => collect_references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What the answers hold is what the description says: every field of it, and no other.
#[test]
fn answers_have_the_fields_that_are_described() {
    let site = Site::in_memory();
    site.realm("ship", &serde_json::json!({}));
    let phone = site.phone("ship", "alice");
    let description = description(&site.stranger());
    let operator = site.operator();
    let messages = operator.get(&format!("/v1/realms/ship/devices/{}/messages", phone.id())).ok();
    let first = |path: &str| operator.get(path).ok()["items"][0].clone();
    for (schema, answer) in [
        ("RealmItem", operator.get("/v1/realms/ship").ok()),
        ("UserItem", first("/v1/realms/ship/users")),
        ("DeviceItem", site.shown("ship", phone.id())),
        ("Messages", messages),
        ("EventItem", first("/v1/realms/ship/events")),
        ("TokenItem", first("/v1/tokens")),
        ("Problem", site.stranger().get("/v1/realms").json()),
    ] {
        let described = &description["components"]["schemas"][schema]["properties"];
        let described: BTreeSet<&String> = described.as_object().unwrap().keys().collect();
        let found: BTreeSet<&String> = answer.as_object().unwrap().keys().collect();
        assert!(found.is_subset(&described), "{schema}: {found:?} against {described:?}");
        let optional = BTreeSet::from(["retry_after_s"]);
        let missing = described.difference(&found).filter(|field| !optional.contains(field.as_str()));
        assert_eq!(missing.count(), 0, "{schema}: {found:?} against {described:?}");
    }
}

/// Where a page or style sheet would load something from: the targets of src, href, url( and @import.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mark in ["src=", "href=", "url(", "@import "] {
        for (start, _) in text.match_indices(mark) {
            let rest = text[start + mark.len()..].trim_start();
            let rest = rest.trim_start_matches(['"', '\'']);
            let end = rest.find(['"', '\'', ')', '>', ' ', ';']).unwrap_or(rest.len());
            found.push(rest[..end].to_owned());
        }
    }
    found
}

fn is_here(target: &str) -> bool {
    !target.contains("//") || target.starts_with("data:")
}

#[test]
fn the_viewer_loads_nothing_from_elsewhere() {
    let site = Site::in_memory();
    let stranger = site.stranger();
    let page = stranger.get("/docs/");
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    assert!(page.header("content-security-policy").is_some());
    let html = String::from_utf8(page.body).unwrap();
    let loaded = targets(&html);
    assert!(
        loaded.iter().any(|target| target.ends_with(".js")) && loaded.iter().any(|target| target.ends_with(".css"))
    );
    assert!(loaded.iter().all(|target| is_here(target)), "{loaded:?}");
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");

    for target in loaded.iter().filter(|target| !target.starts_with("data:")) {
        let place = format!("/docs/{}", target.trim_start_matches("./"));
        let asset = stranger.get(&place);
        assert_eq!(asset.status, 200, "{place}");
        let text = String::from_utf8_lossy(&asset.body).into_owned();
        if place.ends_with(".css") {
            assert!(targets(&text).iter().all(|target| is_here(target)), "{place}");
        }
        if place.ends_with("initializer.js") {
            assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
            assert!(text.contains("/openapi.json"), "{text}");
            assert!(
                text.contains("\"validatorUrl\": \"none\"") || text.contains("\"validatorUrl\":\"none\""),
                "{text}"
            );
        }
    }
    assert!(loaded.iter().any(|target| target.ends_with("initializer.js")), "{loaded:?}");
    let redirect = stranger.get("/docs");
    assert!(matches!(redirect.status, 301..=308), "{redirect:?}");
    assert!(is_here(redirect.header("location").unwrap()));
}
