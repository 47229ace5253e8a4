//! The driver: one account of a wallet on a bearer.

mod error;
mod listen;
mod report;

#[cfg(test)]
mod tests;

use std::time::Duration;

use matchbook_protocol::{Account, Engine, Phase, RequestError, Selector};

use crate::bearer::Bearer;
use crate::system::{now, system_rng};
use crate::vault::Vault;
use crate::wallet::{TakeFailure, Taken, Wallet};

pub use error::{SyncCause, SyncFailure};
pub use listen::{Heard, ListenOptions};
pub use report::Report;

/// The most messages that one call sends: an exchange takes three at most (a request, an acknowledgement, the same under
/// a new key), so that a server that never has enough is left after a while.
pub const MAX_ROUNDS: usize = 8;

/// One account of a wallet on a bearer: made by [`Wallet::device`].
pub struct Device<'w, V, B> {
    wallet: &'w mut Wallet<V>,
    place: usize,
    bearer: B,
}

impl<'w, V: Vault, B: Bearer> Device<'w, V, B> {
    pub(crate) fn new(wallet: &'w mut Wallet<V>, place: usize, bearer: B) -> Self {
        Self { wallet, place, bearer }
    }

    /// The account as it stands.
    #[must_use]
    pub fn account(&self) -> &Account {
        self.wallet.account_at(self.place)
    }

    /// Sends what waits, or says what the device holds, and takes in all that the server has, until both are quiet.
    ///
    /// # Errors
    /// See [`SyncFailure`]; what was done before is stored, and its report is in the error.
    pub fn sync(&mut self) -> Result<Report, SyncFailure> {
        let mut report = Report::default();
        self.prepare(&mut report)?;
        self.converse(None, report)
    }

    /// Sends what waits, and nothing when nothing does: after [`Device::take_code`], so that a refill that it asked for
    /// goes out.
    ///
    /// # Errors
    /// As [`Device::sync`].
    pub fn send_pending(&mut self) -> Result<Report, SyncFailure> {
        let mut report = Report::default();
        self.step(&mut report, |engine| {
            engine.tick(now());
            Ok(())
        })?;
        self.converse(None, report)
    }

    /// As [`Device::sync`], and lets the server hold its answer up to `wait`, at most [`MAX_WAIT`](crate::bearer::MAX_WAIT),
    /// until it has something to push.
    ///
    /// # Errors
    /// As [`Device::sync`].
    pub fn wait_for_push(&mut self, wait: Duration) -> Result<Report, SyncFailure> {
        // What waits is sent first: only a new request is held.
        let mut report = self.send_pending()?;
        if !report.is_quiet() {
            return Ok(report);
        }
        self.ask(&mut report, |engine| engine.request_status(now(), &mut system_rng()))?;
        self.converse(Some(wait), report)
    }

    /// Asks for a set because the user wants one, and takes in what comes.
    ///
    /// # Errors
    /// As [`Device::sync`]; [`SyncCause::Request`] when the device holds as many codes as it keeps, or is not enrolled.
    pub fn request_set(&mut self) -> Result<Report, SyncFailure> {
        let mut report = self.finish_enrolment()?;
        self.step(&mut report, |engine| engine.request_set(now(), &mut system_rng()))?;
        self.converse(None, report)
    }

    /// Asks for a new key because the user wants one, and switches to it.
    ///
    /// # Errors
    /// As [`Device::sync`]; [`SyncCause::Request`] when the device is not enrolled.
    pub fn rotate(&mut self) -> Result<Report, SyncFailure> {
        let mut report = self.finish_enrolment()?;
        self.step(&mut report, |engine| engine.request_rotation(now(), &mut system_rng()))?;
        self.converse(None, report)
    }

    /// Takes a code, as [`Wallet::take_code`] does. The bearer is not used.
    ///
    /// # Errors
    /// See [`TakeFailure`].
    pub fn take_code(&mut self, selector: Selector) -> Result<Taken, TakeFailure> {
        self.wallet.take_at(self.place, selector)
    }

    /// Takes in a message that came without being asked for, as SMS does, and answers it over the bearer.
    ///
    /// # Errors
    /// As [`Device::sync`]. A message that is refused is no error: it is in the report.
    pub fn receive(&mut self, message: &[u8]) -> Result<Report, SyncFailure> {
        let mut report = Report::default();
        self.take_in(&[message.to_vec()], &mut report)?;
        self.converse(None, report)
    }

    /// The bearer.
    pub const fn bearer_mut(&mut self) -> &mut B {
        &mut self.bearer
    }

    /// An enrolment that the server has not confirmed goes first: until then nothing else can be asked.
    fn finish_enrolment(&mut self) -> Result<Report, SyncFailure> {
        match self.account().phase() {
            Phase::Enrolling => self.send_pending(),
            Phase::Steady | Phase::Switching => Ok(Report::default()),
        }
    }

    /// Sees to it that something is to be sent: what waits, a refill that is due, or else what the device holds.
    fn prepare(&mut self, report: &mut Report) -> Result<(), SyncFailure> {
        if self.has_unsent() {
            return Ok(());
        }
        self.step(report, |engine| {
            engine.tick(now());
            Ok(())
        })?;
        if !self.has_unsent() {
            self.ask(report, |engine| engine.refill_if_low(now(), &mut system_rng()).map(drop))?;
        }
        if !self.has_unsent() {
            self.ask(report, |engine| engine.request_status(now(), &mut system_rng()))?;
        }
        Ok(())
    }

    /// A request of the device's own; not being enrolled yet is no error then.
    fn ask(
        &mut self,
        report: &mut Report,
        request: impl FnOnce(&mut Engine) -> Result<(), RequestError>,
    ) -> Result<(), SyncFailure> {
        self.step(report, |engine| match request(engine) {
            Err(RequestError::NotEnrolled) => Ok(()),
            other => other,
        })
    }

    fn has_unsent(&mut self) -> bool {
        self.wallet.unsent_at(self.place).is_some()
    }

    fn step(
        &mut self,
        report: &mut Report,
        decide: impl FnOnce(&mut Engine) -> Result<(), RequestError>,
    ) -> Result<(), SyncFailure> {
        match self.wallet.work(self.place, &mut report.events, decide) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SyncFailure::new(SyncCause::Request(error), report)),
            Err(error) => Err(SyncFailure::new(SyncCause::Store(error), report)),
        }
    }

    /// Sends and takes in until nothing is left to send. `wait` is for the first message.
    fn converse(&mut self, mut wait: Option<Duration>, mut report: Report) -> Result<Report, SyncFailure> {
        for _ in 0..MAX_ROUNDS {
            let Some(message) = self.wallet.unsent_at(self.place).take() else { break };
            match self.bearer.exchange(&message, wait.take()) {
                Ok(answers) => {
                    report.sent = report.sent.saturating_add(1);
                    report.sent_bytes =
                        report.sent_bytes.saturating_add(u32::try_from(message.len()).unwrap_or(u32::MAX));
                    self.take_in(&answers, &mut report)?;
                }
                Err(error) => {
                    *self.wallet.unsent_at(self.place) = Some(message);
                    return Err(SyncFailure::new(SyncCause::Bearer(error), &mut report));
                }
            }
        }
        report.answered = !self.account().awaits_answer();
        Ok(report)
    }

    fn take_in(&mut self, messages: &[Vec<u8>], report: &mut Report) -> Result<(), SyncFailure> {
        report.received = report.received.saturating_add(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        match self.wallet.receive_at(self.place, messages, &mut report.events) {
            Ok(refused) => {
                self.bearer.taken_in();
                report.refused.extend(refused);
                Ok(())
            }
            Err(error) => Err(SyncFailure::new(SyncCause::Store(error), report)),
        }
    }
}
