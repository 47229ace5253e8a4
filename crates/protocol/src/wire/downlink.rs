//! A message from the server as it came in: its clear header, and bytes that nobody has verified yet.

use super::error::DecodeError;
use super::kind::DownlinkKind;
use super::rotation::ROTATION_LEN;
use super::sizes::{
    DOWNLINK_HEADER_LEN, DOWNLINK_KID_LEN, IV_LEN, MAX_MESSAGE_LEN, MAX_SET_LEN, MIN_SET_LEN, SHARED_OVERHEAD, SUITES,
    TAG_LEN, WRAPPED_KEY_LEN, enc_len,
};
use super::sync::SYNC_LEN;
use crate::ids::Handle;
use crate::profile::Suite;

/// The clear header of a message from the server. Unverified, but for what `envelope` binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownlinkHeader {
    /// The message's type.
    pub kind: DownlinkKind,
    /// The account slot of the device that it is for. It only finds the key: no other account's key opens the message.
    pub handle: Handle,
    /// The low byte of the epoch whose key seals the message.
    pub epoch_low: u8,
    /// The IV's first four bytes: a set's first index, the next epoch, or SYNC's number. None in ROT-PK, which has no IV.
    pub sequence: Option<u32>,
}

/// A well-formed message from the server in its compressed form, not yet verified. `EpochKeys::open_downlink` makes it a
/// `Downlink`.
#[derive(Clone, Copy, Debug)]
pub struct UnverifiedDownlink<'a> {
    header: DownlinkHeader,
    kid: &'a [u8; DOWNLINK_KID_LEN],
    iv: Option<&'a [u8; IV_LEN]>,
    body: &'a [u8],
}

impl<'a> UnverifiedDownlink<'a> {
    /// Reads the compressed form, as SMS carries it.
    ///
    /// # Errors
    /// See [`DecodeError`]: too short or too long for its type, another version, an unknown type, one of the other
    /// direction, sequence number 0.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_MESSAGE_LEN {
            return Err(DecodeError::TooLong);
        }
        let (kid, rest) = bytes.split_first_chunk().ok_or(DecodeError::TooShort)?;
        let [byte0, handle, epoch_low] = *kid;
        let kind = DownlinkKind::from_byte0(byte0)?;
        check_length(kind, bytes.len())?;
        let (iv, body) = match kind {
            DownlinkKind::RotatePublicKey => (None, rest),
            DownlinkKind::Set | DownlinkKind::SetPk | DownlinkKind::RotateSymmetric | DownlinkKind::Sync => {
                let (iv, body) = rest.split_first_chunk().ok_or(DecodeError::TooShort)?;
                (Some(iv), body)
            }
        };
        let sequence = iv.map(sequence_of);
        if sequence == Some(0) {
            return Err(DecodeError::ZeroSequence);
        }
        let header = DownlinkHeader { kind, handle: Handle(handle), epoch_low, sequence };
        Ok(Self { header, kid, iv, body })
    }

    /// The clear header.
    #[must_use]
    pub const fn header(&self) -> DownlinkHeader {
        self.header
    }

    /// The same message, when it is for the account in slot `handle`. The handle is not bound by the tag, so that a
    /// device that keeps one account checks it here.
    ///
    /// # Errors
    /// [`DecodeError::WrongHandle`] when it is for another one.
    pub fn for_handle(self, handle: Handle) -> Result<Self, DecodeError> {
        if self.header.handle == handle { Ok(self) } else { Err(DecodeError::WrongHandle) }
    }

    /// The clear header without the IV.
    pub(crate) const fn kid(&self) -> &'a [u8; DOWNLINK_KID_LEN] {
        self.kid
    }

    /// The IV; none in ROT-PK.
    pub(crate) const fn iv(&self) -> Option<&'a [u8; IV_LEN]> {
        self.iv
    }

    /// Everything after the header.
    pub(crate) const fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// The IV's first four bytes.
pub(super) fn sequence_of(iv: &[u8; IV_LEN]) -> u32 {
    let [a, b, c, d, ..] = *iv;
    u32::from_be_bytes([a, b, c, d])
}

/// Whether a message of this type can be that long, in any suite.
fn check_length(kind: DownlinkKind, length: usize) -> Result<(), DecodeError> {
    match kind {
        DownlinkKind::Set => between(length, SHARED_OVERHEAD + MIN_SET_LEN, SHARED_OVERHEAD + MAX_SET_LEN),
        DownlinkKind::SetPk => {
            let shortest = SHARED_OVERHEAD + enc_len(Suite::X25519) + WRAPPED_KEY_LEN + MIN_SET_LEN;
            between(length, shortest, MAX_MESSAGE_LEN)
        }
        DownlinkKind::RotateSymmetric => exactly(length, SHARED_OVERHEAD + ROTATION_LEN),
        DownlinkKind::RotatePublicKey => {
            let lengths = SUITES.into_iter().filter(|suite| *suite != Suite::Symmetric);
            one_of(length, lengths.map(|suite| DOWNLINK_KID_LEN + enc_len(suite) + ROTATION_LEN + TAG_LEN))
        }
        DownlinkKind::Sync => exactly(length, DOWNLINK_HEADER_LEN + SYNC_LEN + TAG_LEN),
    }
}

fn between(length: usize, shortest: usize, longest: usize) -> Result<(), DecodeError> {
    if length < shortest {
        Err(DecodeError::TooShort)
    } else if length > longest {
        Err(DecodeError::TooLong)
    } else {
        Ok(())
    }
}

fn exactly(length: usize, wanted: usize) -> Result<(), DecodeError> {
    between(length, wanted, wanted)
}

/// `lengths` ascend.
pub(super) fn one_of(length: usize, lengths: impl Iterator<Item = usize> + Clone) -> Result<(), DecodeError> {
    if lengths.clone().any(|wanted| wanted == length) {
        return Ok(());
    }
    between(length, lengths.clone().min().unwrap_or(0), lengths.max().unwrap_or(0))?;
    Err(DecodeError::Length)
}
