//! The server of the model.

use crate::search::{Down, Key, Request, Set};
use crate::{Mode, Mutant};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Offer {
    pub(crate) new: Key,
    pub(crate) ephemeral: Option<u8>,
    /// The key that it is sealed under.
    pub(crate) under: Key,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) key: Key,
    pub(crate) keys_made: u8,
    pub(crate) offer: Option<Offer>,
    /// Sets that are sent again until they are acknowledged, with the key that each is sealed under.
    pub(crate) outstanding: Vec<(Set, Key)>,
    /// The sets whose codes it accepts.
    pub(crate) valid: Vec<Set>,
    pub(crate) next_index: u8,
    pub(crate) sets_made: u8,
    pub(crate) last_request: u8,
    /// The counters that were seen, by bit.
    pub(crate) seen: u32,
}

impl Server {
    pub(crate) const fn new() -> Self {
        Self {
            key: Key(0),
            keys_made: 0,
            offer: None,
            outstanding: Vec::new(),
            valid: Vec::new(),
            next_index: 1,
            sets_made: 0,
            last_request: 0,
            seen: 0,
        }
    }

    /// Whether it can read a message under `key`.
    pub(crate) fn holds(&self, key: Key) -> bool {
        self.key == key || self.offer.as_ref().is_some_and(|offer| offer.new == key)
    }

    /// What is sent again until it is acknowledged.
    pub(crate) fn outbox(&self) -> Vec<Down> {
        let sets = self.outstanding.iter().map(|(set, key)| Down::Set { set: set.clone(), key: *key });
        let offer = self.offer.iter().map(|offer| Down::Rotation {
            under: offer.under,
            new: offer.new,
            ephemeral: offer.ephemeral,
        });
        sets.chain(offer).collect()
    }

    /// Issues a set of its own accord, unless one is outstanding.
    pub(crate) fn push(&mut self) {
        if self.outstanding.is_empty() {
            self.issue();
        }
    }

    fn issue(&mut self) {
        self.sets_made += 1;
        let set = Set { index: self.next_index, content: self.sets_made };
        self.next_index += 1;
        self.valid.push(set.clone());
        self.outstanding.push((set, self.key));
    }

    pub(crate) const fn make_offer(&mut self, ephemeral: Option<u8>, mutant: Option<Mutant>) {
        self.keys_made += 1;
        let new = Key(self.keys_made);
        self.offer = Some(Offer { new, ephemeral, under: self.key });
        if matches!(mutant, Some(Mutant::ServerSwitchesOnSend)) {
            self.key = new;
        }
    }

    /// Takes a request, and says what is sent for it.
    pub(crate) fn receive(&mut self, request: &Request, mode: Mode, mutant: Option<Mutant>) -> Vec<Down> {
        if !self.holds(request.key) {
            return vec![];
        }
        let bit = 1 << request.counter;
        if self.seen & bit != 0 {
            return self.reply();
        }
        self.seen |= bit;
        let is_newest = request.counter > self.last_request;
        self.last_request = self.last_request.max(request.counter);
        let mut reissue = false;
        if request.key != self.key {
            self.key = request.key;
            self.offer = None;
            if mutant != Some(Mutant::SetNotVoided) {
                reissue = self.void_above(request.highest);
            }
        }
        if is_newest {
            self.outstanding.retain(|(set, _)| set.index > request.highest);
        }
        if is_newest || mutant == Some(Mutant::OfferFromOldCounter) {
            self.offer_for(request, mode, mutant);
        }
        let may_issue = self.outstanding.is_empty() || mutant == Some(Mutant::SetPerRequest);
        if is_newest && (request.wanted || reissue) && may_issue {
            self.issue();
        }
        self.reply()
    }

    fn reply(&self) -> Vec<Down> {
        let outbox = self.outbox();
        if outbox.is_empty() { vec![Down::Sync { key: self.key, last_request: self.last_request }] } else { outbox }
    }

    /// Voids what the device did not report; a request under the next key is its final word on the old one.
    fn void_above(&mut self, highest: u8) -> bool {
        let voided: Vec<_> = self.outstanding.iter().filter(|(set, _)| set.index > highest).cloned().collect();
        self.valid.retain(|set| !voided.iter().any(|(void, _)| void == set));
        self.outstanding.retain(|(set, _)| set.index <= highest);
        !voided.is_empty()
    }

    fn offer_for(&mut self, request: &Request, mode: Mode, mutant: Option<Mutant>) {
        if !request.rotate {
            return;
        }
        let wanted = match (&self.offer, mode) {
            (None, Mode::Symmetric | Mode::PublicKey) => true,
            (Some(_), Mode::Symmetric) => false,
            (Some(offer), Mode::PublicKey) => {
                offer.ephemeral != request.ephemeral && mutant != Some(Mutant::OfferNotReplaced)
            }
        };
        if wanted {
            self.make_offer(request.ephemeral, mutant);
        }
    }
}
