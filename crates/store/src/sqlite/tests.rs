#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use rusqlite::Connection;

use super::migrations::{MIGRATIONS, Migration, migrate};
use super::open::{APPLICATION_ID, OpenError, OpenOptions, Origin, open, open_reader};

fn pragma(connection: &Connection, name: &str) -> i64 {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn sqlite_is_set_up_for_durability() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_lock, writer) = open(&path, OpenOptions { create: true, ..OpenOptions::default() }, Origin::Store).unwrap();
    let mode: String = writer.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    assert_eq!((pragma(&writer, "synchronous"), pragma(&writer, "application_id")), (2, APPLICATION_ID.into()));
    assert_eq!((pragma(&writer, "foreign_keys"), pragma(&writer, "trusted_schema")), (0, 0));
    let reader = open_reader(&path).unwrap();
    assert!(reader.execute("DELETE FROM meta", []).is_err());
}

#[test]
fn migrations_are_numbered_without_gaps_and_stand_in_their_files() {
    for (step, number) in MIGRATIONS.iter().zip(1..) {
        assert_eq!(step.number, number);
        let file = format!("{}/migrations/{number:03}_{}.sql", env!("CARGO_MANIFEST_DIR"), step.name);
        assert_eq!(std::fs::read_to_string(file).unwrap(), step.sql);
    }
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    let is_step = |file: &std::path::Path| file.extension().is_some_and(|ending| ending == "sql");
    assert_eq!(files.filter(|file| is_step(&file.as_ref().unwrap().path())).count(), MIGRATIONS.len());
}

#[test]
fn a_step_that_fails_leaves_the_layout_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_lock, mut connection) =
        open(&path, OpenOptions { create: true, ..OpenOptions::default() }, Origin::Store).unwrap();
    let number = u32::try_from(MIGRATIONS.len()).unwrap() + 1;
    let and = |name, sql| {
        let known = MIGRATIONS.iter().map(|step| Migration { number: step.number, name: step.name, sql: step.sql });
        known.chain([Migration { number, name, sql }]).collect::<Vec<_>>()
    };
    let bad = and("bad", "CREATE TABLE later (x); SELECT nothing");
    assert!(matches!(migrate(&mut connection, &path, &bad, None), Err(OpenError::Unavailable(_))));
    assert!(!connection.table_exists(None::<&str>, "later").unwrap());
    let good = and("good", "CREATE TABLE later (x)");
    migrate(&mut connection, &path, &good, None).unwrap();
    migrate(&mut connection, &path, &good, None).unwrap();
    // The release before it refuses what it does not know.
    let Err(OpenError::Schema(why)) = migrate(&mut connection, &path, MIGRATIONS, None) else { panic!("it was taken") };
    assert!(why.contains("newer release"), "{why}");
}

/// What is remembered is forgotten when it changes: with each commit of another program, and with nothing else.
#[test]
fn the_version_of_the_data_changes_with_what_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_lock, mut writer) =
        open(&path, OpenOptions { create: true, ..OpenOptions::default() }, Origin::Store).unwrap();
    let version = |writer: &Connection| pragma(writer, "data_version");
    let before = version(&writer);
    let reader = open_reader(&path).unwrap();
    for _ in 0..3 {
        for sql in [
            "UPDATE meta SET value = value + 1 WHERE name = 'probes'",
            "BEGIN IMMEDIATE; CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000)); ROLLBACK",
            "BEGIN IMMEDIATE; CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000)); COMMIT; DROP TABLE t",
            "BEGIN; SELECT count(*) FROM meta; PRAGMA data_version; COMMIT",
        ] {
            writer.execute_batch(sql).unwrap();
            reader.execute_batch("BEGIN; SELECT count(*) FROM meta; COMMIT").unwrap();
            drop(open_reader(&path).unwrap());
        }
        for mode in ["PASSIVE", "RESTART", "TRUNCATE"] {
            pragma(&writer, &format!("wal_checkpoint({mode})"));
        }
        writer.commit_hook(Some(|| true)).unwrap();
        assert!(writer.execute("UPDATE meta SET value = value + 1 WHERE name = 'probes'", []).is_err());
        writer.commit_hook(None::<fn() -> bool>).unwrap();
        assert_eq!(version(&writer), before);
    }
    let other = Connection::open(&path).unwrap();
    let mut last = before;
    for _ in 0..3 {
        other.execute("UPDATE meta SET value = value + 1 WHERE name = 'probes'", []).unwrap();
        assert_ne!(version(&writer), last);
        last = version(&writer);
    }
}

/// No query that runs often reads a whole table, or a whole realm's rows of one.
#[test]
fn frequent_queries_use_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_lock, connection) =
        open(&path, OpenOptions { create: true, ..OpenOptions::default() }, Origin::Store).unwrap();
    for query in [
        // Left to itself, SQLite takes the order of the primary key for worth a walk over all of the realm.
        "SELECT * FROM authenticators INDEXED BY authenticators_by_subscriber \
         WHERE realm = ?1 AND subscriber = ?2 ORDER BY authenticator",
        "SELECT * FROM authenticators INDEXED BY authenticators_by_subscriber \
         WHERE realm = ?1 AND authenticator > ?2 AND subscriber = ?4 ORDER BY authenticator LIMIT ?3",
        "SELECT authenticator FROM authenticators AS a \
         WHERE (refill_due IS NOT NULL OR rotation_wanted IS NOT NULL) AND status = ?1 AND restored = 0 \
         ORDER BY realm, authenticator LIMIT ?4",
        "SELECT * FROM outbox WHERE priority = ?1 AND next_attempt_at <= ?2 \
         ORDER BY next_attempt_at, realm, authenticator, message LIMIT ?3",
        "SELECT min(created_at) FROM outbox WHERE attempts = 0",
        "SELECT * FROM dispatches WHERE centre = ?1 AND centre_id = ?2",
        "SELECT realm FROM dispatches WHERE at < ?1 ORDER BY at LIMIT ?2",
        "SELECT * FROM audit WHERE realm = ?1 AND id < ?2 AND authenticator = ?4 ORDER BY id DESC LIMIT ?3",
        "SELECT * FROM audit WHERE realm = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
        "SELECT realm, relying_party, operation FROM operations WHERE at < ?1 ORDER BY at LIMIT ?2",
        "SELECT * FROM tokens WHERE hash = ?1",
        "SELECT min(realm) FROM audit WHERE realm > ?1",
        "SELECT count(*) FROM authenticators WHERE status <> ?1",
        "SELECT realm, bucket FROM buckets WHERE (realm, bucket) > (?1, ?2) ORDER BY realm, bucket LIMIT ?4",
    ] {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let count = statement.parameter_count();
        let steps: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(vec![0; count]), |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let plan = steps.join("; ");
        assert!(!plan.contains("TEMP B-TREE"), "{query}: {plan}");
        // A walk along an index is fine where all of it counts, or a limit ends it.
        assert!(plan.contains("SEARCH") || plan.contains("INDEX"), "{query}: {plan}");
        // Of a key that leads with the realm, the realm alone is no search: it is most of the table.
        assert!(!plan.contains("(realm=?)"), "{query}: {plan}");
    }
}
