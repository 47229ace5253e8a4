//! How long each message is in its compressed form (§4), for whoever counts what a bearer has to carry.

use super::enrol::ENROL_HEAD_LEN;
use super::request::REQUEST_HEAD_LEN;
use super::rotation::ROTATION_LEN;
use super::sizes::{
    DOWNLINK_KID_LEN, SET_HEAD_LEN, SHARED_OVERHEAD, TAG_LEN, UPLINK_HEADER_LEN, enc_len, public_key_len, set_overhead,
};
use super::sync::SYNC_LEN;
use crate::codes::{CodeFormat, packed_len};
use crate::profile::{Profile, Suite};

/// SYNC: 36 bytes.
pub const SYNC_MESSAGE_LEN: usize = SHARED_OVERHEAD + SYNC_LEN;

/// SET, or SET-PK in public-key mode: 133 bytes and 213 with 40 codes of 6 digits.
#[must_use]
pub const fn set_message_len(profile: Profile, format: CodeFormat, count: usize) -> usize {
    set_overhead(profile) + SET_HEAD_LEN + packed_len(format, count)
}

/// ROT-SYM in suite 1, ROT-PK in the others: 65 bytes, and 85 with X25519.
#[must_use]
pub const fn rotation_message_len(suite: Suite) -> usize {
    match suite {
        Suite::Symmetric => SHARED_OVERHEAD + ROTATION_LEN,
        Suite::X25519 | Suite::P256 | Suite::XWing => DOWNLINK_KID_LEN + enc_len(suite) + ROTATION_LEN + TAG_LEN,
    }
}

/// REQ: 45 bytes, and 77 with an ephemeral key of X25519, which suite 1 does not have.
#[must_use]
pub const fn request_message_len(suite: Suite, with_ephemeral_key: bool) -> usize {
    let key_len = if with_ephemeral_key { public_key_len(suite) } else { 0 };
    UPLINK_HEADER_LEN + REQUEST_HEAD_LEN + key_len + TAG_LEN
}

/// ENROL: 40 bytes, and 72 with X25519.
#[must_use]
pub const fn enrol_message_len(suite: Suite) -> usize {
    UPLINK_HEADER_LEN + ENROL_HEAD_LEN + public_key_len(suite) + TAG_LEN
}
