#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use matchbook_protocol::sms::{Body, Segment};

use super::{Chance, Fate, Leg, corrupt, fate};
use crate::conditions::Conditions;

fn bad() -> Conditions {
    Conditions {
        seed: 42,
        loss: 0.2,
        duplication: 0.1,
        reordering: 0.1,
        delay: Duration::from_millis(100),
        jitter: Duration::from_secs(2),
        corruption: 0.05,
        ..Conditions::default()
    }
}

#[test]
fn the_same_seed_decides_the_same() {
    for ordinal in 0..1_000 {
        let decide = || fate(&bad(), Leg::Down, "491700000001", ordinal);
        assert_eq!(decide(), decide());
    }
}

#[test]
fn seed_number_leg_and_ordinal_all_count() {
    let fates = |seed, leg, number: &str, from: u64| -> Vec<Fate> {
        let conditions = Conditions { seed, ..bad() };
        (from..from + 50).map(|ordinal| fate(&conditions, leg, number, ordinal)).collect()
    };
    let first = fates(1, Leg::Up, "491", 0);
    assert_ne!(first, fates(2, Leg::Up, "491", 0));
    assert_ne!(first, fates(1, Leg::Down, "491", 0));
    assert_ne!(first, fates(1, Leg::Up, "492", 0));
    assert_ne!(first, fates(1, Leg::Up, "491", 1));
}

#[test]
fn as_often_as_was_asked() {
    let (mut lost, mut doubled, mut corrupted, mut held_back) = (0, 0, 0, 0);
    for ordinal in 0..100_000 {
        match fate(&bad(), Leg::Up, "491700000001", ordinal) {
            Fate::Lost => lost += 1,
            Fate::Arrives(first, second) => {
                doubled += u32::from(second.is_some());
                corrupted += u32::from(first.corruption.is_some());
                held_back += u32::from(first.is_held_back);
                assert!((Duration::from_millis(100)..Duration::from_millis(2_100)).contains(&first.takes));
            }
        }
    }
    assert!((19_000..21_000).contains(&lost), "{lost}");
    assert!((7_500..8_500).contains(&doubled), "{doubled}");
    assert!((3_600..4_400).contains(&corrupted), "{corrupted}");
    assert!((7_500..8_500).contains(&held_back), "{held_back}");
}

#[test]
fn another_probability_leaves_the_other_decisions_alone() {
    let lossless = Conditions { loss: 0.0, ..bad() };
    for ordinal in 0..1_000 {
        let before = fate(&bad(), Leg::Up, "1", ordinal);
        assert!(before == Fate::Lost || before == fate(&lossless, Leg::Up, "1", ordinal));
    }
}

#[test]
fn corruption_changes_a_message_and_keeps_its_shape() {
    let whole = Segment { header: vec![6, 5, 4, 1, 2, 3, 4], body: Body::Data(vec![0; 100]) };
    for seed in 0..1_000 {
        let mut segment = whole.clone();
        corrupt(&mut segment, Chance(seed));
        assert_ne!(segment, whole);
        assert_eq!(segment.header.len(), 7);
        assert!(matches!(&segment.body, Body::Data(data) if data.len() == 100));
        let mut text = Segment { header: Vec::new(), body: Body::Text("QUJD".repeat(30)) };
        corrupt(&mut text, Chance(seed));
        assert!(matches!(&text.body, Body::Text(text) if *text != "QUJD".repeat(30)));
    }
    let mut empty = Segment { header: Vec::new(), body: Body::Data(Vec::new()) };
    corrupt(&mut empty, Chance(1));
}
