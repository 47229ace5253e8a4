//! The one thread that writes. It takes what waits, up to [`MAX_BATCH`], into one transaction, where a change that
//! loses does not harm the others; commits; and only then answers them all.

mod batch;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use matchbook_rules::Changes;
use rusqlite::{Connection, DEFAULT_NAME, wal::CheckpointMode};
use tokio::sync::{mpsc, oneshot};

use super::apply::Failure;
use super::lock::Lock;
use super::{BUSY_TIMEOUT, MAX_BATCH, MAX_QUEUE, WAL_PAGES};
use crate::CommitError;
use crate::hot::Hot;

/// How long a checkpoint waits for readers of old pages before it leaves the log as it is.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(10);

/// A job of several statements that is no [`Changes`]: a step of pruning, a mark. It answers how many rows it was. It
/// may be run again, when the transaction that it was in was rolled back.
pub(super) type Step = Box<dyn Fn(&Connection) -> Result<u64, Failure> + Send>;

pub(super) enum Work {
    Changes(Box<Changes>),
    Step(Step),
}

struct Job {
    work: Work,
    answer: oneshot::Sender<Result<u64, CommitError>>,
}

/// The handle to the thread. Dropping it waits until what was sent is written and answered.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It keeps the lock until it has closed the connection.
    pub(super) fn start(path: PathBuf, connection: Connection, lock: Lock, hot: Arc<Hot>) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(MAX_QUEUE);
        let thread = thread::Builder::new().name("matchbook-store".to_owned()).spawn(move || {
            Thread { path, connection, hot, log_pages: Arc::default(), checkpointed: 0 }.run(waiting);
            drop(lock);
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Makes a change, and returns when it is durable.
    pub(super) async fn commit(&self, changes: Changes) -> Result<(), CommitError> {
        self.send(Work::Changes(Box::new(changes))).await.map(drop)
    }

    /// Makes a step in a transaction, and returns its answer when it is durable.
    pub(super) async fn step(
        &self,
        step: impl Fn(&Connection) -> Result<u64, Failure> + Send + 'static,
    ) -> Result<u64, CommitError> {
        self.send(Work::Step(Box::new(step))).await
    }

    async fn send(&self, work: Work) -> Result<u64, CommitError> {
        let stopped = || CommitError::Unavailable("the store is closed: restart the server".to_owned());
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(Job { work, answer }).await.map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| {
            Err(CommitError::InDoubt("the store stopped in the middle of a commit: restart the server".to_owned()))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has answered nobody; there is nothing to add to that here.
            let _ = thread.join();
        }
    }
}

struct Thread {
    path: PathBuf,
    connection: Connection,
    hot: Arc<Hot>,
    /// Pages in the log after the last commit.
    log_pages: Arc<AtomicI32>,
    /// `log_pages` when a checkpoint was last tried.
    checkpointed: i32,
}

impl Thread {
    fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        self.watch_log();
        let mut batch = Vec::with_capacity(MAX_BATCH);
        // `blocking_recv_many` waits for the first and takes what is there.
        while waiting.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
            let (work, answers): (Vec<Work>, Vec<_>) = batch.drain(..).map(|job| (job.work, job.answer)).unzip();
            let results = batch::write(&self.path, &self.connection, &work);
            self.tell(&work, &results);
            for (answer, result) in answers.into_iter().zip(results) {
                // Who has gone away no longer wants to know.
                let _ = answer.send(result);
            }
            self.checkpoint_when_long();
        }
        if let Err(error) = self.connection.close() {
            tracing::warn!(error = %error.1, "the store did not close cleanly; nothing is lost");
        }
    }

    /// Before the answers: who has one finds nothing older remembered.
    fn tell(&self, work: &[Work], results: &[batch::Answer]) {
        for (work, result) in work.iter().zip(results) {
            match (work, result) {
                (Work::Changes(changes), Ok(_)) => self.hot.committed(changes),
                (Work::Changes(changes), Err(CommitError::InDoubt(_))) => self.hot.forget(changes),
                (Work::Changes(_), Err(CommitError::Conflict(_) | CommitError::Unavailable(_))) => {}
                // Whoever makes one that changes what is remembered says so.
                (Work::Step(_), _) => {}
            }
        }
    }

    /// Takes the place of SQLite's own checkpoints, which run before the commit answers.
    fn watch_log(&mut self) {
        let log_pages = Arc::clone(&self.log_pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, pages| {
            log_pages.store(pages, Ordering::Relaxed);
            Ok(())
        };
        if let Err(error) = self.connection.wal_hook(Some(hook)) {
            tracing::warn!(%error, "SQLite keeps its own checkpoints");
        }
    }

    /// Copies the log into the database once it is long, so that the next commits write over it from its beginning.
    fn checkpoint_when_long(&mut self) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.checkpointed {
            self.checkpointed = 0;
        }
        if pages.saturating_sub(self.checkpointed) < WAL_PAGES {
            return;
        }
        self.checkpointed = pages;
        // A reader that holds old pages (a backup) keeps the log from being begun anew; the next try is as many pages
        // on.
        let tried = self
            .connection
            .busy_timeout(CHECKPOINT_PATIENCE)
            .and_then(|()| self.connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART).map(drop));
        if let Err(error) = tried.and_then(|()| self.connection.busy_timeout(BUSY_TIMEOUT)) {
            tracing::debug!(%error, pages, "the log was not copied whole and goes on");
            let _ = self.connection.busy_timeout(BUSY_TIMEOUT);
        }
    }
}
