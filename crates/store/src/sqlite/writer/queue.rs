//! What waits for the writer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// A bounded queue from async callers to one thread, which can wait for a while.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    room: Semaphore,
}

struct State<T> {
    waiting: Vec<T>,
    is_closed: bool,
    /// The thread waits: only then it has to be woken.
    is_asleep: bool,
}

/// What a wait for work came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// There is some.
    Work,
    /// There was none for that long.
    Nothing,
    /// There is none and never will be.
    Closed,
}

impl<T> Queue<T> {
    pub(super) fn new(room: usize) -> Self {
        let state = State { waiting: Vec::new(), is_closed: false, is_asleep: false };
        Self { state: Mutex::new(state), arrived: Condvar::new(), room: Semaphore::new(room) }
    }

    /// Waits for room, and sends. Gives the item back when the queue is closed.
    pub(super) async fn send(&self, item: T) -> Result<(), T> {
        let permit = match self.room.try_acquire() {
            Ok(permit) => permit,
            Err(_) => match self.room.acquire().await {
                Ok(permit) => permit,
                Err(_) => return Err(item),
            },
        };
        // It comes back when the item is taken.
        permit.forget();
        let mut state = self.state();
        if state.is_closed {
            return Err(item);
        }
        state.waiting.push(item);
        if std::mem::take(&mut state.is_asleep) {
            drop(state);
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Lets nothing more in.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.room.close();
        self.arrived.notify_one();
    }

    /// Moves what waits into `batch`, at most so many; waits for the first for at most `patience`, or as long as it takes.
    pub(super) fn take(&self, batch: &mut Vec<T>, most: usize, patience: Option<Duration>) -> Waited {
        let until = patience.map(|patience| Instant::now() + patience);
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.is_closed {
                return Waited::Closed;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                state.is_asleep = false;
                return Waited::Nothing;
            }
            state.is_asleep = true;
            state = match left {
                Some(left) => self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.is_asleep = false;
        if state.waiting.len() < most {
            // Who is about to send goes first, where there is somebody and no core is free: so the batch grows with the
            // load, and the cost of a commit is shared by more. Otherwise this returns at once.
            drop(state);
            thread::yield_now();
            state = self.state();
        }
        let taken = state.waiting.len().min(most);
        batch.extend(state.waiting.drain(..taken));
        drop(state);
        self.room.add_permits(taken);
        Waited::Work
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use super::{Queue, Waited};

    #[tokio::test]
    async fn what_is_sent_is_taken_in_order_and_no_more_than_asked_for() {
        let queue = Queue::new(8);
        for number in 0..5 {
            queue.send(number).await.unwrap();
        }
        let mut batch = Vec::new();
        assert_eq!(queue.take(&mut batch, 3, None), Waited::Work);
        assert_eq!(batch, [0, 1, 2]);
        assert_eq!(queue.take(&mut batch, 3, Some(Duration::ZERO)), Waited::Work);
        assert_eq!(batch, [0, 1, 2, 3, 4]);
        assert_eq!(queue.take(&mut batch, 3, Some(Duration::ZERO)), Waited::Nothing);
        queue.close();
        assert_eq!(queue.take(&mut batch, 3, None), Waited::Closed);
        assert_eq!(queue.send(9).await, Err(9));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn whoever_finds_no_room_waits_and_nothing_is_lost() {
        const SENDERS: usize = 50;
        const EACH: usize = 200;
        let queue = Arc::new(Queue::new(4));
        let taker = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let mut all = Vec::new();
                while queue.take(&mut all, 3, None) == Waited::Work {}
                all.len()
            }
        });
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..SENDERS {
            let queue = Arc::clone(&queue);
            senders.spawn(async move {
                for number in 0..EACH {
                    queue.send(number).await.unwrap();
                }
            });
        }
        senders.join_all().await;
        queue.close();
        assert_eq!(taker.join().unwrap(), SENDERS * EACH);
    }
}
