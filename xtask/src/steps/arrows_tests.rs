use serde_json::json;

use super::wrong_arrows;

#[test]
fn an_arrow_that_points_up_is_found() {
    let metadata = json!({ "packages": [
        { "name": "matchbook-rules", "dependencies": [
            { "name": "matchbook-protocol", "kind": null },
            { "name": "matchbook-store", "kind": null },
        ] },
    ] });
    assert_eq!(wrong_arrows(&metadata), ["matchbook-rules must not need matchbook-store"]);
}

#[test]
fn an_arrow_for_tests_is_weighed_by_itself() {
    let metadata = json!({ "packages": [
        { "name": "matchbook-server", "dependencies": [{ "name": "matchbook-device", "kind": "dev" }] },
        { "name": "matchbook-rules", "dependencies": [{ "name": "getrandom", "kind": "dev" }] },
    ] });
    assert!(wrong_arrows(&metadata).is_empty());
    let metadata = json!({ "packages": [
        { "name": "matchbook-server", "dependencies": [{ "name": "matchbook-device", "kind": null }] },
        { "name": "matchbook-rules", "dependencies": [{ "name": "getrandom", "kind": null }] },
    ] });
    assert_eq!(wrong_arrows(&metadata).len(), 2);
}

#[test]
fn a_new_crate_needs_a_word_in_the_decision_record() {
    let metadata = json!({ "packages": [{ "name": "matchbook-eighth", "dependencies": [] }] });
    assert_eq!(wrong_arrows(&metadata), ["matchbook-eighth is a crate that docs/adr/0001 does not have"]);
}
