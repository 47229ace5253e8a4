//! The one thread that does for the writer what needs no turn among the commits: it reads passes and copies the log.
//!
//! It has one connection, opened with the store: a path may lead to another file later.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::sqlite::rows::ReadError;
use crate::sqlite::{open, sentence};

type Job = Box<dyn FnOnce(&Connection, &AtomicBool) -> Result<(), ReadError> + Send>;

/// The thread. Without one, jobs are dropped, and whoever waits for one finds out by that.
pub(super) struct Aside {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Turns false when what it does is to end.
    go_on: Arc<AtomicBool>,
}

impl Aside {
    /// Starts it, on the database that this connection has open.
    pub(super) fn start(connection: &Connection) -> Self {
        let mut aside = Self { jobs: None, thread: None, go_on: Arc::new(AtomicBool::new(true)) };
        let Some(path) = connection.path().map(PathBuf::from) else { return aside };
        let go_on = Arc::clone(&aside.go_on);
        let (jobs, waiting) = channel();
        let started = open::open_beside(&path).map_err(|error| error.to_string()).and_then(|connection| {
            let work = move || run(&path, &connection, &waiting, &go_on);
            thread::Builder::new().name("matchbook-aside".to_owned()).spawn(work).map_err(|error| error.to_string())
        });
        match started {
            Ok(thread) => (aside.jobs, aside.thread) = (Some(jobs), Some(thread)),
            Err(error) => tracing::warn!(error, "nothing can be done beside the commits: they go on, slower"),
        }
        aside
    }

    /// Has it do this when its turn comes. The flag turns false when the store is closed.
    pub(super) fn run(&self, job: impl FnOnce(&Connection, &AtomicBool) -> Result<(), ReadError> + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            // Where the thread is gone, the job is dropped.
            let _ = jobs.send(Box::new(job));
        }
    }

    /// Ends it; what waited is dropped.
    pub(super) fn end(&mut self) {
        self.go_on.store(false, Ordering::Relaxed);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has closed its connection all the same.
            let _ = thread.join();
        }
    }
}

fn run(path: &Path, connection: &Connection, waiting: &Receiver<Job>, go_on: &AtomicBool) {
    while let Ok(job) = waiting.recv() {
        if !go_on.load(Ordering::Relaxed) {
            continue;
        }
        if let Err(error) = job(connection, go_on) {
            let error = sentence::of_read(path, error);
            tracing::warn!(%error, "work beside the commits failed: the journal grows until it succeeds");
        }
    }
}
