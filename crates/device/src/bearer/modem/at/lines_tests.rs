#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

fn lines_of(bytes: &[u8]) -> Vec<String> {
    let mut lines = Lines::default();
    lines.push(bytes);
    std::iter::from_fn(|| lines.next()).collect()
}

#[test]
fn lines_end_with_either_and_empty_ones_are_dropped() {
    assert_eq!(lines_of(b"\r\n+CSQ: 24,0\r\n\r\nOK\r\n"), ["+CSQ: 24,0", "OK"]);
    assert_eq!(lines_of(b"one\rtwo\n\n three \r\nhalf"), ["one", "two", "three"]);
    assert_eq!(lines_of(b"\x00\xff\xfeO\x07K\r"), ["OK"], "noise on the line");
}

#[test]
fn a_prompt_needs_no_line_end() {
    let mut lines = Lines::default();
    lines.push(b"\r\n>");
    assert!(lines.take_prompt());
    lines.push(b" ");
    assert!(!lines.take_prompt());
    lines.push(b"\r\n+CMGS: 1\r\n");
    assert_eq!(lines.next().unwrap(), "+CMGS: 1");
}

#[test]
fn an_endless_line_is_passed_over() {
    let mut lines = Lines::default();
    for _ in 0..1_000 {
        lines.push(&[b'A'; 4_096]);
        assert!(lines.partial.len() <= MAX_LINE);
    }
    lines.push(b"\r\nOK\r\n");
    assert_eq!(lines.next().unwrap(), "OK", "and what follows is read");
}

#[test]
fn endless_lines_are_not_kept() {
    let mut lines = Lines::default();
    for _ in 0..10_000 {
        lines.push(b"A\r\n");
    }
    assert_eq!(lines.whole.len(), MAX_LINES);
}

proptest! {
    #[test]
    fn whatever_comes_is_bounded_and_printable(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.push(&chunk);
            lines.take_prompt();
        }
        while let Some(line) = lines.next() {
            prop_assert!(!line.is_empty() && line.len() <= MAX_LINE);
            prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
