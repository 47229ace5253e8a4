#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::{Body, Segment};
use matchbook_smsc::{Counts, Incoming};

use super::screen::describe;
use super::sums::named;

fn incoming(from: &str, header: &[u8], body: Body) -> Incoming {
    let segment = Segment { header: header.to_vec(), body };
    Incoming { from: from.parse().unwrap(), segment, sent_at: UnixMillis(0) }
}

#[test]
fn a_line_tells_who_which_part_and_how_long_and_no_more() {
    let to = "+491700000001".parse().unwrap();
    let header = [11, 5, 4, 0x3e, 0x94, 0x3e, 0x94, 0, 3, 7, 3, 2];
    let part = incoming("16020", &header, Body::Data(b"sealed".to_vec()));
    let line = "+491700000001 from 16020, part 2 of 3, header 0b05043e943e940003070302, 6 bytes";
    assert_eq!(describe(&to, &part, false), line);
    assert_eq!(describe(&to, &part, true), format!("{line}: 7365616c6564"));
    let text = incoming("MATCHBOOK", &[], Body::Text("a\x1b[2Jé".into()));
    assert_eq!(describe(&to, &text, false), "+491700000001 from MATCHBOOK, 6 characters");
    assert_eq!(describe(&to, &text, true), "+491700000001 from MATCHBOOK, 6 characters: a\\u{1b}[2Jé");
}

#[test]
fn a_header_that_is_none_is_no_part() {
    let to = "1".parse().unwrap();
    for header in [&[0][..], &[5, 0, 3, 7], &[200, 0], &[3, 0, 200, 1]] {
        assert!(!describe(&to, &incoming("2", header, Body::Data(Vec::new())), false).contains("part"));
    }
}

#[test]
fn the_reference_has_every_count() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md")).unwrap();
    for (name, _) in named(&Counts::default()) {
        assert!(page.contains(&format!("\n| `{name}` | ")), "{name}");
    }
}
