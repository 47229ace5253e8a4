//! Connections: how one is made ready, and who has it.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, TimeoutType};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::check::{self, Durability};
use super::session::Session;
use super::transaction::ANSWER_TIMEOUT;
use super::{ConnectError, LINGERING, sentence, tls};

/// How long a statement may run. Ours look at a few rows each; a commit that waits for a standby is not counted.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a statement waits for a row that another transaction holds: many commits long.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a transaction of ours may be left alone: it waits for us for no longer than a network takes.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a caller waits for a connection.
pub(super) const POOL_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes connections.
pub(super) struct Connector {
    address: Address,
    tls: Option<MakeRustlsConnect>,
    durability: Durability,
    permits: Arc<Semaphore>,
}

impl Connector {
    /// One that has at most `most` connections in use, and some that still wait for an answer that nobody wants.
    pub(super) fn new(address: Address, durability: Durability, most: usize) -> Result<Self, ConnectError> {
        let tls = tls::config(&address.trust)?.map(MakeRustlsConnect::new);
        let permits = Arc::new(Semaphore::new(most.saturating_add(LINGERING)));
        Ok(Self { address, tls, durability, permits })
    }

    /// The hosts and the database, for sentences.
    pub(super) fn at(&self) -> String {
        self.address.shown()
    }

    /// A new connection to a primary, set up and checked.
    pub(super) async fn connect(&self) -> Result<Session, ConnectError> {
        let session = self.reach().await?;
        self.in_time(ANSWER_TIMEOUT, self.set_up(&session)).await?;
        Ok(session)
    }

    /// A new connection as the first host gives it that is a primary.
    async fn reach(&self) -> Result<Session, ConnectError> {
        let patience = self.address.patience();
        let mut last = None;
        for place in self.address.places() {
            let found = self.in_time(patience, async {
                let at = self.at();
                place.configs().await.map_err(|error| {
                    ConnectError::Unavailable(format!("{at} cannot be found ({error}): check the names of its hosts"))
                })
            });
            match found.await {
                Ok(configs) => {
                    for config in configs {
                        match self.in_time(patience, self.reach_by(&config)).await {
                            Ok(session) => return Ok(session),
                            Err(error) => last = Some(error),
                        }
                    }
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| ConnectError::Unavailable(format!("{} has no address", self.at()))))
    }

    async fn reach_by(&self, config: &Config) -> Result<Session, ConnectError> {
        let at = self.at();
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            ConnectError::Unavailable(format!(
                "{at} leaves too many commits unanswered: look whether its synchronous standby is connected"
            ))
        })?;
        let failed = |error| ConnectError::of(&at, &error);
        match &self.tls {
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
                Ok(Session::start(client, connection, permit))
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(failed)?;
                Ok(Session::start(client, connection, permit))
            }
        }
    }

    /// Waits for an answer so long and no longer.
    pub(super) async fn in_time<T>(
        &self,
        patience: Duration,
        answer: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        timeout(patience, answer)
            .await
            .unwrap_or_else(|_| Err(ConnectError::Unavailable(sentence::unanswered(&self.at()))))
    }

    async fn set_up(&self, session: &Session) -> Result<(), ConnectError> {
        let at = self.at();
        check::settings(&at, session, self.durability).await?;
        let durable = match self.durability {
            Durability::Promised => "SET synchronous_commit = on; ",
            Durability::AsTheServerIs => "",
        };
        let sql = format!(
            "{durable}SET statement_timeout = {}; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = {}; SET enable_seqscan = off; \
             SET plan_cache_mode = force_generic_plan",
            STATEMENT_TIMEOUT.as_millis(),
            LOCK_TIMEOUT.as_millis(),
            IDLE_TIMEOUT.as_millis(),
        );
        session.run(&sql).await.map_err(|error| ConnectError::of(&at, &error))
    }
}

/// The connections that everything but plain acceptances goes by.
#[derive(Clone)]
pub(super) struct Pool {
    connector: Arc<Connector>,
    pool: managed::Pool<Shared>,
}

/// deadpool owns its manager, and the lanes want the same one.
pub(super) struct Shared(Arc<Connector>);

impl managed::Manager for Shared {
    type Type = Session;
    type Error = ConnectError;

    async fn create(&self) -> Result<Session, ConnectError> {
        self.0.connect().await
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<ConnectError> {
        if session.is_closed() { Err(RecycleError::message("the connection has ended")) } else { Ok(()) }
    }
}

impl Pool {
    pub(super) fn new(connector: Arc<Connector>, size: usize) -> Result<Self, ConnectError> {
        let pool = managed::Pool::builder(Shared(Arc::clone(&connector)))
            .max_size(size)
            .wait_timeout(Some(POOL_TIMEOUT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| ConnectError::Unavailable(format!("no pool can be made ({error}): please report this")))?;
        Ok(Self { connector, pool })
    }

    /// A connection for a while.
    pub(super) async fn lease(&self) -> Result<Lease, ConnectError> {
        match self.pool.get().await {
            Ok(object) => Ok(Lease { object: Some(object), is_clean: false }),
            Err(PoolError::Backend(error)) => Err(error),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(ConnectError::Unavailable(format!(
                "all connections to {} are in use: try again, or allow more of them",
                self.at()
            ))),
            Err(error) => Err(ConnectError::Unavailable(format!("{} is not there ({error})", self.at()))),
        }
    }

    pub(super) fn at(&self) -> String {
        self.connector.at()
    }
}

/// A connection that somebody has. It goes back only when it is said to be clean, so that nobody gets one with half a
/// transaction on it because somebody else went away.
pub(super) struct Lease {
    object: Option<Object<Shared>>,
    is_clean: bool,
}

impl Lease {
    /// The connection.
    pub(super) fn session(&self) -> Option<&Session> {
        self.object.as_deref()
    }

    /// Gives it back to be used again.
    pub(super) fn give_back(mut self) {
        self.is_clean = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.object.take()
            && !self.is_clean
        {
            drop(Object::take(object));
        }
    }
}

impl ConnectError {
    pub(super) fn of(at: &str, error: &tokio_postgres::Error) -> Self {
        Self::Unavailable(sentence::of_error(at, error))
    }
}
