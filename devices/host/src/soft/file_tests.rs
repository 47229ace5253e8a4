//! The card's file: what is taken for one, and what is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use matchbook_card::{NVM_LEN, Nvm};

use super::{CardFile, CardFileError};

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card");
    assert!(CardFile::open(&path).unwrap().is_none() && !path.exists());
    let mut card = CardFile::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    card.write(NVM_LEN - 3, b"end").unwrap();
    assert!(matches!(CardFile::open(&path), Err(CardFileError::InUse(_))));
    drop(card);
    assert!(matches!(CardFile::create(&path), Err(CardFileError::Io(..))), "it is not made anew");
    let card = CardFile::open(&path).unwrap().unwrap();
    let mut read = [0; 4];
    card.read(NVM_LEN - 4, &mut read).unwrap();
    assert_eq!(&read, b"\xFFend");
}

#[test]
fn a_card_that_others_can_open_is_refused_also_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let (card, empty) = (folder.path().join("card"), folder.path().join("empty"));
    drop(CardFile::create(&card).unwrap());
    fs::write(&empty, "").unwrap();
    for path in [&card, &empty] {
        for mode in [0o644, 0o620, 0o606] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = CardFile::open(path).unwrap_err();
            assert!(
                matches!(refused, CardFileError::Open(_)) && refused.to_string().contains("chmod 600"),
                "{refused}"
            );
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(CardFile::open(path).unwrap().is_some());
    }
    assert!(matches!(CardFile::open(folder.path()), Err(CardFileError::Io(..) | CardFileError::NotACard(_))));
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
    assert!(matches!(CardFile::create(&folder.path().join("no/card")), Err(CardFileError::Io(..))));
}
