//! Keeps the log's file longer than what is in it.
//!
//! A commit that makes the file longer has the file system write down where its blocks lie, which takes as long again as
//! the flush of a page. So zeros are put behind its end before the commits come there. SQLite takes them for no commits, as
//! it does what the log's last round left there; and they are appended, so that they never come over what it wrote.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Own;

/// Bytes that a page takes in the log, with its header.
const FRAME: u64 = 4_096 + 24;
/// By so much it is made longer at once, and so much is kept free: hundreds of small commits, and one flush of a
/// millisecond.
const STEP: u64 = 1 << 20;

/// The length that the file is known to have.
#[derive(Default)]
pub(super) struct Ahead {
    length: Arc<AtomicU64>,
    /// Also when it could not be made longer: then each commit does it for itself.
    is_growing: Arc<AtomicBool>,
}

impl Ahead {
    /// To be called between two commits, with the number of pages in the log: has the file made longer when its end is near.
    pub(super) fn when_near(&self, pages: i32, own: &Own<'_>) {
        let used = u64::try_from(pages).unwrap_or(0).saturating_mul(FRAME);
        let wanted = used.saturating_add(STEP);
        if wanted <= self.length.load(Ordering::Relaxed) || self.is_growing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (length, is_growing) = (Arc::clone(&self.length), Arc::clone(&self.is_growing));
        own.accepts.aside().run(move |beside| {
            match beside.log.as_ref().map(|log| reach(log, wanted)) {
                Some(Ok(now)) => {
                    length.store(now, Ordering::Relaxed);
                    is_growing.store(false, Ordering::Relaxed);
                }
                Some(Err(error)) => tracing::debug!(%error, "the log is not made longer before the commits need it"),
                None => {}
            }
            Ok(())
        });
    }
}

/// Makes the file longer when it is not as long as is wanted; its length then. After a kill it may be long already.
fn reach(log: &File, wanted: u64) -> io::Result<u64> {
    let length = log.metadata()?.len();
    if length >= wanted { Ok(length) } else { lengthen(log, STEP) }
}

/// Appends so many zeros to a file that was opened for appending, and flushes them; its length then.
fn lengthen(log: &File, by: u64) -> io::Result<u64> {
    io::copy(&mut io::repeat(0).take(by), &mut &*log)?;
    log.sync_data()?;
    Ok(log.metadata()?.len())
}

#[cfg(all(test, feature = "contract"))]
mod tests;
