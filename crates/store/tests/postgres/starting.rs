//! What a server has to be before a store starts on it.

use matchbook_store::{ConnectError, PostgresOptions, PostgresStore};
use matchbook_testbed::Postgres;

use super::fixture::{Database, options};

async fn server(settings: &'static [(&'static str, &'static str)]) -> Option<Postgres> {
    if !Postgres::is_installed() {
        return None;
    }
    Some(tokio::task::spawn_blocking(|| Postgres::start_with(settings).unwrap()).await.unwrap())
}

async fn refused(url: &str, options: PostgresOptions) -> String {
    match PostgresStore::connect(url, options).await {
        Err(ConnectError::Unsafe(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was taken"),
    }
}

fn with_loss_at_power_cut() -> PostgresOptions {
    PostgresOptions { allow_loss_at_power_cut: true, ..options() }
}

#[tokio::test]
async fn a_server_that_does_not_flush_is_refused() {
    let Some(server) = server(&[("fsync", "off")]).await else { return };
    let url = server.database("codes").unwrap();
    let why = refused(&url, options()).await;
    assert!(why.contains("set fsync = on"), "{why}");
    PostgresStore::connect(&url, with_loss_at_power_cut()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_writes_half_pages_is_refused() {
    let Some(server) = server(&[("full_page_writes", "off")]).await else { return };
    let why = refused(&server.database("codes").unwrap(), options()).await;
    assert!(why.contains("set full_page_writes = on"), "{why}");
}

#[tokio::test]
async fn a_user_or_database_that_commits_early_is_refused() {
    let Some(server) = server(&[]).await else { return };
    for (number, setting) in ["off", "local", "remote_write"].into_iter().enumerate() {
        let url = server.database(&format!("codes_{number}")).unwrap();
        server.sql("postgres", &format!("ALTER DATABASE codes_{number} SET synchronous_commit = {setting}")).unwrap();
        let why = refused(&url, options()).await;
        assert!(why.contains(&format!("synchronous_commit is {setting}")), "{why}");
        PostgresStore::connect(&url, with_loss_at_power_cut()).await.unwrap();
    }
    let url = server.database("codes").unwrap();
    server.sql("postgres", "ALTER ROLE matchbook SET synchronous_commit = off").unwrap();
    refused(&url, options()).await;
    server.sql("postgres", "ALTER ROLE matchbook SET synchronous_commit = remote_apply").unwrap();
    PostgresStore::connect(&url, options()).await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_name_is_refused() {
    let Some(database) = Database::fresh().await else { return };
    let name = database.sql("SELECT current_database() || '_latin'");
    database.sql(&format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"));
    let url = database.url().replace(name.trim_end_matches("_latin"), &name);
    let Err(ConnectError::Unavailable(why)) = PostgresStore::connect(&url, options()).await else {
        panic!("it was taken")
    };
    assert!(why.contains("ENCODING 'UTF8'"), "{why}");
}

#[tokio::test]
async fn a_standby_that_is_not_synchronous_is_refused() {
    let Some(primary) = server(&[]).await else { return };
    let url = primary.database("codes").unwrap();
    PostgresStore::connect(&url, options()).await.unwrap();
    let standby = primary.standby("one").unwrap();
    let why = refused(&url, options()).await;
    assert!(why.contains("synchronous_standby_names"), "{why}");
    let told = PostgresOptions { allow_loss_at_failover: true, ..options() };
    PostgresStore::connect(&url, told).await.unwrap();
    primary.require_standby("one").unwrap();
    PostgresStore::connect(&url, options()).await.unwrap();
    // A standby is no place to start on, and among several hosts it is passed over.
    let Err(error) = PostgresStore::connect(&standby.url("codes"), options()).await else { panic!("it was taken") };
    assert!(matches!(error, ConnectError::Unavailable(_)), "{error:?}");
    let both = url.replace("127.0.0.1:", &format!("127.0.0.1:{},127.0.0.1:", standby.port()));
    PostgresStore::connect(&both, options()).await.unwrap();
    // Without its standby it would confirm nothing.
    drop(standby);
    let gone = "SELECT count(*) FROM pg_stat_replication";
    matchbook_testbed::wait_until("the standby is gone", || Ok(primary.sql("postgres", gone)? == "0")).unwrap();
    let why = refused(&url, options()).await;
    assert!(why.contains("is not there"), "{why}");
}

#[tokio::test]
async fn a_password_is_never_shown() {
    let urls = [
        "postgres://ada:hunter2@127.0.0.1:1/codes",
        "postgres://ada:hunter2@127.0.0.1:1/codes?sslmode=verify-full",
        "postgres://ada:hunter2@127.0.0.1:1/codes?hunter2=1",
        "postgres://ada:hunter2@/codes",
        "postgres://ada:hunt?er2=@127.0.0.1:1/codes",
        "postgres://ada:hunter2",
        "hunter2",
    ];
    for url in urls {
        let Err(error) = PostgresStore::connect(url, PostgresOptions::default()).await else { panic!("it was taken") };
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("er2"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_when_tls_is_wanted() {
    let Some(database) = Database::fresh().await else { return };
    for mode in ["require", "verify-full&sslrootcert=system"] {
        let url = format!("{}?sslmode={mode}", database.url());
        let Err(error) = PostgresStore::connect(&url, options()).await else { panic!("it was taken") };
        assert!(error.to_string().contains("check sslmode"), "{error}");
    }
    let url = format!("{}?sslmode=prefer", database.url());
    PostgresStore::connect(&url, options()).await.unwrap();
}

/// One that takes a connection and says nothing, as a server that is stopped does, is passed over.
#[tokio::test]
async fn a_server_that_says_nothing_keeps_nobody_waiting_for_ever() {
    let Some(database) = Database::fresh().await else { return };
    let (silent, url) = database.by_proxy();
    silent.hold(true);
    let connect = async |url: String| {
        let connecting = PostgresStore::connect(&url, options());
        tokio::time::timeout(std::time::Duration::from_secs(120), connecting).await.expect("it comes to an end")
    };
    let Err(error) = connect(format!("{url}?connect_timeout=1")).await else { panic!("it was taken") };
    assert!(error.to_string().contains("did not answer in time"), "{error}");
    let both = database.url().replace("127.0.0.1:", &format!("{},127.0.0.1:", silent.address()));
    connect(format!("{both}?connect_timeout=1")).await.unwrap();
}

#[tokio::test]
async fn of_several_hosts_each_says_what_is_wrong_with_it() {
    let url = "postgres://ada@127.0.0.1:1,127.0.0.1:2/codes";
    let Err(error) = PostgresStore::connect(url, options()).await else { panic!("it was taken") };
    let said = error.to_string();
    for host in ["postgres://127.0.0.1:1/codes cannot be reached", "; postgres://127.0.0.1:2/codes cannot be reached"] {
        assert!(said.contains(host), "{said}");
    }
}
