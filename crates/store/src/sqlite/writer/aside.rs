//! The one thread that does for the writer what needs no turn among the commits: it reads passes, copies the log, and makes its file
//! longer.
//!
//! It has one connection, opened with the store: a path may lead to another file later.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::sqlite::rows::ReadError;
use crate::sqlite::{files, open, sentence};

type Job = Box<dyn FnOnce(&Beside) -> Result<(), ReadError> + Send>;

/// What the thread has.
pub(super) struct Beside {
    pub(super) connection: Connection,
    /// The database. SQLite's locks are the process's, which loses them when it closes any handle of the file: so this one
    /// stays open until the writer's connection is closed.
    file: Arc<File>,
    /// Its log, for appending. SQLite locks nothing in it. `None`: it cannot be opened.
    pub(super) log: Option<File>,
    /// Turns false when what it does is to end.
    pub(super) go_on: Arc<AtomicBool>,
}

impl Beside {
    /// Flushes the database, which SQLite itself leaves to the last checkpoint before the log is begun anew.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The thread. Without one, jobs are dropped, and whoever waits for one finds out by that.
pub(super) struct Aside {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    go_on: Arc<AtomicBool>,
    /// See [`Beside::file`]: dropped with this, behind the writer's connection.
    file: Option<Arc<File>>,
}

impl Aside {
    /// Starts it, on the database that this connection has open.
    pub(super) fn start(connection: &Connection) -> Self {
        let mut aside = Self { jobs: None, thread: None, go_on: Arc::new(AtomicBool::new(true)), file: None };
        let Some(path) = connection.path().map(PathBuf::from) else { return aside };
        let (jobs, waiting) = channel();
        let started = beside(&path, &aside.go_on).and_then(|beside| {
            aside.file = Some(Arc::clone(&beside.file));
            let work = move || run(&path, &beside, &waiting);
            thread::Builder::new().name("matchbook-aside".to_owned()).spawn(work).map_err(|error| error.to_string())
        });
        match started {
            Ok(thread) => (aside.jobs, aside.thread) = (Some(jobs), Some(thread)),
            Err(error) => tracing::warn!(error, "nothing can be done beside the commits: they go on, slower"),
        }
        aside
    }

    /// Has it do this when its turn comes.
    pub(super) fn run(&self, job: impl FnOnce(&Beside) -> Result<(), ReadError> + Send + 'static) {
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

fn beside(path: &Path, go_on: &Arc<AtomicBool>) -> Result<Beside, String> {
    let file = File::options().read(true).write(true).open(path).map_err(|error| sentence::of_io(path, &error))?;
    let connection = open::open_beside(path).map_err(|error| error.to_string())?;
    let log = File::options().append(true).open(files::beside(path, "-wal")).ok();
    Ok(Beside { connection, file: Arc::new(file), log, go_on: Arc::clone(go_on) })
}

fn run(path: &Path, beside: &Beside, waiting: &Receiver<Job>) {
    while let Ok(job) = waiting.recv() {
        if !beside.go_on.load(Ordering::Relaxed) {
            continue;
        }
        if let Err(error) = job(beside) {
            let error = sentence::of_read(path, error);
            tracing::warn!(%error, "work beside the commits failed: the journal grows until it succeeds");
        }
    }
}
