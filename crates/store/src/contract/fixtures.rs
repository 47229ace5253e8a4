//! Plain rows to begin with, and short words for what nearly every test does.

use matchbook_protocol::codes::CodeFormat;
use matchbook_protocol::{AuthenticatorId, CodeIndex, Delivery, Epoch, Handle, Profile, Suite, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, AuthenticatorKeys, BucketKey, Changes, CodeTag, Content, DayCount, Dispatch, DispatchId,
    DispatchState, EpochKey, EventKind, Guard, IssuedSet, Mode, Operation, OperationId, OutboxItem, OutboxKind, Policy,
    Priority, Realm, RealmId, RelyingPartyId, RequestWindow, Role, SealedKey, Spend, SpendKind, Status, Subscriber,
    SubscriberId, TokenId, TokenRecord, Verdict, VerifyTarget, Version, Write,
};

use crate::{CommitError, Page, Store, VerifyLookup};

/// A realm's name.
pub fn realm_id(name: &str) -> RealmId {
    RealmId::new(name).unwrap()
}

/// A user's name.
pub fn subscriber_id(name: &str) -> SubscriberId {
    SubscriberId::new(name).unwrap()
}

/// A relying party's name.
pub fn relying_party(name: &str) -> RelyingPartyId {
    RelyingPartyId::new(name).unwrap()
}

/// An operation's id.
pub fn operation_id(name: &str) -> OperationId {
    OperationId::new(name).unwrap()
}

/// An identification code of eight times the same byte.
pub fn id(byte: u8) -> AuthenticatorId {
    AuthenticatorId([byte; 8])
}

/// A realm that was not written yet.
pub fn realm(name: &str) -> Realm {
    Realm {
        id: realm_id(name),
        display_name: format!("The realm {name}"),
        policy: Policy { mode: Mode::NextInOrder { look_ahead: 3 }, ..Policy::default() },
        created_at: UnixMillis(1_000),
        version: Version(0),
    }
}

/// A subscriber that was not written yet.
pub fn subscriber(realm: &str, name: &str) -> Subscriber {
    Subscriber {
        realm: realm_id(realm),
        id: subscriber_id(name),
        display_name: name.to_uppercase(),
        suspended: false,
        created_at: UnixMillis(2_000),
        version: Version(0),
    }
}

/// An active authenticator that was not written yet.
pub fn authenticator(realm: &str, byte: u8, subscriber: &str) -> Authenticator {
    Authenticator {
        realm: realm_id(realm),
        id: id(byte),
        subscriber: subscriber_id(subscriber),
        label: "phone".to_owned(),
        profile: Profile::new(Suite::X25519, Delivery::Shared).unwrap(),
        msisdn: None,
        handle: Handle(7),
        status: Status::Active,
        keys: AuthenticatorKeys {
            current: EpochKey {
                epoch: Epoch(0),
                sealed: SealedKey(vec![byte; 60]),
                since: UnixMillis(3_000),
                messages: 0,
            },
            next: None,
        },
        public_key: vec![9; 32],
        requests: RequestWindow { highest: 0, seen: 0 },
        last_reply: None,
        sync_sequence: 0,
        next_index: CodeIndex(1),
        acknowledged: CodeIndex::NONE,
        restored: false,
        rotation_wanted: None,
        refill_due: None,
        day: DayCount { day: 0, sets: 0 },
        reported_unused: None,
        created_at: UnixMillis(3_000),
        last_seen_at: None,
        version: Version(0),
    }
}

/// A set of `count` codes.
pub fn set(realm: &str, byte: u8, first: u32, count: u8) -> IssuedSet {
    IssuedSet {
        realm: realm_id(realm),
        authenticator: id(byte),
        first: CodeIndex(first),
        format: CodeFormat::DEFAULT,
        tags: (0..count).map(|code| CodeTag([code; CodeTag::LEN])).collect(),
        pepper_version: 1,
        issued_at: UnixMillis(4_000),
    }
}

/// A spend of an index.
pub fn spend(realm: &str, byte: u8, index: u32) -> Spend {
    Spend {
        realm: realm_id(realm),
        authenticator: id(byte),
        index: CodeIndex(index),
        kind: SpendKind::Accepted,
        relying_party: relying_party("vpn"),
        operation: operation_id("op"),
        at: UnixMillis(5_000),
    }
}

/// An operation that was accepted.
pub fn operation(realm: &str, party: &str, name: &str) -> Operation {
    Operation {
        realm: realm_id(realm),
        relying_party: relying_party(party),
        id: operation_id(name),
        fingerprint: [3; 16],
        verdict: Verdict::Accepted,
        at: UnixMillis(5_000),
    }
}

/// A set's message, due at 6,000 ms.
pub fn outbox(realm: &str, byte: u8, message: u8) -> OutboxItem {
    OutboxItem {
        realm: realm_id(realm),
        authenticator: id(byte),
        message: [message; 16],
        kind: OutboxKind::Set { first: CodeIndex(1), last: CodeIndex(40) },
        priority: Priority::Prompt,
        epoch: Epoch(0),
        bytes: vec![message; 133],
        created_at: UnixMillis(5_500),
        attempts: 0,
        sent_at: None,
        next_attempt_at: UnixMillis(6_000),
    }
}

/// The first part of a set's message, handed over at a time.
pub fn dispatch(realm: &str, byte: u8, message: u8, at: u64) -> Dispatch {
    Dispatch {
        id: DispatchId { realm: realm_id(realm), authenticator: id(byte), message: [message; 16], attempt: 1, part: 1 },
        parts: 1,
        content: Content::Set,
        bytes: 133,
        centre: "north".to_owned(),
        centre_id: Some(format!("{message:x}")),
        at: UnixMillis(at),
        state: DispatchState::Submitted,
        settled_at: None,
        error: String::new(),
    }
}

/// An event at a time, whose id begins with the time.
pub fn event(realm: &str, at: u64, chance: u8) -> AuditEvent {
    let mut id = [chance; 16];
    id[..6].copy_from_slice(&at.to_be_bytes()[2..]);
    AuditEvent {
        realm: realm_id(realm),
        id,
        at: UnixMillis(at),
        kind: EventKind::CodeAccepted,
        authenticator: None,
        subscriber: None,
        relying_party: None,
        detail: String::new(),
    }
}

/// An operator's token.
pub fn token(byte: u8) -> TokenRecord {
    TokenRecord {
        id: TokenId([byte; 8]),
        hash: [byte; 32],
        role: Role::Operator,
        label: "ops".to_owned(),
        created_at: UnixMillis(1_000),
        expires_at: None,
    }
}

/// A bucket's key of sixteen times the same byte.
pub fn bucket(byte: u8) -> BucketKey {
    BucketKey([byte; 16])
}

/// A lookup of a target, with the buckets 1 to 5 and the operation `op` of `vpn`.
pub fn lookup(realm: &str, target: VerifyTarget) -> VerifyLookup {
    VerifyLookup {
        realm: realm_id(realm),
        target,
        relying_party: relying_party("vpn"),
        operation: Some(operation_id("op")),
        source_bucket: bucket(1),
        relying_party_bucket: bucket(2),
        global_bucket: bucket(3),
        skips_bucket: bucket(4),
        place_bucket: bucket(5),
    }
}

/// The lookup of a subscriber.
pub fn lookup_user(realm: &str, name: &str) -> VerifyLookup {
    lookup(realm, VerifyTarget::Subscriber(subscriber_id(name)))
}

/// The first page of up to 1,000 rows.
pub fn whole<K>() -> Page<K> {
    Page { after: None, limit: 1_000 }
}

/// Commits writes without a guard.
pub async fn commit(store: &dyn Store, writes: Vec<Write>) -> Result<(), CommitError> {
    store.commit(Changes { guards: Vec::new(), writes }).await
}

/// Commits writes under a guard.
pub async fn commit_if(store: &dyn Store, guard: Guard, writes: Vec<Write>) -> Result<(), CommitError> {
    store.commit(Changes { guards: vec![guard], writes }).await
}

/// Asserts that a commit was a conflict.
pub fn assert_conflict(result: Result<(), CommitError>) {
    assert!(matches!(result, Err(CommitError::Conflict(_))), "a conflict was due: {result:?}");
}

/// Realm `alpha` with user `ada` and her authenticator 1, all at version 1.
pub async fn with_device(store: &dyn Store) {
    let writes = vec![
        Write::PutRealm(Box::new(realm("alpha"))),
        Write::PutSubscriber(Box::new(subscriber("alpha", "ada"))),
        Write::InsertAuthenticator(Box::new(authenticator("alpha", 1, "ada"))),
    ];
    commit(store, writes).await.unwrap();
}

/// [`with_device`], and a set of the indices 1 to 40.
pub async fn with_set(store: &dyn Store) {
    with_device(store).await;
    commit(store, vec![Write::InsertSet(Box::new(set("alpha", 1, 1, 40)))]).await.unwrap();
}

/// What a verify of an index of authenticator 1 of `alpha` commits when all is as [`with_set`] left it.
pub fn acceptance(index: u32) -> Changes {
    let (realm, id, operation) = (realm_id("alpha"), id(1), operation_id(&format!("accept-{index}")));
    let mut event = AuditEvent {
        authenticator: Some(id),
        subscriber: Some(subscriber_id("ada")),
        relying_party: Some(relying_party("vpn")),
        detail: format!("code {index} accepted"),
        ..event("alpha", 5_000, 7)
    };
    event.id[12..].copy_from_slice(&index.to_be_bytes());
    let calm = |byte| Guard::Calm { realm: realm.clone(), bucket: bucket(byte), below: 5, since: UnixMillis(1_000) };
    Changes {
        guards: vec![
            Guard::Authenticator { realm: realm.clone(), id, version: Version(1) },
            Guard::Subscriber { realm: realm.clone(), id: subscriber_id("ada"), version: Version(1) },
            Guard::Realm { id: realm.clone(), version: Version(1) },
            Guard::Failures { realm: realm.clone(), id, count: 0 },
            calm(1),
            calm(5),
            calm(2),
            calm(3),
        ],
        writes: vec![
            Write::InsertOperation(Box::new(Operation {
                id: operation.clone(),
                ..self::operation("alpha", "vpn", "op")
            })),
            Write::Spend(Box::new(Spend { operation, ..spend("alpha", 1, index) })),
            Write::Audit(Box::new(event)),
        ],
    }
}

/// Spends an index of authenticator 1 of `alpha`.
pub async fn spend_one(store: &dyn Store, index: u32) -> Result<(), CommitError> {
    commit(store, vec![Write::Spend(Box::new(spend("alpha", 1, index)))]).await
}
