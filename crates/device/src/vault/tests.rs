#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::format::{self, FormatError, SealedVault};
use super::key::{KdfCost, VaultKey};
use super::*;

const PASSPHRASE: &[u8] = b"several words that are long";
const CONTENT: &[u8] = b"keys and codes";

/// One derivation for all tests of the format: it is the slow part.
fn key() -> &'static VaultKey {
    static KEY: OnceLock<VaultKey> = OnceLock::new();
    KEY.get_or_init(|| VaultKey::derive(PASSPHRASE, [7; 16], KdfCost::DEFAULT).unwrap())
}

fn sealed() -> Vec<u8> {
    format::seal(key(), [9; 12], CONTENT).unwrap()
}

fn open(bytes: &[u8]) -> Result<Option<Vec<u8>>, FormatError> {
    SealedVault::parse(bytes).map(|vault| vault.open(key()).map(|content| content.to_vec()))
}

fn fix_checksum(bytes: &mut [u8]) {
    let end = bytes.len() - 8;
    let sum = format::checksum(&bytes[..end]);
    bytes[end..].copy_from_slice(&sum);
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.vault");
    (folder, path)
}

#[test]
fn the_frozen_vault_of_version_1_opens() {
    // Written by the first release: no later one may stop opening it.
    let frozen = include_bytes!("../../testdata/vault-v1.bin");
    assert_eq!(open(frozen), Ok(Some(CONTENT.to_vec())));
    assert_eq!(sealed(), frozen);
}

#[test]
fn a_content_comes_back_and_does_not_show_in_the_file() {
    let file = sealed();
    assert_eq!(open(&file), Ok(Some(CONTENT.to_vec())));
    assert!(!file.windows(4).any(|window| window == b"keys"));
}

#[test]
fn every_flipped_bit_is_refused_and_named() {
    let file = sealed();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut bytes = file.clone();
            bytes[at] ^= 1 << bit;
            let error = open(&bytes).unwrap_err();
            match at {
                0..=7 => assert_eq!(error, FormatError::NotAVault),
                8 => assert!(matches!(error, FormatError::NewerVersion(_) | FormatError::Damaged(Damage::Checksum))),
                _ => assert!(matches!(error, FormatError::Damaged(_)), "byte {at}: {error:?}"),
            }
        }
    }
}

#[test]
fn every_flipped_byte_behind_a_repaired_checksum_is_refused_by_the_tag() {
    let file = sealed();
    for at in 9..file.len() - 8 {
        let mut bytes = file.clone();
        bytes[at] ^= 1;
        fix_checksum(&mut bytes);
        assert!(!matches!(open(&bytes), Ok(Some(_))), "byte {at}");
    }
}

#[test]
fn every_shortened_and_every_lengthened_file_is_named_so() {
    let file = sealed();
    for end in 0..file.len() {
        assert_eq!(open(&file[..end]), Err(FormatError::Damaged(Damage::Truncated)), "{end} bytes");
    }
    let mut longer = file;
    longer.push(0);
    assert_eq!(open(&longer), Err(FormatError::Damaged(Damage::Overlong)));
}

#[test]
fn a_hostile_header_cannot_ask_for_gigabytes_nor_for_a_weak_key() {
    let asks: [(usize, &[u8]); 6] = [
        (9, &[0x00, 0x40, 0x00, 0x00]), // 4 GiB
        (9, &[0x00, 0x00, 0x4b, 0xff]), // one KiB below the least
        (13, &[0xff, 0xff]),            // 65,535 passes
        (13, &[0x00, 0x01]),            // one pass
        (15, &[5]),                     // five lanes
        (15, &[0]),                     // none
    ];
    for (at, value) in asks {
        let mut bytes = sealed();
        bytes[at..at + value.len()].copy_from_slice(value);
        fix_checksum(&mut bytes);
        assert_eq!(open(&bytes), Err(FormatError::Damaged(Damage::Header)), "at {at}");
    }
}

#[test]
fn a_length_of_gigabytes_is_refused_before_anything_is_allocated() {
    let mut bytes = sealed();
    bytes[44..48].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(open(&bytes), Err(FormatError::Damaged(_))));
}

#[test]
fn a_content_that_is_too_long_is_not_sealed() {
    assert!(format::seal(key(), [0; 12], &vec![0; MAX_CONTENT_LEN + 1]).is_none());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), valid_start in any::<bool>()) {
        let mut file = if valid_start { b"mbwallet\x01".to_vec() } else { Vec::new() };
        file.extend_from_slice(&bytes);
        prop_assert!(open(&file).is_err());
    }

    #[test]
    fn every_content_comes_back(content in prop::collection::vec(any::<u8>(), 0..2000), nonce in any::<[u8; 12]>()) {
        let file = format::seal(key(), nonce, &content).unwrap();
        prop_assert_eq!(open(&file), Ok(Some(content)));
    }

    #[test]
    fn a_changed_stretch_is_refused(at in 9_usize..80, stretch in prop::collection::vec(1_u8.., 1..6)) {
        let mut file = sealed();
        for (offset, change) in stretch.iter().enumerate() {
            if let Some(byte) = file.get_mut(at + offset) {
                *byte ^= change;
            }
        }
        prop_assert!(at >= file.len() || open(&file).is_err());
    }
}

#[test]
fn a_file_vault_keeps_its_content_across_processes() {
    let (_folder, path) = place();
    let mut vault = FileVault::create(&path, PASSPHRASE).unwrap();
    assert!(vault.load().unwrap().is_empty());
    vault.store(CONTENT).unwrap();
    drop(vault);
    let mut vault = FileVault::open(&path, PASSPHRASE, Duration::ZERO).unwrap();
    assert_eq!(vault.load().unwrap().as_slice(), CONTENT);
}

#[test]
fn each_write_has_a_nonce_of_its_own_and_leaves_no_other_file() {
    let (folder, path) = place();
    let mut vault = FileVault::create(&path, PASSPHRASE).unwrap();
    vault.store(CONTENT).unwrap();
    let first = fs::read(&path).unwrap();
    vault.store(CONTENT).unwrap();
    let second = fs::read(&path).unwrap();
    assert_eq!(first[16..32], second[16..32], "the salt stays");
    assert_ne!(first[32..44], second[32..44], "the nonce does not");
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["wallet.vault", "wallet.vault.lock"]);
}

#[cfg(unix)]
#[test]
fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/down/wallet.vault");
    FileVault::create(&path, PASSPHRASE).unwrap().store(CONTENT).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_extension("vault.lock")), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn a_vault_is_not_made_over_another_file() {
    let (_folder, path) = place();
    fs::write(&path, b"a letter").unwrap();
    assert!(matches!(FileVault::create(&path, PASSPHRASE), Err(OpenError::AlreadyThere { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"a letter");
    assert!(matches!(FileVault::open(&path, PASSPHRASE, Duration::ZERO), Err(OpenError::NotAVault { .. })));
}

#[test]
fn a_wrong_and_an_empty_passphrase_are_told_and_change_nothing() {
    let (_folder, path) = place();
    assert!(matches!(FileVault::create(&path, b""), Err(OpenError::EmptyPassphrase)));
    FileVault::create(&path, PASSPHRASE).unwrap().store(CONTENT).unwrap();
    let before = fs::read(&path).unwrap();
    let error = FileVault::open(&path, b"something else", Duration::ZERO).unwrap_err();
    assert!(matches!(error, OpenError::WrongPassphrase { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_a_newer_and_a_missing_vault_are_told_apart() {
    let (_folder, path) = place();
    let open = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        FileVault::open(&path, PASSPHRASE, Duration::ZERO).unwrap_err()
    };
    let mut flipped = sealed();
    flipped[50] ^= 1;
    assert!(matches!(open(&flipped), OpenError::Damaged { damage: Damage::Checksum, .. }));
    let mut newer = sealed();
    newer[8] = 2;
    assert!(matches!(open(&newer), OpenError::NewerVersion { version: 2, .. }));
    assert!(matches!(open(b""), OpenError::Damaged { damage: Damage::Truncated, .. }));
    fs::remove_file(&path).unwrap();
    assert!(matches!(FileVault::open(&path, PASSPHRASE, Duration::ZERO), Err(OpenError::Missing { .. })));
}

#[test]
fn a_vault_that_is_not_there_leaves_no_trace() {
    let (folder, path) = place();
    assert!(matches!(FileVault::open(&path, PASSPHRASE, Duration::ZERO), Err(OpenError::Missing { .. })));
    assert!(matches!(FileVault::open_read_only(&path, PASSPHRASE), Err(OpenError::Missing { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_vault_opened_for_reading_is_not_written() {
    let (_folder, path) = place();
    FileVault::create(&path, PASSPHRASE).unwrap().store(CONTENT).unwrap();
    let mut vault = FileVault::open_read_only(&path, PASSPHRASE).unwrap();
    assert_eq!(vault.load().unwrap().as_slice(), CONTENT);
    assert!(matches!(vault.store(b"other"), Err(StoreError::ReadOnly)));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_vault_stays_a_link() {
    let (folder, path) = place();
    FileVault::create(&path, PASSPHRASE).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    FileVault::open(&link, PASSPHRASE, Duration::ZERO).unwrap().store(CONTENT).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(FileVault::open_read_only(&path, PASSPHRASE).unwrap().load().unwrap().as_slice(), CONTENT);
}

#[test]
fn a_vault_prints_neither_key_nor_content() {
    let (_folder, path) = place();
    let vault = FileVault::create(&path, PASSPHRASE).unwrap();
    assert!(format!("{vault:?}").starts_with("FileVault { path: "));
}

#[test]
fn a_memory_vault_keeps_what_it_is_given() {
    let mut vault = MemoryVault::new();
    assert!(vault.load().unwrap().is_empty());
    vault.store(CONTENT).unwrap();
    let mut again = MemoryVault::with_content(Zeroizing::new(vault.content().to_vec()));
    assert_eq!(again.load().unwrap().as_slice(), CONTENT);
}

#[test]
fn each_error_is_one_sentence_that_says_what_to_do() {
    let path = || PathBuf::from("/v");
    let cause = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let errors = [
        OpenError::Missing { path: path() },
        OpenError::AlreadyThere { path: path() },
        OpenError::NotAVault { path: path() },
        OpenError::NewerVersion { path: path(), version: 2 },
        OpenError::Damaged { path: path(), damage: Damage::Checksum },
        OpenError::WrongPassphrase { path: path() },
        OpenError::EmptyPassphrase,
        OpenError::Locked { path: path() },
        OpenError::Unreadable { path: path(), cause: cause() },
        OpenError::Unwritable(StoreError::DiskFull { path: path() }),
        OpenError::Unwritable(StoreError::Unwritable { path: path(), cause: cause() }),
        OpenError::Unwritable(StoreError::ReadOnly),
        OpenError::Unwritable(StoreError::TooLarge),
        OpenError::Unwritable(StoreError::Sealing),
        OpenError::Content,
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains(": "), "{text}");
        assert!(!text.contains(['\n', '.']), "{text}");
    }
}
