//! What an operator does: realms and their policies, people, and devices. Tokens are the server's, which makes them.

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::Address;
use rand_core::CryptoRng;

use crate::audit::{Subject, event};
use crate::draft::Draft;
use crate::enrol::check_number;
use crate::model::{
    Changes, DeviceSnapshot, EventKind, Guard, OutboxKind, Policy, Realm, RealmId, RefillReason, SealedKey, Status,
    Subscriber, SubscriberId, Version, Write,
};
use crate::policy;
use crate::refusal::Refusal;

/// The longest name that people read, in bytes.
pub const MAX_DISPLAY_NAME_LEN: usize = 128;

/// When a message of a suspended device is due: never, until it is resumed. The end of the year 9999.
pub const HELD_BACK_UNTIL: UnixMillis = UnixMillis(253_402_300_799_999);

/// Makes a realm. A conflict when there is one of that name.
///
/// # Errors
/// For the operator: a policy that cannot be had, a display name that is too long.
pub fn create_realm(
    id: &RealmId,
    display_name: String,
    policy: Policy,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    check_policy(&policy)?;
    check_display_name(&display_name)?;
    let realm = Realm { id: id.clone(), display_name, policy, created_at: now, version: Version(0) };
    let noted = event(about_realm(id), EventKind::RealmCreated, format!("realm {id}"), now, rng);
    Ok(Changes {
        guards: vec![Guard::Realm { id: id.clone(), version: Version(0) }],
        writes: vec![Write::PutRealm(Box::new(realm)), noted],
    })
}

/// Replaces a realm's policy. Codes that are issued keep their format; what counts at an attempt changes at once.
///
/// # Errors
/// For the operator: a policy that cannot be had.
pub fn set_policy(
    realm: &Realm,
    policy: Policy,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    check_policy(&policy)?;
    let detail = format!(
        "{:?}, {}, threshold {}, {} failures, {} sets a day, key for {} days",
        policy.mode,
        policy.format(),
        policy.threshold,
        policy.max_failures,
        policy.sets_per_day,
        policy.rotate_after_days
    );
    let noted = event(about_realm(&realm.id), EventKind::PolicyChanged, detail, now, rng);
    Ok(Changes {
        guards: vec![Guard::Realm { id: realm.id.clone(), version: realm.version }],
        writes: vec![Write::PutRealm(Box::new(Realm { policy, ..realm.clone() })), noted],
    })
}

/// Makes a subscriber. A conflict when there is one of that name.
///
/// # Errors
/// For the operator: a display name that is too long.
pub fn create_subscriber(
    realm: &Realm,
    id: &SubscriberId,
    display_name: String,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    check_display_name(&display_name)?;
    let subscriber = Subscriber {
        realm: realm.id.clone(),
        id: id.clone(),
        display_name,
        suspended: false,
        created_at: now,
        version: Version(0),
    };
    let noted = event(about_subscriber(&subscriber), EventKind::SubscriberCreated, format!("user {id}"), now, rng);
    Ok(Changes { guards: Vec::new(), writes: vec![Write::PutSubscriber(Box::new(subscriber)), noted] })
}

/// Suspends or resumes a subscriber: while suspended, no code of theirs is accepted and none of their devices gets a set.
///
/// # Errors
/// For the operator: the subscriber is suspended, or not, already.
pub fn set_subscriber_suspended(
    subscriber: &Subscriber,
    suspended: bool,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    let (kind, state) = if suspended {
        (EventKind::SubscriberSuspended, "suspended")
    } else {
        (EventKind::SubscriberResumed, "not suspended")
    };
    if subscriber.suspended == suspended {
        return Err(Refusal::operator(format!("the user {} is {state} already", subscriber.id)));
    }
    let noted = event(about_subscriber(subscriber), kind, format!("user {}", subscriber.id), now, rng);
    let changed = Subscriber { suspended, ..subscriber.clone() };
    Ok(Changes { guards: Vec::new(), writes: vec![Write::PutSubscriber(Box::new(changed)), noted] })
}

/// Suspends a device: no code of it is accepted, and it gets no sets, until it is resumed. What waits for it is held
/// back.
///
/// # Errors
/// For the operator: a device that is not in use.
pub fn suspend(
    snapshot: &DeviceSnapshot,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    match snapshot.authenticator.status {
        Status::Active => {}
        Status::Pending { .. } => {
            return Err(Refusal::operator("the device has not enrolled yet; revoke the enrolment"));
        }
        Status::Suspended => return Err(Refusal::operator("the device is suspended already")),
        Status::Revoked => return Err(Refusal::operator("the device is revoked")),
    }
    let mut draft = Draft::of(snapshot, now);
    draft.authenticator.status = Status::Suspended;
    draft.authenticator.refill_due = None;
    draft.set_due(HELD_BACK_UNTIL, |_| true);
    draft.note(EventKind::DeviceSuspended, "by the operator", rng);
    Ok(draft.finish())
}

/// Resumes a suspended device. Its count of failures stays; what waits for it is due now, and so is a refill when it runs
/// low.
///
/// # Errors
/// For the operator: a device that is not suspended.
pub fn resume(
    snapshot: &DeviceSnapshot,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    match snapshot.authenticator.status {
        Status::Suspended => {}
        Status::Pending { .. } | Status::Active => return Err(Refusal::operator("the device is not suspended")),
        Status::Revoked => return Err(Refusal::operator("the device is revoked; enrol a new one")),
    }
    let mut draft = Draft::of(snapshot, now);
    draft.authenticator.status = Status::Active;
    draft.authenticator.refill_due = Some(RefillReason::ServerCount);
    draft.set_due(now, |_| true);
    draft.note(EventKind::DeviceResumed, "by the operator", rng);
    Ok(draft.finish())
}

/// What waits for a device whose user was resumed is due now, and so is a refill when it runs low. Nothing for a device
/// that is not in use.
#[must_use]
pub fn go_on(snapshot: &DeviceSnapshot, now: UnixMillis) -> Changes {
    match snapshot.authenticator.status {
        Status::Active => {}
        Status::Pending { .. } | Status::Suspended | Status::Revoked => return Changes::default(),
    }
    let mut draft = Draft::of(snapshot, now);
    draft.authenticator.refill_due = Some(RefillReason::ServerCount);
    draft.set_due(now, |_| true);
    draft.finish()
}

/// Sets the number that short messages to a device go to. What waits for it is sent there from now on.
///
/// # Errors
/// For the operator: a number that is none, a revoked device.
pub fn set_number(
    snapshot: &DeviceSnapshot,
    msisdn: Option<Address>,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    if snapshot.authenticator.status == Status::Revoked {
        return Err(Refusal::operator("the device is revoked; enrol a new one"));
    }
    check_number(msisdn.as_ref())?;
    let mut draft = Draft::of(snapshot, now);
    let detail = match &msisdn {
        Some(number) => format!("short messages go to {number}"),
        None => "no short messages go to it".to_owned(),
    };
    draft.authenticator.msisdn = msisdn;
    if snapshot.authenticator.status == Status::Active && !draft.is_suspended() {
        draft.set_due(now, |item| item.kind != OutboxKind::Answer);
    }
    draft.note(EventKind::NumberChanged, detail, rng);
    Ok(draft.finish())
}

/// Revokes a device, or an enrolment that was not used, for good: its keys, its code tags and its messages are erased.
///
/// # Errors
/// For the operator: a device that is revoked already.
pub fn revoke(
    snapshot: &DeviceSnapshot,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    if snapshot.authenticator.status == Status::Revoked {
        return Err(Refusal::operator("the device is revoked already"));
    }
    let mut draft = Draft::of(snapshot, now);
    let authenticator = &mut draft.authenticator;
    authenticator.status = Status::Revoked;
    authenticator.keys.current.sealed = SealedKey(Vec::new());
    authenticator.keys.next = None;
    authenticator.public_key = Vec::new();
    authenticator.last_reply = None;
    authenticator.rotation_wanted = None;
    authenticator.refill_due = None;
    draft.void_sets(|_| true);
    draft.drop_outbox(|_| true);
    draft.note(EventKind::DeviceRevoked, "its keys, code tags and messages are erased", rng);
    Ok(draft.finish())
}

/// Unlocks a device after too many consecutive failures: its count is 0 again.
///
/// # Errors
/// For the operator: a device without failures, or a revoked one.
pub fn unlock(
    snapshot: &DeviceSnapshot,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Changes, Refusal> {
    if snapshot.authenticator.status == Status::Revoked {
        return Err(Refusal::operator("the device is revoked; enrol a new one"));
    }
    if snapshot.failures == 0 {
        return Err(Refusal::operator("the device has no failures to clear"));
    }
    let (realm, id) = (snapshot.authenticator.realm.clone(), snapshot.authenticator.id);
    let mut draft = Draft::of(snapshot, now);
    draft.write(Write::SetFailures { realm: realm.clone(), id, count: 0 });
    draft.note(EventKind::DeviceUnlocked, format!("{} consecutive failures are cleared", snapshot.failures), rng);
    let mut changes = draft.finish();
    changes.guards.push(Guard::Failures { realm, id, count: snapshot.failures });
    Ok(changes)
}

fn check_policy(policy: &Policy) -> Result<(), Refusal> {
    policy::check(policy).map(drop).map_err(|error| Refusal::operator(error.to_string()))
}

fn check_display_name(name: &str) -> Result<(), Refusal> {
    if name.len() > MAX_DISPLAY_NAME_LEN || name.chars().any(char::is_control) {
        let sentence = format!("a display name has at most {MAX_DISPLAY_NAME_LEN} bytes and no control characters");
        return Err(Refusal::operator(sentence));
    }
    Ok(())
}

const fn about_realm(realm: &RealmId) -> Subject<'_> {
    Subject { realm, subscriber: None, authenticator: None }
}

const fn about_subscriber(subscriber: &Subscriber) -> Subject<'_> {
    Subject { realm: &subscriber.realm, subscriber: Some(&subscriber.id), authenticator: None }
}

#[cfg(test)]
mod tests;
