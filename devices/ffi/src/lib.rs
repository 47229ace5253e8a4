//! The device library for C: `include/matchbook.h`, which is made of this source, is its documentation, and
//! `docs/how-to/device-in-c.md` shows it at work.
//!
//! All decisions are `matchbook-kit`'s. Here are names, numbers and the border: what comes over it is checked, and no panic
//! leaves. `border` is the one room with unsafe code (docs/adr/0019); whoever exports a name has to be allowed it too.

mod border;
mod device;
mod gate;
mod look;
mod status;
#[cfg(feature = "vectors")]
mod vectors;

pub use border::{Buffer, Bytes, MbDevice, Text};
pub use device::{
    Bearer, Form, mb_device_enrol, mb_device_enrol_typed, mb_device_free, mb_device_provision, mb_device_receive,
    mb_device_request_rotation, mb_device_request_set, mb_device_request_status, mb_device_restore,
    mb_device_set_bearer, mb_device_take_code, mb_device_tick,
};
pub use gate::{
    Event, EventKind, mb_device_code, mb_device_event, mb_device_is_saved, mb_device_message, mb_device_saved,
    mb_device_state,
};
pub use look::{
    Info, Mark, Phase, TextKind, mb_abi_version, mb_device_info, mb_device_mark, mb_device_text, mb_device_wake_at,
    mb_status_name, mb_status_text,
};
pub use status::Status;
#[cfg(feature = "vectors")]
pub use vectors::mb_vector_run;

/// The version of this interface. A library of another one does not fit: see mb_abi_version.
pub const MB_ABI_VERSION: u32 = 1;
/// Room for every state, in bytes.
pub const MB_STATE_ROOM: usize = 16384;
/// Room for every message, in either form, in bytes.
pub const MB_MESSAGE_ROOM: usize = 4096;
/// Room for every code, in bytes, with the NUL behind it.
pub const MB_CODE_ROOM: usize = 13;
