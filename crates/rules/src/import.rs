//! Devices whose keys were put into them where they were made (§7.1): they are active from the import on, and begin with
//! a request.
//!
//! A file of them comes in parts. Each part is decided and put aside by [`stage`]; [`go_live`] makes all that was put
//! aside live at once. The keys of those that were never used can be given out again by [`exportable`].

use std::collections::{BTreeMap, BTreeSet};

use matchbook_protocol::{AuthenticatorId, CodeIndex, Delivery, Epoch, Handle, Profile, Secret, Suite, UnixMillis};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use crate::audit::{Subject, event};
use crate::draft::place;
use crate::enrol::MAX_LABEL_LEN;
use crate::keyring::Keyring;
use crate::model::{
    Authenticator, AuthenticatorKeys, Changes, DayCount, EpochKey, EventKind, GoLive, ImportId, ImportSnapshot,
    Imported, Realm, RealmId, RequestWindow, SealedKey, Staged, Status, Subscriber, SubscriberId, Version, Write,
};
use crate::refusal::Refusal;

/// Devices that one import makes live at most. They become live in one transaction, which on SQLite every other commit
/// waits for, about a second; docs/adr/0020 has the figures.
pub const MAX_DEVICES: u32 = 100_000;

/// Devices of one part at most: what is put aside in one commit, which others wait for too.
pub const MAX_PART: usize = 500;

/// The slot of a device with a key from the factory: the server cannot be told of another one (MB-ENR-9).
const FACTORY_HANDLE: Handle = Handle(0);

/// A device as its factory describes it.
#[derive(Debug)]
pub struct FactoryDevice {
    /// The identification code.
    pub id: AuthenticatorId,
    /// K_0.
    pub key: Secret<32>,
    /// Whose it is to be.
    pub subscriber: SubscriberId,
    /// What people call it; up to [`MAX_LABEL_LEN`] bytes, without control characters.
    pub label: String,
}

/// What is to become of one device of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is new.
    New {
        /// Its user is new too.
        makes_user: bool,
    },
    /// It is there with the same user and the same key, as after an import whose answer was lost. Nothing is done.
    AlreadyThere,
    /// It cannot be taken; the sentence says why, and what to do.
    Refused(String),
}

/// Which import a part is of, and how it is to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The realm.
    pub realm: &'a Realm,
    /// The import.
    pub import: ImportId,
    /// Users that are not there are made.
    pub creates_users: bool,
}

/// Decides a part of an import: what is to become of each device, in order, and what is put aside when none is refused.
/// `None` when there is nothing to put aside.
///
/// # Errors
/// For the operator: a part that is too long. A key that cannot be sealed.
pub fn stage(
    terms: &Terms<'_>,
    devices: &[FactoryDevice],
    seen: &ImportSnapshot,
    keyring: &Keyring,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Vec<Finding>, Option<Changes>), Refusal> {
    if devices.len() > MAX_PART {
        return Err(Refusal::operator(format!("a part of an import has at most {MAX_PART} devices")));
    }
    let findings = judge(terms, devices, seen, keyring);
    if findings.iter().any(|finding| matches!(finding, Finding::Refused(_))) {
        return Ok((findings, None));
    }
    let mut staged = Staged {
        realm: terms.realm.id.clone(),
        import: terms.import,
        at: now,
        devices: Vec::with_capacity(devices.len()),
        subscribers: Vec::new(),
    };
    for (device, finding) in devices.iter().zip(&findings) {
        let Finding::New { makes_user } = finding else { continue };
        staged.devices.push(authenticator(terms.realm, device, keyring, now, rng)?);
        if *makes_user && staged.subscribers.iter().all(|known| known.id != device.subscriber) {
            staged.subscribers.push(subscriber(&terms.realm.id, &device.subscriber, now));
        }
    }
    let changes = (!staged.devices.is_empty())
        .then(|| Changes { guards: Vec::new(), writes: vec![Write::Stage(Box::new(staged))] });
    Ok((findings, changes))
}

/// Makes all that was put aside for an import live: `devices` of them, or none when it is another number. It may be
/// asked for again when the answer was lost.
///
/// # Errors
/// For the operator: too many devices.
pub fn go_live(
    realm: &Realm,
    import: ImportId,
    devices: u32,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    if devices > MAX_DEVICES {
        let sentence = format!("one import has at most {MAX_DEVICES} devices; split the file");
        return Err(Refusal::operator(sentence));
    }
    let detail = format!("{devices} devices with keys from a factory");
    let subject = Subject { realm: &realm.id, subscriber: None, authenticator: None };
    let noted = event(subject, EventKind::DevicesImported, detail, now, rng);
    let live = GoLive { realm: realm.id.clone(), import, devices, at: now };
    Ok(Changes { guards: Vec::new(), writes: vec![Write::GoLive(Box::new(live)), noted] })
}

/// Makes sure that an import that was seen to be live is so for good, and writes nothing else.
#[must_use]
pub fn confirm(realm: &RealmId, import: ImportId, made: Imported, now: UnixMillis) -> Changes {
    let live = GoLive { realm: realm.clone(), import, devices: made.devices, at: now };
    Changes { guards: Vec::new(), writes: vec![Write::GoLive(Box::new(live)), Write::Probe] }
}

/// Why a device's key from the factory is not given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It has used its key: a file cannot say how far it is.
    Used,
    /// It was enrolled, and has not got a key from a factory.
    Enrolled,
    /// It is suspended, revoked, or of a store that was put back.
    NotInUse,
}

/// Opens the key of a device that came from a factory and that neither it nor the server has used.
///
/// # Errors
/// [`Kept`] inside; the store's fault outside: a key that does not open.
pub fn exportable(device: &Authenticator, keyring: &Keyring) -> Result<Result<Secret<32>, Kept>, Refusal> {
    let is_active = match device.status {
        Status::Active => !device.restored,
        Status::Pending { .. } => return Ok(Err(Kept::Enrolled)),
        Status::Suspended | Status::Revoked => false,
    };
    if !is_active {
        return Ok(Err(Kept::NotInUse));
    }
    if device.profile.suite() != Suite::Symmetric {
        return Ok(Err(Kept::Enrolled));
    }
    // An enrolled device has sent ENROL, whose counter is marked.
    if !is_fresh(device) {
        return Ok(Err(Kept::Used));
    }
    Ok(Ok(keyring.open_key(&place(device, Epoch(0)), &device.keys.current.sealed)?))
}

/// Notes that keys are given out; to be committed before they are.
#[must_use]
pub fn exported(realm: &Realm, devices: usize, now: UnixMillis, rng: &mut (impl CryptoRng + ?Sized)) -> Changes {
    let subject = Subject { realm: &realm.id, subscriber: None, authenticator: None };
    let detail = format!("the keys of {devices} devices were given to an operator");
    Changes { guards: Vec::new(), writes: vec![event(subject, EventKind::KeysExported, detail, now, rng)] }
}

fn is_fresh(device: &Authenticator) -> bool {
    let keys = &device.keys;
    keys.current.epoch == Epoch(0)
        && keys.current.messages == 0
        && keys.next.is_none()
        && device.requests == RequestWindow::default()
        && device.next_index == CodeIndex(1)
        && device.sync_sequence == 0
}

fn judge(terms: &Terms<'_>, devices: &[FactoryDevice], seen: &ImportSnapshot, keyring: &Keyring) -> Vec<Finding> {
    let taken: BTreeMap<_, _> = seen.taken.iter().map(|(id, realm)| (*id, realm)).collect();
    let known: BTreeMap<_, _> = seen.devices.iter().map(|device| (device.id, device)).collect();
    let people: BTreeMap<_, _> = seen.subscribers.iter().map(|person| (&person.id, person)).collect();
    let mut ids = BTreeSet::new();
    let mut judged = Vec::with_capacity(devices.len());
    for device in devices {
        let finding = if !ids.insert(device.id) {
            refused("the identification code stands in the file before; leave one of the two out")
        } else if let Some(there) = known.get(&device.id) {
            compare(device, there, keyring)
        } else if taken.contains_key(&device.id) {
            refused("the identification code is taken by another device; codes are never given twice")
        } else {
            new(terms, device, people.get(&device.subscriber).copied())
        };
        judged.push(finding);
    }
    judged
}

fn new(terms: &Terms<'_>, device: &FactoryDevice, person: Option<&Subscriber>) -> Finding {
    if device.label.len() > MAX_LABEL_LEN || device.label.chars().any(char::is_control) {
        return Finding::Refused(format!("a label has at most {MAX_LABEL_LEN} bytes and no control characters"));
    }
    if bool::from(device.key.expose().ct_eq(&[0; 32])) {
        return refused("the key is all zeros, which is no key; ask the factory");
    }
    match person {
        Some(person) if person.suspended => refused("the user is suspended; resume the user first"),
        Some(_) => Finding::New { makes_user: false },
        None if terms.creates_users => Finding::New { makes_user: true },
        None => refused("there is no such user; make the user first, or have users made by the import"),
    }
}

/// Whether a device that is there is the one of the file.
fn compare(device: &FactoryDevice, there: &Authenticator, keyring: &Keyring) -> Finding {
    if there.status == Status::Revoked {
        return refused("the device is revoked, and its code is never given to another");
    }
    if there.subscriber != device.subscriber {
        return refused("the device is there and is another user's");
    }
    if there.keys.current.epoch != Epoch(0) || there.profile.suite() != Suite::Symmetric {
        return refused("the device is there and has another key by now; leave it out of the file");
    }
    match keyring.open_key(&place(there, Epoch(0)), &there.keys.current.sealed) {
        Ok(key) if bool::from(key.expose().ct_eq(device.key.expose())) => Finding::AlreadyThere,
        Ok(_) => refused("the device is there with another key; ask the factory which one is right"),
        Err(error) => Finding::Refused(error.to_string()),
    }
}

fn refused(why: &str) -> Finding {
    Finding::Refused(why.to_owned())
}

fn subscriber(realm: &RealmId, id: &SubscriberId, now: UnixMillis) -> Subscriber {
    Subscriber {
        realm: realm.clone(),
        id: id.clone(),
        display_name: String::new(),
        suspended: false,
        created_at: now,
        version: Version(0),
    }
}

fn authenticator(
    realm: &Realm,
    device: &FactoryDevice,
    keyring: &Keyring,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Authenticator, Refusal> {
    let profile = Profile::new(Suite::Symmetric, Delivery::Shared).map_err(|error| Refusal::bug(error.to_string()))?;
    let mut authenticator = Authenticator {
        realm: realm.id.clone(),
        id: device.id,
        subscriber: device.subscriber.clone(),
        label: device.label.clone(),
        profile,
        msisdn: None,
        handle: FACTORY_HANDLE,
        status: Status::Active,
        keys: AuthenticatorKeys {
            current: EpochKey { epoch: Epoch(0), sealed: SealedKey(Vec::new()), since: now, messages: 0 },
            next: None,
        },
        public_key: Vec::new(),
        requests: RequestWindow::default(),
        last_reply: None,
        sync_sequence: 0,
        next_index: CodeIndex(1),
        acknowledged: CodeIndex::NONE,
        restored: false,
        rotation_wanted: None,
        refill_due: None,
        day: DayCount::default(),
        reported_unused: None,
        created_at: now,
        last_seen_at: None,
        version: Version(0),
    };
    authenticator.keys.current.sealed = keyring.seal_key(&place(&authenticator, Epoch(0)), &device.key, rng)?;
    Ok(authenticator)
}

#[cfg(test)]
mod tests;
