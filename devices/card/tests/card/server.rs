//! A server in memory: enough of one to give a card sets and keys.

use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Enrolment, Epoch, EpochKeys, Handle,
    Party, Profile, Reason, Request, Secret, Suite, Sync, UnverifiedUplink, Uplink, activation_key,
};

use crate::chance::Seeded;

pub(crate) const ID: [u8; 8] = [7; 8];
pub(crate) const KEY: [u8; 32] = [0xC3; 32];
const HANDLE: Handle = Handle(0);

pub(crate) struct Server {
    party: Party,
    key: Secret<32>,
    epoch: Epoch,
    offered: Option<(Secret<32>, Vec<u8>)>,
    public_key: Vec<u8>,
    last_request: u32,
    sync_sequence: u32,
    next_index: u32,
    outstanding: Option<(u32, Vec<u8>)>,
    /// Codes of a set.
    pub(crate) set_size: u32,
    /// How its codes are written.
    pub(crate) format: CodeFormat,
    /// It answers without sets, as a policy may have it for a while.
    pub(crate) is_stingy: bool,
    /// Every code that was issued, by index minus 1.
    pub(crate) issued: Vec<String>,
    rng: Seeded,
}

impl Server {
    /// One that has the key from the factory.
    pub(crate) fn with_key() -> Self {
        let profile = Profile::new(Suite::Symmetric, Delivery::Shared).unwrap();
        Self::new(Party { id: AuthenticatorId(ID), profile }, Secret::new(KEY))
    }

    /// One that expects the device to enrol, and what the device is handed.
    pub(crate) fn with_enrolment(suite: Suite, delivery: Delivery) -> (Self, Enrolment) {
        let party = Party { id: AuthenticatorId(ID), profile: Profile::new(suite, delivery).unwrap() };
        let secret = Secret::new([9; 16]);
        let server = Self::new(party, activation_key(&secret, &party));
        let (realm, label) = ("ship-17".to_owned(), "card".to_owned());
        (server, Enrolment { party, secret, server: "https://codes.example".to_owned(), realm, label })
    }

    fn new(party: Party, key: Secret<32>) -> Self {
        Self {
            party,
            key,
            epoch: Epoch(0),
            offered: None,
            public_key: Vec::new(),
            last_request: 0,
            sync_sequence: 0,
            next_index: 1,
            outstanding: None,
            set_size: 10,
            format: CodeFormat::new(Alphabet::Decimal, 6).unwrap(),
            is_stingy: false,
            issued: Vec::new(),
            rng: Seeded(1),
        }
    }

    /// Answers a message, as often as it comes.
    pub(crate) fn answer(&mut self, message: &[u8]) -> Vec<Vec<u8>> {
        let unverified = UnverifiedUplink::decode(message).unwrap();
        if unverified.epoch_low() == self.epoch.next().unwrap().low_byte() {
            self.key = self.offered.take().unwrap().0;
            self.epoch = self.epoch.next().unwrap();
        }
        match self.keys().open_uplink(&unverified).unwrap() {
            Uplink::Enrol { counter, enrol } => {
                (self.last_request, self.public_key) = (counter, enrol.public_key);
                vec![self.sync()]
            }
            Uplink::Request { counter, request } => self.answer_request(counter, &request),
        }
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.0
    }

    fn answer_request(&mut self, counter: u32, request: &Request) -> Vec<Vec<u8>> {
        self.last_request = self.last_request.max(counter);
        if self.outstanding.as_ref().is_some_and(|(last, _)| request.highest.0 >= *last) {
            self.outstanding = None;
        }
        if request.wanted > 0 && self.outstanding.is_none() && !self.is_stingy {
            self.issue();
        }
        let mut answers: Vec<_> = self.outstanding.iter().map(|(_, set)| set.clone()).collect();
        if request.reason == Reason::Rotate {
            answers.push(self.offer(request.ephemeral.as_deref()));
        }
        if answers.is_empty() {
            answers.push(self.sync());
        }
        answers
    }

    /// The same offer, until it is taken.
    fn offer(&mut self, ephemeral: Option<&[u8]>) -> Vec<u8> {
        if self.offered.is_none() {
            let new = Secret::new([self.rng.next() as u8; 32]);
            let keys = self.keys();
            let sealed = match ephemeral {
                Some(key) => keys.seal_rotation_to(HANDLE, key, &new, &mut self.rng),
                None => keys.seal_rotation(HANDLE, &new, &mut self.rng),
            };
            self.offered = Some((new, sealed.unwrap()));
        }
        self.offered.as_ref().unwrap().1.clone()
    }

    fn issue(&mut self) {
        let format = self.format;
        let codes: Vec<_> = (0..self.set_size).map(|_| Code::draw(format, &mut self.rng)).collect();
        self.issued.extend(codes.iter().map(|code| code.reveal().to_string()));
        let set = CodeSet::new(CodeIndex(self.next_index), format, false, codes).unwrap();
        self.next_index += self.set_size;
        let keys = self.keys();
        let sealed = match self.party.profile.delivery() {
            Delivery::Shared => keys.seal_set(HANDLE, &set, &mut self.rng),
            Delivery::PublicKey => keys.seal_set_to(HANDLE, &self.public_key, &set, &mut self.rng),
        };
        self.outstanding = Some((set.last().0, sealed.unwrap()));
    }

    fn sync(&mut self) -> Vec<u8> {
        self.sync_sequence += 1;
        let sync = Sync { last_request: self.last_request, rotate: false, suspended: false, threshold: 3 };
        let keys = self.keys();
        keys.seal_sync(HANDLE, self.sync_sequence, &sync, &mut self.rng).unwrap()
    }

    fn keys(&self) -> EpochKeys {
        EpochKeys::derive(&self.key, &self.party, self.epoch)
    }
}
