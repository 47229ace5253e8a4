//! The device for hosts of other languages: what `devices/ffi` and `devices/python` have in common, and all of their logic.
//!
//! The protocol's [`Engine`](matchbook_protocol::Engine) decides. Storage, network and clock are the host's: it stores
//! the bytes of [`Device::state`], carries the bytes of [`Device::message`], and says what time it is. A [`Device`] gives
//! out no message, code or event that rests on a state that the host has not stored: see [`device`].

pub mod device;
mod gate;
mod refusal;
#[cfg(feature = "vectors")]
pub mod vectors;

#[cfg(test)]
mod tests;

pub use device::{Device, Form, MAX_BODY_LEN, MAX_EVENTS};
pub use matchbook_protocol as protocol;
pub use refusal::Refusal;
