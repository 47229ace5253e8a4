#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use matchbook_protocol::{AuthenticatorId, CodeIndex, UnixMillis};
use matchbook_rules::{
    AuditEvent, BucketKey, Changes, EventKind, Guard, Operation, OperationId, RealmId, RelyingPartyId, Spend,
    SpendKind, SubscriberId, Verdict, Version, Write,
};
use tokio::sync::oneshot;

use super::columns::{Columns, fits};
use super::{Job, LOOKING, MAX_BATCH, TRUSTING, WARY, Wary, apart};
use crate::accept::Accept;

fn changes(realm: &str, device: u8, code: u32, operation: &str) -> Changes {
    let (realm, id, at) = (RealmId::new(realm).unwrap(), AuthenticatorId([device; 8]), UnixMillis(9_000));
    let (user, party) = (SubscriberId::new("ada").unwrap(), RelyingPartyId::new("vpn").unwrap());
    let operation = OperationId::new(operation).unwrap();
    let calm = |byte, since| Guard::Calm {
        realm: realm.clone(),
        bucket: BucketKey([byte; 16]),
        below: 5,
        since: UnixMillis(since),
    };
    Changes {
        guards: vec![
            Guard::Authenticator { realm: realm.clone(), id, version: Version(1) },
            Guard::Subscriber { realm: realm.clone(), id: user.clone(), version: Version(2) },
            Guard::Realm { id: realm.clone(), version: Version(3) },
            Guard::Failures { realm: realm.clone(), id, count: 0 },
            calm(device, 100),
            calm(0, 100 - u64::from(device)),
        ],
        writes: vec![
            Write::InsertOperation(Box::new(Operation {
                realm: realm.clone(),
                relying_party: party.clone(),
                id: operation.clone(),
                fingerprint: [1; 16],
                verdict: Verdict::Accepted,
                at,
            })),
            Write::Spend(Box::new(Spend {
                realm: realm.clone(),
                authenticator: id,
                index: CodeIndex(code),
                kind: SpendKind::Accepted,
                relying_party: party.clone(),
                operation,
                at,
            })),
            Write::Audit(Box::new(AuditEvent {
                realm,
                id: [2; 16],
                at,
                kind: EventKind::CodeAccepted,
                authenticator: Some(id),
                subscriber: Some(user),
                relying_party: Some(party),
                detail: "accepted".to_owned(),
            })),
        ],
    }
}

fn job(changes: Changes) -> Job {
    Job { changes: Arc::new(changes), answer: oneshot::channel().0 }
}

fn names(jobs: &[Job]) -> Vec<(u8, u32, String)> {
    let name = |job: &Job| {
        let it = Accept::of(&job.changes).unwrap();
        (it.authenticator.0[0], it.spend.index.0, it.operation.id.as_str().to_owned())
    };
    jobs.iter().map(name).collect()
}

#[test]
fn what_has_a_key_in_common_goes_apart_and_the_rest_in_order() {
    let jobs = [(3, 1, "op-1"), (1, 2, "op-2"), (1, 1, "op-3"), (1, 2, "op-4"), (2, 9, "op-2"), (2, 9, "op-5")];
    let jobs = jobs.map(|(device, code, name)| job(changes("alpha", device, code, name)));
    let (now, later) = apart(jobs.into());
    let told = |it: &[(u8, u32, &str)]| it.iter().map(|(a, b, c)| (*a, *b, (*c).to_owned())).collect::<Vec<_>>();
    assert_eq!(names(&now), told(&[(1, 1, "op-3"), (1, 2, "op-2"), (2, 9, "op-5"), (3, 1, "op-1")]));
    assert_eq!(names(&later), told(&[(1, 2, "op-4"), (2, 9, "op-2")]));
    let (now, later) = apart(later);
    assert_eq!((now.len(), later.len()), (2, 0));
}

#[test]
fn a_batch_has_its_limit() {
    let many =
        (0..u32::try_from(MAX_BATCH).unwrap() + 9).map(|code| job(changes("alpha", 1, code, &format!("op-{code}"))));
    let (now, later) = apart(many.collect());
    assert_eq!((now.len(), later.len()), (MAX_BATCH, 9));
}

#[test]
fn only_what_the_statement_writes_goes_by_it() {
    let plain = || changes("alpha", 1, 1, "op-1");
    assert!(Accept::of(&plain()).is_some_and(|it| fits(&it)));
    let others: [fn(&mut AuditEvent); 5] = [
        |it| it.at = UnixMillis(1),
        |it| it.authenticator = None,
        |it| it.subscriber = None,
        |it| it.relying_party = None,
        |it| it.detail.push('\0'),
    ];
    for change in others {
        let mut other = plain();
        let Write::Audit(event) = &mut other.writes[2] else { panic!() };
        change(event);
        assert!(!Accept::of(&other).is_some_and(|it| fits(&it)));
    }
    let mut unseen = plain();
    unseen.guards[2] = Guard::Realm { id: RealmId::new("alpha").unwrap(), version: Version(0) };
    assert!(!Accept::of(&unseen).is_some_and(|it| fits(&it)));
}

#[test]
fn counts_that_many_share_are_asked_for_once_and_at_their_strictest() {
    let all = [changes("alpha", 1, 1, "op-1"), changes("alpha", 2, 1, "op-2"), changes("beta", 3, 1, "op-3")];
    let accepts: Vec<Accept<'_>> = all.iter().map(|it| Accept::of(it).unwrap()).collect();
    let columns = Columns::of(&accepts);
    // Two of each device, of which alpha's second is one; and two realms.
    assert_eq!(columns.counts(), (2, 5, vec![100, 98, 100, 100, 97]));
}

#[test]
fn after_a_taken_key_a_lane_looks_for_a_while_and_then_trusts_again() {
    let mut wary = Wary::default();
    assert_eq!(wary.statement(), TRUSTING);
    assert_eq!(wary.taken(), LOOKING, "the same batch again");
    for batch in 1..=WARY {
        assert_eq!(wary.statement(), LOOKING, "batch {batch} after it");
    }
    assert_eq!(wary.statement(), TRUSTING);
    assert_ne!(TRUSTING, LOOKING);
}
