#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::table::{render, render_fields};
use super::visible;

#[test]
fn columns_line_up_and_lines_end_clean() {
    let rows = vec![vec!["a".to_owned(), "long value".to_owned()], vec!["bcd".to_owned(), String::new()]];
    assert_eq!(render(&["ID", "NAME"], &rows, false), "ID   NAME\na    long value\nbcd\n");
}

#[test]
fn a_name_cannot_send_control_characters_to_the_terminal() {
    assert_eq!(visible("a\x1b[2Jb"), "a\\u{1b}[2Jb");
    assert_eq!(visible("\u{9b}2J"), "\\u{9b}2J");
    assert_eq!(visible("a\u{202e}b\u{2066}c\u{200f}"), "a\\u{202e}b\\u{2066}c\\u{200f}");
    assert_eq!(visible("Žofia, 船"), "Žofia, 船");
    let rows = vec![vec!["x\n\x07y".to_owned()]];
    assert_eq!(render(&["N"], &rows, false), "N\nx\\n\\u{7}y\n");
}

#[test]
fn fields_line_up() {
    assert_eq!(render_fields(&[("id", "1".to_owned()), ("label", "x".to_owned())], false), "id     1\nlabel  x\n");
}
