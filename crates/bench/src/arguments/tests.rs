#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_run_without_words_measures_all() {
    let Command::Run(run) = Command::parse(&["run"]).unwrap() else { panic!("no run") };
    assert!(KINDS.iter().all(|(_, kind)| run.has(*kind)));
    assert!(!run.is_quick);
    assert_eq!(run.out, PathBuf::from("target/bench"));
}

#[test]
fn kinds_are_chosen_by_name() {
    let words = ["run", "--quick", "--only", "store", "--only", "sizes", "--place", "/data"];
    let Command::Run(run) = Command::parse(&words).unwrap() else { panic!("no run") };
    assert!(run.has(Kind::Store) && run.has(Kind::Sizes) && !run.has(Kind::Verify) && run.is_quick);
    assert_eq!(run.place, Some(PathBuf::from("/data")));
}

#[test]
fn one_work_is_chosen_by_a_part_of_its_name() {
    for (word, work) in [("issue", Work::Issue), ("public", Work::IssuePublicKey), ("push", Work::Push)] {
        let Command::Run(run) = Command::parse(&["run", "--work", word]).unwrap() else { panic!("no run") };
        assert_eq!(run.work, Some(&work));
    }
}

#[test]
fn what_a_server_is_told_is_read_back() {
    let database = "sqlite:/a folder/b".to_owned();
    for served in [Served::Matchbook { database, memory_mb: 300 }, Served::Empty, Served::Sealing] {
        let words = served.arguments();
        let words: Vec<&str> = std::iter::once("serve").chain(words.iter().map(String::as_str)).collect();
        assert_eq!(Command::parse(&words).unwrap(), Command::Serve(served));
    }
}

#[test]
fn words_that_are_not_known_are_told() {
    for words in [
        &["measure"][..],
        &["run", "--only"],
        &["run", "--only", "speed"],
        &["run", "quick"],
        &["run", "--rounds", "0"],
        &["run", "--work", "sleep"],
    ] {
        assert!(Command::parse(words).is_err(), "{words:?}");
    }
}
