//! The device as a state machine (§7). Bytes, time and chance come in, actions go out; nothing here reads a clock,
//! draws at random, stores or sends.
//!
//! The shell calls a method, takes every [`Output`] in order, carries each out, and calls [`Engine::tick`] when a
//! [`Output::WaitUntil`] has passed. [`Output::Persist`] stands before whatever must not happen unless the state behind
//! it is stored: a message goes out, a code is shown. So the device can lose power between any two actions.
//!
//! ```text
//!             ENROL sent             any message under K_0              the next key, under K_e
//! enrol() ──▶ Enrolling{K_0} ───────────────────────────▶ Steady{K_e} ─────────────────────────▶ Switching{K_e, K_e+1}
//!                                                              ▲      any message under K_e+1: K_e is erased      │
//!                                                              └──────────────────────────────────────────────────┘
//! ```

mod account;
mod cbor;
mod codec;
mod error;
mod holdings;
mod input;
mod keys;
mod output;
mod pace;
mod pending;
mod provision;
mod request;
mod retry;
mod rotation;
mod take;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use rand_core::CryptoRng;

pub use account::{Account, CodeMark, DEFAULT_THRESHOLD, History, MAX_HELD_CODES, MAX_TEXT_LEN, Phase};
pub use codec::{ACCOUNT_VERSION, MAX_ACCOUNT_LEN};
pub use error::{AccountError, EnrolError, Fault, PeerError, ProvisionError, RequestError, TakeError};
pub use output::{Event, Output};
pub use pace::Pace;
pub use provision::Provision;
pub use take::Selector;

use crate::enrolment::Enrolment;
use crate::envelope::{EpochKeys, KeyPair, activation_key};
use crate::ids::{Handle, UnixMillis};
use crate::profile::Suite;
use crate::wire::Enrol;
use holdings::Holdings;
use keys::KeyState;
use pending::{Awaits, Pending};
use retry::Retry;

/// When the device says that a set arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledge {
    /// At once, in a request of its own. The default: the server stops sending the set again.
    #[default]
    Immediately,
    /// With the next request, or when the set comes again. Saves a message each way where messages cost money.
    WithNextRequest,
}

/// One account at work.
#[derive(Debug)]
pub struct Engine {
    account: Account,
    retry: Retry,
    acknowledge: Acknowledge,
    pace: Pace,
    /// Whether the account has changed in this call.
    changed: bool,
    /// What this call wants done, apart from storing the account.
    staged: Vec<Output>,
    outputs: VecDeque<Output>,
    /// The last time given out as [`Output::WaitUntil`].
    announced: Option<UnixMillis>,
    /// When a set that came again was last acknowledged again by a new request.
    reacknowledged: Option<UnixMillis>,
}

impl Engine {
    /// Begins an account from what the enrolment's code says, in slot `handle` of the device. The first outputs are
    /// `Persist` and the message ENROL.
    ///
    /// # Errors
    /// See [`EnrolError`]; nothing was sent then.
    pub fn enrol(
        enrolment: &Enrolment,
        handle: Handle,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, EnrolError> {
        let texts = [&enrolment.realm, &enrolment.label, &enrolment.server];
        if texts.into_iter().any(|text| text.len() > MAX_TEXT_LEN) {
            return Err(EnrolError::TextTooLong);
        }
        let party = enrolment.party;
        let static_pair = match party.profile.suite() {
            Suite::Symmetric => None,
            suite @ (Suite::X25519 | Suite::P256 | Suite::XWing) => {
                Some(KeyPair::generate(suite, rng).map_err(|_| EnrolError::KeyPair)?)
            }
        };
        let activation = activation_key(&enrolment.secret, &party);
        let public_key = static_pair.as_ref().map(|pair| pair.public().to_vec()).unwrap_or_default();
        let enrol = Enrol { profile: party.profile, handle, public_key };
        let key = KeyState::Enrolling { activation };
        let (activation, epoch) = key.sending();
        let message = EpochKeys::derive(activation, &party, epoch)
            .seal_enrol(FIRST_COUNTER, &enrol, rng)
            .map_err(|_| EnrolError::SealFailed)?;
        let mut engine = Self::restore(Account {
            party,
            handle,
            realm: enrolment.realm.clone(),
            label: enrolment.label.clone(),
            server: enrolment.server.clone(),
            key,
            static_pair,
            ephemeral: None,
            counter: FIRST_COUNTER,
            pending: Some(Pending { message: message.clone(), counter: FIRST_COUNTER, awaits: Awaits::Enrolment }),
            last_sync: 0,
            threshold: DEFAULT_THRESHOLD,
            suspended: false,
            refill_asked: UnixMillis(0),
            holdings: Holdings::default(),
            history: History::default(),
        });
        engine.retry = Retry::SentUntimed;
        engine.changed = true;
        engine.staged.push(Output::Transmit(message));
        engine.flush();
        Ok(engine)
    }

    /// Goes on from a stored account. A message that was pending is sent again at the first [`Engine::tick`].
    #[must_use]
    pub fn restore(account: Account) -> Self {
        let retry = if account.pending.is_some() { Retry::Unsent } else { Retry::Idle };
        Self {
            account,
            retry,
            acknowledge: Acknowledge::default(),
            pace: Pace::default(),
            changed: false,
            staged: Vec::new(),
            outputs: VecDeque::new(),
            announced: None,
            reacknowledged: None,
        }
    }

    /// Sets when sets are acknowledged. Default: [`Acknowledge::Immediately`]. Not part of the stored account.
    pub const fn set_acknowledge(&mut self, acknowledge: Acknowledge) {
        self.acknowledge = acknowledge;
    }

    /// Sets how eagerly the device sends by itself. Default: [`Pace::DATA`]. Not part of the stored account, so that it
    /// follows the bearer. A wait that has begun goes on, unless it is longer than any of the new pace: then it is over at
    /// the next [`Engine::tick`].
    pub const fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// The next action; `None` when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The account as it stands, with everything that is still queued already in it.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The message that waits for its answer, for a shell that is asked for it and does not send by itself. It is stored
    /// with the account.
    #[must_use]
    pub fn pending_message(&self) -> Option<&[u8]> {
        self.account.pending.as_ref().map(|pending| pending.message.as_slice())
    }

    /// How many unused codes are held, at most [`MAX_HELD_CODES`].
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.account.remaining()
    }

    /// Lets time pass: sends the pending message again, as the same bytes, when it is due, after the waits of the
    /// [`Pace`]. May be called at any time and as often as one likes.
    pub fn tick(&mut self, now: UnixMillis) {
        self.retry = self.retry.timed(now, self.pace);
        self.resend_if_due(now);
        self.flush();
    }

    /// Stages the pending message when it is due.
    fn resend_if_due(&mut self, now: UnixMillis) {
        if self.retry.is_due(now, self.pace) {
            self.resend(now);
        }
    }

    /// Stages the pending message again.
    fn resend(&mut self, now: UnixMillis) {
        if let Some(pending) = &self.account.pending {
            let message = pending.message.clone();
            self.retry = self.retry.again(now, self.pace);
            self.drop_queued_messages();
            self.staged.push(Output::Transmit(message));
        }
    }

    /// Takes messages that were not sent yet out of the queue: the one that follows says all that they said.
    fn drop_queued_messages(&mut self) {
        self.outputs.retain(|output| !matches!(output, Output::Transmit(_)));
        self.staged.retain(|output| !matches!(output, Output::Transmit(_)));
    }

    /// Ends a call: queues what it wants done, storing first.
    fn flush(&mut self) {
        if core::mem::take(&mut self.changed) {
            self.outputs.push_back(Output::Persist);
        }
        self.outputs.extend(self.staged.drain(..));
        let due = self.retry.due();
        if due != self.announced {
            self.announced = due;
            self.outputs.extend(due.map(Output::WaitUntil));
        }
    }
}

/// The counter of ENROL: requests count from 1.
const FIRST_COUNTER: u32 = 1;
