//! The stores that a test's servers can stand on, and tests that run on several of them.

use std::path::PathBuf;
use std::sync::Arc;

use matchbook_server::ServerConfig;
use matchbook_store::sqlite::{OpenOptions, SqliteStore};
use matchbook_store::{MemoryStore, PostgresOptions, PostgresStore, Store};
use matchbook_testbed::Postgres;
use tempfile::TempDir;

use super::site::{Node, keyring};

/// What a site stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// In memory, one server.
    Memory,
    /// In memory, any number of servers.
    SharedMemory,
    /// On SQLite.
    Sqlite,
    /// On a database of its own in the PostgreSQL server that all tests share.
    Postgres,
}

/// Connections of a server in a test besides those for plain acceptances: the server of all tests has 200.
const CONNECTIONS: usize = 8;

impl Stands {
    /// Whether it can be had here. Without PostgreSQL a test fails in CI, and is skipped elsewhere.
    pub(crate) fn is_here(self) -> bool {
        match self {
            Self::Memory | Self::SharedMemory | Self::Sqlite => true,
            Self::Postgres => Postgres::is_installed(),
        }
    }
}

/// Where a site's store is.
pub(crate) enum Place {
    /// In the site alone: all its servers share it.
    Here,
    /// In this folder, opened by one at a time.
    Folder(TempDir),
    /// At this address: each server opens it for itself.
    Database(String),
}

impl Place {
    pub(crate) fn of(stands: Stands) -> Self {
        match stands {
            Stands::Memory | Stands::SharedMemory => Self::Here,
            Stands::Sqlite => Self::Folder(tempfile::tempdir().unwrap()),
            Stands::Postgres => {
                let server = Postgres::shared().unwrap();
                Self::Database(server.url(&server.fresh_database().unwrap()))
            }
        }
    }

    /// Opens the store, or makes it.
    pub(crate) async fn store(&self, stands: Stands) -> Arc<dyn Store> {
        match self {
            Self::Here if stands == Stands::SharedMemory => Arc::new(MemoryStore::shared()),
            Self::Here => Arc::new(MemoryStore::new()),
            Self::Folder(_) => open(&self.file()),
            Self::Database(url) => open_database(url).await,
        }
    }

    /// A server on it. `store`: what it serves where it cannot open its own.
    pub(crate) fn node(&self, store: Arc<dyn Store>, config: ServerConfig) -> Node {
        match self {
            Self::Here | Self::Folder(_) => Node::start(store, config),
            Self::Database(url) => Node::start_on(open_database(url), config),
        }
    }

    /// The file of SQLite's.
    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path().join("matchbook.sqlite"),
            Self::Here | Self::Database(_) => panic!("there is no file"),
        }
    }
}

/// Opens a store in PostgreSQL for the tests' keyring, or makes it.
async fn open_database(url: &str) -> Arc<dyn Store> {
    let check_value = Some(keyring().check_value());
    let options =
        PostgresOptions { check_value, migrate: true, connections: CONNECTIONS, ..PostgresOptions::default() };
    Arc::new(PostgresStore::connect(url, options).await.unwrap())
}

/// Opens a store on SQLite for the tests' keyring, or makes it.
pub(crate) fn open(path: &std::path::Path) -> Arc<dyn Store> {
    let options = OpenOptions { check_value: Some(keyring().check_value()), create: true, ..OpenOptions::default() };
    Arc::new(SqliteStore::open(path, options).unwrap())
}

/// Makes a test of each of these functions on each of these stores: `on_stores! { [sqlite postgres] { one, another } }`.
/// The functions take what they stand on.
macro_rules! on_stores {
    ([$($store:ident)+] $tests:tt) => { $( $crate::common::stands::on_store! { $store $tests } )+ };
}

/// The same on one.
macro_rules! on_store {
    (memory $tests:tt) => {
        $crate::common::stands::tests_on! { memory Memory $tests }
    };
    (shared_memory $tests:tt) => {
        $crate::common::stands::tests_on! { shared_memory SharedMemory $tests }
    };
    (sqlite $tests:tt) => {
        $crate::common::stands::tests_on! { sqlite Sqlite $tests }
    };
    (postgres $tests:tt) => {
        $crate::common::stands::tests_on! { postgres Postgres $tests }
    };
}

macro_rules! tests_on {
    ($module:ident $stands:ident { $($test:ident),+ $(,)? }) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    let stands = $crate::common::Stands::$stands;
                    if stands.is_here() {
                        super::$test(stands);
                    }
                }
            )+
        }
    };
}

pub(crate) use {on_store, on_stores, tests_on};
