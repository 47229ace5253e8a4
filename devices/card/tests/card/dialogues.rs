//! Dialogues as data files: what is sent, and what has to come back. Other clients run the same files.

use std::fs;
use std::path::Path;

use crate::host::{insert, send};
use crate::memory::Memory;

#[test]
fn every_dialogue_goes_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        play(&file);
    }
}

/// `> command`, `< answer` with `*` for any bytes before its status word, `! reset`, `# remark`; hexadecimal.
fn play(file: &Path) {
    let memory = Memory::new();
    let mut card = insert(&memory);
    let mut answer = String::new();
    for (number, line) in fs::read_to_string(file).unwrap().lines().enumerate() {
        let at = format!("{}:{}", file.display(), number + 1);
        let (kind, rest) = line.split_at_checked(1).unwrap_or(("#", ""));
        let rest: String = rest.split('#').next().unwrap().split_whitespace().collect();
        match kind {
            ">" => {
                let got = send(&mut card, &unhex(&rest));
                answer = got.data.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
                answer.push_str(&format!("{:04X}", got.word));
            }
            "<" => match rest.split_once('*') {
                Some((head, tail)) => {
                    assert!(answer.starts_with(head) && answer.ends_with(tail), "{at}: {answer}");
                }
                None => assert_eq!(answer, rest, "{at}"),
            },
            "!" => card.reset(),
            "#" => {}
            _ => panic!("{at}: a line begins with >, <, ! or #"),
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
