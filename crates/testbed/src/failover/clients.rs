//! Clients that verify all the time, and ask again when they do not know.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Subject;
use crate::history::{Code, Outcome, Recorder};
use crate::processes::PATIENCE;

/// How long a client waits before it asks again, when it got no answer: a server that is not there answers at once.
const PAUSE: Duration = Duration::from_millis(5);

/// How many operations use one code, as a rule at about the same time.
const RIVALS: usize = 2;

/// What all clients share.
pub(super) struct Clients<'a, S> {
    pub(super) subject: &'a S,
    pub(super) address: SocketAddr,
    pub(super) codes: &'a [Code],
    pub(super) recorder: &'a Recorder,
    pub(super) seed: u64,
    pub(super) pause: Duration,
    /// The next code's number, times [`RIVALS`].
    pub(super) next: AtomicUsize,
    pub(super) is_over: AtomicBool,
    /// The server does not answer any more: nobody asks on.
    pub(super) is_hopeless: AtomicBool,
}

/// An operation of a client, and its code.
struct Mine {
    operation: String,
    code: Code,
    has_answer: bool,
}

impl<S: Subject> Clients<'_, S> {
    /// One client, until all is over. At the end every operation of it has an answer, unless the server never answers
    /// again.
    pub(super) fn run(&self, client: u32) {
        let mut random = Random(self.seed ^ (u64::from(client) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut mine: Vec<Mine> = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let old = mine.get(random.below(mine.len().max(1)));
            let new = || format!("{client}-{}", mine.len());
            let mut next = match (random.below(10), old) {
                // An old operation again: the answer is the same.
                (0, Some(old)) => Mine { operation: old.operation.clone(), code: old.code.clone(), has_answer: false },
                // An old code in another operation.
                (1, Some(old)) => Mine { operation: new(), code: old.code.clone(), has_answer: false },
                (_, old) => match (self.codes.get(self.next.fetch_add(1, Ordering::Relaxed) / RIVALS), old) {
                    (Some(code), _) => Mine { operation: new(), code: code.clone(), has_answer: false },
                    // All codes are used up: what was answered is asked again.
                    (None, Some(old)) => {
                        Mine { operation: old.operation.clone(), code: old.code.clone(), has_answer: false }
                    }
                    (None, None) => return,
                },
            };
            next.has_answer = self.ask(client, &next) != Outcome::Unknown;
            // Some are left open until the end.
            if !next.has_answer && random.below(2) == 0 {
                self.settle(client, &next);
                next.has_answer = true;
            }
            mine.push(next);
            std::thread::sleep(self.pause);
        }
        mine.iter().filter(|operation| !operation.has_answer).for_each(|operation| self.settle(client, operation));
    }

    /// Asks until there is an answer.
    fn settle(&self, client: u32, operation: &Mine) {
        let began = Instant::now();
        while !self.is_hopeless.load(Ordering::Relaxed) && self.ask(client, operation) == Outcome::Unknown {
            if began.elapsed() > PATIENCE {
                self.is_hopeless.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn ask(&self, client: u32, mine: &Mine) -> Outcome {
        let Mine { operation, code, .. } = mine;
        self.recorder.call(client, code, operation, || self.subject.verify(self.address, code, operation))
    }
}

/// xorshift64: the same choices for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.0.checked_rem(bound).unwrap_or(0)).unwrap_or(0)
    }
}
