//! An account: everything that a device keeps about one enrolment, and all that the engine needs after a restart.

use alloc::string::String;

use super::holdings::Holdings;
use super::keys::KeyState;
use super::pending::{Asks, Pending};
use crate::enrolment::MAX_SERVER_LEN;
use crate::envelope::KeyPair;
use crate::ids::{CodeIndex, Epoch, Handle, UnixMillis};
use crate::sms;
use crate::wire::Party;

/// The threshold before the server has named one, which it does when it confirms the enrolment: ask when none is left.
pub const DEFAULT_THRESHOLD: u8 = 0;
/// The longest realm, label and server address, in bytes each: the longest of the three that an enrolment carries.
pub const MAX_TEXT_LEN: usize = MAX_SERVER_LEN;
/// The most unused codes that a device keeps: what the server's policy allows one authenticator.
pub const MAX_HELD_CODES: usize = 250;

/// One enrolment as the device keeps it: keys, codes, counters and the message that waits for an answer. Every secret
/// in it is wiped when it is dropped. It is stored as [`Account::encode`] writes it, and never otherwise.
pub struct Account {
    pub(super) party: Party,
    pub(super) handle: Handle,
    pub(super) realm: String,
    pub(super) label: String,
    pub(super) server: String,
    pub(super) key: KeyState,
    pub(super) static_pair: Option<KeyPair>,
    pub(super) ephemeral: Option<KeyPair>,
    pub(super) counter: u32,
    pub(super) pending: Option<Pending>,
    pub(super) last_sync: u32,
    pub(super) threshold: u8,
    pub(super) suspended: bool,
    pub(super) refill_asked: UnixMillis,
    pub(super) holdings: Holdings,
    pub(super) history: History,
}

/// What the account has been through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many sets were accepted.
    pub sets_accepted: u32,
    /// How many codes were taken.
    pub codes_taken: u32,
    /// How many unused codes were dropped because a set said so (RESET).
    pub codes_dropped: u32,
    /// How many times the key was replaced.
    pub rotations: u32,
    /// How many conflicting sets and keys were refused.
    pub conflicts: u32,
}

/// Where the account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the server to confirm the enrolment.
    Enrolling,
    /// In use.
    Steady,
    /// In use, and on the way from one key to the next.
    Switching,
}

/// A code's place in the list that the user sees: no code is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeMark {
    /// The absolute index.
    pub index: CodeIndex,
    /// Whether the code was taken.
    pub used: bool,
}

impl Account {
    /// Who this is to the server: identification code and profile.
    #[must_use]
    pub const fn party(&self) -> &Party {
        &self.party
    }

    /// The device's own number for the account; the server's messages carry it.
    #[must_use]
    pub const fn handle(&self) -> Handle {
        self.handle
    }

    /// The realm, as the enrolment named it; at most [`MAX_TEXT_LEN`] bytes.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The name that the user knows the account by; at most [`MAX_TEXT_LEN`] bytes.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The server's base URL, `sms:` and a number, or nothing; at most [`MAX_TEXT_LEN`] bytes.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The number that the device sends to, when the server is `sms:` and a number.
    #[must_use]
    pub fn sms_server(&self) -> Option<sms::Address> {
        sms::server_number(&self.server)
    }

    /// Where the account stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self.key {
            KeyState::Enrolling { .. } => Phase::Enrolling,
            KeyState::Steady { .. } => Phase::Steady,
            KeyState::Switching { .. } => Phase::Switching,
        }
    }

    /// The number of the key that the device sends under: 0 until the first rotation.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.key.sending().1
    }

    /// Whether a message to the server waits for its answer.
    #[must_use]
    pub const fn awaits_answer(&self) -> bool {
        self.pending.is_some()
    }

    /// The counter of the last request; 0 before the first.
    #[must_use]
    pub const fn last_request(&self) -> u32 {
        self.counter
    }

    /// A set is asked for when this many unused codes are left or fewer, 0 to 63; [`DEFAULT_THRESHOLD`] until the
    /// server names another.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Whether the server said that the authenticator is suspended.
    #[must_use]
    pub const fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// When the device last asked for a refill by itself; 0: never.
    #[must_use]
    pub const fn refill_asked(&self) -> UnixMillis {
        self.refill_asked
    }

    /// How many unused codes are held, at most [`MAX_HELD_CODES`].
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.holdings.remaining()
    }

    /// The highest index ever held; [`CodeIndex::NONE`] before the first set.
    #[must_use]
    pub const fn highest(&self) -> CodeIndex {
        self.holdings.highest()
    }

    /// The codes by index, and which are used. Sets that are wholly used leave the list when a newer one comes. The
    /// codes themselves are shown by [`Engine::take_code`](super::Engine::take_code) alone, once each.
    pub fn codes(&self) -> impl Iterator<Item = CodeMark> {
        self.holdings.marks()
    }

    /// What the account has been through.
    #[must_use]
    pub const fn history(&self) -> History {
        self.history
    }

    /// What the pending request still asks for.
    pub(super) fn pending_asks(&self) -> Asks {
        self.pending.as_ref().map_or(Asks::NOTHING, Pending::asks)
    }

    /// Whether it is time to ask for a set: few codes are left, none is asked for, and the server gives any.
    pub(super) fn needs_refill(&self) -> bool {
        self.remaining() <= usize::from(self.threshold)
            && self.pending_asks().set.is_none()
            && !self.suspended
            && self.phase() != Phase::Enrolling
    }

    /// Moves the keys to their next state.
    pub(super) fn change_key(&mut self, transition: impl FnOnce(KeyState) -> KeyState) {
        let state = core::mem::replace(&mut self.key, KeyState::vacant());
        self.key = transition(state);
    }
}

impl core::fmt::Debug for Account {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.party.id)
            .field("phase", &self.phase())
            .field("epoch", &self.epoch())
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
