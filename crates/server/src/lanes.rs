//! Lanes: decisions on one authenticator, or on one subscriber, are taken one after the other in this process.
//!
//! They are for speed, not for safety: the guards of a commit are what makes a decision safe. Without lanes a hundred
//! parallel verifies of one user would decide on the same snapshot and ninety-nine would decide again, and again.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

use crate::limits::{LANE_QUEUE, LANES};

/// A fixed number of lanes, found by a keyed hash of what is to be decided on.
pub(crate) struct Lanes {
    hasher: RandomState,
    lanes: Box<[Lane]>,
}

struct Lane {
    queue: Semaphore,
    turn: Mutex<()>,
}

/// The right to decide, until it is dropped.
pub(crate) struct Turn<'a> {
    _turn: MutexGuard<'a, ()>,
    _place: SemaphorePermit<'a>,
}

/// Too many wait in the lane.
pub(crate) struct LaneFull;

impl Lanes {
    pub(crate) fn new() -> Self {
        let lanes = (0..LANES).map(|_| Lane { queue: Semaphore::new(LANE_QUEUE), turn: Mutex::new(()) }).collect();
        Self { hasher: RandomState::new(), lanes }
    }

    /// Waits for the turn of `key`.
    pub(crate) async fn turn(&self, key: impl std::hash::Hash) -> Result<Turn<'_>, LaneFull> {
        let slot = usize::try_from(self.hasher.hash_one(key) % (LANES as u64)).unwrap_or(0);
        let lane = self.lanes.get(slot).ok_or(LaneFull)?;
        let place = lane.queue.try_acquire().map_err(|_| LaneFull)?;
        let turn = lane.turn.lock().await;
        Ok(Turn { _turn: turn, _place: place })
    }
}
