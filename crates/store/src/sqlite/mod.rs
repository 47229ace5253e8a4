//! The store that servers run on: one SQLite database on a local disk.
//!
//! - [`SqliteStore::open`] takes the lock, sets SQLite up (write-ahead log, `synchronous=FULL`) and reads that back.
//! - One thread writes: it groups what waits into one commit and answers after it (`writer`). Plain acceptances go into a
//!   journal, and from there into their tables in the background (`journal`).
//! - Two threads load what decisions are made on, many loads in one transaction (`loader`, `load`).
//! - A few connections read all else, each time in one transaction (`readers`, `list`).
//! - The layout is in `migrations/`; each step's checksum stands in the database.

mod apply;
mod backup;
mod check;
mod files;
mod freeze;
mod import;
mod journal;
mod list;
mod load;
mod loader;
mod lock;
mod migrations;
mod moving;
mod open;
mod prune;
mod readers;
mod restore;
mod rows;
mod sentence;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::{BackupError, BackupProgress, backup};
pub use check::check;
pub use freeze::{freeze, frozen_at, thaw};
pub use moving::{Side, SqliteMover};
pub use open::{DEFAULT_MEMORY_MB, MIN_MEMORY_MB, OpenError, OpenOptions};
pub use restore::restore;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Changes, DeviceSnapshot, Dispatch, Import, ImportId, ImportSnapshot,
    OutboxItem, Realm, RealmId, Subscriber, SubscriberId, TokenRecord, VerifySnapshot,
};
use rusqlite::Connection;

use self::journal::Unfolded;
use self::loader::Loader;
use self::lock::Lock;
use self::open::Origin;
use self::readers::Readers;
use self::writer::{Accepts, Writer};
use crate::hot::Hot;
use crate::{
    AuthenticatorFilter, CommitError, EventFilter, LoadError, OutboxMark, Page, Store, StoreStats, VerifyLookup,
};

/// Changes that one commit holds at most: beyond this the flush is no longer what a commit costs.
const MAX_BATCH: usize = 256;
/// Changes that wait for the writer at most; the next one waits for room.
const MAX_QUEUE: usize = 4_096;
/// Connections that read at once.
const READERS: usize = 4;
/// Prepared statements that a connection keeps; the code has fewer.
const STATEMENT_CACHE: usize = 96;
/// How long a program beside us, such as an sqlite3 shell, may hold the database before a commit is refused.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// KiB of pages that the writer keeps in memory: more saves reads from the system's memory, and makes each commit
/// slower, because SQLite walks over all of them after a page was split.
const WRITER_CACHE_KIB: i64 = 16_384;
/// KiB of pages that each reader keeps in memory.
const READER_CACHE_KIB: i64 = 8_192;
/// KiB of pages for what reads each page once.
const ASIDE_CACHE_KIB: i64 = 256;
/// Pages of 4 KiB in the log before it is copied into the database: a longer log copies a page that many commits
/// touched once, and takes longer to read after a kill.
const WAL_PAGES: i32 = 16_384;
/// A large store's sizes are counted anew only after this many times as long as counting took: that costs at most 1 %.
const STATS_REST: u32 = 100;
/// From this many authenticators and messages on, a store is large; counting fewer takes a few milliseconds.
const STATS_LARGE: u64 = 50_000;

/// The store in one SQLite database. Reads need a tokio runtime; opening and dropping block for a moment.
///
/// Dropping it writes and answers what was sent, closes the database and lets go of the lock.
pub struct SqliteStore {
    path: PathBuf,
    // Before the writer, so that the writer closes the last connection, which copies the log into the database.
    loader: Loader,
    readers: Readers,
    writer: Writer,
    hot: Arc<Hot>,
    unfolded: Arc<Unfolded>,
    stats: Mutex<Option<CountedStats>>,
    /// Why nothing may be written.
    read_only: Option<String>,
}

#[derive(Clone, Copy)]
struct CountedStats {
    stats: StoreStats,
    at: Instant,
    took: Duration,
}

impl SqliteStore {
    /// Opens the store at `path`, bringing its layout up to date.
    ///
    /// # Errors
    /// [`OpenError`] says what to do: the file is missing, in use, not ours, damaged, of a newer release, made with
    /// other secrets, a backup, or cannot be written.
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let (lock, connection) = open::open(path, options, Origin::Store)?;
        Self::start(path, lock, connection, options)
    }

    fn start(path: &Path, lock: Lock, connection: Connection, options: OpenOptions) -> Result<Self, OpenError> {
        let read_only = freeze::frozen(&connection).map_err(|error| OpenError::of_sqlite(path, &error))?;
        let path = path.to_path_buf();
        let hot = Arc::new(Hot::new(options.memory_bytes()));
        let accepts = Accepts::read(&connection, Arc::clone(&hot), options.memory_bytes())
            .map_err(|error| OpenError::of_read(&path, error))?;
        let unfolded = Arc::clone(accepts.unfolded());
        let no_thread = |error| OpenError::Unavailable(format!("no thread could be started for the store: {error}"));
        let writer = Writer::start(path.clone(), connection, lock, accepts, options.journal_bound());
        let writer = writer.map_err(no_thread)?;
        let loader = Loader::start(path.clone()).map_err(no_thread)?;
        let readers = Readers::new(path.clone());
        Ok(Self { loader, readers, path, writer, hot, unfolded, stats: Mutex::new(None), read_only })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads every page and checks that they fit together.
    ///
    /// # Errors
    /// [`LoadError::Damaged`] with the first findings, or [`LoadError::Unavailable`].
    pub async fn check(&self) -> Result<(), LoadError> {
        self.readers.read(|connection| check::quick_check(connection)).await
    }

    /// Copies the store, while it is in use, into a new file: [`backup`] on a thread of its own.
    ///
    /// # Errors
    /// As [`backup`].
    pub async fn backup_to(
        &self,
        target: impl Into<PathBuf>,
        progress: impl FnMut(BackupProgress) + Send + 'static,
    ) -> Result<(), BackupError> {
        let (source, target) = (self.path.clone(), target.into());
        let copying = tokio::task::spawn_blocking(move || backup(&source, &target, progress));
        copying.await.unwrap_or_else(|error| Err(BackupError::Source(format!("the backup was cut off ({error})"))))
    }

    /// Refuses to write to a read-only store.
    fn may_write(&self) -> Result<(), CommitError> {
        match &self.read_only {
            None => Ok(()),
            Some(why) => Err(CommitError::ReadOnly(format!("{} is read-only: {why}", self.path.display()))),
        }
    }

    fn recent_stats(&self) -> Option<StoreStats> {
        let counted = (*self.stats.lock().unwrap_or_else(PoisonError::into_inner))?;
        let rest = counted.took.saturating_mul(STATS_REST);
        let large = counted.stats.authenticators.saturating_add(counted.stats.outbox) >= STATS_LARGE;
        (large && counted.at.elapsed() < rest).then_some(counted.stats)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load_device(&self, id: &AuthenticatorId) -> Result<Option<DeviceSnapshot>, LoadError> {
        let (id, unfolded) = (*id, Arc::clone(&self.unfolded));
        self.loader.read(move |connection| load::device(connection, &unfolded, &id)).await
    }

    fn remembered(&self, lookup: &VerifyLookup) -> Option<VerifySnapshot> {
        self.hot.remembered(lookup)
    }

    async fn load_verify(&self, lookup: &VerifyLookup) -> Result<VerifySnapshot, LoadError> {
        let (hot, unfolded) = (Arc::clone(&self.hot), Arc::clone(&self.unfolded));
        let (lookup, ticket) = (lookup.clone(), self.hot.ticket());
        let read = move |connection: &Connection| {
            let read = load::verify(connection, &unfolded, &lookup)?;
            hot.fill(ticket, &lookup, &read);
            Ok(read)
        };
        self.loader.read(read).await
    }

    async fn commit(&self, changes: Changes) -> Result<(), CommitError> {
        self.may_write()?;
        self.writer.commit(Arc::new(changes)).await
    }

    async fn commit_shared(&self, changes: &Arc<Changes>) -> Result<(), CommitError> {
        self.may_write()?;
        self.writer.commit(Arc::clone(changes)).await
    }

    async fn realms(&self) -> Result<Vec<Realm>, LoadError> {
        self.readers.read(|connection| list::realms(connection)).await
    }

    async fn realm(&self, id: &RealmId) -> Result<Option<Realm>, LoadError> {
        let id = id.clone();
        self.readers.read(move |connection| load::realm(connection, &id)).await
    }

    async fn subscribers(&self, realm: &RealmId, page: Page<SubscriberId>) -> Result<Vec<Subscriber>, LoadError> {
        let realm = realm.clone();
        self.readers.read(move |connection| list::subscribers(connection, &realm, &page)).await
    }

    async fn subscriber(&self, realm: &RealmId, id: &SubscriberId) -> Result<Option<Subscriber>, LoadError> {
        let (realm, id) = (realm.clone(), id.clone());
        self.readers.read(move |connection| list::subscriber(connection, &realm, &id)).await
    }

    async fn authenticators(
        &self,
        realm: &RealmId,
        filter: &AuthenticatorFilter,
        page: Page<AuthenticatorId>,
    ) -> Result<Vec<Authenticator>, LoadError> {
        let (realm, filter) = (realm.clone(), filter.clone());
        self.readers.read(move |connection| list::authenticators(connection, &realm, &filter, &page)).await
    }

    async fn events(
        &self,
        realm: &RealmId,
        filter: &EventFilter,
        page: Page<[u8; 16]>,
    ) -> Result<Vec<AuditEvent>, LoadError> {
        let (realm, filter) = (realm.clone(), filter.clone());
        // Acceptances are events too, and a page is to have them in their place.
        self.writer.fold().await.map_err(|error| LoadError::Unavailable(error.to_string()))?;
        self.readers.read(move |connection| list::events(connection, &realm, &filter, &page)).await
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>, LoadError> {
        self.readers.read(|connection| list::tokens(connection)).await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, LoadError> {
        let hash = *hash;
        self.readers.read(move |connection| list::token_by_hash(connection, &hash)).await
    }

    async fn outbox_due(&self, now: UnixMillis, limit: u32) -> Result<Vec<OutboxItem>, LoadError> {
        self.readers.read(move |connection| list::outbox_due(connection, now, limit)).await
    }

    async fn outbox_since(&self, since: UnixMillis, limit: u32) -> Result<Vec<OutboxMark>, LoadError> {
        self.readers.read(move |connection| list::outbox_since(connection, since, limit)).await
    }

    async fn dispatches(&self, realm: &RealmId, id: &AuthenticatorId, limit: u32) -> Result<Vec<Dispatch>, LoadError> {
        let (realm, id) = (realm.clone(), *id);
        self.readers.read(move |connection| list::dispatches(connection, &realm, &id, limit)).await
    }

    async fn dispatch_of(&self, centre: &str, centre_id: &str) -> Result<Option<Dispatch>, LoadError> {
        let (centre, centre_id) = (centre.to_owned(), centre_id.to_owned());
        self.readers.read(move |connection| list::dispatch_of(connection, &centre, &centre_id)).await
    }

    async fn buckets(&self, realm: &RealmId, keys: &[BucketKey]) -> Result<Vec<Bucket>, LoadError> {
        let (realm, keys) = (realm.clone(), keys.to_vec());
        self.readers.read(move |connection| list::buckets(connection, &realm, &keys)).await
    }

    async fn work_due(&self, after: Option<AuthenticatorId>, limit: u32) -> Result<Vec<AuthenticatorId>, LoadError> {
        self.readers.read(move |connection| list::work_due(connection, after.as_ref(), limit)).await
    }

    async fn import_snapshot(
        &self,
        realm: &RealmId,
        ids: &[AuthenticatorId],
        users: &[SubscriberId],
    ) -> Result<ImportSnapshot, LoadError> {
        let (realm, ids, users) = (realm.clone(), ids.to_vec(), users.to_vec());
        self.readers.read(move |connection| import::snapshot(connection, &realm, &ids, &users)).await
    }

    async fn import(&self, realm: &RealmId, id: &ImportId) -> Result<Option<Import>, LoadError> {
        let (realm, id) = (realm.clone(), *id);
        self.readers.read(move |connection| import::one(connection, &realm, &id)).await
    }

    async fn stale_imports(&self, before: UnixMillis) -> Result<Vec<(RealmId, ImportId)>, LoadError> {
        self.readers.read(move |connection| import::stale(connection, before)).await
    }

    async fn clear_import(&self, realm: &RealmId, id: &ImportId) -> Result<u64, CommitError> {
        self.may_write()?;
        import::clear(&self.writer, realm, *id).await
    }

    async fn prune(
        &self,
        operations_before: UnixMillis,
        buckets_before: UnixMillis,
        events_before: UnixMillis,
    ) -> Result<u64, CommitError> {
        self.may_write()?;
        self.writer.fold().await?;
        let realms = self.readers.read(|connection| prune::realms(connection)).await;
        let realms = realms.map_err(|error| CommitError::Unavailable(error.to_string()))?;
        let operations = prune::operations(&self.writer, operations_before).await?;
        let imports = prune::imports(&self.writer, operations_before).await?;
        let buckets = prune::buckets(&self.readers, &self.writer, buckets_before).await?;
        let events = prune::events(&self.writer, &realms, events_before).await?;
        let dispatches = prune::dispatches(&self.writer, events_before).await?;
        let sets = prune::spent_sets(&self.readers, &self.writer, &self.hot).await?;
        Ok([operations, imports, buckets, events, dispatches, sets].into_iter().fold(0, u64::saturating_add))
    }

    async fn mark_restored(&self, at: UnixMillis) -> Result<u64, CommitError> {
        self.may_write()?;
        self.writer.voiding_step(move |connection| restore::mark(connection, at)).await
    }

    async fn stats(&self) -> Result<StoreStats, LoadError> {
        let bytes = files::size_of(&self.path);
        if let Some(recent) = self.recent_stats() {
            return Ok(StoreStats { bytes, ..recent });
        }
        let at = Instant::now();
        let stats = self.readers.read(|connection| list::stats(connection)).await?;
        let counted = CountedStats { stats, at, took: at.elapsed() };
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(StoreStats { bytes, ..stats })
    }

    async fn probe(&self) -> Result<(), CommitError> {
        self.may_write()?;
        self.writer.step(|connection| apply::probe(connection).map(|()| 0)).await.map(drop)
    }

    fn is_read_only(&self) -> bool {
        self.read_only.is_some()
    }
}
