//! A device and what a store would hold of it, brought about by the decisions themselves.

use getrandom::SysRng;
use matchbook_protocol::wire::WANTED_SERVERS_CHOICE;
use matchbook_protocol::{
    CodeIndex, Delivery, Downlink, Enrol, Epoch, EpochKeys, Handle, KeyPair, Profile, Reason, Request, Secret, Suite,
    UnixMillis, UnverifiedDownlink, activation_key,
};
use matchbook_rules::enrol::{self, EnrolmentRequest};
use matchbook_rules::request::{self, BearerLimits};
use matchbook_rules::verify::VerifyRequest;
use matchbook_rules::{
    Candidate, DeviceSnapshot, Keyring, OperationId, Policy, Realm, RealmId, RelyingPartyId, Subscriber, SubscriberId,
    ThrottleSnapshot, VerifySnapshot, VerifyTarget, Version, Write,
};
use rand_core::UnwrapErr;
use zeroize::Zeroizing;

pub(crate) const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub(crate) fn keyring() -> Keyring {
    Keyring::new(Secret::new([1; 32]), Secret::new([2; 32]), 1)
}

pub(crate) fn realm_id() -> RealmId {
    RealmId::new("bench").unwrap()
}

/// An attempt at a code of the one user.
pub(crate) fn attempt(code: &str) -> VerifyRequest {
    VerifyRequest {
        home: realm_id(),
        realm: realm_id(),
        target: VerifyTarget::Subscriber(SubscriberId::new("ada").unwrap()),
        relying_party: RelyingPartyId::new("vpn").unwrap(),
        operation: OperationId::new("one").unwrap(),
        source: Some("203.0.113.7".to_owned()),
        code: Zeroizing::new(code.to_owned()),
    }
}

/// A device, and the server's side of it.
pub(crate) struct Device {
    pub(crate) snapshot: DeviceSnapshot,
    subscriber: Subscriber,
    keys: EpochKeys,
    pair: KeyPair,
    counter: u32,
    first_code: String,
}

impl Device {
    pub(crate) fn enrolled(policy: Policy, suite: Suite, delivery: Delivery) -> Self {
        let (id, text, version) = (realm_id(), String::new(), Version(1));
        let realm = Realm { id, display_name: text.clone(), policy, created_at: NOW, version };
        let id = SubscriberId::new("ada").unwrap();
        let (of, suspended) = (realm_id(), false);
        let subscriber = Subscriber { realm: of, id, display_name: text.clone(), suspended, created_at: NOW, version };
        let profile = Profile::new(suite, delivery).unwrap();
        let server = "https://codes.example".to_owned();
        let wanted = EnrolmentRequest { label: text, profile, valid_for_ms: 3_600_000, server, msisdn: None };
        let (changes, enrolment) = enrol::create(&realm, &subscriber, wanted, &keyring(), NOW, &mut rng()).unwrap();
        let row = changes
            .writes
            .into_iter()
            .find_map(|write| if let Write::InsertAuthenticator(row) = write { Some(*row) } else { None });
        let key = activation_key(&enrolment.secret, &enrolment.party);
        let snapshot = DeviceSnapshot {
            realm,
            subscriber_suspended: false,
            subscriber_version: version,
            authenticator: row.unwrap(),
            sets: Vec::new(),
            spent: Vec::new(),
            highest_spent: CodeIndex::NONE,
            failures: 0,
            outbox: Vec::new(),
        };
        let pair = KeyPair::generate(suite, &mut rng()).unwrap();
        let keys = EpochKeys::derive(&key, &enrolment.party, Epoch(0));
        let mut device = Self { snapshot, subscriber, keys, pair, counter: 1, first_code: String::new() };
        let enrol = Enrol { profile, handle: Handle(1), public_key: device.pair.public().to_vec() };
        device.send(&device.keys.seal_enrol(1, &enrol, &mut rng()).unwrap());
        device
    }

    /// Its next request for a set; the counter is used when it is sent.
    pub(crate) fn asks(&self) -> Vec<u8> {
        let held = self.snapshot.authenticator.next_index.0 - 1;
        let unused = u8::try_from(held - u32::try_from(self.snapshot.spent.len()).unwrap()).unwrap();
        let (highest, wanted) = (CodeIndex(held), WANTED_SERVERS_CHOICE);
        let request = Request { highest, unused, wanted, reason: Reason::Low, ephemeral: None };
        self.keys.seal_request(self.counter + 1, &request, &mut rng()).unwrap()
    }

    /// Asks for a set, gets it, and acknowledges it.
    pub(crate) fn get_set(&mut self) {
        let answers = self.send(&self.asks());
        let message = UnverifiedDownlink::decode(answers.first().unwrap()).unwrap();
        let Downlink::Set(set) = self.keys.open_downlink(&message, Some(&self.pair)).unwrap() else {
            panic!("no set came")
        };
        if set.first == CodeIndex(1) {
            self.first_code = set.codes().first().unwrap().reveal().to_string();
        }
        self.snapshot.outbox.clear();
    }

    pub(crate) fn first_code(&self) -> &str {
        &self.first_code
    }

    /// Spends codes from the first on.
    pub(crate) fn spend_all_but(&mut self, left: u32) {
        let held = self.snapshot.authenticator.next_index.0 - 1;
        self.snapshot.spent = (1..=held - left).map(CodeIndex).collect();
        self.snapshot.highest_spent = CodeIndex(held - left);
    }

    /// What a store loads for a verify of the user.
    pub(crate) fn for_verify(&self) -> VerifySnapshot {
        let DeviceSnapshot { realm, authenticator, sets, spent, highest_spent, failures, .. } = self.snapshot.clone();
        let (authenticator, sets) = (authenticator.into(), sets.into());
        let candidate = Candidate { authenticator, sets, spent, highest_spent, failures, set_outstanding: false };
        VerifySnapshot {
            realm: Some(realm.into()),
            subscriber: Some(self.subscriber.clone().into()),
            candidates: vec![candidate],
            throttle: ThrottleSnapshot::default(),
            operation: None,
        }
    }

    fn send(&mut self, message: &[u8]) -> Vec<Vec<u8>> {
        let decided =
            request::decide(message, &self.snapshot, &keyring(), &BearerLimits::HTTP, NOW, &mut rng()).unwrap();
        for write in decided.changes.writes {
            if let Write::PutAuthenticator(row) = write {
                self.snapshot.authenticator = *row;
            } else if let Write::InsertSet(set) = write {
                self.snapshot.sets.push(*set);
            } else if let Write::InsertOutbox(item) = write {
                self.snapshot.outbox.push(*item);
            }
        }
        self.counter = self.snapshot.authenticator.requests.highest;
        decided.reply
    }
}
