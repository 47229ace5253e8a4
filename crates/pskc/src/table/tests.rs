#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::read;
use crate::error::FileError;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A line, and its device: code, user and label.
type Told = (usize, Result<(String, String, String), String>);

fn rows(text: &str) -> Vec<Told> {
    let file = read(text.as_bytes()).unwrap();
    let told = |device: crate::Device| (device.id.to_string(), device.user, device.label);
    file.rows.into_iter().map(|row| (row.place, row.device.map(told))).collect()
}

fn refused(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn columns_are_found_by_their_names() {
    let one =
        |row: usize| vec![(row, Ok(("0011223344556677".to_owned(), "alice".to_owned(), "card, blue".to_owned())))];
    assert_eq!(rows(&format!("id,key,user,label\n0011223344556677,{KEY},alice,\"card, blue\"\n")), one(2));
    assert_eq!(rows(&format!("Label, USER ,key,ID\r\n\r\n\"card, blue\",alice,{KEY},0011223344556677")), one(3));
    assert_eq!(rows(&format!("\u{feff}id;key;user;label\n0011223344556677;{KEY};alice;card, blue\n")), one(2));
    let without = rows(&format!("id,key,user\n0011223344556677,{KEY},alice\n"));
    assert_eq!(without, [(2, Ok(("0011223344556677".to_owned(), "alice".to_owned(), String::new())))]);
}

#[test]
fn a_key_is_hexadecimal_or_base64() {
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for key in [KEY, &KEY.to_uppercase(), base64] {
        let file = read(format!("id,key,user\n0011223344556677,{key},a\n").as_bytes()).unwrap();
        let expected: Vec<u8> = (0..32).collect();
        assert_eq!(file.rows[0].device.as_ref().unwrap().key.expose().as_slice(), expected);
    }
}

#[test]
fn a_bad_line_is_told_by_its_number_and_column() {
    let text = format!(
        "id,key,user,label\n001122,{KEY},a,\n0011223344556677,12,a,\n0011223344556677,{KEY},,\n\
         0011223344556677,{KEY},a,{}\n0011223344556677,{KEY},a\n0011223344556677,{KEY},a,\x1b[2J\n",
        "x".repeat(65)
    );
    let told: Vec<(usize, String)> =
        rows(&text).into_iter().map(|(place, device)| (place, device.unwrap_err())).collect();
    let begins = ["id: \"001122\"", "key: ", "user: there is no user", "label: ", "the line has 3 columns", "label: "];
    for ((place, why), (line, begin)) in told.iter().zip((2..).zip(begins)) {
        assert!(*place == line && why.starts_with(begin), "{place}: {why}");
        assert!(!why.contains(KEY) && !why.contains("12,") && !why.contains('\x1b'), "{why}");
    }
    assert_eq!(told.len(), begins.len());
}

#[test]
fn a_first_line_that_names_no_columns_is_refused() {
    assert!(refused("").contains("empty"));
    assert!(refused("id,key\n").contains("no column user"));
    assert!(refused("id,key,user,lable\n").contains("\"lable\""));
    assert!(refused("id,key,user,id\n").contains("twice"));
    assert!(refused("id,key,user\n").contains("no line"));
    assert!(matches!(read(b"id,key,user\n\xff"), Err(FileError::Malformed(_))));
}

#[test]
fn a_key_in_the_wrong_place_is_told_by_its_length_alone() {
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let spaced = "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13";
    for key in [KEY, base64, spaced, &spaced.replace(' ', ":"), &KEY[..32]] {
        let mut told = vec![refused(&format!("{key},0011223344556677,alice\n"))];
        for line in [format!("{key},{KEY},alice,"), format!("0011223344556677,{KEY},{key}\t,")] {
            let line = line.replace('\t', "\u{1}");
            told.push(rows(&format!("id,key,user,label\n{line}\n")).remove(0).1.unwrap_err());
        }
        told.push(
            rows(&format!("id,key,user,label\n0011223344556677,{KEY},a,\u{1}x {key}\n")).remove(0).1.unwrap_err(),
        );
        for why in told {
            assert!(!why.contains(&key[..20]) && why.contains(&format!("[{} characters]", key.len())), "{key}: {why}");
        }
    }
    // Columns that were swapped: keys as names of users, and as labels.
    for key in [KEY, &KEY.to_uppercase(), base64] {
        for line in [format!("0011223344556677,{KEY},{key},"), format!("0011223344556677,{KEY},a,{key}")] {
            let why = rows(&format!("id,key,user,label\n{line}\n")).remove(0).1.unwrap_err();
            assert!(why.contains("looks like a key") && !why.contains(&key[..20]), "{why}");
        }
    }
}

#[test]
fn lines_are_bounded() {
    let long = format!("id,key,user\n{}\n", "x".repeat(9_000));
    assert!(matches!(read(long.as_bytes()), Err(FileError::Hostile(why)) if why.contains("line 2")));
    let wide = format!("id,key,user\n{}\n", ",".repeat(40));
    assert!(matches!(read(wide.as_bytes()), Err(FileError::Hostile(why)) if why.contains("line 2")));
    let open = format!("id,key,user\n\"{}", "x\n".repeat(9_000));
    assert!(matches!(read(open.as_bytes()), Err(FileError::Hostile(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = read(&[b"id,key,user\n".as_slice(), &bytes].concat());
    }
}
