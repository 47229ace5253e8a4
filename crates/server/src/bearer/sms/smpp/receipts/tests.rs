#![allow(clippy::unwrap_used)]

use super::*;

fn text(text: &str) -> Option<Receipt> {
    read(text.as_bytes(), &[], MessageIds::Same)
}

fn receipt(id: &str, state: ReceiptState, error: &str) -> Option<Receipt> {
    Some(Receipt { id: id.to_owned(), state, error: error.to_owned() })
}

#[test]
fn texts_of_many_centres_are_read() {
    for (said, id, state, error) in [
        (
            "id:1715004 sub:001 dlvrd:001 submit date:2611222300 done date:2611222301 stat:DELIVRD err:000 Text:QUJD",
            "1715004",
            ReceiptState::Delivered,
            "000",
        ),
        ("id:0000000007 stat:EXPIRED err:1F", "7", ReceiptState::Expired, "1F"),
        ("ID:abc-1 STAT:undeliv ERR:11", "abc-1", ReceiptState::Failed, "11"),
        ("stat:REJECTD id:x1", "x1", ReceiptState::Failed, ""),
        ("id:x1 stat:DELETED", "x1", ReceiptState::Failed, ""),
        ("id:x1 stat:ACCEPTD", "x1", ReceiptState::Other, ""),
        ("id:x1 stat:ENROUTE", "x1", ReceiptState::Other, ""),
        ("id:x1 stat:UNKNOWN", "x1", ReceiptState::Other, ""),
        ("id:x1 stat:", "x1", ReceiptState::Other, ""),
        ("id:x1", "x1", ReceiptState::Other, ""),
        ("  id:x1\tstat:DELIVERED\r\n", "x1", ReceiptState::Delivered, ""),
        // Behind text: stands what the phone's user may have written.
        ("id:x1 err:5 text:stat:DELIVRD id:x2 err:6", "x1", ReceiptState::Other, "5"),
        // A key is a whole word.
        ("mid:3 id:x1 notstat:DELIVRD", "x1", ReceiptState::Other, ""),
    ] {
        assert_eq!(text(said), receipt(id, state, error), "{said}");
    }
    for nothing in ["", "id:", "stat:DELIVRD", "text:id:7", "id:\u{7}", "id:ünïcode"] {
        assert_eq!(text(nothing), None, "{nothing}");
    }
    assert_eq!(read(&[0xff; 600], &[], MessageIds::Same), None);
    assert_eq!(text(&format!("id:{}", "7".repeat(65))), None);
    assert_eq!(text(&format!("{}id:7", " ".repeat(600))), None);
    assert_eq!(text(&format!("id:7 err:{}", "e".repeat(90))).unwrap().error.len(), 40);
}

#[test]
fn ids_are_one_however_they_are_written() {
    let answer = |id, ids| normal(id, Source::Answer, ids);
    let receipt = |id, ids| normal(id, Source::Receipt, ids);
    for (given, expected) in
        [("7", "7"), ("0007", "7"), ("00AB", "ab"), ("000", "0"), (" 7 \0", "7"), ("a-B", "a-B"), ("0x1F", "0x1F")]
    {
        assert_eq!(answer(given, MessageIds::Same).as_deref(), Some(expected));
        assert_eq!(receipt(given, MessageIds::Same).as_deref(), Some(expected));
    }
    let both =
        [(MessageIds::HexThenDecimal, "1A2B3C", "1715004"), (MessageIds::DecimalThenHex, "0001715004", "001a2b3c")];
    for (ids, answered, receipted) in both {
        assert_eq!(answer(answered, ids).as_deref(), Some("1715004"));
        assert_eq!(receipt(receipted, ids).as_deref(), Some("1715004"));
    }
    // What is no number stays what it is.
    assert_eq!(answer("not-a-number", MessageIds::HexThenDecimal).as_deref(), Some("not-a-number"));
    let widest = "f".repeat(64);
    assert_eq!(answer(&widest, MessageIds::HexThenDecimal), Some(widest.clone()));
    for none in ["", "\0", "  ", "a b", "ü"] {
        assert_eq!(answer(none, MessageIds::Same), None);
    }
}
