//! Loads for decisions: threads of their own read what waits, many loads in one transaction.
//!
//! A load takes some tens of microseconds when its pages are in memory. Handing each to a thread of the runtime's and back
//! costs as much again; and after each commit SQLite forgets a reader's pages, so that each of many connections reads the
//! upper pages of the tables anew. What takes longer, such as a page of a list, goes by [`super::readers`].

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::readers::connect;
use super::rows::ReadError;
use super::sentence;
use crate::LoadError;

/// Threads. The second is for loads that wait for the disk, and for a second core.
const THREADS: usize = 2;
/// Loads that wait before another thread is woken, while one is at work: fewer are done sooner than it wakes up.
const CROWD: usize = 16;
/// How long a batch takes before another thread is woken for whatever waits: its pages were not in memory.
const SLOW: Duration = Duration::from_millis(1);
/// Loads that one transaction holds at most, so that the first answer is not late for the last one's sake.
const MAX_LOADS: usize = 32;

/// The handle to the threads. Dropping it closes their connections.
pub(super) struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Loader {
    pub(super) fn start(path: PathBuf) -> io::Result<Self> {
        let shared = Arc::new(Shared { path, state: Mutex::default(), arrived: Condvar::new() });
        let mut loader = Self { shared, threads: Vec::with_capacity(THREADS) };
        for _ in 0..THREADS {
            let shared = Arc::clone(&loader.shared);
            let thread = thread::Builder::new().name("matchbook-load".to_owned());
            loader.threads.push(thread.spawn(move || shared.run())?);
        }
        Ok(loader)
    }

    /// Everything that `read` sees was there at one moment, and is durable.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, LoadError> {
        let (caller, answered) = oneshot::channel();
        self.shared.send(Box::new(One { read: Some(read), result: None, caller }));
        let cut_off = |_| LoadError::Unavailable("a read of the store was cut off: try again".to_owned());
        let Answered { result, others } = answered.await.map_err(cut_off)?;
        drop(others);
        result
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.arrived.notify_all();
        for thread in self.threads.drain(..) {
            // Nobody waits for a load of its: who did has lent this.
            let _ = thread.join();
        }
    }
}

struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Box<dyn Load>>,
    /// Threads that nobody has woken yet.
    asleep: usize,
    /// When the last batch was taken.
    taken_at: Option<Instant>,
    is_closed: bool,
}

impl Shared {
    fn send(&self, load: Box<dyn Load>) {
        let mut state = self.state();
        state.waiting.push(load);
        let is_late = || state.waiting.len() >= CROWD || state.taken_at.is_some_and(|at| at.elapsed() >= SLOW);
        if state.asleep == THREADS || (state.asleep > 0 && is_late()) {
            state.asleep = state.asleep.saturating_sub(1);
            drop(state);
            self.arrived.notify_one();
        }
    }

    fn run(&self) {
        let mut connection = None;
        while let Some(batch) = self.take() {
            // A bug in one load costs its batch an answer, and nobody else.
            let done = catch_unwind(AssertUnwindSafe(|| self.answer(connection.take(), batch)));
            connection = done.unwrap_or_default();
        }
    }

    /// `None`: it is closed.
    fn take(&self) -> Option<Vec<Box<dyn Load>>> {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.is_closed {
                return None;
            }
            state.asleep = state.asleep.saturating_add(1).min(THREADS);
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let taken = state.waiting.len().min(MAX_LOADS);
        state.taken_at = Some(Instant::now());
        Some(state.waiting.drain(..taken).collect())
    }

    /// Gives the connection back when all was well. After an error it is opened anew: that costs little, and what it had
    /// cached may be the trouble.
    fn answer(&self, connection: Option<Connection>, mut batch: Vec<Box<dyn Load>>) -> Option<Connection> {
        let connection = connection.map_or_else(|| connect(&self.path), Ok).and_then(|connection| {
            self.begin(&connection)?;
            Ok(connection)
        });
        let is_well = match &connection {
            Ok(connection) => {
                let reads = batch.iter_mut().map(|load| load.read(self, connection));
                // All of them, whatever one says.
                let failed = reads.filter(|is_well| !is_well).count();
                failed == 0 && run(connection, "COMMIT").is_ok()
            }
            Err(error) => {
                batch.iter_mut().for_each(|load| load.fail(error));
                false
            }
        };
        let mut others = Others(batch);
        if let Some(first) = others.0.pop() {
            first.answer(others);
        }
        connection.ok().filter(|_| is_well)
    }

    fn begin(&self, connection: &Connection) -> Result<(), LoadError> {
        run(connection, "BEGIN").map_err(|error| sentence::of_read(&self.path, error.into()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// A load whose caller waits, whatever it reads.
trait Load: Send {
    /// `false`: it failed.
    fn read(&mut self, shared: &Shared, connection: &Connection) -> bool;
    /// There is no connection.
    fn fail(&mut self, error: &LoadError);
    /// Answers it, and has its caller answer the others.
    fn answer(self: Box<Self>, others: Others);
}

struct One<T, F> {
    read: Option<F>,
    result: Option<Result<T, LoadError>>,
    caller: oneshot::Sender<Answered<T>>,
}

struct Answered<T> {
    result: Result<T, LoadError>,
    others: Others,
}

/// Loads that are answered when this is dropped, wherever that is: a task that is woken from within the runtime costs a tenth
/// of one that another thread wakes.
#[derive(Default)]
struct Others(Vec<Box<dyn Load>>);

impl Drop for Others {
    fn drop(&mut self) {
        for load in self.0.drain(..) {
            load.answer(Self::default());
        }
    }
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T, ReadError> + Send> Load for One<T, F> {
    fn read(&mut self, shared: &Shared, connection: &Connection) -> bool {
        // Who has gone away no longer wants to know.
        let Some(read) = self.read.take().filter(|_| !self.caller.is_closed()) else { return true };
        let result = read(connection).map_err(|error| sentence::of_read(&shared.path, error));
        let is_well = result.is_ok();
        self.result = Some(result);
        is_well
    }

    fn fail(&mut self, error: &LoadError) {
        self.result = Some(Err(match error {
            LoadError::Unavailable(why) => LoadError::Unavailable(why.clone()),
            LoadError::Damaged(what) => LoadError::Damaged(what.clone()),
        }));
    }

    fn answer(self: Box<Self>, others: Others) {
        if let Some(result) = self.result {
            // If the caller has gone away, this drops the answers, and so gives them.
            let _ = self.caller.send(Answered { result, others });
        }
    }
}

#[cfg(test)]
mod tests;
