use serde_json::{Value, json};

use super::{ROWS, check_rows, shows_card};

fn rows(change: impl Fn(&str, &mut Value)) -> String {
    let row = |id: &&str| {
        let mut row = json!({ "id": id, "passed": true, "evidence": "seen" });
        change(id, &mut row);
        row
    };
    json!({ "rows": ROWS.iter().map(row).collect::<Vec<_>>() }).to_string()
}

#[test]
fn a_full_table_passes() {
    assert_eq!(check_rows(&rows(|_, _| {})), Ok(()));
}

#[test]
fn a_row_that_failed_or_shows_nothing_is_named() {
    let failed = rows(|id, row| {
        if id == "M8" {
            row["passed"] = json!(false);
        }
    });
    assert!(check_rows(&failed).unwrap_err().contains("M8"));
    let bare = rows(|id, row| {
        if id == "M3" {
            row["evidence"] = json!("");
        }
    });
    assert!(check_rows(&bare).unwrap_err().contains("M3"));
}

#[test]
fn the_cards_row_alone_may_be_left_out() {
    let without = |which: &'static str| {
        rows(move |id, row| {
            if id == which {
                row["passed"] = Value::Null;
            }
        })
    };
    assert_eq!(check_rows(&without("M12-card")), Ok(()));
    assert!(!shows_card(&without("M12-card")) && shows_card(&without("M1")));
    assert!(check_rows(&without("M12")).is_err());
}

#[test]
fn talk_around_the_json_or_a_missing_row_fails() {
    assert!(check_rows(&format!("hello\n{}", rows(|_, _| {}))).is_err());
    assert!(check_rows(r#"{"rows":[{"id":"M1","passed":true,"evidence":"x"}]}"#).is_err());
}
