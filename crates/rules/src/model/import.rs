//! Devices with keys from a factory that are put aside, and made live all at once.

use matchbook_protocol::UnixMillis;

use super::{Authenticator, RealmId, Subscriber};

/// Names an import in its realm: 16 bytes that its caller draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImportId(pub [u8; 16]);

/// What the store knows of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The realm.
    pub realm: RealmId,
    /// Which.
    pub id: ImportId,
    /// What became of it; `None`: its devices are put aside, and nobody sees them.
    pub live: Option<Imported>,
    /// When it was last added to, or made live.
    pub at: UnixMillis,
}

/// What an import made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Devices.
    pub devices: u32,
    /// Users.
    pub subscribers: u32,
}

/// A part of an import: what is put aside in one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The realm of all of them.
    pub realm: RealmId,
    /// The import.
    pub import: ImportId,
    /// When.
    pub at: UnixMillis,
    /// Devices. One that is put aside already stays as it is.
    pub devices: Vec<Authenticator>,
    /// Users that have to be made for them; likewise. One that is there when the import goes live stays as it is.
    pub subscribers: Vec<Subscriber>,
}

/// All that was put aside for an import becomes what it is to be, or nothing does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoLive {
    /// The realm.
    pub realm: RealmId,
    /// The import.
    pub import: ImportId,
    /// How many devices were put aside.
    pub devices: u32,
    /// When.
    pub at: UnixMillis,
}

/// What the store has of the devices and users of a part.
#[derive(Clone, Debug, Default)]
pub struct ImportSnapshot {
    /// Those of the identification codes that are taken, with their realms; in no order.
    pub taken: Vec<(matchbook_protocol::AuthenticatorId, RealmId)>,
    /// The devices among them that are of this realm; in no order.
    pub devices: Vec<Authenticator>,
    /// Those of the users that are there; in no order.
    pub subscribers: Vec<Subscriber>,
}
