//! Threads that read through a table for the writer, and are ended before the store is closed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::sqlite::rows::ReadError;
use crate::sqlite::{open, sentence};

/// The threads.
#[derive(Default)]
pub(super) struct Readings {
    stopped: bool,
    threads: Vec<(JoinHandle<()>, Arc<AtomicBool>)>,
}

impl Readings {
    /// Begins one. It gets a connection of its own, and a flag that turns false when it is to end.
    pub(super) fn begin(
        &mut self,
        path: &Path,
        read: impl FnOnce(&Connection, &AtomicBool) -> Result<(), ReadError> + Send + 'static,
    ) {
        self.threads.retain(|(thread, _)| !thread.is_finished());
        if self.stopped {
            return;
        }
        let (path, go_on) = (path.to_path_buf(), Arc::new(AtomicBool::new(true)));
        let flag = Arc::clone(&go_on);
        let work = move || {
            let done = open::open_reader(&path).map_err(|error| error.to_string());
            let done = done.and_then(|connection| {
                read(&connection, &flag).map_err(|error| sentence::of_read(&path, error).to_string())
            });
            if let Err(error) = done
                && flag.load(Ordering::Relaxed)
            {
                tracing::warn!(error, "the store could not be read through: acceptances are slower");
            }
        };
        match thread::Builder::new().name("matchbook-learn".to_owned()).spawn(work) {
            Ok(thread) => self.threads.push((thread, go_on)),
            Err(error) => tracing::warn!(%error, "no thread could be started for the store: acceptances are slower"),
        }
    }

    /// Ends them all, and lets none begin.
    pub(super) fn end(&mut self) {
        self.stopped = true;
        for (thread, go_on) in self.threads.drain(..) {
            go_on.store(false, Ordering::Relaxed);
            // One that panicked has closed its connection all the same.
            let _ = thread.join();
        }
    }
}
