//! Acceptances, which stores write in a way of their own.

use matchbook_rules::{AuditEvent, Changes, Guard, Operation, Spend, Version, Write};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{DEVICES, LATE, REALMS, USERS, bucket, relying_party, time};
use crate::contract::fixtures;

/// What a verify commits.
pub(super) fn acceptance() -> impl Strategy<Value = Changes> {
    let counts = vec((bucket(), 1..4_u32, time()), 0..=4);
    let about = (select(&DEVICES[..2]), select(&USERS[..1]), 1..9_u32, any::<[u8; 10]>());
    let times = (time(), prop::bool::ANY, time(), prop::bool::ANY);
    let answered = (relying_party(), "op-[1-9]", any::<[u8; 16]>());
    (about, answered, times, counts).prop_map(
        |((device, user, index, chance), (by, name, fingerprint), times, counts)| {
            let (realm, id, subscriber) =
                (fixtures::realm_id(REALMS[0]), fixtures::id(device), fixtures::subscriber_id(user));
            let (at, is_one_time, later, is_named) = times;
            let later = if is_one_time { at } else { later };
            let operation = fixtures::operation_id(&name);
            let mut event = AuditEvent {
                authenticator: is_named.then_some(id),
                subscriber: is_named.then(|| subscriber.clone()),
                relying_party: is_named.then(|| by.clone()),
                detail: format!("code {index}"),
                // An id has room for times up to the year 10889.
                ..fixtures::event(REALMS[0], if later.0 < LATE { later.0 } else { LATE }, 0)
            };
            event.id[6..].copy_from_slice(&chance);
            let calm = |(bucket, below, since)| Guard::Calm { realm: realm.clone(), bucket, below, since };
            let guards = [
                Guard::Authenticator { realm: realm.clone(), id, version: Version(1) },
                Guard::Subscriber { realm: realm.clone(), id: subscriber, version: Version(1) },
                Guard::Realm { id: realm.clone(), version: Version(1) },
                Guard::Failures { realm: realm.clone(), id, count: 0 },
            ];
            let spend = Spend {
                operation: operation.clone(),
                relying_party: by.clone(),
                at: later,
                ..fixtures::spend(REALMS[0], device, index)
            };
            let operation = Operation {
                id: operation,
                relying_party: by,
                fingerprint,
                at,
                ..fixtures::operation(REALMS[0], "vpn", "op")
            };
            Changes {
                guards: guards.into_iter().chain(counts.into_iter().map(calm)).collect(),
                writes: vec![
                    Write::InsertOperation(Box::new(operation)),
                    Write::Spend(Box::new(spend)),
                    Write::Audit(Box::new(event)),
                ],
            }
        },
    )
}
