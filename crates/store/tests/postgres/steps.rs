//! The layout is made by one process at a time.

use matchbook_store::{ConnectError, PostgresOptions, PostgresStore};
use tokio::task::JoinSet;

use super::fixture::{Database, options};

#[tokio::test]
async fn a_database_without_a_layout_is_refused() {
    let Some(database) = Database::fresh().await else { return };
    let Err(ConnectError::Missing(why)) = PostgresStore::connect(&database.url(), PostgresOptions::default()).await
    else {
        panic!("it was taken")
    };
    assert!(why.contains("matchbook init"), "{why}");
    assert_eq!(PostgresStore::migrate(&database.url(), options()).await.unwrap(), 3);
    assert_eq!(PostgresStore::migrate(&database.url(), options()).await.unwrap(), 0);
    PostgresStore::connect(&database.url(), PostgresOptions::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_migrate_at_once_take_each_step_once() {
    let Some(database) = Database::fresh().await else { return };
    let mut all = JoinSet::new();
    for _ in 0..6 {
        let url = database.url();
        all.spawn(async move { PostgresStore::migrate(&url, options()).await.unwrap() });
    }
    assert_eq!(all.join_all().await.into_iter().sum::<u32>(), 3);
    assert_eq!(database.sql("SELECT number, name FROM migrations"), "1|initial\n2|gates\n3|imports");
}

#[tokio::test]
async fn a_lease_of_the_dead_is_taken_over_and_one_of_the_living_is_not() {
    let Some(database) = Database::fresh().await else { return };
    let lease = "CREATE TABLE migration_lease (name TEXT PRIMARY KEY, node BYTEA NOT NULL, held_until BIGINT NOT NULL)";
    database.sql(lease);
    database
        .sql("INSERT INTO migration_lease VALUES ('migrations', '\\x01', (extract(epoch FROM now()) * 1000) + 2000)");
    // It waits for two seconds, until the other one is dead.
    assert_eq!(PostgresStore::migrate(&database.url(), options()).await.unwrap(), 3);
    let was_early = "SELECT max(applied_at) < 0 FROM migrations";
    assert_eq!(database.sql(was_early), "f");
}

#[tokio::test]
async fn a_newer_or_another_layout_is_refused() {
    let Some(database) = Database::fresh().await else { return };
    drop(database.open().await);
    database.sql("INSERT INTO migrations VALUES (4, 'later', '\\x00', 0)");
    let refused = async || match PostgresStore::connect(&database.url(), options()).await {
        Err(ConnectError::Schema(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    };
    database.sql("UPDATE migrations SET sha256 = decode(repeat('00', 32), 'hex') WHERE number = 4");
    let why = refused().await;
    assert!(why.contains("newer release"), "{why}");
    database.sql("DELETE FROM migrations WHERE number = 4");
    database.sql("UPDATE migrations SET sha256 = decode(repeat('00', 32), 'hex')");
    let why = refused().await;
    assert!(why.contains("not the one of this release"), "{why}");
}

#[tokio::test]
async fn a_store_of_other_secrets_is_refused() {
    let Some(database) = Database::fresh().await else { return };
    let with = |byte| PostgresOptions { check_value: Some([byte; 16]), ..options() };
    PostgresStore::connect(&database.url(), with(1)).await.unwrap();
    PostgresStore::connect(&database.url(), with(1)).await.unwrap();
    let refused = PostgresStore::connect(&database.url(), with(2)).await;
    assert!(matches!(refused, Err(ConnectError::WrongSecrets(_))));
}

/// Nothing is put beside what somebody else keeps there, also when no name is taken.
#[tokio::test]
async fn a_database_with_tables_of_somebody_else_is_refused_and_left_alone() {
    for table in ["invoices", "meta", "migrations"] {
        let Some(database) = Database::fresh().await else { return };
        database.sql(&format!("CREATE TABLE {table} (id TEXT)"));
        let moved = PostgresStore::connect_to_move(&database.url(), options()).await.map(drop);
        let served = PostgresStore::connect(&database.url(), options()).await.map(drop);
        for refused in [PostgresStore::migrate(&database.url(), options()).await.map(drop), moved, served] {
            let Err(ConnectError::Foreign(why)) = refused else { panic!("{refused:?}") };
            assert!(why.contains(&format!("not Matchbook's ({table}, 1 in all)")), "{why}");
            assert!(why.contains("a database of its own"), "{why}");
        }
        let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(database.sql(tables), table);
    }
}

#[tokio::test]
async fn a_user_that_may_make_no_tables_is_told_what_it_lacks() {
    let Some(database) = Database::fresh().await else { return };
    let role = database.sql("SELECT current_database() || '_guest'");
    database.sql(&format!("CREATE ROLE {role} LOGIN"));
    let url = database.url();
    let (_, host) = url.split_once('@').unwrap();
    let Err(refused) = PostgresStore::migrate(&format!("postgres://{role}@{host}"), options()).await else {
        panic!("it was taken")
    };
    assert!(refused.to_string().contains("GRANT CREATE ON SCHEMA public"), "{refused}");
}
