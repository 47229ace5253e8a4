//! Stores on real servers.

use std::sync::Arc;

use matchbook_store::{PostgresOptions, PostgresStore, Store};
use matchbook_testbed::Postgres;

/// A database of the servers that all tests share, with its URL; `None` where PostgreSQL is not installed.
pub async fn database() -> Option<String> {
    if !Postgres::is_installed() {
        return None;
    }
    let made = tokio::task::spawn_blocking(|| {
        let server = Postgres::shared().unwrap();
        let name = server.fresh_database().unwrap();
        server.url(&name)
    });
    Some(made.await.unwrap())
}

/// What a test that is about something else connects with.
pub fn options() -> PostgresOptions {
    PostgresOptions { migrate: true, connections: 8, ..PostgresOptions::default() }
}

/// An empty store.
pub async fn store() -> Option<(Arc<dyn Store>, ())> {
    let url = database().await?;
    Some((Arc::new(PostgresStore::connect(&url, options()).await.unwrap()), ()))
}
