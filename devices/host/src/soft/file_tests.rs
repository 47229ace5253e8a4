//! The card's file: what is taken for one, and what is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use matchbook_card::{NVM_LEN, Nvm};

use super::{CardFile, CardFileError};

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card");
    let mut card = CardFile::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    card.write(NVM_LEN - 3, b"end").unwrap();
    assert!(matches!(CardFile::open(&path), Err(CardFileError::InUse(_))));
    drop(card);
    let card = CardFile::open(&path).unwrap();
    let mut read = [0; 4];
    card.read(NVM_LEN - 4, &mut read).unwrap();
    assert_eq!(&read, b"\xFFend");
}

#[test]
fn another_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter");
    for other in [b"Dear all".to_vec(), vec![0; 16 + NVM_LEN]] {
        fs::write(&path, &other).unwrap();
        assert!(matches!(CardFile::open(&path), Err(CardFileError::NotACard(_))));
        assert_eq!(fs::read(&path).unwrap(), other);
    }
    assert!(matches!(CardFile::open(&folder.path().join("no/card")), Err(CardFileError::Io(..))));
}
