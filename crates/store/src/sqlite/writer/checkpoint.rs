//! Copies the log into the database once it is long, in the place of SQLite's own checkpoints, which run before a commit
//! answers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

use super::Own;
use super::aside::Beside;
use crate::sqlite::BUSY_TIMEOUT;
use crate::sqlite::sentence::{self, Trouble};

/// How long a checkpoint waits for readers of old pages before it leaves the log as it is.
const PATIENCE: Duration = Duration::from_millis(10);
/// How often the other thread copies before the writer has to.
const COPIES: u32 = 2;

/// Another thread copies what is in the log, while commits go on behind it; then this one copies what came meanwhile,
/// which is little, flushes the database, and has the next commits write over the log from its beginning.
///
/// A copy that has not been flushed counts as copied for SQLite, and a flush that fails is not repaired by the next one: the
/// system forgets what it could not write. So after such a failure the log is the only good copy, and is left alone: until
/// the next start, which copies all of it anew.
pub(super) struct Checkpoints {
    /// Pages that make the log long.
    long: i32,
    pages: Arc<AtomicI32>,
    /// `pages` when one was last begun.
    begun: i32,
    /// What became of the other thread's copy.
    copying: Option<Receiver<Result<(), Failed>>>,
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

    /// Pages in the log after the last commit.
    pub(super) fn pages(&self) -> i32 {
        self.pages.load(Ordering::Relaxed)
    }

    /// To be called between two commits.
    pub(super) fn when_long(&mut self, own: &mut Own<'_>) {
        let pages = self.pages();
        if pages < self.begun {
            self.begun = 0;
        }
        if self.has_failed {
            return;
        }
        match self.copying.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => {}
            Some(Ok(Err(Failed::ForNow(_)) | Ok(())) | Err(TryRecvError::Disconnected)) => {
                // Also when there is no such thread.
                self.copying = None;
                self.heed(own, begin_anew(own.connection));
            }
            Some(Ok(copied)) => self.heed(own, copied),
            None if pages.saturating_sub(self.begun) >= self.long => {
                self.begun = pages;
                let (done, copying) = sync_channel(1);
                self.copying = Some(copying);
                own.accepts.aside().run(move |beside| {
                    // Nobody waits for it when the store was closed meanwhile.
                    let _ = done.send(copy(beside));
                    Ok(())
                });
            }
            None => {}
        }
    }

    /// To be called before the connection is closed, which would copy the log for the last time and delete it.
    pub(super) fn close(&mut self, own: &mut Own<'_>) {
        // The other thread has ended.
        if let Some(Ok(copied)) = self.copying.take().as_ref().map(Receiver::try_recv) {
            self.heed(own, copied);
        }
    }

    fn heed(&mut self, own: &mut Own<'_>, copied: Result<(), Failed>) {
        let what = match copied {
            Ok(()) => return,
            Err(Failed::ForNow(error)) => {
                // The next try is as many pages on.
                tracing::debug!(%error, "the log was not copied whole and goes on");
                return;
            }
            Err(Failed::TheFile(error)) => sentence::of_sqlite(own.path, &error),
            Err(Failed::Flush(error)) => sentence::of_io(own.path, &error),
        };
        self.has_failed = true;
        tracing::error!(
            "{what}; nothing that was confirmed is lost, as the log beside it holds it, which grows from here on: mend the \
             disk and restart the server, which then copies the log anew"
        );
        // Without this, closing the store would take the log away.
        if let Err(error) = own.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
            tracing::error!(%error, "the log will be deleted when the server stops: copy the whole folder before");
        }
    }
}

/// Copies and flushes what is in the log, and then what came while that was flushed: a flush of 64 MiB takes as long as
/// thousands of commits.
fn copy(beside: &Beside) -> Result<(), Failed> {
    for _ in 0..COPIES {
        // It takes what it can, and waits for nobody.
        beside.connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
        beside.flush()?;
        if !beside.go_on.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(())
}

/// Copies what came meanwhile, flushes all, and lets the log be written over.
fn begin_anew(connection: &Connection) -> Result<(), Failed> {
    connection.busy_timeout(PATIENCE)?;
    let tried = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(tried.map(drop)?)
}

/// Why the log was not copied.
#[derive(Debug)]
enum Failed {
    /// A reader holds old pages, or the disk is full: another time.
    ForNow(rusqlite::Error),
    /// The file may lack what was written to it.
    TheFile(rusqlite::Error),
    /// The same, by a flush that is not SQLite's.
    Flush(io::Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        match sentence::trouble(&error) {
            Trouble::Busy | Trouble::Full => Self::ForNow(error),
            Trouble::Unwritable | Trouble::Damaged | Trouble::NotADatabase | Trouble::Disk | Trouble::Other => {
                Self::TheFile(error)
            }
        }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Flush(error)
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests;
