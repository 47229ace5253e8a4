//! The library as C sees it: programs in tests/c, compiled with every warning an error, run under valgrind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    missing_docs,
    dead_code
)]

#[path = "../../../card/tests/card/chance.rs"]
mod chance;
#[path = "../../../card/tests/card/server.rs"]
mod server;
mod vectors;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use matchbook_kit::Device;
use matchbook_protocol::{
    AuthenticatorId, Delivery, Handle, Party, Profile, Provision, Secret, Suite, UnixMillis, compress_uplink,
    expand_downlink,
};
use server::Server;

const COMPRESSED: u32 = 1;
const COSE: u32 = 2;
const CODES: u32 = 12;
/// What valgrind ends with when something is wrong.
const LEAKED: i32 = 99;

#[test]
fn a_whole_dialogue_of_each_suite_and_form_with_the_power_lost_between_steps() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile("dialogue", folder.path(), Link::Shared);
    for (suite, delivery, form) in [
        (Suite::Symmetric, Delivery::Shared, COMPRESSED),
        (Suite::P256, Delivery::PublicKey, COSE),
        (Suite::X25519, Delivery::Shared, COSE),
    ] {
        let (mut server, enrolment) = Server::with_enrolment(suite, delivery);
        let state = folder.path().join(format!("{suite:?}.state"));
        let mut command = under_valgrind(&program);
        command.arg(enrolment.to_uri().as_str()).arg(&state).arg(form.to_string()).arg(CODES.to_string());
        let said = converse(&mut command, &mut server, &enrolment.party, form);
        let codes: Vec<&str> = said.iter().filter_map(|line| line.strip_prefix("code ")).collect();
        let issued: Vec<String> =
            (1..=CODES).map(|index| format!("{index} {}", server.issued[index as usize - 1])).collect();
        assert_eq!(codes, issued, "{suite:?}");
        assert_eq!(server.epoch(), 1, "{suite:?}");
        let profile = enrolment.party.profile.to_byte();
        let last = format!("stands phase 2 epoch 1 handle 0 profile {profile}");
        assert_eq!(said.last(), Some(&last), "{suite:?}: {said:?}");
        assert!(said.contains(&"event 4".to_owned()), "the key was replaced: {said:?}");
    }
}

#[test]
fn whatever_a_caller_does_wrong_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile("misuse", folder.path(), Link::Shared);
    let output = under_valgrind(&program).arg(folder.path().join("state")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_static_library_links_and_works() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile("misuse", folder.path(), Link::Static);
    let output = Command::new(program).arg(folder.path().join("state")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_leak_would_be_seen() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile("leak", folder.path(), Link::Shared);
    let mut command = under_valgrind(&program);
    let is_checked = command.get_program() == "valgrind";
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(if is_checked { LEAKED } else { 0 }));
}

#[test]
fn no_memory_that_is_given_back_holds_a_key_or_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::write(&state, state_with_codes()).unwrap();
    let program = compile("wipe", folder.path(), Link::Watched);
    let output = Command::new(program).arg(&state).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_library_gives_the_names_of_the_header_and_no_others() {
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(libraries().join("libmatchbook.so")).output();
    let listed = String::from_utf8(output.unwrap().stdout).unwrap();
    let given: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let header = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/matchbook.h")).unwrap();
    let code: Vec<&str> = header.lines().filter(|line| !line.starts_with("//")).collect();
    let words = code.iter().flat_map(|line| line.split([' ', '*', '(']).zip(line.match_indices(['(', ' ', '*'])));
    let mut named: BTreeSet<&str> =
        words.filter(|(word, (_, after))| word.starts_with("mb_") && *after == "(").map(|(word, _)| word).collect();
    if cfg!(not(feature = "vectors")) {
        named.remove("mb_vector_run");
    }
    assert!(named.len() > 20, "{named:?}");
    assert_eq!(given, named);
}

#[test]
fn the_header_is_c_of_old_and_new() {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    for standard in ["c99", "c11", "c2x"] {
        let mut cc = Command::new("cc");
        cc.arg(format!("-std={standard}")).args(["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
        let output = cc.args(["-x", "c"]).arg(include.join("matchbook.h")).output().unwrap();
        assert!(output.status.success(), "{standard}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// An account whose key is 32 bytes 0xC3, with ten codes.
fn state_with_codes() -> Vec<u8> {
    let mut server = Server::with_key();
    let profile = Profile::new(Suite::Symmetric, Delivery::Shared).unwrap();
    let party = Party { id: AuthenticatorId(server::ID), profile };
    let [realm, label, server_url] = [(); 3].map(|()| String::new());
    let key = Secret::new(server::KEY);
    let provision = Provision { party, handle: Handle(0), key, realm, label, server: server_url };
    let mut device = Device::provision(provision).unwrap();
    drop(device.state());
    device.saved().unwrap();
    let message = device.message(matchbook_kit::Form::Compressed).unwrap().unwrap();
    for answer in server.answer(&message) {
        device.receive(matchbook_kit::Form::Compressed, &answer, UnixMillis(1)).unwrap();
        drop(device.state());
        device.saved().unwrap();
    }
    assert_eq!(device.account().remaining(), 10);
    device.state().to_vec()
}

/// Answers the program's messages, and gives what it says besides.
fn converse(command: &mut Command, server: &mut Server, party: &Party, form: u32) -> Vec<String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut said = Vec::new();
    for line in from.lines() {
        let line = line.unwrap();
        let Some(message) = line.strip_prefix("message ") else {
            said.push(line);
            continue;
        };
        let message = unhex(message);
        let message = if form == COSE { compress_uplink(&message).unwrap() } else { message };
        let answers = server.answer(&message);
        let answers = match form {
            COSE => vec![answers.iter().flat_map(|answer| expand_downlink(answer, party).unwrap()).collect()],
            _ => answers,
        };
        let lines: String = answers.iter().map(|answer| format!("{}\n", hex(answer))).collect();
        to.write_all(format!("{lines}end\n").as_bytes()).unwrap();
    }
    drop(to);
    finish(child);
    said
}

fn finish(mut child: Child) {
    let status = child.wait().unwrap();
    assert!(status.success(), "the program ended with {status}; what it says of it is above");
}

#[derive(Clone, Copy)]
enum Link {
    Shared,
    Static,
    /// Statically, with the program's own `free` and `realloc`.
    Watched,
}

/// Compiles a program of tests/c into the folder.
fn compile(name: &str, folder: &Path, link: Link) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = libraries();
    let program = folder.join(name);
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
    cc.arg("-I").arg(manifest.join("include")).arg("-o").arg(&program);
    cc.arg(manifest.join("tests/c").join(name).with_extension("c"));
    if cfg!(feature = "vectors") {
        cc.arg("-DMB_WITH_VECTORS");
    }
    match link {
        Link::Shared => cc.arg("-L").arg(&library).arg("-lmatchbook"),
        Link::Static => cc.arg(library.join("libmatchbook.a")).args(["-lpthread", "-ldl", "-lm"]),
        Link::Watched => {
            cc.args(["-D_GNU_SOURCE", "-Wl,--wrap=free,--wrap=realloc"]);
            cc.arg(library.join("libmatchbook.a")).args(["-lpthread", "-ldl", "-lm"])
        }
    };
    let output = cc.output().expect("a C compiler: apt-get install gcc libc6-dev");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// Where cargo put the library that it built for this test.
fn libraries() -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let bytes = std::fs::read(folder.join("libmatchbook.so")).unwrap();
    let has_vectors = bytes.windows(14).any(|name| name == b"mb_vector_run\0");
    assert_eq!(
        has_vectors,
        cfg!(feature = "vectors"),
        "another build has put its library in this one's place; touch devices/ffi/src/lib.rs and run again"
    );
    folder
}

/// A program under valgrind; plainly where there is none, except in CI.
fn under_valgrind(program: &Path) -> Command {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(!is_ci, "there is no valgrind: apt-get install valgrind");
        eprintln!("skipped: valgrind is not here; the program runs without it");
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", libraries());
        return command;
    }
    let mut command = Command::new("valgrind");
    // Before any other place where an older build may lie.
    command.env("LD_LIBRARY_PATH", libraries());
    command.args(["--quiet", "--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=all"]);
    command.arg(format!("--error-exitcode={LEAKED}")).arg("--").arg(program);
    command
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}
