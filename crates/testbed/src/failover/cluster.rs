//! A primary and its synchronous standby, each behind a proxy that outlives it.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{Access, Postgres, Proxy, Trouble};

/// A primary and its standby. After a failover the standby is the primary, and a new standby takes the other place.
pub struct Cluster {
    primary: Member,
    standby: Member,
    database: String,
    url: String,
    /// How many standbys there have been.
    standbys: u32,
}

/// A place for a server: clients know the proxy's address, whatever runs behind it.
struct Member {
    server: Option<Postgres>,
    proxy: Proxy,
}

/// The port that nobody listens on: what a proxy has as its target while its server is gone.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

impl Cluster {
    /// A primary with a database, and a standby that every commit waits for.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start(database: &str) -> Result<Self, Trouble> {
        let server = Postgres::start()?;
        server.database(database)?;
        let primary = Member { proxy: Proxy::new(address(&server))?, server: Some(server) };
        let standby = Member { proxy: Proxy::new(NOBODY)?, server: None };
        let hosts = [&primary, &standby].map(|member| member.proxy.address().to_string()).join(",");
        let url = format!("postgres://{}@{hosts}/{database}?target_session_attrs=read-write", Postgres::USER);
        let mut cluster = Self { primary, standby, database: database.to_owned(), url, standbys: 0 };
        cluster.rebuild()?;
        Ok(cluster)
    }

    /// The URL for nodes: both places, of which the one that takes writes is meant. It holds after failovers too.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The server that takes writes.
    ///
    /// # Errors
    /// It was killed.
    pub fn primary(&self) -> Result<&Postgres, Trouble> {
        self.primary.server.as_ref().ok_or_else(|| Trouble::new("the primary was killed"))
    }

    /// The way to the primary, past the proxy.
    ///
    /// # Errors
    /// It was killed.
    pub fn access(&self) -> Result<Access, Trouble> {
        self.primary().map(Postgres::access)
    }

    /// What stands between the nodes and the primary.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.primary.proxy
    }

    /// Lets go on what a test has stopped, so that nobody who waits for it hangs when the test has failed.
    pub fn release(&self) {
        self.primary.server.iter().for_each(Postgres::resume_walsenders);
    }

    /// Kills the primary.
    ///
    /// # Errors
    /// It was killed already.
    pub fn kill_primary(&mut self) -> Result<(), Trouble> {
        let mut killed = self.primary.server.take().ok_or_else(|| Trouble::new("the primary was killed already"))?;
        killed.kill()?;
        self.primary.proxy.retarget(NOBODY);
        Ok(())
    }

    /// Makes the standby the primary. It requires no standby until [`Cluster::rebuild`].
    ///
    /// # Errors
    /// There is no standby, or it cannot be promoted.
    pub fn promote_standby(&mut self) -> Result<(), Trouble> {
        std::mem::swap(&mut self.primary, &mut self.standby);
        self.primary()?.promote()
    }

    /// Makes a new standby, which every commit waits for.
    ///
    /// # Errors
    /// A server does not do its part.
    pub fn rebuild(&mut self) -> Result<(), Trouble> {
        self.standbys += 1;
        let name = format!("standby_{}", self.standbys);
        let standby = self.primary()?.standby(&name)?;
        self.primary()?.require_standby(&name)?;
        self.standby.proxy.retarget(address(&standby));
        self.standby.server = Some(standby);
        Ok(())
    }
}

fn address(server: &Postgres) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port()).into()
}
