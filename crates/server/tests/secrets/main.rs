//! No code and no key in clear, anywhere: devices are planted, every flow is walked, and then the database's files, a dump
//! of all its rows, and all logs at their most talkative are searched for each secret in every form that it could have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod flows;
mod haystack;
mod sms;

use std::collections::BTreeSet;

use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use common::Site;
use common::site::{KEK, PEPPER};
use haystack::Haystack;

/// What must not be found, each with its name for the report.
#[derive(Default)]
pub(crate) struct Secrets {
    needles: Vec<(String, Vec<u8>)>,
}

impl Secrets {
    /// Bytes, as they are and in the encodings that people print.
    pub(crate) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.needles.push((format!("{name}, raw"), bytes.to_vec()));
        for (form, text) in [
            ("hex", HEXLOWER.encode(bytes)),
            ("HEX", HEXUPPER.encode(bytes)),
            ("base64", BASE64_NOPAD.encode(bytes)),
            ("base64, padded", BASE64.encode(bytes)),
            ("base64url", BASE64URL_NOPAD.encode(bytes)),
            ("base32", BASE32_NOPAD.encode(bytes)),
            ("a list", format!("{bytes:?}")),
        ] {
            self.needles.push((format!("{name}, {form}"), text.into_bytes()));
        }
    }

    /// Text, as it is.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.needles.push((name.to_owned(), text.as_bytes().to_vec()));
    }

    /// A code of twelve digits: as people type it, and as a number.
    pub(crate) fn code(&mut self, name: &str, code: &str) {
        assert_eq!(code.len(), 12, "shorter ones could be found by chance");
        self.text(name, code);
        self.text(name, &format!("{}-{}-{}", &code[..4], &code[4..8], &code[8..]));
        let value: u64 = code.parse().unwrap();
        // With its leading zero, as SQLite stores it: five bytes alone could be found by chance.
        self.needles.push((format!("{name}, a number"), value.to_be_bytes()[2..].to_vec()));
        self.needles.push((format!("{name}, a number reversed"), value.to_le_bytes().to_vec()));
    }

    fn found_in(&self, haystack: &Haystack) -> BTreeSet<String> {
        let found = haystack.search(&self.needles);
        found.into_iter().map(|(name, place)| format!("{name} in {place}")).collect()
    }
}

#[test]
fn no_secret_stands_in_the_store_or_the_logs() {
    let logs = haystack::capture_logs();
    let mut site = Site::new();
    let mut secrets = Secrets::default();
    secrets.bytes("the KEK", &KEK);
    secrets.bytes("the pepper", &PEPPER);
    flows::walk(&mut site, &mut secrets);
    assert!(secrets.needles.len() > 1_000, "{}", secrets.needles.len());

    let mut haystack = Haystack::default();
    haystack.add_files(site.path().parent().unwrap());
    haystack.add_dump(&site.path());
    haystack.add("the logs", logs.lock().unwrap().clone());
    assert_eq!(secrets.found_in(&haystack), BTreeSet::new());

    // After the server's end the log is folded into the database: once more.
    site.close();
    let mut haystack = Haystack::default();
    haystack.add_files(site.path().parent().unwrap());
    haystack.add_dump(&site.path());
    haystack.add("the logs", logs.lock().unwrap().clone());
    assert_eq!(secrets.found_in(&haystack), BTreeSet::new());
    haystack.has_what_it_should();
}

/// The search finds what is there: each form of a planted secret, in each place that is searched.
#[test]
fn the_search_finds_what_is_planted() {
    let logs = haystack::capture_logs();
    let site = Site::new();
    site.realm("ship", &serde_json::json!({}));
    let mut secrets = Secrets::default();
    let planted = "424242171717";
    secrets.code("a planted code", planted);
    secrets.bytes("a planted key", &[0xAB; 32]);
    // A display name is stored and a path is logged, as they are.
    let name = format!("{planted} {}", HEXLOWER.encode(&[0xAB; 32]));
    let body = serde_json::json!({ "id": "alice", "display_name": name });
    site.operator().post("/v1/realms/ship/users", &body).ok();
    site.stranger().get(&format!("/{planted}"));

    let mut haystack = Haystack::default();
    haystack.add_files(site.path().parent().unwrap());
    haystack.add_dump(&site.path());
    haystack.add("the logs", logs.lock().unwrap().clone());
    let found = secrets.found_in(&haystack);
    for place in ["matchbook.sqlite-wal", "the dump", "the logs"] {
        let expected = format!("a planted code in {place}");
        assert!(found.contains(&expected), "{expected}: {found:?}");
    }
    assert!(found.contains("a planted key, hex in the dump"), "{found:?}");
}
