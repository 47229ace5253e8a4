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
    let rows = vec![vec!["x\n\x07y".to_owned()]];
    assert_eq!(render(&["N"], &rows, false), "N\nx\\n\\u{7}y\n");
}

#[test]
fn fields_line_up() {
    assert_eq!(render_fields(&[("id", "1".to_owned()), ("label", "x".to_owned())], false), "id     1\nlabel  x\n");
}
