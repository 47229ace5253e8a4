//! A message from a device as it came in: its clear header, and bytes that nobody has verified yet.

use super::downlink::{one_of, sequence_of};
use super::enrol::ENROL_HEAD_LEN;
use super::error::DecodeError;
use super::kind::UplinkKind;
use super::request::REQUEST_HEAD_LEN;
use super::sizes::{IV_LEN, SUITES, TAG_LEN, UPLINK_HEADER_LEN, UPLINK_KID_LEN, public_key_len};
use crate::ids::AuthenticatorId;

/// A well-formed message from a device in its compressed form, not yet verified. `EpochKeys::open_uplink` makes it an
/// `Uplink`.
#[derive(Clone, Copy, Debug)]
pub struct UnverifiedUplink<'a> {
    kind: UplinkKind,
    kid: &'a [u8; UPLINK_KID_LEN],
    iv: &'a [u8; IV_LEN],
    body: &'a [u8],
}

impl<'a> UnverifiedUplink<'a> {
    /// Reads the compressed form, as SMS carries it.
    ///
    /// # Errors
    /// See [`DecodeError`]: a length that its type does not have, another version, an unknown type, one of the other
    /// direction, counter 0.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let byte0 = bytes.first().ok_or(DecodeError::TooShort)?;
        let kind = UplinkKind::from_byte0(*byte0)?;
        check_length(kind, bytes.len())?;
        let (kid, rest) = bytes.split_first_chunk().ok_or(DecodeError::TooShort)?;
        let (iv, body) = rest.split_first_chunk().ok_or(DecodeError::TooShort)?;
        if sequence_of(iv) == 0 {
            return Err(DecodeError::ZeroSequence);
        }
        Ok(Self { kind, kid, iv, body })
    }

    /// The message's type.
    #[must_use]
    pub const fn kind(&self) -> UplinkKind {
        self.kind
    }

    /// The identification code of the authenticator that claims to have sent it.
    #[must_use]
    pub const fn id(&self) -> AuthenticatorId {
        let [_, a, b, c, d, e, f, g, h, _] = *self.kid;
        AuthenticatorId([a, b, c, d, e, f, g, h])
    }

    /// The low byte of the epoch whose key seals the message.
    #[must_use]
    pub const fn epoch_low(&self) -> u8 {
        let [.., epoch_low] = *self.kid;
        epoch_low
    }

    /// The request counter: from 1, one for REQ and ENROL together.
    #[must_use]
    pub fn counter(&self) -> u32 {
        sequence_of(self.iv)
    }

    /// The clear header without the IV.
    pub(crate) const fn kid(&self) -> &'a [u8; UPLINK_KID_LEN] {
        self.kid
    }

    /// The IV.
    pub(crate) const fn iv(&self) -> &'a [u8; IV_LEN] {
        self.iv
    }

    /// Everything after the header.
    pub(crate) const fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Whether a message of this type can be that long, in any suite: with no public key, or with one of the suite's length.
fn check_length(kind: UplinkKind, length: usize) -> Result<(), DecodeError> {
    let head = match kind {
        UplinkKind::Request => REQUEST_HEAD_LEN,
        UplinkKind::Enrol => ENROL_HEAD_LEN,
    };
    one_of(length, SUITES.into_iter().map(|suite| UPLINK_HEADER_LEN + head + public_key_len(suite) + TAG_LEN))
}
