//! Looking at a device, which is allowed at any time, and at a status.

#![allow(unsafe_code, reason = "exported names; unsafe blocks are in border.rs alone")]

use std::ffi::c_char;
use std::mem::MaybeUninit;

use matchbook_kit::protocol;

use crate::MB_ABI_VERSION;
use crate::border::{Buffer, MbDevice, put, with};
use crate::gate::small;
use crate::status::Status;

/// Where an account stands.
#[repr(u32)]
pub enum Phase {
    /// Waiting for the server to confirm the enrolment.
    Enrolling = 1,
    /// In use.
    Steady = 2,
    /// In use, and on the way from one key to the next.
    Switching = 3,
}

/// What may be known of an account.
#[repr(C)]
pub struct Info {
    /// Where it stands.
    pub phase: Phase,
    /// How many unused codes are held, 0 to 250.
    pub remaining: u32,
    /// The highest index ever held; 0 before the first set.
    pub highest: u32,
    /// The number of the key that the device sends under: 0 until the first rotation.
    pub epoch: u32,
    /// A set is asked for when this many unused codes are left or fewer, 0 to 63.
    pub threshold: u32,
    /// The identification code.
    pub id: [u8; 8],
    /// The profile's byte: the suite, and 128 in public-key mode.
    pub profile: u8,
    /// Your number for the account.
    pub handle: u8,
    /// Whether the server said that the authenticator is suspended.
    pub is_suspended: bool,
    /// Whether a message to the server waits for its answer.
    pub awaits_answer: bool,
}

/// A code's place in the list that a user sees.
#[repr(C)]
pub struct Mark {
    /// Its index.
    pub index: u32,
    /// Whether it was taken.
    pub is_used: bool,
}

/// A text of the enrolment.
#[repr(u32)]
pub enum TextKind {
    /// The server's base URL, "sms:" and a number, or nothing; at most 255 bytes.
    Server = 1,
    /// The realm; at most 64 bytes.
    Realm = 2,
    /// What the account is called; at most 128 bytes.
    Label = 3,
}

/// The version of the interface that the library has. Compare it with MB_ABI_VERSION, which your program was built with.
#[unsafe(no_mangle)]
pub extern "C" fn mb_abi_version() -> u32 {
    MB_ABI_VERSION
}

/// What a status means, as one English sentence with a NUL behind it. It is constant: do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn mb_status_text(status: u32) -> *const c_char {
    Status::from_number(status).map_or(c"there is no such status", Status::text).as_ptr()
}

/// A status's short name, as the protocol and its test vectors have it where they name it: "forged". Two statuses whose
/// constants begin differently may share one. It is constant: do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn mb_status_name(status: u32) -> *const c_char {
    Status::from_number(status).map_or(c"unknown", Status::name).as_ptr()
}

/// Says what may be known of the account.
///
/// MB_STATUS_NULL; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_info(device: Option<&MbDevice>, info: Option<&mut MaybeUninit<Info>>) -> Status {
    with(device, |device| {
        let account = device.account();
        let party = account.party();
        put(
            info,
            Info {
                phase: match account.phase() {
                    protocol::Phase::Enrolling => Phase::Enrolling,
                    protocol::Phase::Steady => Phase::Steady,
                    protocol::Phase::Switching => Phase::Switching,
                },
                remaining: small(account.remaining()),
                highest: account.highest().0,
                epoch: account.epoch().0,
                threshold: u32::from(account.threshold()),
                id: party.id.0,
                profile: party.profile.to_byte(),
                handle: account.handle().0,
                is_suspended: account.is_suspended(),
                awaits_answer: account.awaits_answer(),
            },
        )
    })
}

/// Gives an mb_text_kind of the enrolment, with a NUL behind it.
///
/// MB_STATUS_NULL; MB_STATUS_CHOICE: no such text; MB_STATUS_BUFFER_TOO_SMALL; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_text(device: Option<&MbDevice>, which: u32, text: Option<&mut Buffer>) -> Status {
    with(device, |device| {
        let account = device.account();
        let found = match which {
            w if w == TextKind::Server as u32 => account.server(),
            w if w == TextKind::Realm as u32 => account.realm(),
            w if w == TextKind::Label as u32 => account.label(),
            _ => return Err(Status::Choice),
        };
        text.ok_or(Status::Null)?.write_text(found)
    })
}

/// Gives the code's place that is at `position` in the list, from 0. Used codes stay in it until a newer set comes.
///
/// MB_STATUS_NULL; MB_STATUS_NOTHING: the list is shorter; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_mark(
    device: Option<&MbDevice>,
    position: usize,
    mark: Option<&mut MaybeUninit<Mark>>,
) -> Status {
    with(device, |device| {
        let found = device.account().codes().nth(position).ok_or(Status::Nothing)?;
        put(mark, Mark { index: found.index.0, is_used: found.used })
    })
}

/// Says when mb_device_tick is to be called next, in milliseconds since 1970.
///
/// MB_STATUS_NULL; MB_STATUS_NOTHING: no message waits for its answer; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_device_wake_at(device: Option<&MbDevice>, wake_ms: Option<&mut MaybeUninit<u64>>) -> Status {
    with(device, |device| put(wake_ms, device.wake_at().ok_or(Status::Nothing)?.0))
}
