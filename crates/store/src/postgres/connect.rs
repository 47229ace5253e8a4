//! Connects to a store, and makes one ready.

use std::fmt;
use std::sync::Arc;

use super::address::Address;
use super::batch::Lanes;
use super::check::{self, Durability};
use super::migrations::{self, MIGRATIONS};
use super::pool::{Connector, Pool};
use super::rows::first;
use super::session::{Query, Session};
use super::transaction::Tally;
use super::{PostgresStore, moving, sentence};
use crate::hot::Hot;
use crate::moving::MADE;
use crate::rows::blob;
use crate::{DEFAULT_MEMORY_MB, MIN_MEMORY_MB, NodeId};

/// Connections that a node uses for everything but plain acceptances, unless told otherwise: a transaction of two round
/// trips and a flush is a few milliseconds long, so this is some thousands a second, and ten nodes fit into what a
/// server allows after `max_connections = 300`.
const CONNECTIONS: usize = 16;

/// How a node uses its database.
#[derive(Clone, Copy, Debug)]
pub struct PostgresOptions {
    /// A value that follows from the KEK and the pepper and tells nothing of them. It is kept in the store when that
    /// has none, and compared when it has: so the wrong secrets are found at the start. `None`: not compared.
    pub check_value: Option<[u8; 16]>,
    /// Brings the layout up to date first. Default: false, which refuses an older one.
    pub migrate: bool,
    /// Connections for everything but plain acceptances. Default: 16.
    pub connections: usize,
    /// MiB for what is remembered of devices that were verified lately; less than [`MIN_MEMORY_MB`] is taken as that.
    /// Default: [`DEFAULT_MEMORY_MB`].
    pub memory_mb: u32,
    /// Takes a server that loses confirmed commits when its power fails (`fsync`, `full_page_writes` or
    /// `synchronous_commit` off). What is lost are spends: codes are good once more. Default: false.
    pub allow_loss_at_power_cut: bool,
    /// Takes a server with a standby that is not synchronous, or with a synchronous one that is not there. A failover
    /// then loses confirmed spends: codes are good once more. Default: false.
    pub allow_loss_at_failover: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            check_value: None,
            migrate: false,
            connections: CONNECTIONS,
            memory_mb: DEFAULT_MEMORY_MB,
            allow_loss_at_power_cut: false,
            allow_loss_at_failover: false,
        }
    }
}

/// A store was not connected to. Each holds one sentence that says what to do.
#[derive(Debug)]
pub enum ConnectError {
    /// The URL is not right.
    Address(String),
    /// The server cannot be reached or refuses us.
    Unavailable(String),
    /// What the server confirms may be lost.
    Unsafe(String),
    /// There is no store in the database.
    Missing(String),
    /// The database holds somebody else's tables.
    Foreign(String),
    /// The layout is older or newer than this release, or not the one that it knows.
    Schema(String),
    /// The store was made with another KEK or pepper.
    WrongSecrets(String),
    /// A row of ours makes no sense.
    Damaged(String),
    /// The store is an unfinished copy of another one, or was moved elsewhere.
    Moved(String),
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be served.
    Serve,
    /// To be moved from or to.
    Move,
    /// To be let go.
    Thaw,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(why)
            | Self::Unavailable(why)
            | Self::Unsafe(why)
            | Self::Missing(why)
            | Self::Foreign(why)
            | Self::Schema(why)
            | Self::WrongSecrets(why)
            | Self::Damaged(why)
            | Self::Moved(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ConnectError {}

impl PostgresStore {
    /// Connects to the store at a `postgres://` URL, whose options are those of libpq as far as they go.
    ///
    /// Without `sslmode`, a server on this machine is spoken to in clear, and any other one has to prove by a
    /// certificate that it is the host that the URL names.
    ///
    /// # Errors
    /// [`ConnectError`] says what to do: the URL is not right, no primary can be reached, what it confirms may be
    /// lost, the layout is not this release's, the store was made with other secrets, or it is being moved here or was
    /// moved elsewhere.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, ConnectError> {
        Self::connect_for(url, options, Purpose::Serve).await
    }

    pub(super) async fn connect_for(
        url: &str,
        options: PostgresOptions,
        purpose: Purpose,
    ) -> Result<Self, ConnectError> {
        let durability = if options.allow_loss_at_power_cut { Durability::AsTheServerIs } else { Durability::Promised };
        let most = options.connections.saturating_add(super::LANES);
        let connector = Arc::new(Connector::new(Address::parse(url)?, durability, most)?);
        let session = connector.connect().await?;
        if !options.allow_loss_at_failover {
            check::standbys(&connector.at(), &session).await?;
        }
        if options.migrate {
            let mark = (purpose == Purpose::Move).then_some(MADE);
            migrations::migrate(&connector, &session, node(), MIGRATIONS, mark).await?;
        }
        migrations::check(&connector, &session, MIGRATIONS).await?;
        moving::check(&connector.at(), &session, purpose).await?;
        check_secrets(&connector.at(), &session, options.check_value).await?;
        let tally = Arc::new(Tally::default());
        let pool = Pool::new(Arc::clone(&connector), options.connections.max(1))?;
        let hot = Arc::new(Hot::new(u64::from(options.memory_mb.max(MIN_MEMORY_MB)) << 20));
        let lanes = Lanes::start(&connector, &pool, &tally, &hot);
        Ok(Self::new(pool, lanes, tally, hot))
    }

    /// Brings the layout of the store at a URL up to date, or makes it. Returns how many steps that took.
    ///
    /// Any number of processes may do so at once: one takes the steps, the others wait for it.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`], but for the secrets and for standbys.
    pub async fn migrate(url: &str, options: PostgresOptions) -> Result<u32, ConnectError> {
        let durability = if options.allow_loss_at_power_cut { Durability::AsTheServerIs } else { Durability::Promised };
        let connector = Connector::new(Address::parse(url)?, durability, 1)?;
        let session = connector.connect().await?;
        migrations::migrate(&connector, &session, node(), MIGRATIONS, None).await
    }
}

/// A name for this process while it migrates: new with each start.
fn node() -> NodeId {
    use std::hash::{BuildHasher, RandomState};
    let (high, low) = (RandomState::new().hash_one(std::process::id()), RandomState::new().hash_one(0));
    NodeId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

async fn check_secrets(at: &str, session: &Session, expected: Option<[u8; 16]>) -> Result<(), ConnectError> {
    let Some(expected) = expected else { return Ok(()) };
    let queries = [
        Query::new(
            "INSERT INTO meta (name, value) VALUES ('check_value', $1) ON CONFLICT DO NOTHING",
            [blob(&expected)],
        ),
        Query::new("SELECT value FROM meta WHERE name = 'check_value'", []),
    ];
    let answers = session.ask(None, &queries, None).await.map_err(|error| ConnectError::of(at, &error))?;
    let rows = answers.last().map(|answer| answer.rows.as_slice()).unwrap_or_default();
    let found =
        first(rows, |it| it.array()).map_err(|damage| ConnectError::Damaged(sentence::damaged(at, &damage.0)))?;
    if found == Some(expected) {
        return Ok(());
    }
    Err(ConnectError::WrongSecrets(format!(
        "{at} was made with other secrets: give this server the secrets file that `matchbook init` made with the store"
    )))
}
