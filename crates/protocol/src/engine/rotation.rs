//! Replacing the key: the device takes the next key from the server, sends under it, and erases the old one only when
//! the server has shown that it holds the new one too. No time-out ever erases a key.

use super::keys::{Digest, KeyState};
use super::pending::Asks;
use super::{Engine, Event, Output, PeerError};
use crate::envelope::Downlink;
use crate::ids::{Epoch, UnixMillis};
use crate::secret::Secret;

impl Engine {
    /// A message verified under the key that the device sends under, so the server holds it: an enrolment is confirmed,
    /// a rotation is complete. Says what is to be asked for because of it.
    pub(super) fn confirm_key(&mut self) -> Asks {
        let epoch = self.account.epoch();
        let asks = match self.account.key {
            KeyState::Steady { .. } => return Asks::NOTHING,
            KeyState::Enrolling { .. } => {
                self.account.pending = None;
                self.retry = super::Retry::Idle;
                self.staged.push(Output::Event(Event::Enrolled));
                self.refill()
            }
            KeyState::Switching { .. } => {
                self.account.ephemeral = None;
                self.account.history.rotations = self.account.history.rotations.saturating_add(1);
                self.staged.push(Output::Event(Event::KeyReplaced { epoch }));
                Asks::NOTHING
            }
        };
        self.account.change_key(KeyState::confirmed);
        self.changed = true;
        asks
    }

    /// Takes the next key, under the present one.
    pub(super) fn accept_rotation(&mut self, next: Epoch, key: Secret<32>, offer: Digest) -> Result<(), PeerError> {
        if self.account.epoch().next() != Some(next) {
            return Err(self.refuse_key());
        }
        self.account.change_key(|state| state.offered(next, key, offer));
        if let Some(pending) = &mut self.account.pending {
            pending.rotation_came();
        }
        self.changed = true;
        Ok(())
    }

    /// A message under the key that is being replaced. Nothing of it is taken: the highest index that the device
    /// reported under the new key is final. It shows that the server may not have seen that report, so the report is
    /// sent again.
    pub(super) fn accept_late(&mut self, late: &Downlink, digest: &Digest, now: UnixMillis) -> Result<(), PeerError> {
        let verdict = match (late, &self.account.key) {
            (Downlink::Rotation { .. }, KeyState::Switching { offer, .. }) if offer == digest => Ok(()),
            (Downlink::Rotation { .. }, _) => return Err(self.refuse_key()),
            (Downlink::Set(_) | Downlink::Sync { .. }, _) => Err(PeerError::OldKey),
        };
        self.prompt(now);
        verdict
    }

    /// Sends the pending message soon, because the server has not seen it: at once, or the shortest wait of the pace after
    /// the last time.
    pub(super) fn prompt(&mut self, now: UnixMillis) {
        self.retry = self.retry.prompted(now, self.pace);
        self.resend_if_due(now);
    }

    fn refuse_key(&mut self) -> PeerError {
        self.account.history.conflicts = self.account.history.conflicts.saturating_add(1);
        self.changed = true;
        self.staged.push(Output::Event(Event::KeyConflict));
        PeerError::KeyConflict
    }
}
