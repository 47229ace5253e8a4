//! What is logged when it is news. While the database is away or is moved, every request and every sweep meets the same
//! trouble, and a log that says so a thousand times a second hides the rest.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A trouble that lasts is told so often.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Sentences that are remembered. More of them at once are told again.
const REMEMBERED: usize = 64;

static TOLD: Mutex<Told> = Mutex::new(Told { when: BTreeMap::new() });

/// Whether a sentence was not told in the last minute; then it counts as told.
pub(crate) fn is_news(sentence: &str) -> bool {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).is_news(sentence, Instant::now())
}

struct Told {
    when: BTreeMap<String, Instant>,
}

impl Told {
    fn is_news(&mut self, sentence: &str, now: Instant) -> bool {
        if self.when.get(sentence).is_some_and(|told| now.saturating_duration_since(*told) < TOLD_AGAIN) {
            return false;
        }
        if self.when.len() >= REMEMBERED {
            self.when.clear();
        }
        self.when.insert(sentence.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests;
