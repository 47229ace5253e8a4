//! A message comes in: syntax, key, tag, then what it says.

use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};

use super::holdings::Verdict;
use super::keys::{Digest, Role};
use super::pending::Asks;
use super::retry::Retry;
use super::{Acknowledge, Engine, Event, Output, PeerError, Phase};
use crate::codes::CodeSet;
use crate::envelope::{Downlink, EpochKeys, OpenError};
use crate::ids::UnixMillis;
use crate::wire::{DownlinkKind, Sync, UnverifiedDownlink};

/// What a message calls for.
struct Answer {
    /// Whether the server is to be told what the device holds, even when nothing is asked for.
    report: bool,
    /// What is to be asked for.
    asks: Asks,
}

impl Answer {
    const NONE: Self = Self { report: false, asks: Asks::NOTHING };
    const REPORT: Self = Self { report: true, asks: Asks::NOTHING };
}

impl Engine {
    /// Takes a message from the server in its compressed form, from whatever bearer. One input leads to one request at
    /// the most.
    ///
    /// # Errors
    /// Why the message was refused. The shell goes on as before, and still carries out the outputs: a conflict is
    /// recorded and reported.
    pub fn handle_input(
        &mut self,
        bytes: &[u8],
        now: UnixMillis,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), PeerError> {
        let verdict = self.receive(bytes, now, rng);
        self.flush();
        verdict
    }

    fn receive(&mut self, bytes: &[u8], now: UnixMillis, rng: &mut (impl CryptoRng + ?Sized)) -> Result<(), PeerError> {
        let unverified = UnverifiedDownlink::decode(bytes).map_err(|_| PeerError::Malformed)?;
        let unverified = unverified.for_handle(self.account.handle).map_err(|_| PeerError::NotOurs)?;
        let (opened, role) = self.open(&unverified)?;
        let digest = digest_of(bytes);
        match role {
            Role::Replaced => self.accept_late(&opened?, &digest, now),
            Role::Sending => {
                // Authentic, whatever its content: that alone confirms the key.
                let first = self.confirm_key();
                let accepted = opened.and_then(|downlink| self.accept(downlink, digest, now));
                let answer = accepted.as_ref().map_or(&Answer::NONE, |answer| answer);
                let asks = if self.remaining() == 0 { first.and(answer.asks) } else { answer.asks };
                if answer.report || asks != Asks::NOTHING {
                    self.ask(asks, now, rng)?;
                    self.let_go_of_acknowledgement();
                }
                accepted.map(drop)
            }
        }
    }

    /// Opens a message under the key that it names. The outer error means that it is not authentic, the inner one that
    /// it is, with a content that is none.
    fn open(&self, unverified: &UnverifiedDownlink<'_>) -> Result<(Result<Downlink, PeerError>, Role), PeerError> {
        let header = unverified.header();
        if !header.kind.is_in(self.account.party.profile) {
            return Err(PeerError::WrongKind);
        }
        let (key, epoch, role) = self.account.key.named(header.epoch_low).ok_or(PeerError::UnknownKey)?;
        let pair = match header.kind {
            DownlinkKind::Set | DownlinkKind::RotateSymmetric | DownlinkKind::Sync => None,
            DownlinkKind::SetPk => self.account.static_pair.as_ref(),
            DownlinkKind::RotatePublicKey => Some(self.account.ephemeral.as_ref().ok_or(PeerError::UnknownKey)?),
        };
        match EpochKeys::derive(key, &self.account.party, epoch).open_downlink(unverified, pair) {
            Ok(downlink) => Ok((Ok(downlink), role)),
            Err(OpenError::Plaintext(_)) => Ok((Err(PeerError::Invalid), role)),
            Err(_) => Err(PeerError::Forged),
        }
    }

    fn accept(&mut self, downlink: Downlink, digest: Digest, now: UnixMillis) -> Result<Answer, PeerError> {
        match downlink {
            Downlink::Set(set) => self.accept_set(&set, digest, now),
            Downlink::Rotation { next, key } => self.accept_rotation(next, key, digest).map(|()| Answer::REPORT),
            Downlink::Sync { sequence, sync } => self.accept_sync(sequence, sync, now),
        }
    }

    fn accept_set(&mut self, set: &CodeSet, digest: Digest, now: UnixMillis) -> Result<Answer, PeerError> {
        match self.account.holdings.judge(set, &digest) {
            Verdict::New => Ok(self.hold(set, digest)),
            Verdict::Same => Ok(self.acknowledge_again(set, now)),
            Verdict::Conflict => {
                self.account.history.conflicts = self.account.history.conflicts.saturating_add(1);
                self.changed = true;
                self.staged.push(Output::Event(Event::SetConflict { first: set.first, last: set.last() }));
                Err(PeerError::SetConflict)
            }
            Verdict::Stale => Err(PeerError::Stale),
            Verdict::TooMany => Err(PeerError::TooManyCodes),
        }
    }

    /// Holds a new set. It answers the wish for one, whoever's trigger sent it.
    fn hold(&mut self, set: &CodeSet, digest: Digest) -> Answer {
        let dropped = self.account.holdings.hold(set, digest);
        let history = &mut self.account.history;
        history.sets_accepted = history.sets_accepted.saturating_add(1);
        history.codes_dropped = history.codes_dropped.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
        self.changed = true;
        let (first, last, count) = (set.first, set.last(), set.count());
        self.staged.push(Output::Event(Event::SetAccepted { first, last, count, dropped }));
        if let Some(pending) = &mut self.account.pending {
            pending.set_came();
        }
        if self.account.needs_refill() {
            return Answer { report: true, asks: self.refill() };
        }
        match self.acknowledge {
            Acknowledge::Immediately => Answer::REPORT,
            Acknowledge::WithNextRequest => {
                if self.account.pending_asks() == Asks::NOTHING {
                    self.stop_waiting();
                }
                Answer::NONE
            }
        }
    }

    /// A set came again, so its acknowledgement may be lost. A pending request that carries it is sent again; otherwise
    /// a new one is made.
    fn acknowledge_again(&mut self, set: &CodeSet, now: UnixMillis) -> Answer {
        if self.account.pending.as_ref().is_some_and(|pending| pending.acknowledges(set.last())) {
            self.prompt(now);
            return Answer::NONE;
        }
        let reacknowledge_ms = self.pace.reacknowledge_ms;
        let is_too_soon = |last: UnixMillis| last <= now && now.since(last) < reacknowledge_ms;
        if self.reacknowledged.is_some_and(is_too_soon) {
            return Answer::NONE;
        }
        self.reacknowledged = Some(now);
        Answer::REPORT
    }

    fn accept_sync(&mut self, sequence: u32, sync: Sync, now: UnixMillis) -> Result<Answer, PeerError> {
        if sync.last_request > self.account.counter {
            self.staged.push(Output::Event(Event::ReenrolmentNeeded));
            return Err(PeerError::DeviceRestored);
        }
        let pending = self.account.pending.as_ref();
        let answers = pending.is_some_and(|pending| pending.is_confirmed_by(sync.last_request));
        // An answer to the latest request is fresh even with an old number: a restored server counts from an older one.
        if sequence <= self.account.last_sync && !answers {
            return Ok(Answer::NONE);
        }
        // A server that still wants a rotation after it was asked for one is not asked again at once.
        let rotation_asked = self.account.pending_asks().rotation;
        if answers {
            self.stop_waiting();
        }
        self.account.last_sync = self.account.last_sync.max(sequence);
        self.account.threshold = sync.threshold;
        if self.account.suspended != sync.suspended {
            self.account.suspended = sync.suspended;
            self.staged.push(Output::Event(if sync.suspended { Event::Suspended } else { Event::Resumed }));
        }
        self.changed = true;
        let rotation = sync.rotate && !rotation_asked && self.account.phase() == Phase::Steady;
        let asks = Asks { set: None, rotation }.and(self.due_refill(now));
        Ok(Answer { report: false, asks })
    }

    /// Waits for no answer to a request that only acknowledges, where the pace is such. One that shows the server that
    /// the device holds the next key does more than that.
    fn let_go_of_acknowledgement(&mut self) {
        let only_acknowledges = self.account.pending_asks() == Asks::NOTHING && self.account.phase() == Phase::Steady;
        if only_acknowledges && !self.pace.repeats_acknowledgements {
            self.stop_waiting();
        }
    }

    /// The pending message has its answer, or needs none.
    fn stop_waiting(&mut self) {
        self.account.pending = None;
        self.retry = Retry::Idle;
    }
}

/// What a message is known by when it comes again.
fn digest_of(bytes: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.iter_mut().zip(Sha256::digest(bytes)).for_each(|(to, from)| *to = from);
    digest
}
