//! How to reach a server, whoever started it.

use std::sync::atomic::{AtomicU32, Ordering};

use super::template::{USER, output_of};
use crate::account::Account;
use crate::programs::Programs;
use crate::proxy::Proxy;
use crate::trouble::Trouble;

/// The database that is always there.
pub(super) const ALWAYS: &str = "postgres";

/// The way to a server, which may be shared with other tests.
#[derive(Clone, Debug)]
pub struct Access {
    programs: Programs,
    account: Account,
    port: u16,
}

impl Access {
    pub(super) fn new(programs: &Programs, account: Account, port: u16) -> Self {
        Self { programs: programs.clone(), account, port }
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same server by way of a proxy.
    #[must_use]
    pub fn by_way_of(&self, proxy: &Proxy) -> Self {
        Self { port: proxy.address().port(), ..self.clone() }
    }

    /// The URL of a database of this server, whether it is there or not. No password is asked for.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database; its URL. Names are lower-case letters, digits and underscores.
    ///
    /// # Errors
    /// The name is not like that or taken, or the server does not run.
    pub fn database(&self, name: &str) -> Result<String, Trouble> {
        Self::check_plain(name)?;
        self.sql(ALWAYS, &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(name))
    }

    /// Makes a database that no other test has; its name.
    ///
    /// # Errors
    /// The server does not run.
    pub fn fresh_database(&self) -> Result<String, Trouble> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let began = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        let name = format!("test_{}_{began}_{}", std::process::id(), MADE.fetch_add(1, Ordering::SeqCst));
        self.database(&name)?;
        Ok(name)
    }

    /// Runs SQL by `psql`, as one transaction when there are several statements: rows as lines, columns split by `|`.
    ///
    /// # Errors
    /// What `psql` complained of.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, Trouble> {
        let mut psql = self.account.command(self.programs.program("psql"), &std::env::temp_dir());
        psql.args(["-X", "-Atq", "-v", "ON_ERROR_STOP=1", "-d"]).arg(self.url(database)).arg("-c").arg(sql);
        output_of(&mut psql)
    }

    /// Names of databases and standbys need no quotes.
    pub(super) fn check_plain(name: &str) -> Result<(), Trouble> {
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(Trouble::new(format!("{name:?} is no plain name: lower-case letters, digits, underscores")));
        }
        Ok(())
    }
}
