#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, TcpStream};

use super::*;

#[test]
fn a_server_has_the_databases_and_settings_that_were_asked_for() {
    if !Postgres::is_installed() {
        return;
    }
    let server = Postgres::start_with(&[("max_connections", "50"), ("cluster_name", "it's mine")]).unwrap();
    let url = server.database("first").unwrap();
    assert_eq!(url, format!("postgres://matchbook@127.0.0.1:{}/first", server.port()));
    assert_eq!(server.sql("first", "CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (1), (2)").unwrap(), "");
    assert_eq!(server.sql("first", "SELECT n, n + 1 FROM t ORDER BY n").unwrap(), "1|2\n2|3");
    for (setting, value) in
        [("max_connections", "50"), ("cluster_name", "it's mine"), ("fsync", "on"), ("synchronous_commit", "on")]
    {
        assert_eq!(server.sql("first", &format!("SHOW {setting}")).unwrap(), value, "{setting}");
    }
    server.database("first").unwrap_err();
    server.database("no; DROP").unwrap_err();
    let trouble = server.sql("first", "SELECT * FROM nowhere").unwrap_err();
    assert!(trouble.to_string().contains("nowhere"), "{trouble}");
}

#[test]
fn what_was_committed_survives_a_kill_and_a_stop() {
    if !Postgres::is_installed() {
        return;
    }
    let mut server = Postgres::start().unwrap();
    server.database("d").unwrap();
    server.sql("d", "CREATE TABLE t (n BIGINT)").unwrap();
    server.sql("d", "INSERT INTO t VALUES (1)").unwrap();
    let segment = memory_segment(&fs::read_to_string(server.data().join("postmaster.pid")).unwrap()).unwrap();
    assert!(segments().contains(&segment));
    server.kill().unwrap();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).is_err());
    assert!(!segments().contains(&segment), "a killed server leaves no shared memory");
    server.kill().unwrap_err();
    server.start_again().unwrap();
    server.sql("d", "INSERT INTO t VALUES (2)").unwrap();
    server.stop_fast().unwrap();
    server.stop_fast().unwrap_err();
    server.start_again().unwrap();
    server.start_again().unwrap_err();
    assert_eq!(server.sql("d", "SELECT n FROM t ORDER BY n").unwrap(), "1\n2");
}

#[test]
fn two_servers_know_nothing_of_each_other_and_leave_nothing() {
    if !Postgres::is_installed() {
        return;
    }
    let (one, two) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    one.database("mine").unwrap();
    two.database("mine").unwrap();
    assert_ne!(one.port(), two.port());
    let (folder, port, postmaster) = (one.folder.clone(), one.port(), one.postmaster.unwrap());
    drop(one);
    assert!(!folder.exists());
    assert!(processes::has_ended(postmaster));
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    assert_eq!(two.sql("mine", "SELECT 1").unwrap(), "1");
}

#[test]
fn a_server_ends_with_the_keeper_that_lost_its_master() {
    if !Postgres::is_installed() {
        return;
    }
    let mut server = Postgres::start().unwrap();
    let (folder, postmaster) = (server.folder.clone(), server.postmaster.unwrap());
    // What the kernel does to our pipe when we are killed.
    server.keeper.close();
    wait_until("the server ends", || Ok(processes::has_ended(postmaster))).unwrap();
    wait_until("the folder goes", || Ok(!folder.exists())).unwrap();
}

#[test]
fn a_server_that_does_not_start_says_why() {
    if !Postgres::is_installed() {
        return;
    }
    let trouble = Postgres::start_with(&[("max_connections", "many")]).map(drop).unwrap_err();
    assert!(trouble.to_string().contains("max_connections"), "{trouble}");
}

/// The machine's segments of shared memory, by id.
fn segments() -> Vec<u32> {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect()
}
