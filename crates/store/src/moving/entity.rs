//! What a store holds, row by row.

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{
    AuditEvent, Authenticator, Bucket, BucketKey, Dispatch, IssuedSet, Operation, OutboxItem, Realm, RealmId, Spend,
    Subscriber, TokenRecord, Version,
};

use super::Key;
use crate::agreed::last_index;
use crate::rows::{
    Cells, INSERT_AUTHENTICATOR, INSERT_BUCKET, INSERT_DISPATCH, INSERT_EVENT, INSERT_FAILURES, INSERT_FORGOTTEN,
    INSERT_OPERATION, INSERT_OUTBOX, INSERT_REALM, INSERT_SET, INSERT_SPEND, INSERT_SUBSCRIBER, INSERT_TOKEN, Stored,
    Value, bind_authenticator, bind_bucket, bind_dispatch, bind_event, bind_failures, bind_forgotten, bind_operation,
    bind_outbox, bind_realm, bind_set, bind_spend, bind_subscriber, bind_token, decode,
};

/// A kind of row. The order is the one that they are moved in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Realms.
    Realm,
    /// Users.
    Subscriber,
    /// Tokens' records.
    Token,
    /// Devices.
    Authenticator,
    /// Sets.
    Set,
    /// The ledger of spends.
    Spend,
    /// The highest indices whose spends are gone.
    Forgotten,
    /// Devices' consecutive failures.
    Failures,
    /// Answered operations.
    Operation,
    /// The counts of the throttle.
    Bucket,
    /// Messages that wait.
    Outbox,
    /// Short messages that left.
    Dispatch,
    /// Events.
    Event,
}

impl Kind {
    /// All of them, in their order.
    pub const ALL: [Self; 13] = [
        Self::Realm,
        Self::Subscriber,
        Self::Token,
        Self::Authenticator,
        Self::Set,
        Self::Spend,
        Self::Forgotten,
        Self::Failures,
        Self::Operation,
        Self::Bucket,
        Self::Outbox,
        Self::Dispatch,
        Self::Event,
    ];

    /// What people call them.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Realm => "realms",
            Self::Subscriber => "users",
            Self::Token => "tokens",
            Self::Authenticator => "devices",
            Self::Set => "sets",
            Self::Spend => "spent codes",
            Self::Forgotten => "highest spent codes",
            Self::Failures => "failure counts",
            Self::Operation => "operations",
            Self::Bucket => "throttle counts",
            Self::Outbox => "waiting messages",
            Self::Dispatch => "short messages",
            Self::Event => "events",
        }
    }

    /// Their table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        self.shape().table
    }

    /// How they lie in columns.
    pub(crate) const fn shape(self) -> Shape {
        match self {
            Self::Realm => Shape::of::<Realm>(INSERT_REALM, "tt iiiii iiiii iii"),
            Self::Subscriber => Shape::of::<Subscriber>(INSERT_SUBSCRIBER, "tt tiii"),
            Self::Token => Shape::of::<TokenRecord>(INSERT_TOKEN, "b bitttii"),
            Self::Authenticator => {
                Shape::of::<Authenticator>(INSERT_AUTHENTICATOR, "tb ttt iiii ibii ibbi b ii ibi iiii ii iii iii")
            }
            Self::Set => Shape::of::<IssuedSet>(INSERT_SET, "tbi iiiiib"),
            Self::Spend => Shape::of::<Spend>(INSERT_SPEND, "tbi itti"),
            Self::Forgotten => Shape::of::<Forgotten>(INSERT_FORGOTTEN, "tb i"),
            Self::Failures => Shape::of::<Failures>(INSERT_FAILURES, "tb i"),
            Self::Operation => Shape::of::<Operation>(INSERT_OPERATION, "ttt bii"),
            Self::Bucket => Shape::of::<NamedBucket>(INSERT_BUCKET, "tb iii"),
            Self::Outbox => Shape::of::<OutboxItem>(INSERT_OUTBOX, "tbb iiiiibiiii"),
            Self::Dispatch => Shape::of::<Dispatch>(INSERT_DISPATCH, "tbbii iiittiiit"),
            Self::Event => Shape::of::<AuditEvent>(INSERT_EVENT, "tb itbttt"),
        }
    }

    /// Reads a row whose columns are those of the shape; the error names the row and what is wrong.
    pub(crate) fn read(self, row: &dyn Cells) -> Result<Entity, String> {
        Ok(match self {
            Self::Realm => Entity::Realm(decode(row)?),
            Self::Subscriber => Entity::Subscriber(decode(row)?),
            Self::Token => Entity::Token(decode(row)?),
            Self::Authenticator => Entity::Authenticator(Box::new(decode(row)?)),
            Self::Set => Entity::Set(decode(row)?),
            Self::Spend => Entity::Spend(decode(row)?),
            Self::Forgotten => Entity::Forgotten(decode(row)?),
            Self::Failures => Entity::Failures(decode(row)?),
            Self::Operation => Entity::Operation(decode(row)?),
            Self::Bucket => Entity::Bucket(decode(row)?),
            Self::Outbox => Entity::Outbox(decode(row)?),
            Self::Dispatch => Entity::Dispatch(decode(row)?),
            Self::Event => Entity::Event(decode(row)?),
        })
    }
}

/// How rows of a kind lie in columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) table: &'static str,
    pub(crate) select: &'static str,
    pub(crate) insert: &'static str,
    /// How many columns the key has; they are the first ones.
    key: usize,
    /// A letter for what each column of the `insert` holds: text, bytes or integers. Blanks are for the eye.
    types: &'static str,
}

impl Shape {
    const fn of<T: Stored>(insert: &'static str, types: &'static str) -> Self {
        Self { table: T::TABLE, select: T::SELECT, insert, key: T::KEY, types }
    }

    /// The columns of the key.
    pub(crate) fn key(&self) -> Vec<&'static str> {
        let columns = self.select.strip_prefix("SELECT ").unwrap_or(self.select);
        columns.split(", ").take(self.key).collect()
    }

    /// What each column holds.
    pub(crate) fn types(&self) -> impl Iterator<Item = char> {
        self.types.chars().filter(|letter| *letter != ' ')
    }
}

/// The highest index of a device whose spend is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub authenticator: AuthenticatorId,
    /// The index.
    pub highest: CodeIndex,
}

/// A device's consecutive failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub authenticator: AuthenticatorId,
    /// How many.
    pub count: u32,
}

/// A count of the throttle with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBucket {
    /// The realm.
    pub realm: RealmId,
    /// Its name.
    pub key: BucketKey,
    /// The count.
    pub bucket: Bucket,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is a row of the kind of its name")]
pub enum Entity {
    Realm(Realm),
    Subscriber(Subscriber),
    Token(TokenRecord),
    Authenticator(Box<Authenticator>),
    Set(IssuedSet),
    Spend(Spend),
    Forgotten(Forgotten),
    Failures(Failures),
    Operation(Operation),
    Bucket(NamedBucket),
    Outbox(OutboxItem),
    Dispatch(Dispatch),
    Event(AuditEvent),
}

impl Entity {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Realm(_) => Kind::Realm,
            Self::Subscriber(_) => Kind::Subscriber,
            Self::Token(_) => Kind::Token,
            Self::Authenticator(_) => Kind::Authenticator,
            Self::Set(_) => Kind::Set,
            Self::Spend(_) => Kind::Spend,
            Self::Forgotten(_) => Kind::Forgotten,
            Self::Failures(_) => Kind::Failures,
            Self::Operation(_) => Kind::Operation,
            Self::Bucket(_) => Kind::Bucket,
            Self::Outbox(_) => Kind::Outbox,
            Self::Dispatch(_) => Kind::Dispatch,
            Self::Event(_) => Kind::Event,
        }
    }

    /// Where it stands among its kind.
    #[must_use]
    pub fn key(&self) -> Key {
        let Shape { key, .. } = self.kind().shape();
        Key::new(self.values().into_iter().take(key))
    }

    /// The values of the kind's `INSERT`, the row being as it is: its version too.
    pub(crate) fn values(&self) -> Vec<Value<'_>> {
        match self {
            Self::Realm(it) => as_it_is(bind_realm(it).to_vec(), it.version),
            Self::Subscriber(it) => as_it_is(bind_subscriber(it).to_vec(), it.version),
            Self::Token(it) => bind_token(it).to_vec(),
            Self::Authenticator(it) => as_it_is(bind_authenticator(it).to_vec(), it.version),
            // A set that cannot be is never read.
            Self::Set(it) => bind_set(it, last_index(it).unwrap_or(it.first)).to_vec(),
            Self::Spend(it) => bind_spend(it).to_vec(),
            Self::Forgotten(it) => bind_forgotten(it).to_vec(),
            Self::Failures(it) => bind_failures(it).to_vec(),
            Self::Operation(it) => bind_operation(it).to_vec(),
            Self::Bucket(it) => bind_bucket(it).to_vec(),
            Self::Outbox(it) => bind_outbox(it).to_vec(),
            Self::Dispatch(it) => bind_dispatch(it).to_vec(),
            Self::Event(it) => bind_event(it).to_vec(),
        }
    }
}

/// The version stands last, and a write by the rules would raise it.
fn as_it_is(mut values: Vec<Value<'_>>, version: Version) -> Vec<Value<'_>> {
    if let Some(last) = values.last_mut() {
        *last = crate::rows::long(version.0);
    }
    values
}
