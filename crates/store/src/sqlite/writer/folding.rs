//! When the journal is folded, and how much of it at once.
//!
//! A few entries are folded as they lie ([`fold::oldest`]); many by a pass ([`Pass`]), which a thread beside this one reads
//! and sorts. Beside work, each batch is followed by a part of the pass that is in proportion to it: so the pass ends
//! before as many entries have come as it folds, and nobody waits for the whole of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{Failure, Own, Step, Work, batch};
use crate::sqlite::journal::fold;
use crate::sqlite::journal::pass::{PARTS, Pass, Stepped};

/// How long nothing comes before the journal is folded: longer than the pauses between the calls of one busy caller.
pub(super) const IDLE: Duration = Duration::from_millis(20);
/// Entries that are folded as they lie, and at once. More have pages in common.
const FEW: usize = 1_024;
/// What a step of a pass writes at least beside work, so that it is worth a commit.
const BESIDE: usize = 1_024;
/// What a step of a pass writes when nobody waits: some milliseconds.
const ALONE: usize = 2_048;
/// What a step of a pass writes when nobody will wait again.
const WHOLE: usize = 16_384;
/// For each entry that comes, the parts of a pass that are done. An entry has four of them, so a pass has ended when two
/// thirds of the entries that it folds have come.
const PACE: usize = PARTS * 3 / 2;
/// How long a fold that failed is left alone.
const REST: Duration = Duration::from_secs(5);

/// What is under way.
pub(super) struct Folding {
    /// [`FEW`] and [`BESIDE`].
    few: usize,
    beside: usize,
    pass: Option<Arc<Pass>>,
    /// Where it goes on.
    next: usize,
    /// What is to be done of it for what came, and was not.
    due: usize,
    reading: Option<Receiver<Option<Pass>>>,
    failed: Option<Instant>,
}

impl Default for Folding {
    fn default() -> Self {
        Self { few: FEW, beside: BESIDE, pass: None, next: 0, due: 0, reading: None, failed: None }
    }
}

impl Folding {
    /// After so many entries came: does its part, when the journal holds more than `bound`, or a pass is under way.
    pub(super) fn beside(&mut self, store: &mut Own<'_>, came: usize, bound: usize) {
        if self.failed.is_some_and(|failed| failed.elapsed() < REST) {
            return;
        }
        let entries = store.accepts.unfolded().len();
        if entries == 0 {
            // Others have folded all.
            self.pass = None;
        }
        if self.pass.is_none() && (entries > bound || self.reading.is_some()) {
            self.begin(store);
        }
        self.due = if self.pass.is_some() { self.due.saturating_add(came.saturating_mul(PACE)) } else { 0 };
        if self.due >= self.beside {
            let due = std::mem::take(&mut self.due);
            self.step(store, due);
        }
    }

    /// When nobody waits. Returns how long to wait for work before this is to be called again.
    pub(super) fn alone(&mut self, store: &mut Own<'_>) -> Duration {
        if self.pass.is_none() && (store.accepts.unfolded().len() > self.few || self.reading.is_some()) {
            self.begin(store);
            if self.reading.is_some() {
                return IDLE;
            }
        }
        let is_done = match self.pass {
            // One that was not made for these rows has folded nothing.
            Some(_) => self.step(store, ALONE) && (self.pass.is_some() || self.next > 0 || self.oldest(store, FEW)),
            None => self.oldest(store, FEW),
        };
        // The next one at once, until somebody comes.
        if is_done { Duration::ZERO } else { REST }
    }

    /// All that there is, however long it takes.
    pub(super) fn whole(&mut self, store: &mut Own<'_>) {
        while store.accepts.unfolded().len() > 0 {
            if self.pass.is_none() {
                let unfolded = Arc::clone(store.accepts.unfolded());
                let read = Pass::read(store.connection, unfolded, &AtomicBool::new(true));
                (self.pass, self.next) = (read.ok().flatten().map(Arc::new), 0);
            }
            let is_done = match self.pass {
                Some(_) => self.step(store, WHOLE),
                // Where a row is damaged, those before it can be folded; and it is told which.
                None => self.oldest(store, WHOLE),
            };
            if !is_done {
                // What is left is folded by whoever opens the store next.
                break;
            }
        }
    }

    /// Folds so many as they lie; `false`: there was nothing, or it failed.
    fn oldest(&self, store: &mut Own<'_>, entries: usize) -> bool {
        store.write(move |connection| fold::oldest(connection, entries)).is_some_and(|folded| folded > 0)
    }

    /// Has a pass read, or takes the one that was.
    fn begin(&mut self, store: &mut Own<'_>) {
        let Some(reading) = &self.reading else {
            let (send, receive) = sync_channel(1);
            let unfolded = Arc::clone(store.accepts.unfolded());
            store.accepts.aside().run(move |beside| {
                // Nobody waits for it when the store was closed meanwhile.
                let _ = send.send(Pass::read(&beside.connection, unfolded, &beside.go_on)?);
                Ok(())
            });
            self.reading = Some(receive);
            return;
        };
        match reading.try_recv() {
            Ok(pass) => (self.pass, self.next, self.due, self.reading) = (pass.map(Arc::new), 0, 0, None),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => (self.failed, self.reading) = (Some(Instant::now()), None),
        }
    }

    /// `false`: it failed, and rests.
    fn step(&mut self, store: &mut Own<'_>, most: usize) -> bool {
        let Some(pass) = self.pass.clone() else { return false };
        let from = self.next;
        let stepped = store.write(move |connection| {
            Ok(match pass.step(connection, from, most)? {
                Stepped::Next(next) => u64::try_from(next).unwrap_or(ENDED),
                Stepped::Ended => ENDED,
            })
        });
        match stepped {
            Some(ENDED) => self.pass = None,
            Some(next) => self.next = usize::try_from(next).unwrap_or(usize::MAX),
            None => (self.pass, self.failed) = (None, Some(Instant::now())),
        }
        stepped.is_some()
    }
}

/// No place in a pass.
const ENDED: u64 = u64::MAX;

impl Own<'_> {
    /// In a transaction; `None`: it failed, and the entries stay in the journal.
    fn write(&mut self, run: impl Fn(&Connection) -> Result<u64, Failure> + Send + 'static) -> Option<u64> {
        let step = Step { run: Box::new(run), voids: false };
        let results = batch::write(self.path, self.connection, self.accepts, &[Work::Step(step)]);
        match results.into_iter().next()? {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::error!(%error, "acceptances stay in the journal, which cannot be folded now");
                None
            }
        }
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests;
