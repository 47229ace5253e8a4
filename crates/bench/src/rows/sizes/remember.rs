//! Verifies whose answers are remembered, and asked for again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::load::{Answer, Talk};
use crate::population::Tokens;
use crate::rows::verify::{Codes, Good, Verifies};
use crate::trouble::Result;

/// The codes that were answered as accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered(Arc<Mutex<Vec<Good>>>);

impl Remembered {
    fn add(&self, good: Good) {
        self.lock().push(good);
    }

    fn take(&self) -> Option<Good> {
        self.lock().pop()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Good>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Asks for what is remembered again, each with its operation id, wants the same answer, and remembers that.
pub(super) struct Repeats {
    verifies: Verifies,
    remembered: Remembered,
    confirmed: Remembered,
    asked: Option<Good>,
}

impl Repeats {
    pub(super) fn boxed(
        codes: &Arc<Codes>,
        tokens: &Tokens,
        remembered: &Remembered,
        confirmed: &Remembered,
    ) -> Box<dyn Talk> {
        let (verifies, remembered) = (Verifies::new(codes, tokens), remembered.clone());
        Box::new(Self { verifies, remembered, confirmed: confirmed.clone(), asked: None })
    }
}

impl Talk for Repeats {
    fn ask(&mut self, out: &mut Vec<u8>) -> bool {
        self.asked = self.remembered.take();
        self.asked.inspect(|good| self.verifies.write(*good, out)).is_some()
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<bool> {
        let is_done = self.verifies.hear(answer)?;
        self.asked.take().into_iter().for_each(|good| self.confirmed.add(good));
        Ok(is_done)
    }
}
