//! On which store, and how many servers: what the matrix of measurements is made over.

mod postgres;
mod sqlite;

use std::net::SocketAddr;
use std::sync::Arc;

use matchbook_store::{DEFAULT_MEMORY_MB, OpenOptions, PostgresOptions, PostgresStore, SqliteStore, Store};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::population::{Population, Tokens, fill, keyring};
use crate::process::Server;
use crate::rows::Setting;
use crate::serve::Served;
use crate::trouble::{Result, Trouble};

pub use postgres::{Database, Servers};

/// A kind of site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// One server on SQLite.
    Sqlite,
    /// Servers on one PostgreSQL database; the generator spreads its connections over them.
    Postgres(Cluster),
}

/// Servers on a PostgreSQL database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// For tables.
    name: &'static str,
    /// How many servers.
    pub nodes: usize,
    /// Whether every commit waits for a synchronous standby.
    pub has_standby: bool,
}

/// All that are measured.
pub const SITES: &[Site] = &[
    Site::Sqlite,
    cluster("PostgreSQL, 1 node", 1, false),
    cluster("PostgreSQL, 2 nodes", 2, false),
    cluster("PostgreSQL, 3 nodes", 3, false),
    cluster("PostgreSQL + standby, 1 node", 1, true),
    cluster("PostgreSQL + standby, 2 nodes", 2, true),
    cluster("PostgreSQL + standby, 3 nodes", 3, true),
];

const fn cluster(name: &'static str, nodes: usize, has_standby: bool) -> Site {
    Site::Postgres(Cluster { name, nodes, has_standby })
}

impl Site {
    /// For tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite, 1 node",
            Self::Postgres(cluster) => cluster.name,
        }
    }

    /// How many servers share the database.
    #[must_use]
    pub const fn nodes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres(cluster) => cluster.nodes,
        }
    }
}

/// Opens the store that a database's name means.
///
/// # Errors
/// There is no such store.
pub async fn open(database: &str, create: bool, memory_mb: u32) -> Result<Arc<dyn Store>> {
    match database.split_once(':') {
        Some(("sqlite", path)) => {
            let check_value = Some(keyring().check_value());
            let options = OpenOptions { check_value, create, memory_mb, ..OpenOptions::default() };
            let opened = SqliteStore::open(path, options);
            Ok(Arc::new(opened.map_err(Trouble::because("the store was not opened"))?))
        }
        Some(("postgres", _)) => {
            let options = PostgresOptions {
                check_value: Some(keyring().check_value()),
                migrate: create,
                memory_mb,
                ..PostgresOptions::default()
            };
            let opened = PostgresStore::connect(database, options).await;
            Ok(Arc::new(opened.map_err(Trouble::because("the store was not opened"))?))
        }
        Some(_) | None => Err(Trouble::new("a database is sqlite: and a path, or a postgres:// URL")),
    }
}

/// A filled database, and whatever it needs to run. Dropping it removes it.
pub struct Ground {
    site: Site,
    place: Place,
    /// What was filled in.
    pub population: Population,
    /// For callers.
    pub tokens: Tokens,
}

/// Where a database is.
enum Place {
    Folder(TempDir),
    Postgres(Database),
}

impl Ground {
    /// Makes a database below the setting's place and fills it.
    ///
    /// # Errors
    /// It cannot be made or filled.
    pub fn prepare(setting: &Setting<'_>, site: Site, population: Population) -> Result<Self> {
        let place = match site {
            Site::Sqlite => {
                let folder = tempfile::Builder::new().prefix("ground-").tempdir_in(setting.place);
                Place::Folder(folder.map_err(Trouble::because("no folder for a database was made"))?)
            }
            Site::Postgres(cluster) => Place::Postgres(setting.servers.database(setting.place, cluster.has_standby)?),
        };
        let tokens = runtime()?.block_on(async {
            let store = open(&place.database(), true, DEFAULT_MEMORY_MB).await?;
            fill(&*store, &population).await
        })?;
        if let Place::Postgres(database) = &place {
            database.settle()?;
        }
        Ok(Self { site, place, population, tokens })
    }

    /// The name of the database, for [`open`].
    #[must_use]
    pub fn database(&self) -> String {
        self.place.database()
    }

    /// Its kind.
    #[must_use]
    pub const fn site(&self) -> Site {
        self.site
    }

    /// Bytes of each table and index, the largest first.
    ///
    /// # Errors
    /// The database does not tell.
    pub fn weigh(&self) -> Result<Vec<(String, u64)>> {
        match &self.place {
            Place::Folder(folder) => sqlite::weigh(&folder.path().join(SQLITE_FILE)),
            Place::Postgres(database) => database.weigh(),
        }
    }

    /// Bytes on disk of all that belongs to the database; of PostgreSQL's, the tables and indices.
    ///
    /// # Errors
    /// The database does not tell.
    pub fn bytes(&self) -> Result<u64> {
        match &self.place {
            Place::Folder(folder) => {
                let files = std::fs::read_dir(folder.path()).into_iter().flatten().filter_map(|file| file.ok());
                Ok(files.filter_map(|file| Some(file.metadata().ok()?.len())).sum())
            }
            Place::Postgres(database) => Ok(database.weigh()?.into_iter().map(|(_, bytes)| bytes).sum()),
        }
    }

    /// Bytes of the log that a start has to read; 0 on another store than SQLite.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        match &self.place {
            Place::Folder(folder) => std::fs::metadata(folder.path().join(format!("{SQLITE_FILE}-wal")))
                .map(|log| log.len())
                .unwrap_or_default(),
            Place::Postgres(_) => 0,
        }
    }

    /// The first processes of the database's servers.
    #[must_use]
    pub fn database_pids(&self) -> Vec<u32> {
        match &self.place {
            Place::Folder(_) => Vec::new(),
            Place::Postgres(database) => database.pids(),
        }
    }

    /// Starts the servers, each with so many MiB for what it remembers of devices.
    ///
    /// # Errors
    /// One does not start.
    pub fn start(&self, memory_mb: u32) -> Result<Nodes> {
        let served = Served::Matchbook { database: self.database(), memory_mb };
        let servers = (0..self.site.nodes()).map(|_| Server::start(&served)).collect::<Result<_>>()?;
        Ok(Nodes { databases: self.database_pids(), ..Nodes::of(servers) })
    }
}

impl Place {
    fn database(&self) -> String {
        match self {
            Self::Folder(folder) => format!("sqlite:{}", folder.path().join(SQLITE_FILE).display()),
            Self::Postgres(database) => database.url(),
        }
    }
}

/// Servers that do the same work.
pub struct Nodes {
    /// The servers.
    pub servers: Vec<Server>,
    /// Where they listen.
    pub addresses: Vec<SocketAddr>,
    /// Their processes.
    pub pids: Vec<u32>,
    /// The first processes of the servers of their database.
    pub databases: Vec<u32>,
}

impl Nodes {
    /// Of these.
    #[must_use]
    pub fn of(servers: Vec<Server>) -> Self {
        let addresses = servers.iter().map(Server::address).collect();
        let pids = servers.iter().map(Server::pid).collect();
        Self { servers, addresses, pids, databases: Vec::new() }
    }

    /// One server that is a floor.
    ///
    /// # Errors
    /// It does not start.
    pub fn floor(served: &Served) -> Result<Self> {
        Ok(Self::of(vec![Server::start(served)?]))
    }

    /// What load goes to.
    #[must_use]
    pub fn target(&self) -> crate::load::Target<'_> {
        crate::load::Target { addresses: &self.addresses, pids: &self.pids, databases: &self.databases }
    }
}

/// A runtime for work on a store without a server.
///
/// # Errors
/// The system gives no threads.
pub fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().map_err(Trouble::because("the system gives no threads"))
}

const SQLITE_FILE: &str = "matchbook.sqlite";
