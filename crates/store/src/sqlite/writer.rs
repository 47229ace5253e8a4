//! The one thread that writes. It takes what waits, up to [`MAX_BATCH`], into one transaction, where a change that
//! loses does not harm the others; commits; and only then answers them all. When nothing waits it folds the journal.

mod accepts;
mod ahead;
mod aside;
mod batch;
mod checkpoint;
mod filter;
#[cfg(all(test, feature = "contract"))]
mod fixture;
mod folding;
mod queue;
mod readings;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use matchbook_rules::Changes;
use rusqlite::Connection;
use tokio::sync::oneshot;

pub(super) use self::accepts::Accepts;
use self::ahead::Ahead;
use self::batch::Answer;
use self::checkpoint::Checkpoints;
use self::folding::{Folding, IDLE};
use self::queue::{Queue, Waited};
use super::apply::Failure;
use super::journal::{Unfolded, fold};
use super::lock::Lock;
use super::{MAX_BATCH, MAX_QUEUE, WAL_PAGES};
use crate::CommitError;

/// Entries that one step of a fold of all takes.
const FOLD_STEP: usize = 4_096;

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
            Thread { path, connection, accepts, bound }.run(&waiting);
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
        // A step that finds fewer has found all that there was: what comes meanwhile was not answered before.
        let most = u64::try_from(FOLD_STEP).unwrap_or(u64::MAX);
        while self.unfolded.len() > 0 && self.step(|connection| fold::oldest(connection, FOLD_STEP)).await? >= most {}
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
}

/// What the thread has, as its parts get it.
struct Own<'a> {
    path: &'a Path,
    connection: &'a Connection,
    accepts: &'a mut Accepts,
}

impl Thread {
    fn run(mut self, waiting: &Queue<Job>) {
        let mut checkpoints = Checkpoints::of(&mut self.connection, WAL_PAGES);
        let (ahead, mut batch) = (Ahead::default(), Vec::with_capacity(MAX_BATCH));
        let (mut patience, mut folding) = (IDLE, Folding::default());
        loop {
            let is_folded = self.accepts.unfolded().len() == 0;
            match waiting.take(&mut batch, MAX_BATCH, (!is_folded).then_some(patience)) {
                Waited::Work => {
                    let (came, bound) = (batch.len(), self.bound);
                    self.write(&mut batch);
                    patience = IDLE;
                    folding.beside(&mut self.own(), came, bound);
                }
                Waited::Nothing => patience = folding.alone(&mut self.own()),
                Waited::Closed => break,
            }
            checkpoints.when_long(&mut self.own());
            ahead.when_near(checkpoints.pages(), &self.own());
        }
        // So that a store that is not served can be read by whoever knows the tables alone.
        folding.whole(&mut self.own());
        self.accepts.close();
        checkpoints.close(&mut self.own());
        if let Err(error) = self.connection.close() {
            tracing::warn!(error = %error.1, "the store did not close cleanly; nothing is lost");
        }
    }

    fn own(&mut self) -> Own<'_> {
        Own { path: &self.path, connection: &self.connection, accepts: &mut self.accepts }
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
}
