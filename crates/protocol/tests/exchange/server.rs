//! A small honest server for one authenticator, as DESIGN's rules have it: one outstanding set, one offer, a window of
//! counters, cached replies, the same bytes on every retry.

use std::collections::BTreeMap;

use matchbook_protocol::{
    Code, CodeFormat, CodeIndex, CodeSet, Delivery, Enrol, Epoch, EpochKeys, Handle, Party, Reason, Request, Secret,
    Suite, Sync, UnverifiedUplink, Uplink,
};

use crate::chance::Chance;

/// A message in its compressed form.
pub type Bytes = Vec<u8>;

#[derive(Clone)]
pub struct Server {
    pub party: Party,
    pub handle: Option<Handle>,
    pub public_key: Bytes,
    pub key: [u8; 32],
    pub epoch: Epoch,
    pub offer: Option<Offer>,
    pub outstanding: Option<Outstanding>,
    /// The codes that it would accept, by index.
    pub issued: BTreeMap<u32, u64>,
    pub next_index: u32,
    pub last_request: u32,
    pub replies: BTreeMap<u32, Vec<Bytes>>,
    pub sync_sequence: u32,
    pub threshold: u8,
    pub suspended: bool,
    pub set_size: u64,
    pub restored: bool,
    /// How many sets it has ever issued.
    pub sets_issued: u32,
    /// Says yes to requests for sets.
    pub generous: bool,
    /// Every request that it took as fresh.
    pub requests: Vec<(u32, Request)>,
    pub chance: Chance,
}

/// The next key, and the message that carries it.
#[derive(Clone)]
pub struct Offer {
    pub key: [u8; 32],
    pub ephemeral: Option<Bytes>,
    pub message: Bytes,
}

/// The set that is not acknowledged yet.
#[derive(Clone)]
pub struct Outstanding {
    pub first: u32,
    pub last: u32,
    pub message: Bytes,
}

impl Server {
    pub fn new(party: Party, activation: &Secret<32>) -> Self {
        Self {
            party,
            handle: None,
            public_key: Vec::new(),
            key: *activation.expose(),
            epoch: Epoch(0),
            offer: None,
            outstanding: None,
            issued: BTreeMap::new(),
            next_index: 1,
            last_request: 0,
            replies: BTreeMap::new(),
            sync_sequence: 0,
            threshold: 2,
            suspended: false,
            set_size: 5,
            restored: false,
            sets_issued: 0,
            generous: true,
            requests: Vec::new(),
            chance: Chance(0x5e_17e5),
        }
    }

    pub fn keys(&self) -> EpochKeys {
        EpochKeys::derive(&Secret::new(self.key), &self.party, self.epoch)
    }

    /// What is resent until it is acknowledged.
    pub fn outbox(&self) -> Vec<Bytes> {
        let set = self.outstanding.as_ref().map(|set| set.message.clone());
        set.into_iter().chain(self.offer.as_ref().map(|offer| offer.message.clone())).collect()
    }

    /// Takes a message and says what is sent back. Silent about everything that is not authentic and fresh.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Bytes> {
        let Ok(uplink) = UnverifiedUplink::decode(bytes) else { return vec![] };
        let next = self.epoch.next().unwrap();
        let under_next = self.offer.is_some() && uplink.epoch_low() == next.low_byte();
        let keys = match &self.offer {
            Some(offer) if under_next => EpochKeys::derive(&Secret::new(offer.key), &self.party, next),
            _ => self.keys(),
        };
        match keys.open_uplink(&uplink) {
            Ok(Uplink::Enrol { counter, enrol }) => self.enrol(counter, enrol),
            Ok(Uplink::Request { counter, request }) if self.handle.is_some() => {
                self.request(counter, request, under_next)
            }
            Ok(Uplink::Request { .. }) | Err(_) => vec![],
        }
    }

    fn enrol(&mut self, counter: u32, enrol: Enrol) -> Vec<Bytes> {
        if let Some(replies) = self.replies.get(&counter) {
            return if enrol.public_key == self.public_key { replies.clone() } else { vec![] };
        }
        if self.handle.is_some() || enrol.profile != self.party.profile {
            return vec![];
        }
        self.handle = Some(enrol.handle);
        self.public_key = enrol.public_key;
        self.last_request = counter;
        let reply = vec![self.sync(false)];
        self.replies.insert(counter, reply.clone());
        reply
    }

    fn request(&mut self, counter: u32, request: Request, under_next: bool) -> Vec<Bytes> {
        if let Some(replies) = self.replies.get(&counter) {
            let outbox = self.outbox();
            return if outbox.is_empty() { replies.clone() } else { outbox };
        }
        if counter + 64 <= self.last_request {
            return vec![];
        }
        self.requests.push((counter, request.clone()));
        // Only the newest request changes anything but the key: an overtaken one speaks of the past.
        let newest = counter > self.last_request;
        self.last_request = self.last_request.max(counter);
        let mut reissue = false;
        if under_next {
            let offer = self.offer.take().unwrap();
            self.key = offer.key;
            self.epoch = self.epoch.next().unwrap();
            reissue = self.void_above(request.highest);
        }
        if newest {
            self.settle(&request);
            self.offer_for(&request);
        }
        if newest && self.outstanding.is_none() && (request.wanted > 0 || reissue) && self.gives_sets() {
            self.issue(false);
        }
        let outbox = self.outbox();
        let reply = if outbox.is_empty() { vec![self.sync(false)] } else { outbox };
        self.replies.insert(counter, reply.clone());
        reply
    }

    const fn gives_sets(&self) -> bool {
        self.generous && !self.suspended
    }

    /// Notes what the device holds.
    fn settle(&mut self, request: &Request) {
        let highest = request.highest.0;
        if self.outstanding.as_ref().is_some_and(|set| set.last <= highest) {
            self.outstanding = None;
        }
        if self.restored || highest >= self.next_index {
            self.restored = false;
            self.outstanding = None;
            self.issued.clear();
            self.next_index = self.next_index.max(highest + 1);
            self.issue(true);
        }
    }

    /// Voids an outstanding set that the device did not report.
    fn void_above(&mut self, highest: CodeIndex) -> bool {
        let Some(set) = self.outstanding.take_if(|set| set.last > highest.0) else { return false };
        self.issued.retain(|index, _| !(set.first..=set.last).contains(index));
        true
    }

    fn offer_for(&mut self, request: &Request) {
        match (&request.ephemeral, self.party.profile.suite()) {
            (Some(key), _) if self.offer.as_ref().is_none_or(|offer| offer.ephemeral.as_ref() != Some(key)) => {
                self.make_offer(Some(key.clone()));
            }
            (None, Suite::Symmetric) if request.reason == Reason::Rotate && self.offer.is_none() => {
                self.make_offer(None);
            }
            _ => {}
        }
    }

    fn make_offer(&mut self, ephemeral: Option<Bytes>) {
        let key = self.chance.key();
        let (keys, handle) = (self.keys(), self.handle.unwrap());
        let message = match &ephemeral {
            Some(to) => keys.seal_rotation_to(handle, to, &Secret::new(key), &mut self.chance),
            None => keys.seal_rotation(handle, &Secret::new(key), &mut self.chance),
        };
        self.offer = Some(Offer { key, ephemeral, message: message.unwrap() });
    }

    /// Issues the next set; it is then outstanding.
    pub fn issue(&mut self, reset: bool) -> Bytes {
        let first = self.next_index;
        let set = self.draw(first, self.set_size, reset);
        let last = set.last().0;
        self.issued.extend(set.indexed().map(|(index, code)| (index.0, code.value())));
        self.next_index = last + 1;
        self.sets_issued += 1;
        let message = self.seal(&set);
        self.outstanding = Some(Outstanding { first, last, message: message.clone() });
        message
    }

    /// Draws a set at an index of the test's choice, and keeps no record of it.
    pub fn draw(&mut self, first: u32, count: u64, reset: bool) -> CodeSet {
        let codes = (0..count).map(|_| Code::draw(CodeFormat::DEFAULT, &mut self.chance)).collect();
        CodeSet::new(CodeIndex(first), CodeFormat::DEFAULT, reset, codes).unwrap()
    }

    /// Seals a set as the profile has it.
    pub fn seal(&mut self, set: &CodeSet) -> Bytes {
        let (keys, handle) = (self.keys(), self.handle.unwrap());
        match self.party.profile.delivery() {
            Delivery::Shared => keys.seal_set(handle, set, &mut self.chance).unwrap(),
            Delivery::PublicKey => keys.seal_set_to(handle, &self.public_key, set, &mut self.chance).unwrap(),
        }
    }

    /// The server's own trigger: the outstanding set again, or a new one.
    pub fn push(&mut self) -> Bytes {
        match &self.outstanding {
            Some(set) => set.message.clone(),
            None => self.issue(false),
        }
    }

    /// A rotation is due: ROT-SYM at once, or SYNC that asks for an ephemeral key.
    pub fn push_rotation(&mut self) -> Bytes {
        if let Some(offer) = &self.offer {
            return offer.message.clone();
        }
        match self.party.profile.suite() {
            Suite::Symmetric => {
                self.make_offer(None);
                self.offer.as_ref().unwrap().message.clone()
            }
            Suite::X25519 | Suite::P256 | Suite::XWing => self.sync(true),
        }
    }

    pub fn sync(&mut self, rotate: bool) -> Bytes {
        self.sync_sequence += 1;
        let sync =
            Sync { last_request: self.last_request, rotate, suspended: self.suspended, threshold: self.threshold };
        self.seal_sync(self.sync_sequence, &sync)
    }

    pub fn seal_sync(&mut self, sequence: u32, sync: &Sync) -> Bytes {
        let (keys, handle) = (self.keys(), self.handle.unwrap());
        keys.seal_sync(handle, sequence, sync, &mut self.chance).unwrap()
    }
}
