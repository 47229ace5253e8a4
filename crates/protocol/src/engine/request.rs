//! What the device asks for: a set, a new key, or only an answer. Each request carries everything that is still asked
//! for, so that one pending message is enough.

use rand_core::CryptoRng;

use super::keys::KeyState;
use super::pending::{Asks, Awaits, Pending, Want};
use super::retry::Retry;
use super::{Engine, MAX_HELD_CODES, Output, Phase, RequestError};
use crate::envelope::{EpochKeys, KeyPair};
use crate::ids::{CodeIndex, UnixMillis};
use crate::profile::Suite;
use crate::wire::Request;

impl Engine {
    /// Asks for a set because the user wants one. When a set is asked for already, the pending request is sent again.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn request_set(&mut self, now: UnixMillis, rng: &mut (impl CryptoRng + ?Sized)) -> Result<(), RequestError> {
        if self.remaining() >= MAX_HELD_CODES {
            return Err(RequestError::HoldsEnough);
        }
        self.request(Asks { set: Some(Want::Manual), rotation: false }, now, rng)
    }

    /// Asks for a new key because the user wants one. While a rotation is under way, or asked for already, the pending
    /// request is sent again.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn request_rotation(
        &mut self,
        now: UnixMillis,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), RequestError> {
        let rotation = self.account.phase() != Phase::Switching;
        self.request(Asks { set: None, rotation }, now, rng)
    }

    /// Says what the device holds, and so learns whether the server has anything for it. When a request is pending
    /// already, it is sent again.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn request_status(&mut self, now: UnixMillis, rng: &mut (impl CryptoRng + ?Sized)) -> Result<(), RequestError> {
        self.request(Asks::NOTHING, now, rng)
    }

    /// Asks for a refill when few codes are left, none is asked for, and the last time that the device asked by itself
    /// is as long ago as the [`Pace`](super::Pace) says. For the shell to call now and then. Says whether it asked.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn refill_if_low(
        &mut self,
        now: UnixMillis,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<bool, RequestError> {
        let asks = self.due_refill(now);
        if asks == Asks::NOTHING {
            return Ok(false);
        }
        let asked = self.ask(asks, now, rng);
        self.flush();
        asked.map(|()| true)
    }

    /// A refill, when it is due; otherwise nothing.
    pub(super) fn due_refill(&self, now: UnixMillis) -> Asks {
        let asked = self.account.refill_asked;
        // A time of asking that lies ahead means that the clock was set back.
        let is_due = now.since(asked) >= self.pace.refill_ms || asked > now;
        if is_due && self.account.needs_refill() { self.refill() } else { Asks::NOTHING }
    }

    /// A set that the device asks for by itself.
    pub(super) fn refill(&self) -> Asks {
        let never_held = self.account.highest() == CodeIndex::NONE;
        Asks { set: Some(if never_held { Want::First } else { Want::Low }), rotation: false }
    }

    /// Makes a request that asks for `asks` and for all that the pending one still asks for, and puts it in its place.
    pub(super) fn ask(
        &mut self,
        asks: Asks,
        now: UnixMillis,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), RequestError> {
        let (key, epoch) = match &self.account.key {
            KeyState::Enrolling { .. } => return Err(RequestError::NotEnrolled),
            state @ (KeyState::Steady { .. } | KeyState::Switching { .. }) => state.sending(),
        };
        let keys = EpochKeys::derive(key, &self.account.party, epoch);
        let counter = self.account.counter.checked_add(1).ok_or(RequestError::CountersUsedUp)?;
        let asks = self.account.pending_asks().and(asks);
        let ephemeral = if asks.rotation { self.ephemeral_public_key(rng)? } else { None };
        let highest = self.account.highest();
        let request = Request {
            highest,
            unused: u8::try_from(self.remaining()).unwrap_or(u8::MAX),
            wanted: asks.wanted(),
            reason: asks.reason(),
            ephemeral,
        };
        let message = keys.seal_request(counter, &request, rng).map_err(|_| RequestError::SealFailed)?;
        if matches!(asks.set, Some(Want::First | Want::Low)) {
            self.account.refill_asked = now;
        }
        self.account.counter = counter;
        self.drop_queued_messages();
        self.staged.push(Output::Transmit(message.clone()));
        self.account.pending = Some(Pending { message, counter, awaits: Awaits::Reply { highest, asks } });
        self.retry = Retry::first(now, self.pace);
        self.changed = true;
        Ok(())
    }

    /// A user's request: a new one, unless the pending one asks for all of it already.
    fn request(
        &mut self,
        asks: Asks,
        now: UnixMillis,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), RequestError> {
        if self.account.phase() == Phase::Enrolling {
            return Err(RequestError::NotEnrolled);
        }
        let pending = self.account.pending_asks();
        let is_asked = (asks.set.is_none() || pending.set.is_some()) && (!asks.rotation || pending.rotation);
        let done = if self.account.pending.is_some() && is_asked {
            self.resend(now);
            Ok(())
        } else {
            self.ask(asks, now, rng)
        };
        self.flush();
        done
    }

    /// The public key for the next rotation. The pair is made when there is none, and kept until the rotation is
    /// complete, so that there are never two. None in suite 1.
    fn ephemeral_public_key(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Option<alloc::vec::Vec<u8>>, RequestError> {
        let suite = self.account.party.profile.suite();
        if suite == Suite::Symmetric {
            return Ok(None);
        }
        if self.account.ephemeral.is_none() {
            let pair = KeyPair::generate(suite, rng).map_err(|_| RequestError::SealFailed)?;
            self.account.ephemeral = Some(pair);
            self.changed = true;
        }
        Ok(self.account.ephemeral.as_ref().map(|pair| pair.public().to_vec()))
    }
}
