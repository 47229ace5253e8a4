//! A store of one realm in memory, for tests of decisions: it checks guards and makes writes at once or not at all, as
//! the real ones do, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use matchbook_protocol::codes::{Code, CodeFormat};
use matchbook_protocol::{AuthenticatorId, CodeIndex, Delivery, Epoch, Handle, Profile, Secret, Suite, UnixMillis};
use zeroize::Zeroizing;

use crate::challenge::{self, ChallengeDecision, ChallengeRequest};
use crate::keyring::Keyring;
use crate::model::*;
use crate::testing::TestRng;
use crate::throttle::Buckets;
use crate::verify::{self, VerifyDecision, VerifyRefusal, VerifyRequest};

pub const START: UnixMillis = UnixMillis(1_700_000_000_000);

#[derive(Clone)]
pub struct LittleStore {
    pub realm: Option<Realm>,
    pub subscribers: BTreeMap<SubscriberId, Subscriber>,
    pub authenticators: BTreeMap<AuthenticatorId, Authenticator>,
    pub failures: BTreeMap<AuthenticatorId, u32>,
    pub sets: BTreeMap<AuthenticatorId, Vec<IssuedSet>>,
    pub spends: BTreeMap<(AuthenticatorId, CodeIndex), Spend>,
    pub operations: BTreeMap<(RelyingPartyId, OperationId), Operation>,
    pub buckets: BTreeMap<BucketKey, Bucket>,
    pub events: Vec<AuditEvent>,
    pub outstanding: BTreeSet<AuthenticatorId>,
}

/// A guard did not hold, or a row was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl LittleStore {
    pub fn load(
        &self,
        target: &VerifyTarget,
        operation: Option<(&RelyingPartyId, &OperationId)>,
        buckets: &Buckets,
    ) -> VerifySnapshot {
        let authenticators: Vec<&Authenticator> = match target {
            VerifyTarget::Subscriber(id) => self.authenticators.values().filter(|one| one.subscriber == *id).collect(),
            VerifyTarget::Authenticator(id) => self.authenticators.get(id).into_iter().collect(),
        };
        let subscriber = match target {
            VerifyTarget::Subscriber(id) => Some(id),
            VerifyTarget::Authenticator(_) => authenticators.first().map(|one| &one.subscriber),
        };
        let bucket = |key: &BucketKey| self.buckets.get(key).copied().unwrap_or_default();
        VerifySnapshot {
            realm: self.realm.clone().map(Arc::new),
            subscriber: subscriber.and_then(|id| self.subscribers.get(id)).cloned().map(Arc::new),
            candidates: authenticators
                .into_iter()
                .filter(|one| one.status != Status::Revoked)
                .map(|one| self.candidate(one))
                .collect(),
            throttle: ThrottleSnapshot {
                source: bucket(&buckets.source),
                place: bucket(&buckets.place),
                relying_party: bucket(&buckets.relying_party),
                global: bucket(&buckets.global),
                skips: bucket(&buckets.skips),
            },
            operation: operation.and_then(|(by, id)| self.operations.get(&(by.clone(), id.clone()))).cloned(),
        }
    }

    fn candidate(&self, authenticator: &Authenticator) -> Candidate {
        let id = authenticator.id;
        let spent: Vec<CodeIndex> =
            self.spends.range((id, CodeIndex(0))..=(id, CodeIndex(u32::MAX))).map(|((_, index), _)| *index).collect();
        Candidate {
            authenticator: Arc::new(authenticator.clone()),
            sets: self.sets.get(&id).cloned().unwrap_or_default().into(),
            highest_spent: spent.last().copied().unwrap_or(CodeIndex::NONE),
            spent,
            failures: self.failures_of(id),
            set_outstanding: self.outstanding.contains(&id),
        }
    }

    pub fn failures_of(&self, id: AuthenticatorId) -> u32 {
        self.failures.get(&id).copied().unwrap_or(0)
    }

    pub fn events_of(&self, kind: EventKind) -> Vec<&AuditEvent> {
        self.events.iter().filter(|event| event.kind == kind).collect()
    }

    pub fn commit(&mut self, changes: &Changes) -> Result<(), Conflict> {
        let mut after = self.clone();
        changes.guards.iter().try_for_each(|guard| if self.holds(guard) { Ok(()) } else { Err(Conflict) })?;
        changes.writes.iter().try_for_each(|write| after.write(write))?;
        *self = after;
        Ok(())
    }

    fn holds(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Authenticator { id, version, .. } => {
                self.authenticators.get(id).is_some_and(|one| one.version == *version)
            }
            Guard::Failures { id, count, .. } => self.failures_of(*id) == *count,
            Guard::Subscriber { id, version, .. } => {
                self.subscribers.get(id).map_or(Version(0), |one| one.version) == *version
            }
            Guard::Realm { version, .. } => self.realm.as_ref().map_or(Version(0), |realm| realm.version) == *version,
            Guard::Calm { bucket, below, since, .. } => {
                self.buckets.get(bucket).is_none_or(|it| it.failures < *below || it.window_started_at <= *since)
            }
            Guard::Operation(seen) => {
                let key = (seen.relying_party.clone(), seen.id.clone());
                self.operations.get(&key).is_some_and(|found| found == seen.as_ref())
            }
        }
    }

    fn write(&mut self, write: &Write) -> Result<(), Conflict> {
        let fresh = |fresh: bool| if fresh { Ok(()) } else { Err(Conflict) };
        match write {
            Write::PutAuthenticator(one) => {
                let mut one = one.as_ref().clone();
                fresh(self.authenticators.get(&one.id).is_some_and(|old| old.version == one.version))?;
                one.version = Version(one.version.0 + 1);
                self.authenticators.insert(one.id, one);
                Ok(())
            }
            Write::SetFailures { id, count, .. } => {
                self.failures.insert(*id, *count);
                Ok(())
            }
            Write::Spend(spend) => {
                fresh(self.spends.insert((spend.authenticator, spend.index), spend.as_ref().clone()).is_none())
            }
            Write::InsertOperation(done) => {
                let key = (done.relying_party.clone(), done.id.clone());
                fresh(self.operations.insert(key, done.as_ref().clone()).is_none())
            }
            Write::CountFailure { bucket, at, window_ms, .. } => {
                let counted = self.buckets.entry(*bucket).or_default();
                if at.since(counted.window_started_at) >= *window_ms {
                    *counted = Bucket { failures: 0, window_started_at: *at, last_failure_at: *at };
                }
                counted.failures += 1;
                counted.last_failure_at = *at;
                Ok(())
            }
            Write::ClearBucket { bucket, .. } => {
                self.buckets.remove(bucket);
                Ok(())
            }
            Write::Audit(event) => {
                assert!(event.detail.len() <= 300);
                self.events.push(event.as_ref().clone());
                Ok(())
            }
            other => panic!("an attempt never writes {other:?}"),
        }
    }
}

/// A store with all that decides, and a clock.
#[derive(Clone)]
pub struct World {
    pub store: LittleStore,
    pub now: UnixMillis,
    seed: u64,
}

pub fn keyring() -> Keyring {
    Keyring::new(Secret::new([1; 32]), Secret::new([2; 32]), 1)
}

pub fn realm_id() -> RealmId {
    RealmId::new("ship-17").unwrap()
}

pub fn user(name: &str) -> VerifyTarget {
    VerifyTarget::Subscriber(SubscriberId::new(name).unwrap())
}

/// The code of an authenticator at an index: no two of one authenticator are alike.
pub fn code(id: AuthenticatorId, index: u32) -> String {
    format!("{:06}", (u32::from(id.0[0]) * 100_003 + index * 7_919) % 1_000_000)
}

impl World {
    /// A realm of this policy, whose codes of 6 digits any-unused may have.
    pub fn new(policy: Policy) -> Self {
        let policy = Policy { accept_guessable_codes: true, ..policy };
        let realm = Realm {
            id: realm_id(),
            display_name: "Ship 17".to_owned(),
            policy,
            created_at: START,
            version: Version(1),
        };
        let store = LittleStore {
            realm: Some(realm),
            subscribers: BTreeMap::new(),
            authenticators: BTreeMap::new(),
            failures: BTreeMap::new(),
            sets: BTreeMap::new(),
            spends: BTreeMap::new(),
            operations: BTreeMap::new(),
            buckets: BTreeMap::new(),
            events: Vec::new(),
            outstanding: BTreeSet::new(),
        };
        Self { store, now: START, seed: 0 }
    }

    /// A user with one device that holds `count` codes from index 1 on. The id is the number eight times.
    pub fn device(&mut self, user: &str, number: u8, count: u32) -> AuthenticatorId {
        let subscriber = SubscriberId::new(user).unwrap();
        self.store.subscribers.entry(subscriber.clone()).or_insert_with(|| Subscriber {
            realm: realm_id(),
            id: subscriber.clone(),
            display_name: user.to_owned(),
            suspended: false,
            created_at: START,
            version: Version(1),
        });
        let id = AuthenticatorId([number; 8]);
        self.store.authenticators.insert(id, authenticator(subscriber, id));
        if count > 0 {
            self.issue(id, 1, (1..=count).map(|index| code(id, index)));
        }
        id
    }

    /// Issues these codes from an index on.
    pub fn issue(&mut self, id: AuthenticatorId, first: u32, codes: impl IntoIterator<Item = String>) {
        let (realm, keyring, format) = (realm_id(), keyring(), CodeFormat::DEFAULT);
        let parsed = codes.into_iter().map(|code| Code::parse(format, &code).unwrap());
        let tags: Vec<CodeTag> = parsed.map(|code| keyring.code_tag(&realm, id, CodeIndex(first), &code)).collect();
        self.store.authenticators.get_mut(&id).unwrap().next_index =
            CodeIndex(first + u32::try_from(tags.len()).unwrap());
        self.store.sets.entry(id).or_default().push(IssuedSet {
            realm,
            authenticator: id,
            first: CodeIndex(first),
            format,
            tags,
            pepper_version: 1,
            issued_at: START,
        });
    }

    pub fn policy(&mut self) -> &mut Policy {
        &mut self.store.realm.as_mut().unwrap().policy
    }

    pub fn authenticator(&mut self, id: AuthenticatorId) -> &mut Authenticator {
        self.store.authenticators.get_mut(&id).unwrap()
    }

    /// An attempt with a new operation id, from 192.0.2.1.
    pub fn attempt(&mut self, target: VerifyTarget, code: &str) -> VerifyRequest {
        self.seed += 1;
        VerifyRequest {
            home: realm_id(),
            realm: realm_id(),
            target,
            relying_party: RelyingPartyId::new("vpn").unwrap(),
            operation: OperationId::new(format!("op-{}", self.seed)).unwrap(),
            source: Some("192.0.2.1".to_owned()),
            code: Zeroizing::new(code.to_owned()),
        }
    }

    pub fn load(&self, request: &VerifyRequest) -> VerifySnapshot {
        let operation = Some((&request.relying_party, &request.operation));
        self.store.load(&request.target, operation, &verify::lookup_buckets(request, &keyring()))
    }

    pub fn decide(&mut self, request: &VerifyRequest) -> Result<VerifyDecision, VerifyRefusal> {
        self.seed += 1;
        let buckets = verify::lookup_buckets(request, &keyring());
        verify::decide(request, &buckets, &self.load(request), &keyring(), self.now, &mut TestRng::new(self.seed))
    }

    /// Loads, decides and commits.
    pub fn verify(&mut self, request: &VerifyRequest) -> Result<Verdict, VerifyRefusal> {
        match self.decide(request)? {
            VerifyDecision::Answered { operation } => Ok(operation.verdict),
            VerifyDecision::Commit { changes, verdict, .. } => {
                self.store.commit(&changes).unwrap();
                Ok(verdict)
            }
        }
    }

    /// Tries a code for a user with a new operation.
    pub fn try_code(&mut self, name: &str, code: &str) -> Result<Verdict, VerifyRefusal> {
        let request = self.attempt(user(name), code);
        self.verify(&request)
    }

    /// Fails so often from one source, without waiting.
    pub fn fail_from(&mut self, name: &str, source: &str, times: u32) {
        for _ in 0..times {
            let mut request = self.attempt(user(name), "000000");
            request.source = Some(source.to_owned());
            assert_eq!(self.verify(&request), Ok(Verdict::Rejected));
        }
    }

    pub fn question(&self, target: VerifyTarget) -> ChallengeRequest {
        ChallengeRequest {
            home: realm_id(),
            realm: realm_id(),
            target,
            relying_party: RelyingPartyId::new("vpn").unwrap(),
            source: Some("192.0.2.1".to_owned()),
            unavailable: None,
        }
    }

    pub fn decide_challenge(&mut self, request: &ChallengeRequest) -> Result<ChallengeDecision, VerifyRefusal> {
        self.seed += 1;
        let snapshot = self.store.load(&request.target, None, &challenge::lookup_buckets(request, &keyring()));
        challenge::decide(request, &snapshot, &keyring(), self.now, &mut TestRng::new(self.seed))
    }

    /// Loads, decides and commits.
    pub fn challenge(&mut self, request: &ChallengeRequest) -> Result<u32, VerifyRefusal> {
        let decision = self.decide_challenge(request)?;
        self.store.commit(&decision.changes).unwrap();
        Ok(decision.index.0)
    }
}

fn authenticator(subscriber: SubscriberId, id: AuthenticatorId) -> Authenticator {
    let current = EpochKey { epoch: Epoch(1), sealed: SealedKey(vec![0; 61]), since: START, messages: 0 };
    Authenticator {
        realm: realm_id(),
        id,
        subscriber,
        label: "phone".to_owned(),
        profile: Profile::new(Suite::X25519, Delivery::Shared).unwrap(),
        msisdn: None,
        handle: Handle(0),
        status: Status::Active,
        keys: AuthenticatorKeys { current, next: None },
        public_key: vec![4; 32],
        requests: RequestWindow::default(),
        last_reply: None,
        sync_sequence: 1,
        next_index: CodeIndex(1),
        acknowledged: CodeIndex::NONE,
        restored: false,
        rotation_wanted: None,
        refill_due: None,
        day: DayCount::default(),
        reported_unused: None,
        created_at: START,
        last_seen_at: None,
        version: Version(1),
    }
}
