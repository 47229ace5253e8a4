//! The one thread that writes. It takes what waits, up to [`MAX_BATCH`], into one transaction, where a change that
//! loses does not harm the others; commits; and only then answers them all. When nothing waits it folds the journal.

mod accepts;
mod batch;
mod filter;
mod queue;
mod readings;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use matchbook_rules::Changes;
use rusqlite::{Connection, DEFAULT_NAME, wal::CheckpointMode};
use tokio::sync::oneshot;

pub(super) use self::accepts::Accepts;
use self::batch::Answer;
use self::queue::{Queue, Waited};
use super::apply::Failure;
use super::journal::{Unfolded, fold};
use super::lock::Lock;
use super::{BUSY_TIMEOUT, MAX_BATCH, MAX_QUEUE, WAL_PAGES};
use crate::CommitError;

/// How long a checkpoint waits for readers of old pages before it leaves the log as it is.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(10);
/// How long nothing comes before the journal is folded: longer than the pauses between the calls of one busy caller.
const IDLE: Duration = Duration::from_millis(20);
/// Entries that are folded at once while others wait: a few milliseconds.
const FOLD_BUSY: usize = 512;
/// Entries that are folded at once when nobody waits. More have more pages in common.
const FOLD_IDLE: usize = 1_024;
/// Entries that one step of a fold of all takes.
const FOLD_STEP: usize = 4_096;
/// How long a fold that failed is left alone.
const FOLD_REST: Duration = Duration::from_secs(5);

/// A job of several statements that is no [`Changes`]: a step of pruning, a mark. It answers how many rows it was. It
/// may be run again, when the transaction that it was in was rolled back.
pub(super) struct Step {
    run: Run,
    /// It voids codes, or makes others: nothing that is remembered holds after it.
    voids: bool,
}

type Run = Box<dyn Fn(&Connection) -> Result<u64, Failure> + Send>;

pub(super) enum Work {
    Changes(Arc<Changes>),
    Step(Step),
}

struct Job {
    work: Work,
    answer: oneshot::Sender<Answered>,
}

/// What one caller is told.
struct Answered {
    answer: Answer,
    /// What the others of its batch are told, by it.
    others: Others,
}

/// Answers that are given when this is dropped, wherever that is. The writer hands those of a batch to its first caller: a
/// task that is woken from within the runtime costs a tenth of one that another thread wakes.
#[derive(Default)]
struct Others(Vec<(oneshot::Sender<Answered>, Answer)>);

impl Drop for Others {
    fn drop(&mut self) {
        for (caller, answer) in self.0.drain(..) {
            // Who has gone away no longer wants to know.
            let _ = caller.send(Answered { answer, others: Self::default() });
        }
    }
}

/// The handle to the thread. Dropping it waits until what was sent is written and answered.
pub(super) struct Writer {
    jobs: Arc<Queue<Job>>,
    unfolded: Arc<Unfolded>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. It keeps the lock until it has closed the connection. `bound`: entries of the journal from which
    /// on it is folded also while others wait.
    pub(super) fn start(
        path: PathBuf,
        connection: Connection,
        lock: Lock,
        accepts: Accepts,
        bound: usize,
    ) -> io::Result<Self> {
        let jobs = Arc::new(Queue::new(MAX_QUEUE));
        let (waiting, unfolded) = (Arc::clone(&jobs), Arc::clone(accepts.unfolded()));
        let thread = thread::Builder::new().name("matchbook-store".to_owned()).spawn(move || {
            let closing = Closing(Arc::clone(&waiting));
            Thread { path, connection, accepts, bound, log_pages: Arc::default(), checkpointed: 0 }.run(&waiting);
            drop(closing);
            drop(lock);
        })?;
        Ok(Self { jobs, unfolded, thread: Some(thread) })
    }

    /// Makes a change, and returns when it is durable.
    pub(super) async fn commit(&self, changes: Arc<Changes>) -> Result<(), CommitError> {
        self.send(Work::Changes(changes)).await.map(drop)
    }

    /// Makes a step in a transaction, and returns its answer when it is durable.
    pub(super) async fn step(
        &self,
        step: impl Fn(&Connection) -> Result<u64, Failure> + Send + 'static,
    ) -> Result<u64, CommitError> {
        self.send(Work::Step(Step { run: Box::new(step), voids: false })).await
    }

    /// As [`Writer::step`], for one after which nothing that is remembered holds.
    pub(super) async fn voiding_step(
        &self,
        step: impl Fn(&Connection) -> Result<u64, Failure> + Send + 'static,
    ) -> Result<u64, CommitError> {
        self.send(Work::Step(Step { run: Box::new(step), voids: true })).await
    }

    /// Folds all that was answered so far.
    pub(super) async fn fold(&self) -> Result<(), CommitError> {
        while self.unfolded.len() > 0 && self.step(|connection| fold::oldest(connection, FOLD_STEP)).await? > 0 {}
        Ok(())
    }

    async fn send(&self, work: Work) -> Result<u64, CommitError> {
        let stopped = || CommitError::Unavailable("the store is closed: restart the server".to_owned());
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job { work, answer }).await.map_err(|_| stopped())?;
        let Ok(Answered { answer, others }) = answered.await else {
            return Err(CommitError::InDoubt(
                "the store stopped in the middle of a commit: restart the server".to_owned(),
            ));
        };
        drop(others);
        answer
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has answered nobody; there is nothing to add to that here.
            let _ = thread.join();
        }
    }
}

/// Closes the queue also when the thread panics, so that nobody waits for it.
struct Closing(Arc<Queue<Job>>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
        let mut left = Vec::new();
        while self.0.take(&mut left, MAX_QUEUE, None) == Waited::Work {}
    }
}

struct Thread {
    path: PathBuf,
    connection: Connection,
    accepts: Accepts,
    bound: usize,
    /// Pages in the log after the last commit.
    log_pages: Arc<AtomicI32>,
    /// `log_pages` when a checkpoint was last tried.
    checkpointed: i32,
}

impl Thread {
    fn run(mut self, waiting: &Queue<Job>) {
        self.watch_log();
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let (mut patience, mut failed) = (IDLE, None);
        loop {
            let is_folded = self.accepts.unfolded().len() == 0;
            match waiting.take(&mut batch, MAX_BATCH, (!is_folded).then_some(patience)) {
                Waited::Work => {
                    self.write(&mut batch);
                    patience = IDLE;
                    let rests = failed.is_some_and(|failed: Instant| failed.elapsed() < FOLD_REST);
                    if self.accepts.unfolded().len() > self.bound && !rests {
                        failed = (!self.fold(FOLD_BUSY)).then(Instant::now);
                    }
                }
                // The next chunk at once, until somebody comes.
                Waited::Nothing => patience = if self.fold(FOLD_IDLE) { Duration::ZERO } else { FOLD_REST },
                Waited::Closed => break,
            }
            self.checkpoint_when_long();
        }
        // So that a store that is not served can be read by whoever knows the tables alone.
        while self.accepts.unfolded().len() > 0 && self.fold(FOLD_STEP) {}
        self.accepts.close();
        if let Err(error) = self.connection.close() {
            tracing::warn!(error = %error.1, "the store did not close cleanly; nothing is lost");
        }
    }

    fn write(&mut self, batch: &mut Vec<Job>) {
        let (work, answers): (Vec<Work>, Vec<_>) = batch.drain(..).map(|job| (job.work, job.answer)).unzip();
        let results = batch::write(&self.path, &self.connection, &mut self.accepts, &work);
        let mut others = Others(answers.into_iter().zip(results).collect());
        if let Some((first, answer)) = others.0.pop() {
            // If it has gone away, this drops the answers, and so gives them.
            let _ = first.send(Answered { answer, others });
        }
    }

    /// Folds about so many entries; `false`: there was nothing to fold, or it failed and they stay in the journal.
    fn fold(&mut self, entries: usize) -> bool {
        let step = Step { run: Box::new(move |connection| fold::oldest(connection, entries)), voids: false };
        let results = batch::write(&self.path, &self.connection, &mut self.accepts, &[Work::Step(step)]);
        results.iter().all(|result| match result {
            Ok(folded) => *folded > 0,
            Err(error) => {
                tracing::error!(%error, "acceptances stay in the journal, which cannot be folded now");
                false
            }
        })
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
