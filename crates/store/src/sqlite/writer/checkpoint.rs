//! Copies the log into the database once it is long, in the place of SQLite's own checkpoints, which run before a commit
//! answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

use super::Own;
use crate::sqlite::BUSY_TIMEOUT;

/// How long a checkpoint waits for readers of old pages before it leaves the log as it is.
const PATIENCE: Duration = Duration::from_millis(10);

/// Another thread copies what is in the log, while commits go on behind it; then this one copies what came meanwhile,
/// which is little, and has the next commits write over the log from its beginning.
pub(super) struct Checkpoints {
    /// Pages that make the log long.
    long: i32,
    /// Pages in the log after the last commit.
    pages: Arc<AtomicI32>,
    /// `pages` when one was last begun.
    begun: i32,
    /// Ends when the other thread is through.
    copying: Option<Receiver<()>>,
}

impl Checkpoints {
    /// Counts the pages of the log from here on; so many make it long.
    pub(super) fn of(connection: &mut Connection, long: i32) -> Self {
        let pages = Arc::new(AtomicI32::new(0));
        let count = Arc::clone(&pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, pages| {
            count.store(pages, Ordering::Relaxed);
            Ok(())
        };
        if let Err(error) = connection.wal_hook(Some(hook)) {
            tracing::warn!(%error, "SQLite keeps its own checkpoints");
        }
        Self { long, pages, begun: 0, copying: None }
    }

    /// To be called between two commits.
    pub(super) fn when_long(&mut self, own: &mut Own<'_>) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.begun {
            self.begun = 0;
        }
        match self.copying.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => {}
            // Also when there was no such thread.
            Some(Ok(()) | Err(TryRecvError::Disconnected)) => {
                self.copying = None;
                begin_anew(own.connection, pages);
            }
            None if pages.saturating_sub(self.begun) >= self.long => {
                self.begun = pages;
                let (done, copying) = sync_channel(1);
                self.copying = Some(copying);
                own.accepts.copy_beside(own.path, move |connection| {
                    // It takes what it can, and waits for nobody.
                    let copied = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE);
                    if let Err(error) = copied {
                        tracing::debug!(%error, "the log was not copied beside the commits");
                    }
                    drop(done);
                });
            }
            None => {}
        }
    }
}

/// A reader that holds old pages (a backup) keeps the log from being begun anew; the next try is as many pages on.
fn begin_anew(connection: &Connection, pages: i32) {
    let tried = connection
        .busy_timeout(PATIENCE)
        .and_then(|()| connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART).map(drop));
    if let Err(error) = tried.and_then(|()| connection.busy_timeout(BUSY_TIMEOUT)) {
        tracing::debug!(%error, pages, "the log was not copied whole and goes on");
        let _ = connection.busy_timeout(BUSY_TIMEOUT);
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests;
