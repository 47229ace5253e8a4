//! Storing a device, and what it gives out once it is stored.

#![allow(unsafe_code, reason = "exported names; unsafe blocks are in border.rs alone")]

use std::mem::MaybeUninit;

use matchbook_kit::protocol;

use crate::border::{Buffer, MbDevice, put, with};
use crate::device::form_of;
use crate::status::Status;

/// What happened.
#[repr(u32)]
pub enum EventKind {
    /// The server confirmed the enrolment.
    Enrolled = 1,
    /// A new set is held: `first`, `last`, `count`; `dropped` unused codes of older ones went.
    SetAccepted = 2,
    /// A set was refused that has indexes which are held already, with other codes: `first`, `last`. Tell the operator.
    SetConflict = 3,
    /// The key was replaced, and the old one is erased: `epoch`.
    KeyReplaced = 4,
    /// Another key was offered than the one that is being switched to; refused. Tell the operator.
    KeyConflict = 5,
    /// Few codes are left: `remaining`.
    RunningLow = 6,
    /// The server suspended the authenticator: its codes are refused for now, and no sets come.
    Suspended = 7,
    /// The suspension is over.
    Resumed = 8,
    /// The state is older than what the server knows of the device, as after a restored backup: enrol it again.
    ReenrolmentNeeded = 9,
}

/// Something that the user or the operator should know. What `kind` does not name is 0.
#[repr(C)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The index of a set's first code.
    pub first: u32,
    /// The index of its last code.
    pub last: u32,
    /// How many codes it has, 1 to 250.
    pub count: u32,
    /// How many unused codes were dropped.
    pub dropped: u32,
    /// The number of a key.
    pub epoch: u32,
    /// How many unused codes are left.
    pub remaining: u32,
}

/// The state that is to be stored, at most MB_STATE_ROOM bytes. It holds every key and code in clear: seal it where others
/// can read what you store, and wipe the buffer.
///
/// Each call of the library that changes the account makes it unsaved. Then everything but this, mb_device_saved, looking
/// and freeing is refused with MB_STATUS_NOT_SAVED: no message, code or event gets out that rests on a state which a power cut
/// could undo. When you cannot store it, free the device and restore the state that you stored last, or try again.
///
/// MB_STATUS_NULL; MB_STATUS_BUFFER_TOO_SMALL: the state counts as not fetched; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_state(device: Option<&MbDevice>, state: Option<&mut Buffer>) -> Status {
    with(device, |device| {
        state.ok_or(Status::Null)?.write(&device.peek_state())?;
        drop(device.state());
        Ok(())
    })
}

/// Says that what mb_device_state gave last is stored durably: written, and flushed to where a power cut leaves it.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_GIVEN: the account has changed since mb_device_state; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_saved(device: Option<&MbDevice>) -> Status {
    with(device, |device| Ok(device.saved()?))
}

/// Sets *is_saved to whether the account is stored as it stands.
///
/// MB_STATUS_NULL; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_is_saved(device: Option<&MbDevice>, is_saved: Option<&mut MaybeUninit<bool>>) -> Status {
    with(device, |device| put(is_saved, device.is_saved()))
}

/// Gives the message that is to be sent now, in an mb_form, once: at most MB_MESSAGE_ROOM bytes. When no answer comes,
/// mb_device_tick makes it come again.
///
/// MB_STATUS_NULL; MB_STATUS_CHOICE: no such form; MB_STATUS_NOT_SAVED; MB_STATUS_NOTHING: there is none; MB_STATUS_BUFFER_TOO_SMALL: it is still there;
/// MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_message(device: Option<&MbDevice>, form: u32, message: Option<&mut Buffer>) -> Status {
    with(device, |device| {
        let bytes = device.message(form_of(form)?)?.ok_or(Status::Nothing)?;
        message.ok_or(Status::Null)?.write(&bytes)?;
        device.message_read();
        Ok(())
    })
}

/// Gives the code that was taken, once, with a NUL behind it: at most MB_CODE_ROOM bytes. Show it, and wipe the buffer.
/// `index` may be NULL.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_NOTHING: none was taken, or it was given; MB_STATUS_BUFFER_TOO_SMALL: it is still there;
/// MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_code(
    device: Option<&MbDevice>,
    index: Option<&mut MaybeUninit<u32>>,
    code: Option<&mut Buffer>,
) -> Status {
    with(device, |device| {
        let (at, text) = device.code()?.ok_or(Status::Nothing)?;
        code.ok_or(Status::Null)?.write_text(&text.reveal())?;
        if let Some(index) = index {
            index.write(at.0);
        }
        device.code_read();
        Ok(())
    })
}

/// Gives the oldest event that was not given yet. 32 are kept; a device whose events nobody reads loses the oldest.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_NOTHING: there is none; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_event(device: Option<&MbDevice>, event: Option<&mut MaybeUninit<Event>>) -> Status {
    with(device, |device| {
        let event = event.ok_or(Status::Null)?;
        event.write(Event::of(&device.event()?.ok_or(Status::Nothing)?).ok_or(Status::Internal)?);
        Ok(())
    })
}

impl Event {
    const fn new(kind: EventKind) -> Self {
        Self { kind, first: 0, last: 0, count: 0, dropped: 0, epoch: 0, remaining: 0 }
    }

    /// `None`: it is a code, which has a function of its own.
    fn of(event: &protocol::Event) -> Option<Self> {
        Some(match event {
            protocol::Event::Enrolled => Self::new(EventKind::Enrolled),
            protocol::Event::SetAccepted { first, last, count, dropped } => Self {
                first: first.0,
                last: last.0,
                count: u32::from(*count),
                dropped: small(*dropped),
                ..Self::new(EventKind::SetAccepted)
            },
            protocol::Event::SetConflict { first, last } => {
                Self { first: first.0, last: last.0, ..Self::new(EventKind::SetConflict) }
            }
            protocol::Event::KeyReplaced { epoch } => Self { epoch: epoch.0, ..Self::new(EventKind::KeyReplaced) },
            protocol::Event::KeyConflict => Self::new(EventKind::KeyConflict),
            protocol::Event::Code { .. } => return None,
            protocol::Event::RunningLow { remaining } => {
                Self { remaining: small(*remaining), ..Self::new(EventKind::RunningLow) }
            }
            protocol::Event::Suspended => Self::new(EventKind::Suspended),
            protocol::Event::Resumed => Self::new(EventKind::Resumed),
            protocol::Event::ReenrolmentNeeded => Self::new(EventKind::ReenrolmentNeeded),
        })
    }
}

/// A number of codes, of which there are at most 250.
pub(crate) fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
