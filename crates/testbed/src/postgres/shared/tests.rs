#![allow(clippy::unwrap_used)]

use std::process::Command;

use super::*;
use crate::processes::{signal, wait_until};

#[test]
fn the_tests_of_a_run_share_a_server_that_ends_with_the_run() {
    if !Postgres::is_installed() {
        return;
    }
    let notes = tempfile::tempdir().unwrap();
    fs::write(notes.path().join("999999999"), "1\n").unwrap();
    let mut runner = Command::new("sleep").arg("1000").spawn().unwrap();
    let id = Pid::from_child(&runner);
    let first = std::thread::scope(|scope| {
        let all = [(); 3].map(|()| scope.spawn(|| of_run(notes.path(), id).unwrap()));
        let all = all.map(|thread| thread.join().unwrap());
        assert!(all.iter().all(|access| access.port() == all[0].port()));
        all[0].clone()
    });
    assert!(!notes.path().join("999999999").exists());
    let names = [(); 2].map(|()| first.fresh_database().unwrap());
    assert_ne!(names[0], names[1]);
    assert_eq!(of_run(notes.path(), id).unwrap().sql(&names[0], "SELECT 1").unwrap(), "1");
    signal(id, rustix::process::Signal::KILL);
    runner.wait().unwrap();
    let is_gone = || TcpStream::connect((Ipv4Addr::LOCALHOST, first.port())).is_err();
    wait_until("the shared server ends", || Ok(is_gone())).unwrap();
}

#[test]
fn a_process_has_one_server() {
    if !Postgres::is_installed() {
        return;
    }
    assert_eq!(of_process().unwrap().port(), of_process().unwrap().port());
}
