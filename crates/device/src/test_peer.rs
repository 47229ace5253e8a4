//! A server for tests, in memory: enough of one to enrol a device, give it sets and replace its key. It is a bearer too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Enrol, Enrolment, Epoch, EpochKeys,
    Handle, Party, Profile, Reason, Request, Secret, Suite, Sync, UnverifiedUplink, Uplink, activation_key,
};

use crate::bearer::{Bearer, BearerError};
use crate::system::system_rng;

pub(crate) const SECRET: [u8; 16] = [3; 16];

pub(crate) fn enrolment(number: u8, suite: Suite, delivery: Delivery) -> Enrolment {
    Enrolment {
        party: Party { id: AuthenticatorId([number; 8]), profile: Profile::new(suite, delivery).unwrap() },
        secret: Secret::new(SECRET),
        server: "http://127.0.0.1:1".to_owned(),
        realm: "main".to_owned(),
        label: format!("device {number}"),
    }
}

/// The server's side of one authenticator.
pub(crate) struct TestPeer {
    party: Party,
    key: Secret<32>,
    epoch: Epoch,
    offered: Option<Secret<32>>,
    handle: Handle,
    public_key: Vec<u8>,
    last_request: u32,
    sync_sequence: u32,
    next_index: u32,
    outstanding: Option<(u32, Vec<u8>)>,
    /// How many codes a set has.
    pub(crate) set_size: u32,
    pub(crate) threshold: u8,
    /// Every code that was issued, by index minus 1.
    pub(crate) issued: Vec<String>,
    /// What each exchange asked to wait for.
    pub(crate) waits: Vec<Option<Duration>>,
    /// Answers nothing, as to a stranger.
    pub(crate) is_silent: bool,
    /// How many of the next exchanges lose the answer.
    pub(crate) lose_answers: u32,
    /// Pushes a set with the next answer.
    pub(crate) push: bool,
}

impl TestPeer {
    pub(crate) fn new(enrolment: &Enrolment) -> Self {
        Self {
            party: enrolment.party,
            key: activation_key(&enrolment.secret, &enrolment.party),
            epoch: Epoch(0),
            offered: None,
            handle: Handle(0),
            public_key: Vec::new(),
            last_request: 0,
            sync_sequence: 0,
            next_index: 1,
            outstanding: None,
            set_size: 10,
            threshold: 3,
            issued: Vec::new(),
            waits: Vec::new(),
            is_silent: false,
            lose_answers: 0,
            push: false,
        }
    }

    pub(crate) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// A set that nobody asked for.
    pub(crate) fn next_set(&mut self) -> Vec<u8> {
        self.issue();
        self.outstanding.clone().unwrap().1
    }

    fn keys(&self) -> EpochKeys {
        EpochKeys::derive(&self.key, &self.party, self.epoch)
    }

    fn answer(&mut self, message: &[u8]) -> Vec<Vec<u8>> {
        let unverified = UnverifiedUplink::decode(message).unwrap();
        if unverified.epoch_low() == self.epoch.next().unwrap().low_byte() {
            self.key = self.offered.take().unwrap();
            self.epoch = self.epoch.next().unwrap();
            self.outstanding = None;
        }
        match self.keys().open_uplink(&unverified).unwrap() {
            Uplink::Enrol { counter, enrol } => self.answer_enrol(counter, enrol),
            Uplink::Request { counter, request } => self.answer_request(counter, &request),
        }
    }

    fn answer_enrol(&mut self, counter: u32, enrol: Enrol) -> Vec<Vec<u8>> {
        self.last_request = counter;
        self.handle = enrol.handle;
        self.public_key = enrol.public_key;
        vec![self.sync()]
    }

    fn answer_request(&mut self, counter: u32, request: &Request) -> Vec<Vec<u8>> {
        self.last_request = self.last_request.max(counter);
        if self.outstanding.as_ref().is_some_and(|(last, _)| request.highest.0 >= *last) {
            self.outstanding = None;
        }
        let mut answers = Vec::new();
        if (request.wanted > 0 || std::mem::take(&mut self.push)) && self.outstanding.is_none() {
            self.issue();
        }
        answers.extend(self.outstanding.as_ref().map(|(_, set)| set.clone()));
        if let Some(ephemeral) = &request.ephemeral {
            let new_key = Secret::new([self.last_request.to_be_bytes()[3]; 32]);
            answers.push(self.keys().seal_rotation_to(self.handle, ephemeral, &new_key, &mut system_rng()).unwrap());
            self.offered = Some(new_key);
        } else if request.reason == Reason::Rotate {
            let new_key = Secret::new([self.last_request.to_be_bytes()[3]; 32]);
            answers.push(self.keys().seal_rotation(self.handle, &new_key, &mut system_rng()).unwrap());
            self.offered = Some(new_key);
        }
        if answers.is_empty() {
            answers.push(self.sync());
        }
        answers
    }

    fn issue(&mut self) {
        let format = CodeFormat::new(Alphabet::Decimal, 6).unwrap();
        let codes: Vec<Code> = (0..self.set_size).map(|_| Code::draw(format, &mut system_rng())).collect();
        self.issued.extend(codes.iter().map(|code| code.reveal().to_string()));
        let set = CodeSet::new(CodeIndex(self.next_index), format, false, codes).unwrap();
        self.next_index += self.set_size;
        let sealed = match self.party.profile.delivery() {
            Delivery::Shared => self.keys().seal_set(self.handle, &set, &mut system_rng()),
            Delivery::PublicKey => self.keys().seal_set_to(self.handle, &self.public_key, &set, &mut system_rng()),
        };
        self.outstanding = Some((set.last().0, sealed.unwrap()));
    }

    fn sync(&mut self) -> Vec<u8> {
        self.sync_sequence += 1;
        let sync = Sync { last_request: self.last_request, rotate: false, suspended: false, threshold: self.threshold };
        self.keys().seal_sync(self.handle, self.sync_sequence, &sync, &mut system_rng()).unwrap()
    }
}

impl Bearer for TestPeer {
    fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        self.waits.push(wait);
        if self.is_silent {
            return Ok(Vec::new());
        }
        let answers = self.answer(message);
        if self.lose_answers > 0 {
            self.lose_answers -= 1;
            return Err(BearerError::TimedOut { server: "the test".to_owned() });
        }
        Ok(answers)
    }
}
