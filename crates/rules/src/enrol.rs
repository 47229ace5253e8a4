//! Enrolment: an activation secret for one device, and the device's first message under it.

use matchbook_protocol::envelope::check_public_key;
use matchbook_protocol::sms::Address;
use matchbook_protocol::{
    CodeIndex, Enrol, Enrolment, Epoch, Handle, KeyError, Party, Profile, Secret, UnixMillis, activation_key,
};
use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::audit::{Subject, event};
use crate::draft::{Draft, draw_id, is_recent, place};
use crate::keyring::Keyring;
use crate::model::{
    Authenticator, AuthenticatorKeys, CachedReply, Changes, DayCount, DeviceSnapshot, EpochKey, EventKind, Guard,
    Realm, RequestWindow, SealedKey, Status, Subscriber, Version, Write,
};
use crate::refusal::Refusal;
use crate::request::{AuthenticEnrol, BearerLimits, Decision, Seen};

/// The shortest life of an activation secret: a minute.
pub const MIN_VALID_MS: u64 = 60_000;
/// The longest life of an activation secret: 30 days.
pub const MAX_VALID_MS: u64 = 30 * 24 * 3_600_000;
/// The longest label, in bytes.
pub const MAX_LABEL_LEN: usize = 64;

/// What the operator says of a new device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentRequest {
    /// What people call the device; up to [`MAX_LABEL_LEN`] bytes, without control characters. Empty: the account is
    /// called after its user.
    pub label: String,
    /// Suite and delivery, which never change after.
    pub profile: Profile,
    /// How long the activation secret works, [`MIN_VALID_MS`] to [`MAX_VALID_MS`].
    pub valid_for_ms: u64,
    /// Where the device finds the server: an `https` or `http` URL; `sms:` and a number when it has no data bearer; empty
    /// when messages come and go by hand.
    pub server: String,
    /// The number that short messages to it go to; `None`: it has no such bearer.
    pub msisdn: Option<Address>,
}

/// Makes an enrolment: a pending authenticator for the store, and what the device is given, once. The activation secret
/// is kept nowhere; the store gets the key that follows from it, sealed.
///
/// # Errors
/// For the operator: a suspended user, a field that is out of its range, a suite that this build has not got.
pub fn create(
    realm: &Realm,
    subscriber: &Subscriber,
    request: EnrolmentRequest,
    keyring: &Keyring,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Changes, Enrolment), Refusal> {
    check(realm, subscriber, &request)?;
    let id = draw_id(rng);
    let party = Party { id, profile: request.profile };
    let secret = draw_secret(rng);
    let key = activation_key(&secret, &party);
    let expires_at = now.plus(request.valid_for_ms);
    let mut authenticator = Authenticator {
        realm: realm.id.clone(),
        id,
        subscriber: subscriber.id.clone(),
        label: request.label.clone(),
        profile: request.profile,
        msisdn: request.msisdn,
        handle: Handle(0),
        status: Status::Pending { expires_at },
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
    authenticator.keys.current.sealed = keyring.seal_key(&place(&authenticator, Epoch(0)), &key, rng)?;
    let subject = Subject { realm: &realm.id, subscriber: Some(&subscriber.id), authenticator: Some(id) };
    let noted =
        event(subject, EventKind::EnrolmentCreated, format!("valid until {} (Unix, ms)", expires_at.0), now, rng);
    let label = if request.label.is_empty() { subscriber.id.to_string() } else { request.label };
    let enrolment = Enrolment { party, secret, server: request.server, realm: realm.id.to_string(), label };
    let changes = Changes {
        guards: vec![Guard::Realm { id: realm.id.clone(), version: realm.version }],
        writes: vec![Write::InsertAuthenticator(Box::new(authenticator)), noted],
    };
    Ok((changes, enrolment))
}

/// Takes an authentic ENROL. The first one within its time makes the device active, and is answered with a SYNC; the same
/// one again gets the same bytes. Every other one is somebody else with the same activation secret: it gets silence and
/// leaves an event.
///
/// # Errors
/// An ENROL that comes again after the device has sent a request.
pub fn accept(
    message: AuthenticEnrol,
    snapshot: &DeviceSnapshot,
    limits: &BearerLimits,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    match snapshot.authenticator.status {
        Status::Pending { expires_at } if now >= expires_at => Ok(expire(snapshot, now, rng)),
        Status::Pending { .. } => activate(message, snapshot, limits, now, rng),
        Status::Active | Status::Suspended if is_same(&message, snapshot) => {
            repeat(&message, snapshot, limits, now, rng)
        }
        Status::Active | Status::Suspended => Ok(refuse(&message, snapshot, now, rng)),
        Status::Revoked => Err(Refusal::peer("the device is revoked")),
    }
}

fn activate(
    message: AuthenticEnrol,
    snapshot: &DeviceSnapshot,
    limits: &BearerLimits,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let AuthenticEnrol { counter, enrol: Enrol { profile, handle, public_key }, keys } = message;
    let mut draft = Draft::of(snapshot, now);
    if profile != draft.authenticator.profile {
        return Err(Refusal::peer("the device enrols with another suite than it was given"));
    }
    draft.authenticator.status = Status::Active;
    draft.authenticator.handle = handle;
    draft.authenticator.public_key = public_key;
    draft.authenticator.requests.mark(counter);
    draft.authenticator.last_seen_at = Some(now);
    draft.authenticator.keys.current.since = now;
    draft.count_message();
    let reply = draft.seal_sync(&keys, rng)?;
    draft.authenticator.last_reply = Some(CachedReply { counter, bytes: reply.clone(), at: now });
    if limits.by_outbox {
        draft.queue_answer(reply.clone(), rng);
    }
    draft.note(EventKind::DeviceEnrolled, format!("suite {}, slot {}", profile.suite().number(), handle.0), rng);
    Ok(Decision { changes: draft.finish(), reply: vec![reply], fresh: true })
}

/// Ends an enrolment that came too late: its key is erased, so that it is refused at no cost from then on.
fn expire(snapshot: &DeviceSnapshot, now: UnixMillis, rng: &mut (impl CryptoRng + ?Sized)) -> Decision {
    let mut draft = Draft::of(snapshot, now);
    draft.authenticator.status = Status::Revoked;
    draft.authenticator.keys.current.sealed = SealedKey(Vec::new());
    draft.note(EventKind::EnrolmentRefused, "the activation secret had expired; make a new enrolment", rng);
    Decision::unasked(draft.finish(), Vec::new())
}

/// Whether it is the ENROL that made the device active.
fn is_same(message: &AuthenticEnrol, snapshot: &DeviceSnapshot) -> bool {
    let authenticator = &snapshot.authenticator;
    let AuthenticEnrol { counter, enrol, .. } = message;
    authenticator.requests.judge(*counter) == Seen::Before
        && enrol.handle == authenticator.handle
        && enrol.public_key == authenticator.public_key
        && enrol.profile == authenticator.profile
}

fn repeat(
    message: &AuthenticEnrol,
    snapshot: &DeviceSnapshot,
    limits: &BearerLimits,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Decision, Refusal> {
    let cached = snapshot.authenticator.last_reply.as_ref().filter(|cached| cached.counter == message.counter);
    let cached =
        cached.ok_or_else(|| Refusal::peer("an enrolment comes again after the device has gone on: a replay"))?;
    if !limits.by_outbox {
        return Ok(Decision { reply: vec![cached.bytes.clone()], ..Decision::nothing() });
    }
    if is_recent(cached.at, now, limits) {
        return Ok(Decision::nothing());
    }
    let mut draft = Draft::of(snapshot, now);
    draft.authenticator.last_reply = Some(CachedReply { at: now, ..cached.clone() });
    draft.queue_answer(cached.bytes.clone(), rng);
    Ok(Decision::unasked(draft.finish(), vec![cached.bytes.clone()]))
}

/// Notes that somebody else has the activation secret. The counter is marked, so that a replay leaves no more events;
/// one that was seen already cannot be, and is left to the limits of the bearer.
fn refuse(
    message: &AuthenticEnrol,
    snapshot: &DeviceSnapshot,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Decision {
    let mut draft = Draft::of(snapshot, now);
    draft.authenticator.requests.mark(message.counter);
    draft.note(
        EventKind::EnrolmentRefused,
        "another device tried to enrol with the same activation secret; if its user does not know of it, revoke this one",
        rng,
    );
    Decision::unasked(draft.finish(), Vec::new())
}

fn check(realm: &Realm, subscriber: &Subscriber, request: &EnrolmentRequest) -> Result<(), Refusal> {
    if subscriber.realm != realm.id {
        return Err(Refusal::bug("the user is of another realm"));
    }
    if subscriber.suspended {
        return Err(Refusal::operator(format!("the user {} is suspended; resume the user first", subscriber.id)));
    }
    if request.label.len() > MAX_LABEL_LEN || request.label.chars().any(char::is_control) {
        return Err(Refusal::operator(format!("a label has at most {MAX_LABEL_LEN} bytes and no control characters")));
    }
    if !(MIN_VALID_MS..=MAX_VALID_MS).contains(&request.valid_for_ms) {
        return Err(Refusal::operator("an enrolment is valid for 1 minute to 30 days"));
    }
    check_number(request.msisdn.as_ref())?;
    if !Enrolment::is_server(&request.server, request.profile) {
        let hint = "a device finds the server by an http or https URL of at most 255 bytes, or by sms: and a number, \
                    which suite 4 is too long for";
        return Err(Refusal::operator(hint));
    }
    if check_public_key(request.profile.suite(), &[]) == Err(KeyError::Unsupported) {
        return Err(Refusal::operator("this build has not got the suite"));
    }
    Ok(())
}

/// A device's number is one that can be called, not a name.
pub(crate) fn check_number(msisdn: Option<&Address>) -> Result<(), Refusal> {
    if msisdn.is_some_and(|number| !number.to_string().starts_with('+')) {
        return Err(Refusal::operator("a device's number is international: + and 1 to 15 digits, as +491701234567"));
    }
    Ok(())
}

fn draw_secret(rng: &mut (impl CryptoRng + ?Sized)) -> Secret<16> {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    let secret = Secret::new(bytes);
    bytes.zeroize();
    secret
}

#[cfg(test)]
mod tests;
