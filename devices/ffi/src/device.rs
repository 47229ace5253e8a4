//! Making a device, and asking it for something.

#![allow(unsafe_code, reason = "exported names; unsafe blocks are in border.rs alone")]

use std::mem::MaybeUninit;

use matchbook_kit::protocol::{
    AuthenticatorId, CodeIndex, Delivery, EnrolmentError, Handle, Pace, Party, Profile, Provision, Secret, Selector,
    Suite, UnixMillis,
};
use matchbook_kit::{Device, Refusal};

use crate::border::{Bytes, MbDevice, Text, guard, make, with};
use crate::status::Status;

/// How a message is laid out.
#[repr(u32)]
pub enum Form {
    /// The compressed form: one message, as it goes by SMS or a bearer of your own.
    Compressed = 1,
    /// COSE, as it goes by HTTP: one message as the body of the request (application/cose), none to four as the body of
    /// the answer (application/cbor-seq).
    Cose = 2,
}

/// What carries the messages, which sets how eagerly the device sends by itself.
#[repr(u32)]
pub enum Bearer {
    /// Free and quick: what is not answered is sent again after 5 s, then ever less often, down to every 15 minutes.
    Data = 1,
    /// SMS: after 1 minute, then down to every 6 hours, and no message that can be saved.
    ShortMessages = 2,
}

/// Begins an account from an enrolment's URI, "matchbook:enrol?...". `handle` is your own number for the account, 0 to 255:
/// where several accounts share a bearer, messages carry it. The device is then to be stored, and has a message to send.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_UTF8; MB_STATUS_ENROLMENT_...: the text is no enrolment; MB_STATUS_ENROL_...: it cannot be begun;
/// MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL. With an error, *device is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_enrol(
    uri: Text,
    handle: u8,
    device: Option<&mut MaybeUninit<Option<Box<MbDevice>>>>,
) -> Status {
    make(device, || Ok(Device::enrol(uri.read()?, handle)?))
}

/// As mb_device_enrol, from the typed form of an enrolment: its nine groups with a line feed between them, and what they
/// leave out. Spaces, dashes and case do not count. `group` may be NULL; with MB_STATUS_ENROLMENT_GROUP it is set to the number
/// of the mistyped group, 1 to 9, and to 0 otherwise.
///
/// The errors are those of mb_device_enrol.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_enrol_typed(
    groups: Text,
    server: Text,
    realm: Text,
    label: Text,
    handle: u8,
    group: Option<&mut MaybeUninit<usize>>,
    device: Option<&mut MaybeUninit<Option<Box<MbDevice>>>>,
) -> Status {
    let mut wrong = 0;
    let status = make(device, || {
        let groups: Vec<&str> = groups.read()?.split('\n').collect();
        let device = Device::enrol_typed(&groups, server.read()?, realm.read()?, label.read()?, handle);
        if let Err(Refusal::Enrolment(EnrolmentError::Group { number })) = device {
            wrong = number;
        }
        Ok(device?)
    });
    if let Some(group) = group {
        group.write(wrong);
    }
    status
}

/// Begins an account whose key was put into the device where it was made: `id` is the identification code, 8 bytes, `key`
/// K_0, 32 bytes. The suite is 1. Wipe your copy of the key. The device is then to be stored, and has a message to send.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_UTF8; MB_STATUS_LENGTH: the id or key has another length; MB_STATUS_PROVISION_...; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL.
/// With an error, *device is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_provision(
    id: Bytes,
    key: Bytes,
    server: Text,
    realm: Text,
    label: Text,
    handle: u8,
    device: Option<&mut MaybeUninit<Option<Box<MbDevice>>>>,
) -> Status {
    make(device, || {
        let id = AuthenticatorId(id.read()?.try_into().map_err(|_| Status::Length)?);
        let key = Secret::from_slice(key.read()?).ok_or(Status::Length)?;
        let profile = Profile::new(Suite::Symmetric, Delivery::Shared).map_err(|_| Status::Internal)?;
        let [server, realm, label] = [server.read()?, realm.read()?, label.read()?].map(str::to_owned);
        let (party, handle) = (Party { id, profile }, Handle(handle));
        Ok(Device::provision(Provision { party, handle, key, realm, label, server })?)
    })
}

/// Goes on from what mb_device_state gave. A message that waited for its answer comes again after the first
/// mb_device_tick.
///
/// MB_STATUS_NULL; MB_STATUS_LENGTH; MB_STATUS_STATE_...: the bytes are no state; MB_STATUS_INTERNAL. With an error, *device is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_restore(state: Bytes, device: Option<&mut MaybeUninit<Option<Box<MbDevice>>>>) -> Status {
    make(device, || Ok(Device::restore(state.read()?)?))
}

/// Frees a device and wipes its keys and codes. NULL is left alone. No thread may be using it, and it must not be used
/// again.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_free(device: Option<Box<MbDevice>>) {
    guard(|| {
        drop(device);
        Ok(())
    });
}

/// Sets what carries the messages, an mb_bearer. It is not stored; MB_BEARER_DATA until it is set.
///
/// MB_STATUS_NULL; MB_STATUS_CHOICE: no such bearer; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_set_bearer(device: Option<&MbDevice>, bearer: u32) -> Status {
    with(device, |device| {
        device.set_pace(match bearer {
            b if b == Bearer::Data as u32 => Pace::DATA,
            b if b == Bearer::ShortMessages as u32 => Pace::SHORT_MESSAGES,
            _ => return Err(Status::Choice),
        });
        Ok(())
    })
}

/// Lets time pass: what was not answered is to be sent again when it is due, and a set is asked for when few codes are
/// left. Call it after mb_device_restore, when mb_device_wake_at says so, and now and then.
///
/// `now_ms` is the time in milliseconds since 1970 by your clock, here and everywhere. Codes and keys do not depend on it.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_tick(device: Option<&MbDevice>, now_ms: u64) -> Status {
    with(device, |device| Ok(device.tick(UnixMillis(now_ms))?))
}

/// Asks for a set because the user wants one. When one is asked for already, that message is to be sent again.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_REQUEST_...: why none was asked for; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_request_set(device: Option<&MbDevice>, now_ms: u64) -> Status {
    with(device, |device| Ok(device.request_set(UnixMillis(now_ms))?))
}

/// Asks for a new key because the user wants one.
///
/// The errors are those of mb_device_request_set.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_request_rotation(device: Option<&MbDevice>, now_ms: u64) -> Status {
    with(device, |device| Ok(device.request_rotation(UnixMillis(now_ms))?))
}

/// Says what the device holds, and so learns whether the server has anything for it.
///
/// The errors are those of mb_device_request_set.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_request_status(device: Option<&MbDevice>, now_ms: u64) -> Status {
    with(device, |device| Ok(device.request_status(UnixMillis(now_ms))?))
}

/// Takes in what came from the server, in an mb_form. Whoever sent it: it is checked.
///
/// MB_STATUS_NULL; MB_STATUS_LENGTH; MB_STATUS_CHOICE: no such form; MB_STATUS_NOT_SAVED; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL. MB_STATUS_BODY: the bytes are not
/// what a server answers by HTTP, or more than any answer; none of it was taken in. MB_STATUS_PEER_...: why a message was refused, the first of those that
/// were. Go on as if it had not come; but the account may have changed nevertheless (mb_device_is_saved).
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_receive(device: Option<&MbDevice>, form: u32, message: Bytes, now_ms: u64) -> Status {
    with(device, |device| Ok(device.receive(form_of(form)?, message.read()?, UnixMillis(now_ms))?))
}

/// Takes a code: the unused one with the lowest index when `index` is 0, or else the one with that index. It is used from
/// now on, whatever becomes of it. mb_device_code gives it when the account is stored.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_CODE_UNREAD; MB_STATUS_TAKE_...: why none was taken; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_take_code(device: Option<&MbDevice>, index: u32, now_ms: u64) -> Status {
    let selector = match CodeIndex(index) {
        CodeIndex::NONE => Selector::Next,
        index => Selector::Index(index),
    };
    with(device, |device| Ok(device.take_code(selector, UnixMillis(now_ms))?))
}

/// The form that C named.
pub(crate) fn form_of(form: u32) -> Result<matchbook_kit::Form, Status> {
    match form {
        f if f == Form::Compressed as u32 => Ok(matchbook_kit::Form::Compressed),
        f if f == Form::Cose as u32 => Ok(matchbook_kit::Form::Cose),
        _ => Err(Status::Choice),
    }
}
