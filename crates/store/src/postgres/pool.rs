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
        let mut troubles = Vec::new();
        for place in self.address.places() {
            let at = place.shown();
            let found = in_time(&at, patience, async {
                place.configs().await.map_err(|error| {
                    ConnectError::Unavailable(format!("{at} cannot be found ({error}): check the names of its hosts"))
                })
            });
            match found.await {
                Ok(configs) => {
                    for config in configs {
                        match in_time(&at, patience, self.reach_by(&at, &config)).await {
                            Ok(session) => return Ok(session),
                            Err(error) => troubles.push(error.to_string()),
                        }
                    }
                }
                Err(error) => troubles.push(error.to_string()),
            }
        }
        // A name may have several addresses, which all say the same.
        troubles.dedup();
        if troubles.is_empty() {
            troubles.push(format!("{} has no address", self.at()));
        }
        Err(ConnectError::Unavailable(troubles.join("; ")))
    }

    async fn reach_by(&self, at: &str, config: &Config) -> Result<Session, ConnectError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            ConnectError::Unavailable(format!(
                "{at} leaves too many commits unanswered: look whether its synchronous standby is connected"
            ))
        })?;
        let failed = |error| ConnectError::of(at, &error);
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
        in_time(&self.at(), patience, answer).await
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

async fn in_time<T>(
    at: &str,
    patience: Duration,
    answer: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let unanswered = |_| Err(ConnectError::Unavailable(sentence::unanswered(at)));
    timeout(patience, answer).await.unwrap_or_else(unanswered)
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
            Ok(object) => Ok(Lease { object: Some(object) }),
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

/// A connection that somebody has. Nobody gets one with half a transaction on it: when it is just let go, because who had
/// it is no longer there, it goes back once all that was sent by it is answered and rolled back.
pub(super) struct Lease {
    object: Option<Object<Shared>>,
}

impl Lease {
    /// The connection.
    pub(super) fn session(&self) -> Option<&Session> {
        self.object.as_deref()
    }

    /// Gives it back to be used again at once: nothing is left on it.
    pub(super) fn give_back(mut self) {
        drop(self.object.take());
    }

    /// Ends the connection: it is broken, does not answer, or its last commit is in doubt.
    pub(super) fn throw_away(mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }

    /// Rolls back what is on it, and gives it back if that was answered.
    pub(super) async fn clean(self) {
        if self.is_rolled_back().await { self.give_back() } else { self.throw_away() }
    }

    /// Whether all that was sent is answered, and nothing is left on the connection.
    async fn is_rolled_back(&self) -> bool {
        let Some(session) = self.session() else { return false };
        matches!(timeout(ANSWER_TIMEOUT, session.run("ROLLBACK")).await, Ok(Ok(()))) && session.is_tidy()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let lease = Self { object: Some(object) };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if lease.session().is_some_and(|session| !session.is_closed()) => {
                // A runtime that ends drops the task, which is not to begin another one then.
                let dirty = Dirty::from(lease);
                runtime.spawn(async move {
                    if let Some(lease) = &dirty.0
                        && lease.is_rolled_back().await
                    {
                        dirty.give_back();
                    }
                });
            }
            Ok(_) | Err(_) => lease.throw_away(),
        }
    }
}

/// A connection that is thrown away unless it is said to be clean.
pub(super) struct Dirty(Option<Lease>);

impl From<Lease> for Dirty {
    fn from(lease: Lease) -> Self {
        Self(Some(lease))
    }
}

impl Dirty {
    /// The connection.
    pub(super) fn session(&self) -> Option<&Session> {
        self.0.as_ref().and_then(Lease::session)
    }

    /// Gives it back to be used again.
    pub(super) fn give_back(mut self) {
        if let Some(lease) = self.0.take() {
            lease.give_back();
        }
    }
}

impl Drop for Dirty {
    fn drop(&mut self) {
        if let Some(lease) = self.0.take() {
            lease.throw_away();
        }
    }
}

impl ConnectError {
    pub(super) fn of(at: &str, error: &tokio_postgres::Error) -> Self {
        Self::Unavailable(sentence::of_error(at, error))
    }
}
