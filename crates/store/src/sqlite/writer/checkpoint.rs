//! Copies the log into the database once it is long, in the place of SQLite's own checkpoints, which run before a commit
//! answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

use super::Own;
use crate::sqlite::BUSY_TIMEOUT;
use crate::sqlite::sentence::{self, Trouble};

/// How long a checkpoint waits for readers of old pages before it leaves the log as it is.
const PATIENCE: Duration = Duration::from_millis(10);

/// Another thread copies what is in the log, while commits go on behind it; then this one copies what came meanwhile,
/// which is little, flushes the database, and has the next commits write over the log from its beginning.
///
/// A copy that has not been flushed counts as copied for SQLite, and a flush that fails is not repaired by the next one: the
/// system forgets what it could not write. So after such a failure the log is the only good copy, and is left alone: until
/// the next start, which copies all of it anew.
pub(super) struct Checkpoints {
    /// Pages that make the log long.
    long: i32,
    /// Pages in the log after the last commit.
    pages: Arc<AtomicI32>,
    /// `pages` when one was last begun.
    begun: i32,
    /// What became of the other thread's copy.
    copying: Option<Receiver<rusqlite::Result<()>>>,
    /// The database's file failed: nothing is copied any more.
    has_failed: bool,
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
        Self { long, pages, begun: 0, copying: None, has_failed: false }
    }

    /// To be called between two commits.
    pub(super) fn when_long(&mut self, own: &mut Own<'_>) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.begun {
            self.begun = 0;
        }
        match self.copying.as_ref().map(Receiver::try_recv) {
            _ if self.has_failed => {}
            Some(Err(TryRecvError::Empty)) => {}
            Some(Ok(Err(error))) if is_of_the_file(&error) => self.fail(own, &error),
            // Also when there was no such thread.
            Some(Ok(_) | Err(TryRecvError::Disconnected)) => {
                self.copying = None;
                match begin_anew(own.connection) {
                    Ok(()) => {}
                    Err(error) if is_of_the_file(&error) => self.fail(own, &error),
                    // A reader that holds old pages (a backup), or a full disk; the next try is as many pages on.
                    Err(error) => tracing::debug!(%error, pages, "the log was not copied whole and goes on"),
                }
            }
            None if pages.saturating_sub(self.begun) >= self.long => {
                self.begun = pages;
                let (done, copying) = sync_channel(1);
                self.copying = Some(copying);
                own.accepts.aside().run(move |connection, _| {
                    // It takes what it can, and waits for nobody.
                    let copied = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE);
                    // Nobody waits for it when the store was closed meanwhile.
                    let _ = done.send(copied.map(drop));
                    Ok(())
                });
            }
            None => {}
        }
    }

    /// What was found when there was no longer anything to find out. To be called before the connection is closed, which
    /// would copy the log for the last time, and delete it.
    pub(super) fn close(&mut self, own: &mut Own<'_>) {
        // The other thread has ended.
        if let Some(Ok(Err(error))) = self.copying.as_ref().map(Receiver::try_recv)
            && is_of_the_file(&error)
        {
            self.fail(own, &error);
        }
    }

    fn fail(&mut self, own: &mut Own<'_>, error: &rusqlite::Error) {
        self.has_failed = true;
        tracing::error!(
            "{}; nothing that was confirmed is lost, as the log beside it holds it, which grows from here on: mend the \
             disk and restart the server, which then copies the log anew",
            sentence::of_sqlite(own.path, error)
        );
        // Without this, closing the store would take the log away.
        if let Err(error) = own.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
            tracing::error!(%error, "the log will be deleted when the server stops: copy the whole folder before");
        }
    }
}

/// Copies what came meanwhile, flushes all, and lets the log be written over.
fn begin_anew(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    let tried = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    tried.map(drop)
}

/// Whether the file may lack what was written to it.
fn is_of_the_file(error: &rusqlite::Error) -> bool {
    match sentence::trouble(error) {
        Trouble::Busy | Trouble::Full => false,
        Trouble::Unwritable | Trouble::Damaged | Trouble::NotADatabase | Trouble::Disk | Trouble::Other => true,
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests;
