//! Taking a code: it is burnt in the stored account before it is shown.

use rand_core::CryptoRng;

use super::{Engine, Event, Output, TakeError};
use crate::ids::{CodeIndex, UnixMillis};

/// Which code to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The unused code with the lowest index.
    Next,
    /// The code with this index, as a log-in asks for it.
    Index(CodeIndex),
}

impl Engine {
    /// Takes a code out of the account. It is used from now on, whatever becomes of it: `Persist` comes first, then
    /// [`Event::Code`] with the code, once. When as many unused codes as the threshold are left, a set is asked for,
    /// unless one is already.
    ///
    /// # Errors
    /// See [`TakeError`]; the account is as it was.
    pub fn take_code(
        &mut self,
        selector: Selector,
        now: UnixMillis,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<CodeIndex, TakeError> {
        let (index, code) = self.account.holdings.take(selector)?;
        self.account.history.codes_taken = self.account.history.codes_taken.saturating_add(1);
        self.changed = true;
        self.staged.push(Output::Event(Event::Code { index, code }));
        let remaining = self.remaining();
        if remaining <= usize::from(self.account.threshold) {
            self.staged.push(Output::Event(Event::RunningLow { remaining }));
        }
        if self.account.needs_refill() {
            // The code is good even when no more requests can be sent; whoever asks by hand is told why.
            self.ask(self.refill(), now, rng).ok();
        }
        self.flush();
        Ok(index)
    }
}
