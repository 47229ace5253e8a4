#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

#[test]
fn a_trouble_that_lasts_is_told_once_a_minute() {
    let mut told = Told { when: BTreeMap::new() };
    let began = Instant::now();
    assert!(told.is_news("away", began));
    assert!(!told.is_news("away", began + TOLD_AGAIN / 2));
    assert!(told.is_news("moved", began + TOLD_AGAIN / 2));
    assert!(told.is_news("away", began + TOLD_AGAIN));
    assert!(!told.is_news("away", began + TOLD_AGAIN));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut told = Told { when: BTreeMap::new() };
    let now = Instant::now();
    for number in 0..10 * REMEMBERED {
        assert!(told.is_news(&number.to_string(), now));
        assert!(told.when.len() <= REMEMBERED);
    }
}
