#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

/// The modules of a picture, read back from its characters: true is dark.
fn modules(picture: &str) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in picture.lines() {
        let line = line.strip_prefix(BLACK_ON_WHITE).unwrap().strip_suffix(PLAIN).unwrap();
        rows.push(line.chars().map(|half| matches!(half, '▀' | '█')).collect());
        rows.push(line.chars().map(|half| matches!(half, '▄' | '█')).collect());
    }
    rows
}

#[test]
fn the_picture_is_the_code_with_its_quiet_zone() {
    let text =
        "matchbook:enrol?v=1&k=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&s=https%3A%2F%2Fcodes.example.org&r=main&l=phone";
    let rows = modules(&render(text).unwrap());
    let code = QRBuilder::new(text).ecl(ECL::L).build().unwrap();
    let width = code.size + 2 * QUIET_ZONE;
    assert_eq!(rows.len(), width.next_multiple_of(2));
    assert!(rows.iter().all(|row| row.len() == width));
    for (row, modules) in rows.iter().enumerate() {
        for (column, dark) in modules.iter().enumerate() {
            let inside = |at: usize| (QUIET_ZONE..QUIET_ZONE + code.size).contains(&at);
            let wanted = inside(row) && inside(column) && code[row - QUIET_ZONE][column - QUIET_ZONE].value();
            assert_eq!(*dark, wanted, "row {row}, column {column}");
        }
    }
    // The three finder patterns have dark corners.
    let last = QUIET_ZONE + code.size - 1;
    assert!(rows[QUIET_ZONE][QUIET_ZONE] && rows[QUIET_ZONE][last] && rows[last][QUIET_ZONE]);
}

#[test]
fn a_text_that_fits_no_code_has_no_picture() {
    assert!(render(&"x".repeat(3_000)).is_none());
}
