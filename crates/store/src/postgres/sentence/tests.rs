#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use tokio_postgres::error::SqlState;

use super::{Trouble, of_code};

/// What is doubt when it comes at a commit, and what is a plain no.
#[test]
fn codes_say_whether_a_commit_may_be_durable() {
    let doubt = ["40003", "08000", "08003", "08006", "08007", "57P01", "57P02", "57P03", "58030", "XX000", "XX001"];
    for code in doubt {
        assert!(of_code(&SqlState::from_code(code)).is_doubt(), "{code}");
    }
    for code in ["40001", "40P01", "23505", "55P03", "57014", "53100", "53300", "25006", "28P01", "42501", "42P01"] {
        assert!(!of_code(&SqlState::from_code(code)).is_doubt(), "{code}");
    }
}

#[test]
fn only_those_that_lost_a_race_are_tried_again() {
    assert_eq!(of_code(&SqlState::T_R_SERIALIZATION_FAILURE), Trouble::Race);
    assert_eq!(of_code(&SqlState::T_R_DEADLOCK_DETECTED), Trouble::Race);
    assert_eq!(of_code(&SqlState::UNIQUE_VIOLATION), Trouble::Taken);
    assert_eq!(of_code(&SqlState::LOCK_NOT_AVAILABLE), Trouble::Locked);
    assert_eq!(of_code(&SqlState::QUERY_CANCELED), Trouble::Slow);
    assert_eq!(of_code(&SqlState::DISK_FULL), Trouble::Full);
    assert_eq!(of_code(&SqlState::UNDEFINED_TABLE), Trouble::Other);
}
