//! On which store, and how many servers: what the matrix of measurements is made over.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use matchbook_store::{OpenOptions, SqliteStore, Store};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::population::{Population, Tokens, fill, keyring};
use crate::process::Server;
use crate::serve::Served;
use crate::trouble::{Result, Trouble};

/// A kind of site. A further one (PostgreSQL, with so many nodes, with or without a synchronous standby) is a further
/// variant here, its scheme in [`open`], and what it starts in [`Ground::prepare`]; the measurements know none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// One server on SQLite.
    Sqlite,
}

/// All that are measured.
pub const SITES: &[Site] = &[Site::Sqlite];

/// What the report says until there are more.
pub const NOT_YET: &str = "PostgreSQL, with 1, 2 and 3 nodes, with and without a synchronous standby: Matchbook has no \
                           such store yet";

impl Site {
    /// For tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite, 1 node",
        }
    }

    /// How many servers share the database.
    #[must_use]
    pub const fn nodes(self) -> usize {
        match self {
            Self::Sqlite => 1,
        }
    }
}

/// Opens the store that a database's name means.
///
/// # Errors
/// There is no such store.
pub async fn open(database: &str, create: bool) -> Result<Arc<dyn Store>> {
    match database.split_once(':') {
        Some(("sqlite", path)) => {
            let options = OpenOptions { check_value: Some(keyring().check_value()), create, ..OpenOptions::default() };
            let opened = SqliteStore::open(path, options);
            Ok(Arc::new(opened.map_err(Trouble::because("the store was not opened"))?))
        }
        Some(_) | None => Err(Trouble::new("a database is sqlite: and a path")),
    }
}

/// A filled database, and whatever it needs to run. Dropping it removes it.
pub struct Ground {
    site: Site,
    database: String,
    folder: TempDir,
    /// What was filled in.
    pub population: Population,
    /// For callers.
    pub tokens: Tokens,
}

impl Ground {
    /// Makes a database in a folder below `place` and fills it.
    ///
    /// # Errors
    /// It cannot be made or filled.
    pub fn prepare(site: Site, place: &Path, population: Population) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ground-").tempdir_in(place);
        let folder = folder.map_err(Trouble::because("no folder for a database was made"))?;
        let database = match site {
            Site::Sqlite => format!("sqlite:{}", folder.path().join(SQLITE_FILE).display()),
        };
        let tokens = runtime()?.block_on(async {
            let store = open(&database, true).await?;
            fill(&*store, &population).await
        })?;
        Ok(Self { site, database, folder, population, tokens })
    }

    /// The name of the database, for [`open`].
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Its kind.
    #[must_use]
    pub const fn site(&self) -> Site {
        self.site
    }

    /// Where SQLite's database is; `None` on another store.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        match self.site {
            Site::Sqlite => Some(self.folder.path().join(SQLITE_FILE)),
        }
    }

    /// Bytes on disk of all that belongs to the database.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.folder.path()).into_iter().flatten().filter_map(|file| file.ok());
        files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
    }

    /// Bytes of the log that a start has to read; 0 on another store than SQLite.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        match self.site {
            Site::Sqlite => std::fs::metadata(self.folder.path().join(format!("{SQLITE_FILE}-wal")))
                .map(|log| log.len())
                .unwrap_or_default(),
        }
    }

    /// Starts the servers.
    ///
    /// # Errors
    /// One does not start.
    pub fn start(&self) -> Result<Nodes> {
        let served = Served::Matchbook { database: self.database.clone() };
        let servers = (0..self.site.nodes()).map(|_| Server::start(&served)).collect::<Result<_>>()?;
        Ok(Nodes::of(servers))
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
}

impl Nodes {
    /// Of these.
    #[must_use]
    pub fn of(servers: Vec<Server>) -> Self {
        let addresses = servers.iter().map(Server::address).collect();
        let pids = servers.iter().map(Server::pid).collect();
        Self { servers, addresses, pids }
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
        crate::load::Target { addresses: &self.addresses, pids: &self.pids }
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
