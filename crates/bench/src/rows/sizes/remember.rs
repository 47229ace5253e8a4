//! Verifies whose answers are remembered, and asked for again.

use std::sync::{Arc, Mutex, PoisonError};

use crate::load::{Answer, Talk};
use crate::population::Tokens;
use crate::rows::verify::{Codes, Good, Verifies};
use crate::trouble::Result;

/// The codes that were answered as accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered(Arc<Mutex<Vec<Good>>>);

impl Remembered {
    fn add(&self, good: Good) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(good);
    }

    /// All of them.
    pub(super) fn take(&self) -> Vec<Good> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Verifies each code once, and remembers what was accepted.
pub(super) struct Remembers {
    codes: Arc<Codes>,
    verifies: Verifies,
    remembered: Remembered,
    asked: Option<Good>,
}

impl Remembers {
    pub(super) fn boxed(codes: &Arc<Codes>, tokens: &Tokens, remembered: &Remembered) -> Box<dyn Talk> {
        let (codes, verifies) = (Arc::clone(codes), Verifies::new(codes, tokens));
        Box::new(Self { codes, verifies, remembered: remembered.clone(), asked: None })
    }
}

impl Talk for Remembers {
    fn ask(&mut self, out: &mut Vec<u8>) -> bool {
        self.asked = self.codes.take();
        self.asked.inspect(|good| self.verifies.write(*good, out)).is_some()
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<bool> {
        let is_done = self.verifies.hear(answer)?;
        self.asked.take().into_iter().for_each(|good| self.remembered.add(good));
        Ok(is_done)
    }
}

/// Asks the same again, each with its operation id, and wants the same answer.
pub(super) struct Repeats {
    verifies: Verifies,
    rest: Vec<Good>,
}

impl Repeats {
    pub(super) fn boxed(codes: &Arc<Codes>, tokens: &Tokens, all: Vec<Good>) -> Box<dyn Talk> {
        Box::new(Self { verifies: Verifies::new(codes, tokens), rest: all })
    }
}

impl Talk for Repeats {
    fn ask(&mut self, out: &mut Vec<u8>) -> bool {
        self.rest.pop().inspect(|good| self.verifies.write(*good, out)).is_some()
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<bool> {
        self.verifies.hear(answer)
    }
}
