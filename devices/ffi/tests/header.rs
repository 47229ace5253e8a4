//! The header is what the source says. `MATCHBOOK_WRITE_HEADER=1 cargo test -p matchbook-ffi --test header` writes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::Path;

use matchbook_protocol::{MAX_COSE_LEN, engine::MAX_ACCOUNT_LEN};

#[test]
fn the_header_is_what_cbindgen_makes_of_the_source() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    cbindgen::Builder::new().with_crate(folder).with_config(config).generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let file = folder.join("include/matchbook.h");
    if std::env::var_os("MATCHBOOK_WRITE_HEADER").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), made, "the header is not what the source says");
}

#[test]
fn every_function_that_can_fail_says_how_and_with_statuses_that_there_are() {
    let header = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/matchbook.h")).unwrap();
    let statuses: Vec<&str> = header
        .lines()
        .filter_map(|line| line.trim().strip_prefix("MB_STATUS_")?.split_once(" ="))
        .map(|at| at.0)
        .collect();
    let mut functions = 0;
    for (at, _) in header.match_indices("\nmb_status mb_") {
        let comment: Vec<&str> = header[..at].lines().rev().take_while(|line| line.starts_with("//")).collect();
        let says = comment.iter().any(|line| line.contains("MB_STATUS_") || line.contains("The errors are those of"));
        assert!(says, "{comment:?}");
        functions += 1;
    }
    assert!(functions > 20, "{functions}");
    let words = header.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter_map(|word| word.strip_prefix("MB_STATUS_")) {
        let is_known =
            statuses.iter().any(|status| *status == word || (word.ends_with('_') && status.starts_with(word)));
        assert!(is_known, "MB_STATUS_{word}");
    }
}

#[test]
fn the_rooms_that_the_header_names_are_enough() {
    const { assert!(matchbook::MB_STATE_ROOM >= MAX_ACCOUNT_LEN) };
    const { assert!(matchbook::MB_MESSAGE_ROOM >= MAX_COSE_LEN) };
    assert_eq!(matchbook::MB_CODE_ROOM, 12 + 1, "the longest code, and a NUL");
}
