//! What travels: message types, clear headers and plaintexts, byte by byte (§4). No cryptography: what is decoded here
//! is unverified until `envelope` opens it.

mod downlink;
mod enrol;
mod error;
mod kind;
mod lengths;
mod plaintext;
mod request;
mod rotation;
mod sizes;
mod sync;
mod uplink;

pub use downlink::{DownlinkHeader, UnverifiedDownlink};
pub use enrol::Enrol;
pub use error::{DecodeError, PlaintextError};
pub use kind::{DownlinkKind, UplinkKind, VERSION};
pub use lengths::{SYNC_MESSAGE_LEN, enrol_message_len, request_message_len, rotation_message_len, set_message_len};
pub use request::{Reason, Request, WANTED_SERVERS_CHOICE};
pub use sizes::{
    DOWNLINK_HEADER_LEN, IV_LEN, MAX_MESSAGE_LEN, SET_HEAD_LEN, SHARED_OVERHEAD, TAG_LEN, UPLINK_HEADER_LEN,
    WRAPPED_KEY_LEN, enc_len, public_key_len, set_overhead,
};
pub use sync::{MAX_THRESHOLD, Sync};
pub use uplink::UnverifiedUplink;

pub(crate) use plaintext::{decode_set, encode_set};
pub(crate) use rotation::{ROTATION_LEN, decode_rotation, encode_rotation};
pub(crate) use sizes::MAX_SET_LEN;

use crate::ids::AuthenticatorId;
use crate::profile::Profile;

/// What every ciphertext is bound to: which authenticator, and the profile it was enrolled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Party {
    /// The identification code.
    pub id: AuthenticatorId,
    /// Suite and delivery, fixed at enrolment.
    pub profile: Profile,
}

#[cfg(test)]
mod tests;
