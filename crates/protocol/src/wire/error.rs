//! What can be wrong with bytes from the other side.

use core::fmt;

use crate::codes::{FormatError, SetError, UnpackError};
use crate::named::named_errors;

named_errors! {
    /// The bytes are no message of this protocol, in the compressed form or as COSE. Nothing was decrypted.
    pub enum DecodeError {
        /// Shorter than the shortest message of its type.
        TooShort = "too-short": "the message is cut short",
        /// Longer than the longest message of its type.
        TooLong = "too-long": "the message is longer than any of its type",
        /// A length that no message of its type has.
        Length = "length": "no message of this type has this length",
        /// The top three bits of byte 0 are not version 1.
        Version = "version": "the message is of another version of the protocol",
        /// No message type has this number.
        UnknownType = "unknown-type": "the message is of an unknown type",
        /// A message from the device where one from the server is expected, or the other way round.
        WrongDirection = "wrong-direction": "the message travels in the other direction",
        /// The sequence number is 0: indexes, epochs after a rotation and counters all start at 1.
        ZeroSequence = "zero-sequence": "sequence numbers start at 1",
        /// The message is for another account slot of the device.
        WrongHandle = "wrong-handle": "the message is for another account of this device",
        /// The profile has no such message.
        WrongProfile = "wrong-profile": "the authenticator's profile has no such message",
        /// Not the CBOR of a COSE message as this protocol uses it.
        Cbor = "cbor": "the bytes are not a COSE message of this protocol",
        /// COSE, but not the one encoding that the message has.
        NotCanonical = "not-canonical": "the COSE message is not in its one canonical encoding",
        /// Bytes after the COSE message.
        TrailingBytes = "trailing-bytes": "bytes follow the COSE message",
        /// A sequence of more than four COSE messages.
        TooManyMessages = "too-many-messages": "more COSE messages than one answer carries",
    }
}

/// The message is authentic, yet says something that it must not: the peer that sealed it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaintextError {
    /// The plaintext has a length that its type does not have.
    Length,
    /// A reserved bit is set.
    ReservedBits,
    /// No reason has this number.
    UnknownReason,
    /// The format of the codes does not exist.
    Format(FormatError),
    /// The packed codes are wrong.
    Codes(UnpackError),
    /// The codes and their indexes are no set.
    Set(SetError),
    /// A rotation to another epoch than the next.
    NextEpoch,
    /// The profile in ENROL is not the one that was enrolled.
    ProfileMismatch,
    /// The public key is none of the suite.
    PublicKey,
}

impl PlaintextError {
    /// The stable name, as the test vectors cite it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Length => "plaintext-length",
            Self::ReservedBits => "reserved-bits",
            Self::UnknownReason => "unknown-reason",
            Self::Format(error) => error.name(),
            Self::Codes(error) => error.name(),
            Self::Set(error) => error.name(),
            Self::NextEpoch => "next-epoch",
            Self::ProfileMismatch => "profile-mismatch",
            Self::PublicKey => "public-key",
        }
    }
}

impl fmt::Display for PlaintextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("the content has a length that its type does not have"),
            Self::ReservedBits => f.write_str("a reserved bit is set"),
            Self::UnknownReason => f.write_str("the request gives an unknown reason"),
            Self::Format(error) => error.fmt(f),
            Self::Codes(error) => error.fmt(f),
            Self::Set(error) => error.fmt(f),
            Self::NextEpoch => f.write_str("a rotation leads to the next epoch and to no other"),
            Self::ProfileMismatch => f.write_str("the profile is not the one that was enrolled"),
            Self::PublicKey => f.write_str("the public key is none of the suite"),
        }
    }
}

impl core::error::Error for PlaintextError {}

impl From<FormatError> for PlaintextError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

impl From<UnpackError> for PlaintextError {
    fn from(error: UnpackError) -> Self {
        Self::Codes(error)
    }
}

impl From<SetError> for PlaintextError {
    fn from(error: SetError) -> Self {
        Self::Set(error)
    }
}
