//! What the operating system does to a vault: a second process, a full disk, a folder that cannot be written.
//! A child process is this test binary again, with [`VAULT`] set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use super::*;

const PASSPHRASE: &[u8] = b"several words that are long";
const OLD: &[u8] = b"the state before";
/// Longer than the 4 blocks of 512 bytes that the child may write.
const NEW_LEN: usize = 10_000;
const VAULT: &str = "MATCHBOOK_TEST_VAULT";

/// Runs the ignored test `name` of this binary in a process of its own, behind `prefix` in a shell.
fn run_child(prefix: &str, name: &str, vault: &Path) -> Output {
    let script = format!("{prefix}exec \"$0\" --ignored --exact --nocapture \"$1\"");
    Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(std::env::current_exe().unwrap())
        .arg(format!("vault::fault_tests::{name}"))
        .env(VAULT, vault)
        .output()
        .unwrap()
}

#[test]
#[ignore = "a child of the tests below"]
fn child_opens_and_stores() {
    let Some(path) = std::env::var_os(VAULT) else { return };
    let said = match FileVault::open(Path::new(&path), PASSPHRASE, Duration::ZERO) {
        Ok(mut vault) => match vault.store(&[0x5a; NEW_LEN]) {
            Ok(()) => "stored".to_owned(),
            Err(error) => format!("store: {error}"),
        },
        Err(error) => format!("open: {error}"),
    };
    println!("SAID {said}");
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once("SAID ")).map(|(_, said)| said.to_owned());
    line.unwrap_or_else(|| panic!("{output:?}"))
}

fn old_vault(folder: &Path) -> PathBuf {
    let path = folder.join("wallet.vault");
    FileVault::create(&path, PASSPHRASE).unwrap().store(OLD).unwrap();
    path
}

fn content(path: &Path) -> Vec<u8> {
    FileVault::open_read_only(path, PASSPHRASE).unwrap().load().unwrap().to_vec()
}

#[test]
fn a_second_process_is_kept_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_vault(folder.path());
    let held = FileVault::open(&path, PASSPHRASE, Duration::ZERO).unwrap();
    let told = said(&run_child("", "child_opens_and_stores", &path));
    assert!(told.starts_with("open: another process has the vault"), "{told}");
    assert_eq!(content(&path), OLD);
    drop(held);
    assert_eq!(said(&run_child("", "child_opens_and_stores", &path)), "stored");
    assert_eq!(content(&path).len(), NEW_LEN);
}

#[test]
fn a_vault_that_another_holds_opens_when_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_vault(folder.path());
    let held = FileVault::open(&path, PASSPHRASE, Duration::ZERO).unwrap();
    let opener = std::thread::spawn({
        let path = path.clone();
        move || FileVault::open(&path, PASSPHRASE, Duration::from_secs(30)).map(drop)
    });
    std::thread::sleep(Duration::from_millis(100));
    drop(held);
    opener.join().unwrap().unwrap();
}

#[test]
fn a_full_disk_leaves_the_old_vault_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_vault(folder.path());
    let before = fs::read(&path).unwrap();
    let told = said(&run_child("trap '' XFSZ; ulimit -f 4; ", "child_opens_and_stores", &path));
    assert!(told.starts_with("store: no room to write the vault"), "{told}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(content(&path), OLD);
    assert!(!folder.path().join("wallet.vault.new").exists(), "what was half written is gone");
}

#[test]
fn a_process_killed_by_the_full_disk_leaves_the_old_vault() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_vault(folder.path());
    let output = run_child("ulimit -c 0; ulimit -f 4; ", "child_opens_and_stores", &path);
    assert!(!output.status.success(), "SIGXFSZ ends it: {output:?}");
    assert_eq!(content(&path), OLD);
    // What it left behind does not stop the next writer.
    FileVault::open(&path, PASSPHRASE, Duration::ZERO).unwrap().store(b"new").unwrap();
    assert_eq!(content(&path), b"new");
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_vault(folder.path());
    let mut vault = FileVault::open(&path, PASSPHRASE, Duration::ZERO).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let stored = vault.store(b"new");
    let created = FileVault::create(&folder.path().join("other.vault"), PASSPHRASE);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    // Root writes anywhere; then there is nothing to see.
    if stored.is_err() {
        assert!(matches!(stored, Err(StoreError::Unwritable { .. })));
        assert!(matches!(created, Err(OpenError::Unwritable(StoreError::Unwritable { .. }))));
        assert_eq!(content(&path), OLD);
    }
}

#[test]
fn a_folder_that_is_gone_is_told_also_to_root() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_vault(folder.path());
    let mut vault = FileVault::open(&path, PASSPHRASE, Duration::ZERO).unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(matches!(vault.store(b"new"), Err(StoreError::Unwritable { .. })));
    let under_a_file = tempfile::NamedTempFile::new().unwrap();
    let created = FileVault::create(&under_a_file.path().join("wallet.vault"), PASSPHRASE);
    assert!(matches!(created, Err(OpenError::Unwritable(_))));
}
