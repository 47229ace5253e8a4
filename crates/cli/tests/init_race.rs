//! Two `matchbook init` at once: at most one makes anything, and the other one removes nothing of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
fn of_two_runs_at_once_one_wins_and_loses_nothing() {
    for round in 0..12 {
        let home = tempfile::tempdir().unwrap();
        let start = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_matchbook"));
            command.args(["-o", "json", "init"]).env_clear().env("HOME", home.path());
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let runs = [start(), start()].map(|child| child.wait_with_output().unwrap());
        let winners: Vec<_> = runs.iter().filter(|run| run.status.success()).collect();
        assert!(winners.len() <= 1, "round {round}: both say that they made it");
        for loser in runs.iter().filter(|run| !run.status.success()) {
            assert_eq!(loser.status.code(), Some(1), "round {round}");
        }
        if let [winner] = winners.as_slice() {
            let report: serde_json::Value = serde_json::from_slice(&winner.stdout).unwrap();
            for made in ["config", "secrets", "token_file"] {
                let path = PathBuf::from(report[made].as_str().unwrap());
                assert!(path.is_file(), "round {round}: {made} is gone");
            }
            let database = PathBuf::from(report["data"].as_str().unwrap()).join("matchbook.db");
            assert!(database.is_file(), "round {round}: the database is gone");
        }
    }
}
