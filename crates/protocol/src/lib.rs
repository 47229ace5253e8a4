//! What both halves of Matchbook speak.
//!
//! A message's path through this crate, from the device: `engine` decides, `envelope` seals, `wire` lays the bytes out.
//! `codes` holds the alphabets and the packing, `enrolment` the `matchbook:` URI and its typed form. No clock, no
//! random source, no I/O: bytes, time and chance come in as arguments, actions go out. The wire is specified in
//! `docs/spec/protocol.md`; sections are cited here as `§n`.
#![no_std]

extern crate alloc;

pub mod codes;
pub mod engine;
pub mod enrolment;
pub mod envelope;
pub mod ids;
pub mod profile;
pub mod secret;
pub mod sms;
pub mod wire;

mod named;

#[cfg(test)]
extern crate std;
#[cfg(test)]
#[path = "../examples/vectors/catalogue/rng.rs"]
mod test_rng;

pub use codes::{
    Alphabet, Code, CodeError, CodeFormat, CodeSet, FormatError, MAX_SET_CODES, SetError, UnpackError, largest_set,
    pack, packed_len, unpack,
};
pub use engine::{
    Account, AccountError, Acknowledge, CodeMark, Engine, EnrolError, Event, Fault, History, Output, Pace, PeerError,
    Phase, Provision, ProvisionError, RequestError, Selector, TakeError,
};
pub use enrolment::{Enrolment, EnrolmentError};
pub use envelope::{
    Downlink, EpochKeys, KeyError, KeyPair, MAX_COSE_LEN, MAX_SEQUENCE, OpenError, SealError, Uplink, activation_key,
    check_public_key, compress_downlink, compress_uplink, expand_downlink, expand_uplink, split_sequence,
};
pub use ids::{AuthenticatorId, CodeIndex, Epoch, Handle, UnixMillis};
pub use profile::{Delivery, Profile, Suite};
pub use secret::Secret;
pub use wire::{
    DecodeError, DownlinkHeader, DownlinkKind, Enrol, MAX_MESSAGE_LEN, MAX_THRESHOLD, Party, PlaintextError, Reason,
    Request, Sync, UnverifiedDownlink, UnverifiedUplink, UplinkKind, WANTED_SERVERS_CHOICE,
};
