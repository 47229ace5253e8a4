//! The lines, without a card.

use super::serve;

fn say(lines: &[u8]) -> String {
    let mut output = Vec::new();
    serve(&mut &*lines, &mut output).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn whatever_the_line_is_there_is_an_answer() {
    let lines = b"\nhello\ntransmit\ntransmit 00\ntransmit 0\ntransmit xy\nreset\nconnect 00 00\ntransmit 00a4\xFF\n";
    let said = say(lines);
    let kinds: Vec<&str> = said.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(kinds, ["line", "line", "card", "card", "line", "line", "card", "line", "line"], "{said}");
    assert!(said.lines().all(|line| line.starts_with("no ")), "{said}");
}

#[test]
fn a_line_without_an_end_is_refused_and_takes_no_memory() {
    let long = vec![b'0'; 300_000];
    let said = say(&long);
    assert!(said.lines().all(|line| line.starts_with("no line ")) && !said.is_empty(), "{said}");
}
