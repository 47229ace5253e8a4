//! The one uplink message that waits for an answer. It is sent again as the same bytes; a newer request takes its place
//! and asks for what the older one had not got yet.

use alloc::vec::Vec;

use crate::ids::CodeIndex;
use crate::wire::{Reason, WANTED_SERVERS_CHOICE};

/// The pending message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// The sealed bytes in their compressed form.
    pub(super) message: Vec<u8>,
    /// Its request counter, from 1.
    pub(super) counter: u32,
    /// What would answer it.
    pub(super) awaits: Awaits,
}

/// What would answer a pending message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    /// ENROL: any message that verifies under K_0.
    Enrolment,
    /// REQ: a SYNC that confirms its counter; or the set or the key that it asks for.
    Reply {
        /// The highest index that it reports: it acknowledges every set up to there.
        highest: CodeIndex,
        /// What it asks for.
        asks: Asks,
    },
}

/// What a request asks for beside an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asks {
    /// A set, and why.
    pub(super) set: Option<Want>,
    /// The next key.
    pub(super) rotation: bool,
}

/// Why a set is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// The device has no codes yet.
    First,
    /// As many unused codes as the threshold are left, or fewer.
    Low,
    /// The user asked.
    Manual,
}

impl Asks {
    /// Only an answer.
    pub(super) const NOTHING: Self = Self { set: None, rotation: false };

    /// Both requests in one. An older wish for a set keeps its reason.
    pub(super) const fn and(self, newer: Self) -> Self {
        let set = match self.set {
            Some(older) => Some(older),
            None => newer.set,
        };
        Self { set, rotation: self.rotation || newer.rotation }
    }

    /// The request's field "wanted".
    pub(super) const fn wanted(self) -> u8 {
        match self.set {
            Some(Want::First | Want::Low | Want::Manual) => WANTED_SERVERS_CHOICE,
            None => 0,
        }
    }

    /// The request's field "reason". A rotation comes first: in suite 1 nothing else in the request asks for it.
    pub(super) const fn reason(self) -> Reason {
        match (self.rotation, self.set) {
            (true, Some(Want::First | Want::Low | Want::Manual) | None) => Reason::Rotate,
            (false, Some(Want::First)) => Reason::First,
            (false, Some(Want::Low)) => Reason::Low,
            (false, Some(Want::Manual)) => Reason::Manual,
            (false, None) => Reason::Status,
        }
    }
}

impl Pending {
    /// What a request still asks for; nothing when the pending message is an enrolment.
    pub(super) const fn asks(&self) -> Asks {
        match self.awaits {
            Awaits::Enrolment => Asks::NOTHING,
            Awaits::Reply { highest: _, asks } => asks,
        }
    }

    /// The set came that it asks for.
    pub(super) const fn set_came(&mut self) {
        match &mut self.awaits {
            Awaits::Enrolment => {}
            Awaits::Reply { highest: _, asks } => asks.set = None,
        }
    }

    /// The next key came that it asks for.
    pub(super) const fn rotation_came(&mut self) {
        match &mut self.awaits {
            Awaits::Enrolment => {}
            Awaits::Reply { highest: _, asks } => asks.rotation = false,
        }
    }

    /// Whether it acknowledges the codes up to `last`.
    pub(super) fn acknowledges(&self, last: CodeIndex) -> bool {
        match self.awaits {
            Awaits::Enrolment => false,
            Awaits::Reply { highest, asks: _ } => highest >= last,
        }
    }

    /// Whether a SYNC that names `last_request` answers it.
    pub(super) const fn is_confirmed_by(&self, last_request: u32) -> bool {
        match self.awaits {
            Awaits::Enrolment => false,
            Awaits::Reply { .. } => last_request >= self.counter,
        }
    }
}
