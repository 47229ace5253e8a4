//! Programs in the place of `matchbook-reader` that do not keep to its lines.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use std::{sync::mpsc, thread};

use super::PcscReader;
use crate::reader::ReaderError;

/// Generous: a program that does not end by itself is given five seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a script's answer to `list` comes to. A hang is a failure too.
fn list(script: &str) -> ReaderError {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("reader");
    fs::write(&program, format!("#!/bin/sh\nread -r line\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = PcscReader::start_program(&program).unwrap();
        let first = reader.list().unwrap_err();
        // It is not asked again after that.
        assert!(matches!(reader.list(), Err(ReaderError::Other(_) | ReaderError::NoLibrary)));
        drop(reader);
        done.send(first)
    });
    wait.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it hangs: {script}"))
}

#[test]
fn an_answer_that_is_no_text_is_an_error_and_waits_for_nobody() {
    let error = list("printf '\\377\\377\\n'; cat > /dev/null");
    assert!(error.what().contains("another language"), "{error}");
}

#[test]
fn a_line_without_an_end_is_refused() {
    let error = list("printf 'ok '; head -c 200000 /dev/zero | tr '\\0' 0; cat > /dev/null");
    assert!(error.what().contains("another language"), "{error}");
    // An answer that was cut off is none.
    assert!(list("printf 'ok 3b'").what().contains("ended"));
}

#[test]
fn a_program_that_ends_says_why() {
    assert_eq!(list("exit 127"), ReaderError::NoLibrary);
    assert!(list("exit 3").what().contains("3"));
    assert_eq!(refused("no denied not you"), ReaderError::Denied);
    // The names and sentences of others are no part of ours.
    let other = refused("no other it broke; run this");
    assert_eq!((other.what().as_str(), other.hint()), ("the reader failed: it broke; run this", None));
}

fn refused(line: &str) -> ReaderError {
    super::refusal(line.strip_prefix("no ").unwrap())
}
