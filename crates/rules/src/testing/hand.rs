//! A device that is moved by hand: it seals and opens what a test says, sensible or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub, dead_code)]

use matchbook_protocol::{
    CodeIndex, CodeSet, Downlink, Enrol, Enrolment, Epoch, EpochKeys, KeyPair, OpenError, Party, Profile, Reason,
    Request, Secret, Suite, Sync, UnverifiedDownlink, WANTED_SERVERS_CHOICE, activation_key,
};

use super::TestRng;
use super::world::{HANDLE, World};

pub struct Hand {
    pub party: Party,
    pub key: Secret<32>,
    pub epoch: Epoch,
    pub counter: u32,
    pub highest: u32,
    pub unused: u8,
    pub pair: Option<KeyPair>,
    pub ephemeral: Option<KeyPair>,
    pub rng: TestRng,
}

pub const STATUS: Request =
    Request { highest: CodeIndex(0), unused: 0, wanted: 0, reason: Reason::Status, ephemeral: None };

impl Hand {
    pub fn new(enrolment: &Enrolment, seed: u64) -> Self {
        let mut rng = TestRng::new(seed);
        Self {
            party: enrolment.party,
            key: activation_key(&enrolment.secret, &enrolment.party),
            epoch: Epoch(0),
            counter: 0,
            highest: 0,
            unused: 0,
            pair: pair(enrolment.party.profile, &mut rng),
            ephemeral: None,
            rng,
        }
    }

    /// A world with a device that has enrolled.
    pub fn enrolled(profile: Profile) -> (World, Self) {
        let mut world = World::new(1, Default::default());
        let enrolment = world.enrolment(profile);
        let mut hand = Self::new(&enrolment, 2);
        let message = hand.enrol();
        assert_eq!(world.receive(&message).unwrap().len(), 1);
        (world, hand)
    }

    pub fn keys(&self) -> EpochKeys {
        EpochKeys::derive(&self.key, &self.party, self.epoch)
    }

    pub fn enrol(&mut self) -> Vec<u8> {
        self.counter += 1;
        let public_key = self.pair.as_ref().map(|pair| pair.public().to_vec()).unwrap_or_default();
        let enrol = Enrol { profile: self.party.profile, handle: HANDLE, public_key };
        self.keys().seal_enrol(self.counter, &enrol, &mut self.rng).unwrap()
    }

    /// A request with the next counter, and what the device holds.
    pub fn request(&mut self, request: Request) -> Vec<u8> {
        self.counter += 1;
        self.request_as(self.counter, request)
    }

    pub fn request_as(&mut self, counter: u32, request: Request) -> Vec<u8> {
        let request = Request { highest: CodeIndex(self.highest), unused: self.unused, ..request };
        self.keys().seal_request(counter, &request, &mut self.rng).unwrap()
    }

    pub fn status(&mut self) -> Vec<u8> {
        self.request(STATUS)
    }

    pub fn want(&mut self) -> Vec<u8> {
        self.request(Request { wanted: WANTED_SERVERS_CHOICE, reason: Reason::Low, ..STATUS })
    }

    /// A request with a fresh ephemeral key, in place of the one that is kept.
    pub fn want_key(&mut self) -> Vec<u8> {
        self.ephemeral = pair(self.party.profile, &mut self.rng);
        self.want_key_again()
    }

    /// A request with the ephemeral key that is kept.
    pub fn want_key_again(&mut self) -> Vec<u8> {
        let ephemeral = self.ephemeral.as_ref().map(|pair| pair.public().to_vec());
        self.request(Request { reason: Reason::Rotate, ephemeral, ..STATUS })
    }

    pub fn open(&self, bytes: &[u8]) -> Result<Downlink, OpenError> {
        let unverified = UnverifiedDownlink::decode(bytes).unwrap();
        assert_eq!(unverified.header().handle, HANDLE);
        let rotation = self.ephemeral.as_ref();
        let keys = self.keys();
        keys.open_downlink(&unverified, self.pair.as_ref()).or_else(|error| match rotation {
            Some(pair) => keys.open_downlink(&unverified, Some(pair)),
            None => Err(error),
        })
    }

    pub fn set(&self, bytes: &[u8]) -> CodeSet {
        match self.open(bytes).unwrap() {
            Downlink::Set(set) => set,
            other => panic!("not a set: {other:?}"),
        }
    }

    /// Opens a set and holds it.
    pub fn hold(&mut self, bytes: &[u8]) -> CodeSet {
        let set = self.set(bytes);
        self.highest = set.last().0;
        self.unused = if set.reset { set.count() } else { self.unused.saturating_add(set.count()) };
        set
    }

    pub fn sync(&self, bytes: &[u8]) -> Sync {
        match self.open(bytes).unwrap() {
            Downlink::Sync { sync, .. } => sync,
            other => panic!("not a SYNC: {other:?}"),
        }
    }

    /// Takes a new key and sends under it from now on.
    pub fn switch(&mut self, bytes: &[u8]) {
        match self.open(bytes).unwrap() {
            Downlink::Rotation { next, key } => (self.epoch, self.key) = (next, key),
            other => panic!("not a key: {other:?}"),
        }
    }

    /// Asks for a set, takes it and acknowledges it.
    pub fn fill(&mut self, world: &mut World) -> CodeSet {
        let request = self.want();
        let reply = world.receive(&request).unwrap();
        let set = self.hold(&reply[0]);
        let status = self.status();
        world.receive(&status).unwrap();
        set
    }
}

fn pair(profile: Profile, rng: &mut TestRng) -> Option<KeyPair> {
    (profile.suite() != Suite::Symmetric).then(|| KeyPair::generate(profile.suite(), rng).unwrap())
}
