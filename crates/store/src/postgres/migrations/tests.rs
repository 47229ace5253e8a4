#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::MIGRATIONS;

#[test]
fn steps_are_numbered_without_gaps_and_stand_in_their_files() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    for (step, number) in MIGRATIONS.iter().zip(1..) {
        assert_eq!(step.number, number);
        let file = format!("{folder}/{number:03}_{}.sql", step.name);
        assert_eq!(std::fs::read_to_string(file).unwrap(), step.sql);
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), MIGRATIONS.len());
}
