//! The sizes of everything that travels, in bytes (§4).

use crate::codes::{Alphabet, CodeFormat, MAX_DIGITS, MAX_SET_CODES, packed_len};
use crate::profile::{Delivery, Profile, Suite};

/// AES-GCM's nonce: sequence number 4, hedge 8.
pub const IV_LEN: usize = 12;
/// AES-GCM's tag.
pub const TAG_LEN: usize = 16;
/// Server to device: byte 0, handle, epoch, IV.
pub const DOWNLINK_HEADER_LEN: usize = DOWNLINK_KID_LEN + IV_LEN;
/// Device to server: byte 0, identification code, epoch, IV.
pub const UPLINK_HEADER_LEN: usize = UPLINK_KID_LEN + IV_LEN;
/// What a message under the shared key adds to its plaintext: header and tag.
pub const SHARED_OVERHEAD: usize = DOWNLINK_HEADER_LEN + TAG_LEN;
/// A set's format and count, before the packed codes.
pub const SET_HEAD_LEN: usize = 2;
/// A session key of 32 bytes sealed by HPKE.
pub const WRAPPED_KEY_LEN: usize = 32 + TAG_LEN;
/// The longest message of all in its compressed form, a SET-PK of the X-Wing suite with 250 codes of 12 base-32 symbols.
/// Everything longer is refused before anything else is looked at.
pub const MAX_MESSAGE_LEN: usize = SHARED_OVERHEAD + XWING_ENC_LEN + WRAPPED_KEY_LEN + MAX_SET_LEN;

/// Byte 0, handle, epoch: the clear header without the IV, and the COSE key id.
pub(crate) const DOWNLINK_KID_LEN: usize = 3;
/// Byte 0, identification code, epoch.
pub(crate) const UPLINK_KID_LEN: usize = 10;
/// The longest plaintext of a set.
pub(crate) const MAX_SET_LEN: usize = SET_HEAD_LEN + MAX_PACKED_LEN;
/// The shortest plaintext of a set: one code of 4 decimal digits.
pub(crate) const MIN_SET_LEN: usize = SET_HEAD_LEN + 2;

const MAX_PACKED_LEN: usize = match CodeFormat::new(Alphabet::Base32, MAX_DIGITS) {
    Ok(format) => packed_len(format, MAX_SET_CODES),
    Err(_) => 0,
};
const X25519_LEN: usize = 32;
const P256_LEN: usize = 65;
const XWING_PUBLIC_LEN: usize = 1216;
const XWING_ENC_LEN: usize = 1120;

/// How long a public key of a suite is: 32, 65 (uncompressed point) or 1216 bytes; 0 for suite 1, which has none.
#[must_use]
pub const fn public_key_len(suite: Suite) -> usize {
    match suite {
        Suite::Symmetric => 0,
        Suite::X25519 => X25519_LEN,
        Suite::P256 => P256_LEN,
        Suite::XWing => XWING_PUBLIC_LEN,
    }
}

/// How long HPKE's encapsulated key of a suite is: 32, 65 or 1120 bytes; 0 for suite 1, which has none.
#[must_use]
pub const fn enc_len(suite: Suite) -> usize {
    match suite {
        Suite::Symmetric => 0,
        Suite::X25519 => X25519_LEN,
        Suite::P256 => P256_LEN,
        Suite::XWing => XWING_ENC_LEN,
    }
}

/// What a message with a set adds to the set's plaintext: 31 bytes for SET, 111 for SET-PK with X25519.
#[must_use]
pub const fn set_overhead(profile: Profile) -> usize {
    match profile.delivery() {
        Delivery::Shared => SHARED_OVERHEAD,
        Delivery::PublicKey => SHARED_OVERHEAD + enc_len(profile.suite()) + WRAPPED_KEY_LEN,
    }
}

/// Every suite, in the order of their numbers.
pub(crate) const SUITES: [Suite; 4] = [Suite::Symmetric, Suite::X25519, Suite::P256, Suite::XWing];
