//! Random rows and changes, out of few names so that they meet.

use matchbook_protocol::codes::{Alphabet, CodeFormat};
use matchbook_protocol::{AuthenticatorId, CodeIndex, Epoch, Handle, Profile, UnixMillis};
use matchbook_rules::{
    AuditEvent, Authenticator, AuthenticatorKeys, BucketKey, CachedReply, Changes, CodeTag, Content, DayCount,
    Dispatch, DispatchId, DispatchState, EpochKey, EventKind, GoLive, Guard, ImportId, IssuedSet, Mode, NextKey,
    Operation, OperationId, OutboxItem, OutboxKind, Policy, Priority, Realm, RealmId, RefillReason, RelyingPartyId,
    RequestWindow, Role, RotationReason, SealedKey, Spend, SpendKind, Staged, Status, Subscriber, SubscriberId,
    TokenId, TokenRecord, Verdict, Version, Write,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::fixtures;

mod acceptance;

/// The realms that occur.
pub const REALMS: [&str; 2] = ["alpha", "beta"];
/// The users that occur.
pub const USERS: [&str; 2] = ["ada", "bob ü"];
/// The authenticators that occur.
pub const DEVICES: [u8; 3] = [1, 2, 3];
/// The relying parties that occur.
pub const PARTIES: [&str; 2] = ["mail", "vpn"];
/// The operations that occur.
pub const OPERATIONS: [&str; 3] = ["op", "op-2", "op-3"];
/// The buckets, messages and tokens that occur.
pub const SMALL: [u8; 4] = [1, 2, 3, 4];
/// Times lie below this, now and then far above.
pub const LATE: u64 = 60;

/// One thing that is done to a store.
#[derive(Clone, Debug)]
pub enum Step {
    /// A commit; `fresh`: with the versions and counts as they are, and not as they were drawn.
    Commit {
        /// What.
        changes: Changes,
        /// Whether it is decided on what is there.
        fresh: bool,
    },
    /// A pruning.
    Prune(UnixMillis, UnixMillis, UnixMillis),
    /// A mark.
    MarkRestored(UnixMillis),
    /// A probe.
    Probe,
}

/// Up to `most` steps; most begin with realms and users to refer to.
pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => (changes(), prop::bool::weighted(0.8)).prop_map(|(changes, fresh)| Step::Commit { changes, fresh }),
        30 => (acceptance::acceptance(), prop::bool::weighted(0.9)).prop_map(|(changes, fresh)| Step::Commit { changes, fresh }),
        2 => (time(), time(), time()).prop_map(|(a, b, c)| Step::Prune(a, b, c)),
        1 => time().prop_map(Step::MarkRestored),
        1 => Just(Step::Probe),
    ];
    (prop::bool::weighted(0.9), vec(step, 1..most)).prop_map(|(begun, mut steps)| {
        if begun {
            steps.insert(0, Step::Commit { changes: beginning(), fresh: false });
        }
        steps
    })
}

fn beginning() -> Changes {
    let mut writes = Vec::new();
    for realm in REALMS {
        writes.push(Write::PutRealm(Box::new(fixtures::realm(realm))));
        for user in USERS {
            writes.push(Write::PutSubscriber(Box::new(fixtures::subscriber(realm, user))));
        }
    }
    for device in [1, 2] {
        writes.push(Write::InsertAuthenticator(Box::new(fixtures::authenticator(REALMS[0], device, USERS[0]))));
        writes.push(Write::InsertSet(Box::new(fixtures::set(REALMS[0], device, 1, 4))));
    }
    Changes { guards: Vec::new(), writes }
}

fn changes() -> impl Strategy<Value = Changes> {
    (vec(guard(), 0..2), vec(write(), 0..4)).prop_map(|(guards, writes)| Changes { guards, writes })
}

fn guard() -> impl Strategy<Value = Guard> {
    prop_oneof![
        (realm_id(), device_id(), version()).prop_map(|(realm, id, version)| Guard::Authenticator {
            realm,
            id,
            version
        }),
        (realm_id(), device_id(), 0..3_u32).prop_map(|(realm, id, count)| Guard::Failures { realm, id, count }),
        (realm_id(), version()).prop_map(|(id, version)| Guard::Realm { id, version }),
        (realm_id(), subscriber_id(), version()).prop_map(|(realm, id, version)| Guard::Subscriber {
            realm,
            id,
            version
        }),
        (realm_id(), bucket(), 1..4_u32, time()).prop_map(|(realm, bucket, below, since)| Guard::Calm {
            realm,
            bucket,
            below,
            since
        }),
        operation().prop_map(|it| Guard::Operation(Box::new(it))),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let key = || (realm_id(), device_id());
    prop_oneof![
        1 => realm().prop_map(|it| Write::PutRealm(Box::new(it))),
        1 => subscriber().prop_map(|it| Write::PutSubscriber(Box::new(it))),
        2 => authenticator().prop_map(|it| Write::InsertAuthenticator(Box::new(it))),
        4 => authenticator().prop_map(|it| Write::PutAuthenticator(Box::new(it))),
        2 => (key(), 0..4_u32).prop_map(|((realm, id), count)| Write::SetFailures { realm, id, count }),
        4 => set().prop_map(|it| Write::InsertSet(Box::new(it))),
        1 => (key(), index()).prop_map(|((realm, id), first)| Write::DeleteSet { realm, id, first }),
        12 => spend().prop_map(|it| Write::Spend(Box::new(it))),
        2 => operation().prop_map(|it| Write::InsertOperation(Box::new(it))),
        3 => (realm_id(), bucket(), time(), 0..LATE).prop_map(|(realm, bucket, at, window_ms)| {
            Write::CountFailure { realm, bucket, at, window_ms }
        }),
        1 => (realm_id(), bucket()).prop_map(|(realm, bucket)| Write::ClearBucket { realm, bucket }),
        3 => outbox().prop_map(|it| Write::InsertOutbox(Box::new(it))),
        1 => (key(), message()).prop_map(|((realm, id), message)| Write::DeleteOutbox { realm, id, message }),
        1 => (key(), message(), time(), time()).prop_map(|((realm, id), message, at, next_attempt_at)| {
            Write::OutboxAttempt { realm, id, message, at, next_attempt_at }
        }),
        1 => (key(), message(), time()).prop_map(|((realm, id), message, next_attempt_at)| {
            Write::OutboxDue { realm, id, message, next_attempt_at }
        }),
        2 => dispatch().prop_map(|it| Write::InsertDispatch(Box::new(it))),
        1 => (dispatch(), dispatch_state(), time()).prop_map(|(it, state, at)| {
            Write::SettleDispatch { id: it.id, state, at, error: it.error }
        }),
        2 => event().prop_map(|it| Write::Audit(Box::new(it))),
        1 => token().prop_map(|it| Write::InsertToken(Box::new(it))),
        1 => select(&SMALL[..]).prop_map(|byte| Write::DeleteToken(TokenId([byte; 8]))),
        1 => Just(Write::Probe),
        2 => staged().prop_map(|it| Write::Stage(Box::new(it))),
        1 => (realm_id(), import_id(), 0..3_u32, time()).prop_map(|(realm, import, devices, at)| {
            Write::GoLive(Box::new(GoLive { realm, import, devices, at }))
        }),
    ]
}

fn import_id() -> impl Strategy<Value = ImportId> {
    select(&SMALL[..2]).prop_map(|byte| ImportId([byte; 16]))
}

fn staged() -> impl Strategy<Value = Staged> {
    let rows = (vec(authenticator(), 0..3), vec(subscriber(), 0..2));
    (realm_id(), import_id(), time(), rows).prop_map(|(realm, import, at, (mut devices, mut subscribers))| {
        devices.iter_mut().for_each(|it| it.realm = realm.clone());
        subscribers.iter_mut().for_each(|it| it.realm = realm.clone());
        Staged { realm, import, at, devices, subscribers }
    })
}

/// Any authenticator.
pub fn authenticator() -> impl Strategy<Value = Authenticator> {
    let names = (realm_id(), device_id(), subscriber_id(), "[a-zü ]{0,9}", profile(), any::<u8>());
    let state = (status(), key(), option::of(next_key()), bytes(), (any::<u32>(), any::<u64>()), option::of(reply()));
    let counts = (any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>(), (any::<u32>(), any::<u16>()), version());
    let flags = (option::of(rotation()), option::of(refill()), option::of(any::<u8>()), time(), option::of(time()));
    (names, state, counts, flags).prop_map(|(names, state, counts, flags)| {
        let (realm, id, subscriber, label, profile, handle) = names;
        let (status, current, next, public_key, (highest, seen), last_reply) = state;
        let (sync_sequence, next_index, acknowledged, restored, (day, sets), version) = counts;
        let (rotation_wanted, refill_due, reported_unused, created_at, last_seen_at) = flags;
        let msisdn = (handle % 2 == 0).then(|| format!("+49{handle}").parse().unwrap());
        Authenticator {
            realm,
            id,
            subscriber,
            label,
            msisdn,
            profile,
            handle: Handle(handle),
            status,
            keys: AuthenticatorKeys { current, next },
            public_key,
            requests: RequestWindow { highest, seen },
            last_reply,
            sync_sequence,
            next_index: CodeIndex(next_index),
            acknowledged: CodeIndex(acknowledged),
            restored,
            rotation_wanted,
            refill_due,
            day: DayCount { day, sets },
            reported_unused,
            created_at,
            last_seen_at,
            version,
        }
    })
}

fn profile() -> impl Strategy<Value = Profile> {
    let bytes: Vec<u8> = (0..=255).filter(|byte| Profile::from_byte(*byte).is_ok()).collect();
    select(bytes).prop_map(|byte| Profile::from_byte(byte).unwrap())
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        1 => time().prop_map(|expires_at| Status::Pending { expires_at }),
        4 => Just(Status::Active),
        1 => Just(Status::Suspended),
        1 => Just(Status::Revoked),
    ]
}

fn key() -> impl Strategy<Value = EpochKey> {
    (any::<u32>(), bytes(), time(), any::<u32>()).prop_map(|(epoch, sealed, since, messages)| EpochKey {
        epoch: Epoch(epoch),
        sealed: SealedKey(sealed),
        since,
        messages,
    })
}

fn next_key() -> impl Strategy<Value = NextKey> {
    (any::<u32>(), bytes(), bytes(), any::<u32>()).prop_map(|(epoch, sealed, ephemeral, counter)| NextKey {
        epoch: Epoch(epoch),
        sealed: SealedKey(sealed),
        ephemeral,
        counter,
    })
}

fn reply() -> impl Strategy<Value = CachedReply> {
    (any::<u32>(), bytes(), time()).prop_map(|(counter, bytes, at)| CachedReply { counter, bytes, at })
}

fn rotation() -> impl Strategy<Value = RotationReason> {
    select(vec![RotationReason::Scheduled, RotationReason::Operator, RotationReason::Device])
}

fn refill() -> impl Strategy<Value = RefillReason> {
    select(vec![RefillReason::ServerCount, RefillReason::Operator])
}

fn realm() -> impl Strategy<Value = Realm> {
    let mode = prop_oneof![
        Just(Mode::Indexed),
        any::<u8>().prop_map(|look_ahead| Mode::NextInOrder { look_ahead }),
        Just(Mode::AnyUnused)
    ];
    let numbers =
        (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u16>(), option::of(any::<u8>()));
    let rest = (any::<bool>(), any::<bool>(), time(), version(), "[A-Zé ]{0,9}");
    (realm_id(), mode, numbers, rest).prop_map(|(id, mode, numbers, rest)| {
        let (digits, threshold, max_failures, sets_per_day, skips_per_day, rotate_after_days, set_size) = numbers;
        let (base32, accept_guessable_codes, created_at, version, display_name) = rest;
        let policy = Policy {
            mode,
            digits,
            base32,
            set_size,
            threshold,
            max_failures,
            sets_per_day,
            skips_per_day,
            rotate_after_days,
            accept_guessable_codes,
        };
        Realm { id, display_name, policy, created_at, version }
    })
}

fn subscriber() -> impl Strategy<Value = Subscriber> {
    (realm_id(), subscriber_id(), "[A-Zé ]{0,9}", any::<bool>(), time(), version()).prop_map(
        |(realm, id, display_name, suspended, created_at, version)| Subscriber {
            realm,
            id,
            display_name,
            suspended,
            created_at,
            version,
        },
    )
}

fn set() -> impl Strategy<Value = IssuedSet> {
    let format = (any::<bool>(), 4..=12_u8).prop_map(|(base32, digits)| {
        CodeFormat::new(if base32 { Alphabet::Base32 } else { Alphabet::Decimal }, digits).unwrap()
    });
    let tags = vec(any::<[u8; CodeTag::LEN]>().prop_map(CodeTag), 0..5);
    (realm_id(), device_id(), index(), format, tags, any::<u8>(), time()).prop_map(
        |(realm, authenticator, first, format, tags, pepper_version, issued_at)| IssuedSet {
            realm,
            authenticator,
            first,
            format,
            tags,
            pepper_version,
            issued_at,
        },
    )
}

fn spend() -> impl Strategy<Value = Spend> {
    let kind = select(vec![SpendKind::Accepted, SpendKind::Skipped]);
    (realm_id(), device_id(), index(), kind, relying_party(), operation_id(), time()).prop_map(
        |(realm, authenticator, index, kind, relying_party, operation, at)| Spend {
            realm,
            authenticator,
            index,
            kind,
            relying_party,
            operation,
            at,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let verdict = select(vec![Verdict::Accepted, Verdict::Rejected]);
    (realm_id(), relying_party(), operation_id(), any::<[u8; 16]>(), verdict, time()).prop_map(
        |(realm, relying_party, id, fingerprint, verdict, at)| Operation {
            realm,
            relying_party,
            id,
            fingerprint,
            verdict,
            at,
        },
    )
}

fn outbox() -> impl Strategy<Value = OutboxItem> {
    let kind = prop_oneof![
        (index(), index()).prop_map(|(first, last)| OutboxKind::Set { first, last }),
        Just(OutboxKind::Rotation),
        Just(OutboxKind::Sync),
        Just(OutboxKind::Answer)
    ];
    let priority = select(vec![Priority::Prompt, Priority::Bulk]);
    let times = (time(), any::<u32>(), option::of(time()), time(), priority);
    (realm_id(), device_id(), message(), kind, any::<u32>(), bytes(), times).prop_map(
        |(
            realm,
            authenticator,
            message,
            kind,
            epoch,
            bytes,
            (created_at, attempts, sent_at, next_attempt_at, priority),
        )| OutboxItem {
            realm,
            authenticator,
            message,
            kind,
            priority,
            epoch: Epoch(epoch),
            bytes,
            created_at,
            attempts,
            sent_at,
            next_attempt_at,
        },
    )
}

fn dispatch_state() -> impl Strategy<Value = DispatchState> {
    use DispatchState::{Delivered, Expired, Failed, InDoubt, Submitted};
    select(vec![Submitted, InDoubt, Delivered, Expired, Failed])
}

fn dispatch() -> impl Strategy<Value = Dispatch> {
    let id = (realm_id(), device_id(), message(), 1..3_u32, 1..3_u8);
    let content = select(vec![Content::Set, Content::Rotation, Content::Sync]);
    let centre = (select(vec!["north", "south"]), option::of("[0-3]"));
    let fate = (dispatch_state(), option::of(time()), "[a-z]{0,3}");
    (id, content, centre, time(), any::<u16>(), fate).prop_map(
        |((realm, authenticator, message, attempt, part), content, (centre, centre_id), at, bytes, fate)| Dispatch {
            id: DispatchId { realm, authenticator, message, attempt, part },
            parts: 2,
            content,
            bytes,
            centre: centre.to_owned(),
            centre_id,
            at,
            state: fate.0,
            settled_at: fate.1,
            error: fate.2,
        },
    )
}

fn event() -> impl Strategy<Value = AuditEvent> {
    let kind = select(vec![EventKind::CodeAccepted, EventKind::RealmCreated, EventKind::SourceSlowed]);
    let about = (option::of(device_id()), option::of(subscriber_id()), option::of(relying_party()));
    (realm_id(), 0..LATE, select(&SMALL[..]), kind, about, ".{0,9}").prop_map(
        |(realm, at, chance, kind, (authenticator, subscriber, relying_party), detail)| AuditEvent {
            realm: realm.clone(),
            kind,
            authenticator,
            subscriber,
            relying_party,
            detail,
            ..fixtures::event(realm.as_str(), at, chance)
        },
    )
}

fn token() -> impl Strategy<Value = TokenRecord> {
    let role = prop_oneof![
        Just(Role::Operator),
        realm_id().prop_map(Role::RealmOperator),
        (realm_id(), relying_party()).prop_map(|(realm, name)| Role::RelyingParty { realm, name }),
    ];
    let (id, hash) = (select(&SMALL[..]), select(&SMALL[..]));
    (id, hash, role, ".{0,9}", time(), option::of(time())).prop_map(
        |(id, hash, role, label, created_at, expires_at)| TokenRecord {
            id: TokenId([id; 8]),
            hash: [hash; 32],
            role,
            label,
            created_at,
            expires_at,
        },
    )
}

fn realm_id() -> impl Strategy<Value = RealmId> {
    prop_oneof![3 => Just(REALMS[0]), 1 => Just(REALMS[1])].prop_map(fixtures::realm_id)
}

fn subscriber_id() -> impl Strategy<Value = SubscriberId> {
    select(&USERS[..]).prop_map(fixtures::subscriber_id)
}

fn device_id() -> impl Strategy<Value = AuthenticatorId> {
    select(&DEVICES[..]).prop_map(fixtures::id)
}

fn relying_party() -> impl Strategy<Value = RelyingPartyId> {
    select(&PARTIES[..]).prop_map(fixtures::relying_party)
}

fn operation_id() -> impl Strategy<Value = OperationId> {
    select(&OPERATIONS[..]).prop_map(fixtures::operation_id)
}

fn bucket() -> impl Strategy<Value = BucketKey> {
    select(&SMALL[..]).prop_map(fixtures::bucket)
}

fn message() -> impl Strategy<Value = [u8; 16]> {
    select(&SMALL[..]).prop_map(|byte| [byte; 16])
}

fn index() -> impl Strategy<Value = CodeIndex> {
    prop_oneof![20 => 0..12_u32, 1 => Just(u32::MAX)].prop_map(CodeIndex)
}

fn version() -> impl Strategy<Value = Version> {
    (0..4_u64).prop_map(Version)
}

fn time() -> impl Strategy<Value = UnixMillis> {
    prop_oneof![9 => 0..LATE, 1 => 0..=i64::MAX.cast_unsigned()].prop_map(UnixMillis)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..70)
}
