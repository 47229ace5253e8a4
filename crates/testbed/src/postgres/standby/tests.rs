#![allow(clippy::unwrap_used)]

use std::thread;

use super::*;

/// A primary with a database `d`, a table `t`, and a standby that every commit waits for.
fn pair() -> (Postgres, Postgres) {
    let primary = Postgres::start().unwrap();
    primary.database("d").unwrap();
    primary.sql("d", "CREATE TABLE t (n BIGINT)").unwrap();
    let standby = primary.standby("second").unwrap();
    primary.require_standby("second").unwrap();
    (primary, standby)
}

#[test]
fn a_promoted_standby_has_every_commit_that_was_answered() {
    if !Postgres::is_installed() {
        return;
    }
    let (mut primary, standby) = pair();
    primary.sql("d", "INSERT INTO t VALUES (1)").unwrap();
    let trouble = standby.sql("d", "INSERT INTO t VALUES (2)").unwrap_err();
    assert!(trouble.to_string().contains("read-only"), "{trouble}");
    primary.promote().unwrap_err();
    primary.kill().unwrap();
    standby.promote().unwrap();
    standby.sql("d", "INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(standby.sql("d", "SELECT n FROM t ORDER BY n").unwrap(), "1\n2");
    // And it takes a standby itself.
    let third = standby.standby("third").unwrap();
    standby.require_standby("third").unwrap();
    standby.sql("d", "INSERT INTO t VALUES (3)").unwrap();
    drop(standby);
    third.promote().unwrap();
    assert_eq!(third.sql("d", "SELECT count(*) FROM t").unwrap(), "3");
}

/// A standby that allows fewer connections than its primary does not start.
#[test]
fn a_standby_has_the_settings_of_its_primary() {
    if !Postgres::is_installed() {
        return;
    }
    let primary = Postgres::start_with(&[("max_connections", "250")]).unwrap();
    let standby = primary.standby("second").unwrap();
    assert_eq!(standby.sql(ALWAYS, "SHOW max_connections").unwrap(), "250");
    assert_eq!(standby.sql(ALWAYS, "SHOW fsync").unwrap(), "on");
}

#[test]
fn a_commit_waits_for_the_standby() {
    if !Postgres::is_installed() {
        return;
    }
    let (primary, standby) = pair();
    primary.pause_walsenders().unwrap();
    thread::scope(|scope| {
        let commit = scope.spawn(|| primary.sql("d", "INSERT INTO t VALUES (1)"));
        wait_until("the commit waits", || Ok(primary.waiting_commits()?.len() == 1)).unwrap();
        assert!(!commit.is_finished());
        primary.resume_walsenders();
        commit.join().unwrap().unwrap();
    });
    wait_until("the standby has it", || Ok(standby.sql("d", "SELECT n FROM t")? == "1")).unwrap();
    primary.require_standby("").unwrap();
    primary.pause_walsenders().unwrap();
    primary.sql("d", "INSERT INTO t VALUES (2)").unwrap();
    primary.resume_walsenders();
    primary.require_standby("nobody, second").unwrap();
}

#[test]
fn a_wait_that_is_cancelled_is_a_success_that_may_be_lost() {
    if !Postgres::is_installed() {
        return;
    }
    let (mut primary, standby) = pair();
    primary.pause_walsenders().unwrap();
    thread::scope(|scope| {
        let commit = scope.spawn(|| primary.sql("d", "INSERT INTO t VALUES (1)"));
        wait_until("the commit is cancelled", || Ok(primary.cancel_waiting_commits()?.len() == 1)).unwrap();
        commit.join().unwrap().unwrap();
        let commit = scope.spawn(|| primary.sql("d", "INSERT INTO t VALUES (2)"));
        wait_until("the backend is ended", || Ok(primary.terminate_waiting_commits()?.len() == 1)).unwrap();
        commit.join().unwrap().unwrap_err();
    });
    assert_eq!(primary.sql("d", "SELECT n FROM t ORDER BY n").unwrap(), "1\n2");
    primary.kill().unwrap();
    standby.promote().unwrap();
    assert_eq!(standby.sql("d", "SELECT count(*) FROM t").unwrap(), "0");
}
