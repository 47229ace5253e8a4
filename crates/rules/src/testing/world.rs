//! One realm, one subscriber and one authenticator in memory: guards are checked and writes made at once or not at all.
//! It also checks what must never happen, whatever the decision: an index issued twice, two outstanding sets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub, dead_code)]

use std::collections::BTreeSet;

use matchbook_protocol::{
    AuthenticatorId, Code, CodeIndex, Delivery, Enrolment, Handle, Profile, Secret, Suite, UnixMillis,
};
use matchbook_rules::enrol::{self, EnrolmentRequest};
use matchbook_rules::request::{self, BearerLimits, Decision};
use matchbook_rules::*;

use super::TestRng;

pub const START: UnixMillis = UnixMillis(1_760_000_000_000);
pub const HOUR_MS: u64 = 3_600_000;
pub const DAY_MS: u64 = 24 * HOUR_MS;

pub struct World {
    pub keyring: Keyring,
    pub rng: TestRng,
    pub now: UnixMillis,
    pub limits: BearerLimits,
    pub subscriber: Subscriber,
    pub state: State,
    pub issued: BTreeSet<CodeIndex>,
}

/// What a backup holds.
#[derive(Clone)]
pub struct State {
    pub realm: Realm,
    pub subscriber_suspended: bool,
    pub device: Option<Authenticator>,
    pub sets: Vec<IssuedSet>,
    pub spent: BTreeSet<CodeIndex>,
    pub failures: u32,
    pub outbox: Vec<OutboxItem>,
    pub events: Vec<AuditEvent>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Conflict;

impl World {
    pub fn new(seed: u64, policy: Policy) -> Self {
        let realm = Realm {
            id: RealmId::new("ship").unwrap(),
            display_name: String::new(),
            policy,
            created_at: START,
            version: Version(1),
        };
        let subscriber = Subscriber {
            realm: realm.id.clone(),
            id: SubscriberId::new("alice").unwrap(),
            display_name: String::new(),
            suspended: false,
            created_at: START,
            version: Version(1),
        };
        Self {
            keyring: Keyring::new(Secret::new([7; 32]), Secret::new([9; 32]), 1),
            rng: TestRng::new(seed),
            now: START,
            limits: BearerLimits::HTTP,
            subscriber,
            state: State {
                realm,
                subscriber_suspended: false,
                device: None,
                sets: Vec::new(),
                spent: BTreeSet::new(),
                failures: 0,
                outbox: Vec::new(),
                events: Vec::new(),
            },
            issued: BTreeSet::new(),
        }
    }

    /// Makes an enrolment, in place of whatever device was there.
    pub fn enrolment(&mut self, profile: Profile) -> Enrolment {
        let request = EnrolmentRequest {
            label: "phone".into(),
            profile,
            valid_for_ms: DAY_MS,
            server: "https://codes.example".into(),
            msisdn: None,
        };
        let Self { state, subscriber, keyring, now, rng, .. } = self;
        let (changes, enrolment) = enrol::create(&state.realm, subscriber, request, keyring, *now, rng).unwrap();
        self.apply(changes).unwrap();
        enrolment
    }

    pub fn device(&self) -> &Authenticator {
        self.state.device.as_ref().unwrap()
    }

    pub fn device_mut(&mut self) -> &mut Authenticator {
        self.state.device.as_mut().unwrap()
    }

    pub fn policy(&mut self) -> &mut Policy {
        &mut self.state.realm.policy
    }

    pub fn snapshot(&self) -> DeviceSnapshot {
        let state = self.state.clone();
        let issued = |index: &CodeIndex| state.sets.iter().any(|set| set.first <= *index && *index <= last(set));
        DeviceSnapshot {
            spent: state.spent.iter().copied().filter(issued).collect(),
            highest_spent: state.spent.last().copied().unwrap_or(CodeIndex::NONE),
            realm: state.realm,
            subscriber_suspended: state.subscriber_suspended,
            subscriber_version: Version(1),
            authenticator: state.device.unwrap(),
            sets: state.sets,
            failures: state.failures,
            outbox: state.outbox,
        }
    }

    /// Decides and commits; the reply.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
        self.take(bytes).map(|decision| decision.reply)
    }

    /// Decides and commits.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Decision, Refusal> {
        let decision = self.decide(bytes)?;
        self.apply(decision.changes.clone()).unwrap();
        Ok(decision)
    }

    pub fn decide(&mut self, bytes: &[u8]) -> Result<Decision, Refusal> {
        let snapshot = self.snapshot();
        request::decide(bytes, &snapshot, &self.keyring, &self.limits, self.now, &mut self.rng)
    }

    pub fn push(&mut self, reason: RefillReason) -> Result<Vec<Vec<u8>>, Refusal> {
        let snapshot = self.snapshot();
        let decision = issue::push(&snapshot, &self.keyring, &self.limits, reason, self.now, &mut self.rng)?;
        self.apply(decision.changes).unwrap();
        Ok(decision.reply)
    }

    pub fn rotate(&mut self, reason: RotationReason) -> Result<Vec<Vec<u8>>, Refusal> {
        let snapshot = self.snapshot();
        let decision = rotate::begin(&snapshot, reason, &self.keyring, self.now, &mut self.rng)?;
        self.apply(decision.changes).unwrap();
        Ok(decision.reply)
    }

    pub fn admin(
        &mut self,
        command: impl Fn(&DeviceSnapshot, UnixMillis, &mut TestRng) -> Result<Changes, Refusal>,
    ) -> Result<(), Refusal> {
        let changes = command(&self.snapshot(), self.now, &mut self.rng)?;
        self.apply(changes).unwrap();
        Ok(())
    }

    /// Whether the code is the one that was issued there.
    pub fn knows(&self, index: CodeIndex, code: &Code) -> bool {
        let device = self.device();
        let set = self.state.sets.iter().find(|set| set.first <= index && index <= last(set));
        set.is_some_and(|set| {
            let tag = set.tags[(index.0 - set.first.0) as usize];
            tag == self.keyring.code_tag(&device.realm, device.id, set.first, code)
        })
    }

    /// Spends a code, as a verify does: once.
    pub fn spend(&mut self, index: CodeIndex, code: &Code) -> bool {
        let active = self.device().status == Status::Active && !self.device().restored;
        active && !self.state.subscriber_suspended && self.knows(index, code) && self.state.spent.insert(index)
    }

    pub fn unspent(&self) -> usize {
        self.state.sets.iter().map(|set| set.tags.len()).sum::<usize>() - self.snapshot().spent.len()
    }

    /// What a store that was put back from a backup does before it serves.
    pub fn restore(&mut self, backup: State) {
        self.state = backup;
        self.state.sets.clear();
        self.state.outbox.clear();
        self.device_mut().restored = true;
        self.device_mut().version.0 += 1;
    }

    pub fn events(&self, kind: EventKind) -> usize {
        self.state.events.iter().filter(|event| event.kind == kind).count()
    }

    pub fn outstanding(&self) -> Vec<&OutboxItem> {
        self.state.outbox.iter().filter(|item| matches!(item.kind, OutboxKind::Set { .. })).collect()
    }

    pub fn apply(&mut self, changes: Changes) -> Result<(), Conflict> {
        let before = (self.state.clone(), self.issued.clone());
        let result = self.try_apply(changes);
        if result.is_err() {
            (self.state, self.issued) = before;
        }
        assert!(self.outstanding().len() <= 1, "two outstanding sets");
        result
    }

    fn try_apply(&mut self, changes: Changes) -> Result<(), Conflict> {
        for guard in &changes.guards {
            let holds = match guard {
                Guard::Authenticator { id, version, .. } => {
                    self.state.device.as_ref().is_some_and(|device| device.id == *id && device.version == *version)
                }
                Guard::Failures { count, .. } => self.state.failures == *count,
                Guard::Subscriber { version, .. } => *version == Version(1),
                Guard::Realm { version, .. } => self.state.realm.version == *version,
                Guard::Calm { .. } | Guard::Operation(_) => true,
            };
            if !holds {
                return Err(Conflict);
            }
        }
        let guarded = changes.guards.iter().any(|guard| matches!(guard, Guard::Authenticator { .. }));
        changes.writes.into_iter().try_for_each(|write| self.write(write, guarded))
    }

    fn write(&mut self, write: Write, guarded: bool) -> Result<(), Conflict> {
        let state = &mut self.state;
        match write {
            Write::InsertAuthenticator(device) => {
                assert_eq!(device.version, Version(0));
                state.device = Some(Authenticator { version: Version(1), ..*device });
                return Ok(());
            }
            Write::Audit(event) => {
                assert!(event.detail.len() <= 300 && !event.detail.is_empty());
                state.events.push(*event);
                return Ok(());
            }
            _ => assert!(guarded, "a write about a device without a guard"),
        }
        match write {
            Write::PutAuthenticator(device) => {
                let there = state.device.as_ref().unwrap();
                if there.version != device.version || there.id != device.id {
                    return Err(Conflict);
                }
                state.device = Some(Authenticator { version: Version(device.version.0 + 1), ..*device });
            }
            Write::SetFailures { count, .. } => state.failures = count,
            Write::InsertSet(set) => {
                assert!((1..=250).contains(&set.tags.len()));
                for index in set.first.0..=last(&set).0 {
                    assert!(self.issued.insert(CodeIndex(index)), "index {index} is issued twice");
                }
                state.sets.push(*set);
            }
            Write::DeleteSet { first, .. } => state.sets.retain(|set| set.first != first),
            Write::InsertOutbox(item) => {
                assert!(state.outbox.iter().all(|there| there.message != item.message));
                state.outbox.push(*item);
            }
            Write::DeleteOutbox { message, .. } => state.outbox.retain(|item| item.message != message),
            Write::OutboxAttempt { message, at, next_attempt_at, .. } => {
                let item = state.outbox.iter_mut().find(|item| item.message == message).unwrap();
                item.attempts += 1;
                item.sent_at = Some(at);
                item.next_attempt_at = next_attempt_at;
            }
            Write::OutboxDue { message, next_attempt_at, .. } => {
                let item = state.outbox.iter_mut().find(|item| item.message == message).unwrap();
                item.next_attempt_at = next_attempt_at;
            }
            other => panic!("not a write of these decisions: {other:?}"),
        }
        Ok(())
    }
}

pub fn last(set: &IssuedSet) -> CodeIndex {
    CodeIndex(set.first.0 + set.tags.len() as u32 - 1)
}

pub fn profile(suite: Suite, delivery: Delivery) -> Profile {
    Profile::new(suite, delivery).unwrap()
}

/// Every profile that this build has.
pub fn profiles() -> [Profile; 5] {
    [
        profile(Suite::Symmetric, Delivery::Shared),
        profile(Suite::X25519, Delivery::Shared),
        profile(Suite::X25519, Delivery::PublicKey),
        profile(Suite::P256, Delivery::Shared),
        profile(Suite::P256, Delivery::PublicKey),
    ]
}

pub const HANDLE: Handle = Handle(3);
pub const STRANGER: AuthenticatorId = AuthenticatorId([0xee; 8]);
