//! Which room needs which: the arrows of docs/adr/0001, read from `cargo metadata`.

use serde_json::Value;

use super::{Outcome, none_of};
use crate::context::Context;

/// Compares the manifests with the allowed arrows.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let findings = wrong_arrows(&context.metadata);
    none_of(&findings, "arrows that docs/adr/0001 does not have", format!("{} rooms", ROOMS.len()))
}

/// One crate of ours and what it may need.
struct Room {
    name: &'static str,
    /// Crates of ours that it may need.
    needs: &'static [&'static str],
    /// Crates of ours that only its tests may need.
    tests_need: &'static [&'static str],
    /// It is a room of pure decisions: no runtime, socket, store, clock or random source.
    is_pure: bool,
}

const PROTOCOL: &str = "matchbook-protocol";
const RULES: &str = "matchbook-rules";
const STORE: &str = "matchbook-store";
const SERVER: &str = "matchbook-server";
const DEVICE: &str = "matchbook-device";
const PSKC: &str = "matchbook-pskc";
const CARD: &str = "matchbook-card";
const CARD_HOST: &str = "matchbook-card-host";
const KIT: &str = "matchbook-kit";
const SMSC: &str = "matchbook-smsc";
const TESTBED: &str = "matchbook-testbed";

const ROOMS: &[Room] = &[
    Room { name: PROTOCOL, needs: &[], tests_need: &[], is_pure: true },
    Room { name: RULES, needs: &[PROTOCOL], tests_need: &[], is_pure: true },
    Room { name: STORE, needs: &[PROTOCOL, RULES], tests_need: &[TESTBED], is_pure: false },
    Room { name: SERVER, needs: &[PROTOCOL, RULES, STORE], tests_need: &[DEVICE, SMSC, TESTBED], is_pure: false },
    Room { name: DEVICE, needs: &[PROTOCOL], tests_need: &[SMSC], is_pure: false },
    Room { name: PSKC, needs: &[PROTOCOL], tests_need: &[], is_pure: true },
    Room { name: CARD, needs: &[PROTOCOL], tests_need: &[], is_pure: true },
    Room { name: CARD_HOST, needs: &[PROTOCOL, CARD, DEVICE], tests_need: &[], is_pure: false },
    Room { name: "matchbook-reader", needs: &[], tests_need: &[], is_pure: false },
    Room { name: KIT, needs: &[PROTOCOL], tests_need: &[], is_pure: false },
    Room { name: "matchbook-ffi", needs: &[KIT], tests_need: &[PROTOCOL], is_pure: false },
    Room { name: "matchbook-python", needs: &[KIT], tests_need: &[], is_pure: false },
    Room { name: SMSC, needs: &[PROTOCOL], tests_need: &[], is_pure: false },
    Room { name: TESTBED, needs: &[], tests_need: &[], is_pure: false },
    Room {
        name: "matchbook-cli",
        needs: &[PROTOCOL, RULES, STORE, SERVER, DEVICE, CARD_HOST, SMSC, PSKC],
        tests_need: &[TESTBED],
        is_pure: false,
    },
    Room {
        name: "matchbook-bench",
        needs: &[PROTOCOL, RULES, STORE, SERVER, TESTBED],
        tests_need: &[],
        is_pure: false,
    },
    Room { name: "xtask", needs: &[], tests_need: &[], is_pure: false },
];

/// Crates that bring a runtime, a socket, a store, a clock or a random source.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "chrono",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "rusqlite",
    "socket2",
    "time",
    "tokio",
    "ureq",
];

fn wrong_arrows(metadata: &Value) -> Vec<String> {
    let packages = metadata.get("packages").and_then(Value::as_array);
    let mut findings = Vec::new();
    for package in packages.into_iter().flatten() {
        let name = text(package, "name");
        match ROOMS.iter().find(|room| room.name == name) {
            Some(room) => findings.extend(wrong_arrows_of(room, package)),
            None => findings.push(format!("{name} is a crate that docs/adr/0001 does not have")),
        }
    }
    findings
}

fn wrong_arrows_of(room: &Room, package: &Value) -> Vec<String> {
    let dependencies = package.get("dependencies").and_then(Value::as_array);
    let mut findings = Vec::new();
    for dependency in dependencies.into_iter().flatten() {
        let needed = text(dependency, "name");
        let is_for_tests = text(dependency, "kind") == "dev";
        let is_ours = ROOMS.iter().any(|room| room.name == needed);
        // A crate's tests may need the crate itself, with features on.
        let is_allowed_in_tests = room.tests_need.contains(&needed) || needed == room.name;
        let is_allowed = room.needs.contains(&needed) || (is_for_tests && is_allowed_in_tests);
        if is_ours && !is_allowed {
            findings.push(format!("{} must not need {needed}", room.name));
        }
        if room.is_pure && !is_for_tests && IMPURE.contains(&needed) {
            findings.push(format!("{} decides purely, and {needed} is not pure", room.name));
        }
    }
    findings
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
#[path = "arrows_tests.rs"]
mod tests;
