//! A wallet that is killed while it takes codes: none is shown twice, and none that was shown is unused afterwards.
//! The child is this test binary again, with [`VAULT`] set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(unix)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use matchbook_protocol::{Delivery, Handle, Selector, Suite};

use super::Wallet;
use crate::test_peer::{TestPeer, enrolment};
use crate::vault::FileVault;

const PASSPHRASE: &[u8] = b"several words that are long";
const VAULT: &str = "MATCHBOOK_TEST_WALLET";
const CODES: u32 = 250;
const KILLS: u32 = 12;

#[test]
#[ignore = "a child of the test below"]
fn child_takes_codes() {
    let Some(path) = std::env::var_os(VAULT) else { return };
    let vault = FileVault::open(Path::new(&path), PASSPHRASE, Duration::from_secs(10)).unwrap();
    let mut wallet = Wallet::open(vault).unwrap();
    while let Ok(taken) = wallet.take_code(Handle(0), Selector::Next) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "TOOK {} {}", taken.index, taken.code.reveal().as_str()).unwrap();
        out.flush().unwrap();
    }
}

/// Starts a child, lets it print some codes and kills it at some moment after that. Gives all that it printed.
fn kill_after(vault: &Path, lines: u32, delay: Duration) -> Vec<(u32, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "wallet::kill_tests::child_takes_codes"])
        .env(VAULT, vault)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut shown = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap() == 0 {
            break;
        }
        let Some((_, took)) = line.trim_end().split_once("TOOK ") else { continue };
        let (index, code) = took.split_once(' ').unwrap();
        shown.push((index.parse().unwrap(), code.to_owned()));
        if u32::try_from(shown.len()).unwrap() == lines {
            std::thread::sleep(delay);
            // SIGKILL. What it printed meanwhile is still in the pipe.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    shown
}

#[test]
fn a_wallet_killed_while_it_takes_codes_shows_none_twice_and_revives_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.vault");
    let enrolment = enrolment(1, Suite::X25519, Delivery::Shared);
    let mut peer = TestPeer::new(&enrolment);
    peer.set_size = CODES;
    let mut wallet = Wallet::open(FileVault::create(&path, PASSPHRASE).unwrap()).unwrap();
    let handle = wallet.enrol(&enrolment).unwrap();
    wallet.device(handle, &mut peer).unwrap().sync().unwrap();
    drop(wallet);

    let mut shown_ever = BTreeSet::new();
    for kill in 0..KILLS {
        for (index, code) in kill_after(&path, kill % 4 + 1, Duration::from_micros(u64::from(kill) * 531)) {
            assert!(shown_ever.insert(index), "code {index} was shown twice");
            assert_eq!(code, peer.issued[usize::try_from(index).unwrap() - 1]);
        }
        let vault = FileVault::open(&path, PASSPHRASE, Duration::from_secs(10)).unwrap();
        let wallet = Wallet::open(vault).unwrap();
        let account = wallet.account(handle).unwrap();
        let unused: BTreeSet<u32> = account.codes().filter(|mark| !mark.used).map(|mark| mark.index.0).collect();
        assert!(unused.is_disjoint(&shown_ever), "a code that was shown is unused");
        // At most one code a kill is burnt and was not shown: the one that was on its way.
        let burnt = usize::try_from(CODES).unwrap() - unused.len();
        assert!(burnt <= shown_ever.len() + usize::try_from(kill).unwrap() + 1, "{burnt} burnt");
    }
    assert!(shown_ever.len() >= usize::try_from(KILLS).unwrap());
}
