//! Who sent it: the one key that the message names is tried, and no other.

use std::hint::black_box;

use matchbook_protocol::{
    AuthenticatorId, Delivery, Enrol, Epoch, EpochKeys, OpenError, Party, Profile, Request, Secret, Suite,
    UnverifiedUplink, Uplink, UplinkKind,
};

use crate::draft::open_keys;
use crate::keyring::{KeyPlace, Keyring, SEALED_KEY_LEN};
use crate::model::{Authenticator, DeviceSnapshot, RealmId, SealedKey, Status};
use crate::refusal::Refusal;

/// A message that the device sent. When, is another question.
pub enum Authentic {
    /// REQ.
    Request(AuthenticRequest),
    /// ENROL.
    Enrol(AuthenticEnrol),
}

/// A request that the device sent, perhaps long ago.
pub struct AuthenticRequest {
    pub(super) counter: u32,
    pub(super) request: Request,
    pub(super) key: KeyUsed,
    pub(super) keys: EpochKeys,
}

/// An enrolment under the activation secret, from whoever has that.
pub struct AuthenticEnrol {
    pub(crate) counter: u32,
    pub(crate) enrol: Enrol,
    pub(crate) keys: EpochKeys,
}

/// Which of the authenticator's keys a message came under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsed {
    /// The one in use.
    Current,
    /// The offered one: the device has it.
    Next,
}

/// Opens a message with the key that its epoch names. Takes the same work whatever the outcome: one sealed key is opened,
/// one set of keys derived, one tag checked.
///
/// # Errors
/// [`crate::Culprit::Peer`] for everything that is not authentic or not timely; [`crate::Culprit::Store`] when the
/// stored key does not open.
pub fn authenticate(
    unverified: &UnverifiedUplink<'_>,
    snapshot: &DeviceSnapshot,
    keyring: &Keyring,
) -> Result<Authentic, Refusal> {
    let authenticator = &snapshot.authenticator;
    let named = admit(unverified, authenticator).and_then(|()| named_key(unverified, authenticator));
    let (key, epoch, sealed) = named.inspect_err(|_| burn(unverified, keyring))?;
    let keys = open_keys(authenticator, epoch, sealed, keyring).inspect_err(|_| burn(unverified, keyring))?;
    match keys.open_uplink(unverified).map_err(refusal)? {
        Uplink::Request { counter, request } => {
            Ok(Authentic::Request(AuthenticRequest { counter, request, key, keys }))
        }
        Uplink::Enrol { counter, enrol } => Ok(Authentic::Enrol(AuthenticEnrol { counter, enrol, keys })),
    }
}

/// Costs what [`authenticate`] costs, for a message with an identification code that nobody has.
pub fn burn_equal_cost(bytes: &[u8], keyring: &Keyring) {
    if let Ok(unverified) = UnverifiedUplink::decode(bytes) {
        burn(&unverified, keyring);
    }
}

/// Whether the authenticator takes such a message at all in its state.
fn admit(unverified: &UnverifiedUplink<'_>, authenticator: &Authenticator) -> Result<(), Refusal> {
    if unverified.id() != authenticator.id {
        return Err(Refusal::bug("the snapshot is of another device than the message"));
    }
    match (authenticator.status, unverified.kind()) {
        (Status::Revoked, UplinkKind::Request | UplinkKind::Enrol) => Err(Refusal::peer("the device is revoked")),
        (Status::Pending { .. }, UplinkKind::Request) => {
            Err(Refusal::peer("a request of a device that has not enrolled yet"))
        }
        (Status::Pending { .. }, UplinkKind::Enrol)
        | (Status::Active | Status::Suspended, UplinkKind::Request | UplinkKind::Enrol) => Ok(()),
    }
}

/// The key that the message names.
fn named_key<'a>(
    unverified: &UnverifiedUplink<'_>,
    authenticator: &'a Authenticator,
) -> Result<(KeyUsed, Epoch, &'a SealedKey), Refusal> {
    let keys = &authenticator.keys;
    let named = unverified.epoch_low();
    if unverified.kind() == UplinkKind::Enrol && keys.current.epoch != Epoch(0) {
        return Err(Refusal::peer("an enrolment of a device that has changed its key since"));
    }
    if keys.current.epoch.low_byte() == named {
        return Ok((KeyUsed::Current, keys.current.epoch, &keys.current.sealed));
    }
    match &keys.next {
        Some(next) if next.epoch.low_byte() == named => Ok((KeyUsed::Next, next.epoch, &next.sealed)),
        Some(_) | None => Err(Refusal::peer(format!(
            "the message names key …{named}, and the device's is {}; \
             when the device shows another number than that, it has to be enrolled anew",
            keys.current.epoch.0
        ))),
    }
}

/// The work of [`authenticate`], with keys that nobody has.
fn burn(unverified: &UnverifiedUplink<'_>, keyring: &Keyring) {
    let sealed = SealedKey(vec![keyring.version(); SEALED_KEY_LEN]);
    let opened = RealmId::new("nobody").ok().map(|realm| {
        let place = KeyPlace { realm: &realm, id: unverified.id(), epoch: Epoch(0) };
        keyring.open_key(&place, &sealed).is_ok()
    });
    black_box(opened);
    let keys = nobodys_keys(unverified.id(), unverified.epoch_low());
    black_box(keys.is_some_and(|keys| keys.open_uplink(unverified).is_ok()));
}

fn nobodys_keys(id: AuthenticatorId, epoch_low: u8) -> Option<EpochKeys> {
    let profile = Profile::new(Suite::Symmetric, Delivery::Shared).ok()?;
    let party = Party { id, profile };
    Some(EpochKeys::derive(&black_box(Secret::new([0; 32])), &party, Epoch(epoch_low.into())))
}

fn refusal(error: OpenError) -> Refusal {
    match error {
        OpenError::Authentication => {
            Refusal::peer("the message is not authentic: forged, damaged, or under another key")
        }
        OpenError::Plaintext(_) => {
            Refusal::peer(format!("the device sealed a content that the protocol forbids: {error}"))
        }
        OpenError::WrongProfile
        | OpenError::WrongEpoch
        | OpenError::WrongId
        | OpenError::NoKeyPair
        | OpenError::WrongKeyPair
        | OpenError::Unsupported
        | OpenError::Length => Refusal::peer(error.to_string()),
    }
}
