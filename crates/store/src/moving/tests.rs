#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::notes::{arrived, hex, unhex};
use super::*;
use crate::rows::{blob, number, text};

fn leaving() -> Leaving {
    Leaving { id: [1; 16], to: None, name: "db1 \"ü\"".to_owned(), is_gone: false }
}

#[test]
fn notes_are_read_as_they_were_written() {
    for leaving in [leaving(), Leaving { to: Some([2; 16]), is_gone: true, ..leaving() }] {
        assert_eq!(Leaving::of_bytes(&leaving.to_bytes()), Some(leaving));
    }
    let key = Key::new([text("=ä\"x"), blob(&[0, 255]), number(u32::MAX)].into_iter());
    for after in [None, Some(key)] {
        let mark = Mark {
            source: [1; 16],
            target: [2; 16],
            from: "/srv/matchbook.db".to_owned(),
            kind: Kind::Spend,
            after,
            rows: 7,
        };
        assert_eq!(Mark::of_bytes(&mark.to_bytes()), Some(mark));
    }
    assert_eq!(arrived([1; 16], [2; 16]).len(), 32);
}

#[test]
fn a_note_that_makes_no_sense_is_none() {
    let good = String::from_utf8(leaving().to_bytes()).unwrap();
    for bad in ["", "{}", "[]", "null", &good.replace("01", "0"), &good.replace("01", "0g"), &good.replace("gone", "g")]
    {
        assert_eq!(Leaving::of_bytes(bad.as_bytes()), None, "{bad}");
        assert_eq!(Mark::of_bytes(bad.as_bytes()), None, "{bad}");
    }
    // Who is told of it is told all the same.
    assert!(Mark::refusal(b"nonsense", "here").contains("here is an unfinished copy of another store"));
    assert_eq!(unhex(&hex(&[0, 1, 254])).unwrap(), [0, 1, 254]);
}

#[test]
fn every_kind_has_its_place_and_its_columns() {
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place);
        let shape = kind.shape();
        let columns = shape.insert.split_once('(').unwrap().1.split_once(')').unwrap().0;
        assert_eq!(columns.split(", ").count(), shape.types().count(), "{kind:?}");
        assert_eq!(shape.select.strip_prefix("SELECT ").unwrap(), columns, "{kind:?}");
        assert_eq!(shape.key().join(", "), columns[..shape.key().join(", ").len()], "{kind:?}");
        assert!(shape.insert.starts_with(&format!("INSERT INTO {} ", shape.table)), "{kind:?}");
    }
}
