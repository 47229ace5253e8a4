//! Plain acceptances: the changes that nearly every verify makes, which stores write faster than others.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{
    AuditEvent, BucketKey, Changes, Guard, Operation, RealmId, Spend, SubscriberId, Verdict, Version, Write,
};

/// The most counts that one acceptance is guarded by.
pub(crate) const MAX_CALM: usize = 4;

/// Changes that spend one code, store its operation and its event, all of one device's realm, and write nothing else.
#[derive(Clone, Copy)]
pub(crate) struct Accept<'a> {
    /// The realm of the device, and of all that is guarded and written.
    pub(crate) realm: &'a RealmId,
    /// The realm's row, as it was seen.
    pub(crate) realm_version: Version,
    /// Whose device.
    pub(crate) subscriber: &'a SubscriberId,
    /// The subscriber's row, as it was seen.
    pub(crate) subscriber_version: Version,
    /// The device.
    pub(crate) authenticator: &'a AuthenticatorId,
    /// The device's row, as it was seen.
    pub(crate) version: Version,
    /// The device's failures, as they were seen.
    pub(crate) failures: u32,
    /// Counts that are still below their limits; the unused places are `None`.
    pub(crate) calm: [Option<Calm<'a>>; MAX_CALM],
    /// The operation, accepted.
    pub(crate) operation: &'a Operation,
    /// The code.
    pub(crate) spend: &'a Spend,
    /// The event.
    pub(crate) event: &'a AuditEvent,
}

/// What [`Guard::Calm`] says.
#[derive(Clone, Copy)]
pub(crate) struct Calm<'a> {
    pub(crate) bucket: &'a BucketKey,
    pub(crate) below: u32,
    pub(crate) since: UnixMillis,
}

impl<'a> Accept<'a> {
    /// `None`: the changes are something else, or more.
    pub(crate) fn of(changes: &'a Changes) -> Option<Self> {
        let [Write::InsertOperation(operation), Write::Spend(spend), Write::Audit(event)] = changes.writes.as_slice()
        else {
            return None;
        };
        let [
            Guard::Authenticator { realm, id, version },
            Guard::Subscriber { realm: of_subscriber, id: subscriber, version: subscriber_version },
            Guard::Realm { id: of_realm, version: realm_version },
            Guard::Failures { realm: of_failures, id: failing, count },
            counts @ ..,
        ] = changes.guards.as_slice()
        else {
            return None;
        };
        let realms = [of_subscriber, of_realm, of_failures, &operation.realm, &spend.realm, &event.realm];
        let is_one = realms.iter().all(|it| *it == realm)
            && *id == spend.authenticator
            && id == failing
            && operation.relying_party == spend.relying_party
            && operation.id == spend.operation
            && operation.verdict == Verdict::Accepted;
        Some(Self {
            realm,
            realm_version: *realm_version,
            subscriber,
            subscriber_version: *subscriber_version,
            authenticator: id,
            version: *version,
            failures: *count,
            calm: calm(counts, realm)?,
            operation,
            spend,
            event,
        })
        .filter(|_| is_one)
    }
}

fn calm<'a>(counts: &'a [Guard], of: &RealmId) -> Option<[Option<Calm<'a>>; MAX_CALM]> {
    let mut found = [None; MAX_CALM];
    let mut places = found.iter_mut();
    for guard in counts {
        match guard {
            Guard::Calm { realm, bucket, below, since } if realm == of => {
                *places.next()? = Some(Calm { bucket, below: *below, since: *since });
            }
            Guard::Calm { .. }
            | Guard::Authenticator { .. }
            | Guard::Failures { .. }
            | Guard::Subscriber { .. }
            | Guard::Realm { .. }
            | Guard::Operation(_) => return None,
        }
    }
    Some(found)
}
