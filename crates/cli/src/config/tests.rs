#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use super::KEYS;
use super::file::parse;
use super::keys::Kind;
use super::keys::VARIABLES;
use crate::exit::ExitCode;

fn file() -> &'static Path {
    Path::new("/srv/mb/config.toml")
}

#[test]
fn values_and_their_lines() {
    let text =
        "[client]\nserver = \"https://a.example\"\n\n[store]\ndata = \"db\"\n[serve]\napi_calls_per_second = 1_000\n";
    let values = parse(text, file()).unwrap();
    assert_eq!(values["client.server"].text, "https://a.example");
    assert_eq!(values["client.server"].line, 2);
    assert_eq!(values["store.data"].text, "/srv/mb/db", "relative paths start at the file's folder");
    assert_eq!(values["serve.api_calls_per_second"].text, "1000");
}

#[test]
fn an_unknown_key_is_named_with_its_file_line_and_the_known_ones() {
    for (text, named) in [
        ("[client]\nsever = \"x\"\n", "\"client.sever\""),
        ("[cleint]\nserver = \"x\"\n", "\"cleint\""),
        ("listen = \"127.0.0.1:1\"\n", "\"listen\""),
        ("client = 3\n", "\"client\""),
    ] {
        let error = parse(text, file()).unwrap_err();
        assert_eq!(error.exit, ExitCode::Usage);
        assert!(error.message.contains(named) && error.message.contains("/srv/mb/config.toml line"), "{error}");
        for key in KEYS {
            assert!(error.hint.as_ref().unwrap().contains(key.name));
        }
    }
}

#[test]
fn wrong_values_name_key_line_and_what_is_right() {
    for (text, good) in [
        ("[serve]\nlisten = \"nowhere\"", "127.0.0.1:8470"),
        ("[serve]\nlisten = 8470", "a text in quotes"),
        ("[serve]\nlog_format = \"xml\"", "one of text, json"),
        ("[client]\n\ntimeout_s = 0", "from 1 to 600"),
        ("[client]\n\ntimeout_s = \"3\"", "without quotes"),
        ("[client]\nserver = \"codes.example.org\"", "a URL such as"),
        ("[store]\ndata = \"\"", "a path"),
    ] {
        let error = parse(text, file()).unwrap_err();
        assert_eq!(error.exit, ExitCode::Usage);
        assert!(error.message.contains(good) && error.message.contains(" line "), "{error}");
    }
}

#[test]
fn text_that_is_not_toml_names_the_line() {
    let error = parse("[client]\nserver = \n", file()).unwrap_err();
    assert!(error.message.contains("line 2 is not TOML"), "{error}");
}

#[test]
fn keys_are_unique_and_defaults_pass_their_own_check() {
    let places = super::Places::find(Some(file()));
    for (at, key) in KEYS.iter().enumerate() {
        let later = &KEYS[at + 1..];
        assert!(
            later
                .iter()
                .all(|other| other.name != key.name && other.variable != key.variable && other.flag != key.flag)
        );
        assert!(key.variable.starts_with("MATCHBOOK_") && key.flag.starts_with("--"));
        if let Some(value) = (key.default)(&places) {
            key.kind.check(&value).unwrap();
        }
    }
    assert!(Kind::Whole(1, 3).check("4").is_err());
}

/// The page of the command line is written by hand: this holds it to the table of settings and the exit codes.
#[test]
fn the_reference_has_every_setting_variable_and_exit_code() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md")).unwrap();
    for key in KEYS {
        let row = format!("| `{}` | `{}` | `{}` |", key.name, key.variable, key.flag);
        let line = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row {row}"));
        assert!(line.ends_with(&format!("| {} |", key.what)), "{line}");
        if let Kind::Whole(lowest, highest) = key.kind {
            let digits: String = line.chars().filter(|c| *c != ',').collect();
            assert!(digits.contains(&format!("| {lowest}–{highest} |")), "{line}");
        }
    }
    for (name, what) in VARIABLES {
        assert!(page.contains(&format!("| `{name}` | {what} |")), "{name}");
    }
    for code in 0..=5 {
        assert!(page.contains(&format!("\n| {code} | ")), "exit code {code}");
    }
}
