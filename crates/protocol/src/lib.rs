//! What both halves of Matchbook speak.
//!
//! A message's path through this crate, from the device: `engine` decides, `envelope` seals, `wire` lays the bytes out.
//! `codes` holds the alphabets and the packing, `enrolment` the `matchbook:` URI and its typed form. No clock, no
//! random source, no I/O: bytes, time and chance come in as arguments, actions go out. The wire is specified in
//! `docs/spec/protocol.md`; sections are cited here as `§n`.
#![no_std]

extern crate alloc;

pub mod ids;
pub mod profile;
pub mod secret;

pub use ids::{AuthenticatorId, CodeIndex, Epoch, Handle, UnixMillis};
pub use profile::{Delivery, Profile, Suite};
pub use secret::Secret;
