//! PostgreSQL servers for the sites: one alone, and one with a standby that every commit waits for. Each is started when
//! the first site wants it, and serves all of them, each a database of its own.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use matchbook_testbed::{Access, Postgres};

use crate::trouble::{Result, Trouble};

/// On top of what the testbed sets, which is durable: PostgreSQL's own defaults where it has less memory than they want,
/// and connections for three nodes and for a client each of the plain statements.
const SETTINGS: &[(&str, &str)] = &[("shared_buffers", "128MB"), ("max_connections", "400")];

/// The name of the standby.
const STANDBY: &str = "bench";

/// The servers of a run.
#[derive(Default)]
pub struct Servers {
    alone: OnceLock<Arc<Server>>,
    followed: OnceLock<Arc<Server>>,
}

/// A server, perhaps with its standby.
struct Server {
    primary: Postgres,
    standby: Option<Postgres>,
}

/// A database, which is dropped with this.
pub struct Database {
    server: Arc<Server>,
    access: Access,
    name: String,
}

impl Servers {
    /// An empty database in a server whose data is below `place`.
    ///
    /// # Errors
    /// PostgreSQL does not start.
    pub fn database(&self, place: &Path, has_standby: bool) -> Result<Database> {
        let slot = if has_standby { &self.followed } else { &self.alone };
        let server = match slot.get() {
            Some(server) => Arc::clone(server),
            None => {
                let started = Arc::new(Server::start(place, has_standby)?);
                Arc::clone(slot.get_or_init(|| started))
            }
        };
        let access = server.primary.access();
        let name = access.fresh_database().map_err(Trouble::because("no database was made"))?;
        Ok(Database { server, access, name })
    }
}

impl Server {
    fn start(place: &Path, has_standby: bool) -> Result<Self> {
        let failed = |trouble| Trouble::because("PostgreSQL was not started")(trouble);
        let primary = Postgres::start_in(place, SETTINGS).map_err(failed)?;
        if !has_standby {
            return Ok(Self { primary, standby: None });
        }
        let standby = primary.standby(STANDBY).map_err(failed)?;
        primary.require_standby(STANDBY).map_err(failed)?;
        Ok(Self { primary, standby: Some(standby) })
    }
}

impl Database {
    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.access.url(&self.name)
    }

    /// Runs SQL by `psql`.
    ///
    /// # Errors
    /// The server complains.
    pub fn sql(&self, sql: &str) -> Result<String> {
        self.access.sql(&self.name, sql).map_err(Trouble::because("PostgreSQL refused"))
    }

    /// Does what would come in the background some time after so much was written.
    ///
    /// # Errors
    /// The server complains.
    pub fn settle(&self) -> Result<()> {
        self.sql("VACUUM ANALYZE")?;
        self.sql("CHECKPOINT").map(drop)
    }

    /// Bytes of each table, with what it has out of line, and of each index, the largest first.
    ///
    /// # Errors
    /// The server complains.
    pub fn weigh(&self) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT c.relname, pg_table_size(c.oid) FROM pg_class AS c JOIN pg_namespace AS n \
                   ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i') ORDER BY 2 DESC";
        let rows = self.sql(sql)?;
        let row = |line: &str| {
            let (name, bytes) = line.split_once('|')?;
            Some((name.to_owned(), bytes.parse().ok()?))
        };
        Ok(rows.lines().filter_map(row).collect())
    }

    /// The first processes of the server and of its standby.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        [Some(&self.server.primary), self.server.standby.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(Postgres::pid)
            .collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _gone = self.access.sql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

#[cfg(test)]
mod tests;
