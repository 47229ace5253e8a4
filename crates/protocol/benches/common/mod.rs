//! Keys, sets and messages to measure with.
#![allow(dead_code, reason = "each bench uses some of it")]

use getrandom::SysRng;
use matchbook_protocol::wire::WANTED_SERVERS_CHOICE;
use matchbook_protocol::{
    AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Engine, Enrolment, Epoch, EpochKeys, Handle,
    KeyPair, Output, Party, Profile, Reason, Request, Secret, Suite, Sync, UnixMillis, activation_key,
};
use rand_core::UnwrapErr;

pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// A set of codes that were drawn.
pub(crate) fn set(count: usize) -> CodeSet {
    let codes = (0..count).map(|_| Code::draw(CodeFormat::DEFAULT, &mut rng())).collect();
    CodeSet::new(CodeIndex(1), CodeFormat::DEFAULT, false, codes).unwrap()
}

pub(crate) fn request() -> Request {
    let highest = CodeIndex::NONE;
    Request { highest, unused: 0, wanted: WANTED_SERVERS_CHOICE, reason: Reason::First, ephemeral: None }
}

/// A server and a device that share a key; the device has a key pair too.
pub(crate) struct Pair {
    pub(crate) party: Party,
    pub(crate) keys: EpochKeys,
    pub(crate) key: Secret<32>,
    pub(crate) own: KeyPair,
}

impl Pair {
    pub(crate) fn new(suite: Suite) -> Self {
        Self::with(suite, Delivery::Shared)
    }

    pub(crate) fn with(suite: Suite, delivery: Delivery) -> Self {
        let party = Party { id: AuthenticatorId([7; 8]), profile: Profile::new(suite, delivery).unwrap() };
        let key = Secret::new([8; 32]);
        let keys = EpochKeys::derive(&key, &party, Epoch(0));
        Self { party, keys, key, own: KeyPair::generate(suite, &mut rng()).unwrap() }
    }

    pub(crate) fn sealed_set(&self) -> Vec<u8> {
        self.keys.seal_set(Handle(1), &set(40), &mut rng()).unwrap()
    }

    pub(crate) fn sealed_request(&self) -> Vec<u8> {
        self.keys.seal_request(2, &request(), &mut rng()).unwrap()
    }
}

/// A device that enrolled and has 40 codes.
pub(crate) fn engine_with_set() -> Engine {
    let party = Party { id: AuthenticatorId([7; 8]), profile: Profile::new(Suite::X25519, Delivery::Shared).unwrap() };
    let secret = Secret::new([6; 16]);
    let keys = EpochKeys::derive(&activation_key(&secret, &party), &party, Epoch(0));
    let (server, text) = ("https://codes.example".to_owned(), String::new());
    let enrolment = Enrolment { party, secret, server, realm: text.clone(), label: text };
    let mut engine = Engine::enrol(&enrolment, Handle(1), &mut rng()).unwrap();
    let sync = Sync { last_request: 1, threshold: 10, suspended: false, rotate: false };
    let sync = keys.seal_sync(Handle(1), 1, &sync, &mut rng()).unwrap();
    let set = keys.seal_set(Handle(1), &set(40), &mut rng()).unwrap();
    for message in [sync, set] {
        engine.handle_input(&message, UnixMillis(1_000), &mut rng()).unwrap();
    }
    while let Some(output) = engine.poll_output() {
        drop::<Output>(output);
    }
    assert_eq!(engine.remaining(), 40);
    engine
}
