//! Clients that are not ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::reader::{Readers, texts};
use crate::stage::Server;

/// Debian's, for which its pyscard is.
const PYTHON: &str = "/usr/bin/python3";

/// M1 to M11 with a card as the device, and no code of ours on the client's side but the script's own lines.
#[test]
fn all_of_m1_to_m11_with_a_card_by_pyscard_alone() {
    let Some(mut readers) = Readers::start() else { return };
    readers.insert("first.card", false);
    readers.insert("second.card", true);
    let server = Server::start();
    let mut walk = Command::new(PYTHON);
    walk.arg(script("requirements.py")).args([server.url(), server.operator()]);
    let output = walk.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let (said, _) = texts(&output);
    println!("{said}");
    let mut shown: Vec<u8> = said.lines().map(|line| line[1..].split(' ').next().unwrap().parse().unwrap()).collect();
    shown.sort_unstable();
    assert_eq!(shown, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], "{said}");
}

#[test]
fn every_dialogue_goes_as_it_is_written_by_pyscard() {
    let Some(mut readers) = Readers::start() else { return };
    for (number, file) in dialogues().into_iter().enumerate() {
        readers.insert(&format!("{number}.card"), false);
        let output = Command::new(PYTHON).arg(script("dialogues.py")).arg("0").arg(&file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        readers.pull_out();
    }
}

#[test]
fn every_dialogue_goes_as_it_is_written_by_opensc_tool() {
    let Some(mut readers) = Readers::start() else { return };
    // It puts answers that come in parts together by itself.
    let is_raw = |file: &Path| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("raw-"));
    for (number, file) in dialogues().into_iter().filter(|file| !is_raw(file)).enumerate() {
        readers.insert(&format!("{number}.card"), false);
        let text = fs::read_to_string(&file).unwrap();
        // It resets the card at its end.
        text.split("\n!").for_each(|part| by_opensc(&file, part.trim_start_matches(" reset")));
        readers.pull_out();
    }
}

/// A part of a dialogue without a reset in it.
fn by_opensc(file: &Path, part: &str) {
    let (mut sent, mut awaited) = (Vec::new(), Vec::new());
    for line in part.lines() {
        let (kind, rest) = line.split_at_checked(1).unwrap_or(("#", ""));
        let rest: String = rest.split('#').next().unwrap().split_whitespace().collect();
        match kind {
            ">" => sent.extend(["-s".to_owned(), rest]),
            "<" => awaited.push(rest),
            _ => {}
        }
    }
    let output = Command::new("opensc-tool").args(["--reader", "0"]).args(&sent).output();
    let output = output.unwrap_or_else(|error| panic!("opensc-tool: {error}; apt-get install opensc"));
    assert!(output.status.success(), "{output:?}");
    let (said, _) = texts(&output);
    let answers: Vec<String> = said.split("Received (").skip(1).map(answer).collect();
    assert_eq!(answers.len(), awaited.len(), "{said}");
    for (answer, awaited) in answers.iter().zip(&awaited) {
        let (head, tail) = awaited.split_once('*').unwrap_or((awaited, ""));
        let is_so =
            if awaited.contains('*') { answer.starts_with(head) && answer.ends_with(tail) } else { answer == awaited };
        assert!(is_so, "{}: {answer} where {awaited} stands", file.display());
    }
}

/// `SW1=0x90, SW2=0x00):`, and lines of sixteen bytes with their letters behind.
fn answer(received: &str) -> String {
    let (words, dump) = received.split_once(')').unwrap();
    let word: String = words.split("=0x").skip(1).map(|word| &word[..2]).collect();
    let lines = dump.trim_start_matches(':').lines().take_while(|line| !line.starts_with("Sending"));
    let bytes = lines.flat_map(|line| line.get(..48.min(line.len())).unwrap_or("").split_whitespace().take(16));
    let data: String = bytes.filter(|byte| byte.len() == 2).collect();
    data.to_uppercase() + &word.to_uppercase()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/card").join(name)
}

fn dialogues() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../devices/card/tests/dialogues");
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).unwrap().collect();
    let mut files: Vec<PathBuf> = entries.unwrap().iter().map(fs::DirEntry::path).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}
