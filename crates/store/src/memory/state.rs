//! The maps. Their keys are those of the tables, the realm first.

use std::collections::BTreeMap;

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Dispatch, DispatchId, Import, ImportId, IssuedSet, Operation,
    OperationId, OutboxItem, Realm, RealmId, RelyingPartyId, Spend, Subscriber, SubscriberId, TokenId, TokenRecord,
};

pub(super) type DeviceKey = (RealmId, AuthenticatorId);
pub(super) type IndexKey = (RealmId, AuthenticatorId, CodeIndex);
pub(super) type MessageKey = (RealmId, AuthenticatorId, [u8; 16]);

/// All that is stored.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) realms: BTreeMap<RealmId, Realm>,
    pub(super) subscribers: BTreeMap<(RealmId, SubscriberId), Subscriber>,
    pub(super) directory: BTreeMap<AuthenticatorId, RealmId>,
    pub(super) authenticators: BTreeMap<DeviceKey, Authenticator>,
    pub(super) sets: BTreeMap<IndexKey, IssuedSet>,
    pub(super) spends: BTreeMap<IndexKey, Spend>,
    /// The highest index whose spend is gone.
    pub(super) forgotten: BTreeMap<DeviceKey, CodeIndex>,
    pub(super) operations: BTreeMap<(RealmId, RelyingPartyId, OperationId), Operation>,
    pub(super) failures: BTreeMap<DeviceKey, u32>,
    pub(super) buckets: BTreeMap<(RealmId, BucketKey), Bucket>,
    pub(super) outbox: BTreeMap<MessageKey, OutboxItem>,
    pub(super) dispatches: BTreeMap<DispatchId, Dispatch>,
    pub(super) events: BTreeMap<(RealmId, [u8; 16]), AuditEvent>,
    pub(super) tokens: BTreeMap<TokenId, TokenRecord>,
    pub(super) imports: BTreeMap<(RealmId, ImportId), Import>,
    pub(super) staged_devices: BTreeMap<(RealmId, ImportId, AuthenticatorId), Authenticator>,
    pub(super) staged_subscribers: BTreeMap<(RealmId, ImportId, SubscriberId), Subscriber>,
}

impl State {
    /// A device's sets, by first index.
    pub(super) fn sets_of(&self, (realm, id): &DeviceKey) -> impl DoubleEndedIterator<Item = &IssuedSet> {
        self.sets.range(indices(realm, *id, CodeIndex::NONE, LAST_INDEX)).map(|(_, set)| set)
    }

    /// The set that begins last at or before an index. Sets do not overlap, so no other can hold it.
    pub(super) fn set_up_to(&self, (realm, id): &DeviceKey, index: CodeIndex) -> Option<&IssuedSet> {
        self.sets.range(indices(realm, *id, CodeIndex::NONE, index)).next_back().map(|(_, set)| set)
    }

    /// A device's spent indices from `first` to `last`.
    pub(super) fn spent_of(
        &self,
        (realm, id): &DeviceKey,
        first: CodeIndex,
        last: CodeIndex,
    ) -> impl DoubleEndedIterator<Item = CodeIndex> {
        self.spends.range(indices(realm, *id, first, last)).map(|((_, _, index), _)| *index)
    }

    /// A device's messages, by their id.
    pub(super) fn outbox_of(&self, (realm, id): &DeviceKey) -> impl Iterator<Item = &OutboxItem> {
        let (first, last) = ((realm.clone(), *id, [0; 16]), (realm.clone(), *id, [0xff; 16]));
        self.outbox.range(first..=last).map(|(_, item)| item)
    }
}

/// Beyond every index.
pub(super) const LAST_INDEX: CodeIndex = CodeIndex(u32::MAX);

fn indices(
    realm: &RealmId,
    id: AuthenticatorId,
    first: CodeIndex,
    last: CodeIndex,
) -> std::ops::RangeInclusive<IndexKey> {
    (realm.clone(), id, first)..=(realm.clone(), id, last)
}
