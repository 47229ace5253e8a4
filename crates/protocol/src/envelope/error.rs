//! What can go wrong between keys and messages.

use core::fmt;

use crate::named::named_errors;
use crate::wire::PlaintextError;

named_errors! {
    /// The key pair or public key is unusable.
    pub enum KeyError {
        /// Suite 1 has no key pairs.
        NoKeyPair = "no-key-pair": "the symmetric suite has no key pairs",
        /// The suite is not in this build: X-Wing without the feature `x-wing`.
        Unsupported = "unsupported-suite": "this build does not have the suite",
        /// Not a key of the suite: wrong length, or not a point of the curve.
        Invalid = "invalid-key": "the bytes are no key of the suite",
    }
}

named_errors! {
    /// The message cannot be sealed: the caller is at fault, not the peer.
    pub enum SealError {
        /// The profile has no such message, such as SET in public-key mode.
        WrongProfile = "wrong-profile": "the authenticator's profile has no such message",
        /// ENROL under another epoch than 0, or a rotation after the last epoch.
        WrongEpoch = "wrong-epoch": "this epoch has no such message",
        /// A counter or sequence number 0.
        ZeroSequence = "zero-sequence": "sequence numbers start at 1",
        /// The public key, or its length, is none of the suite, or it gives no shared secret.
        PublicKey = "public-key": "the public key is none of the suite",
        /// A field with a value that it cannot carry.
        Field = "field": "a field has a value that the message cannot carry",
        /// The suite is not in this build.
        Unsupported = "unsupported-suite": "this build does not have the suite",
        /// The cipher refused, which it does only for inputs of gigabytes.
        Cipher = "cipher": "the cipher refused the input",
    }
}

/// The message was not accepted. Nothing of its content may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The profile has no such message, such as SET in public-key mode.
    WrongProfile,
    /// The message names another epoch than these keys', or one in which its type does not exist.
    WrongEpoch,
    /// The message names another authenticator than these keys'.
    WrongId,
    /// The message needs a key pair and none was given.
    NoKeyPair,
    /// The key pair is of another suite.
    WrongKeyPair,
    /// The suite is not in this build.
    Unsupported,
    /// The message's length is none of its type in this suite.
    Length,
    /// The tag is wrong: another key, another place, or altered bytes. Which one is not known, and not said.
    Authentication,
    /// Authentic, and wrong in itself.
    Plaintext(PlaintextError),
}

impl OpenError {
    /// The stable name, as the test vectors cite it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongProfile => "wrong-profile",
            Self::WrongEpoch => "wrong-epoch",
            Self::WrongId => "wrong-id",
            Self::NoKeyPair => "no-key-pair",
            Self::WrongKeyPair => "wrong-key-pair",
            Self::Unsupported => "unsupported-suite",
            Self::Length => "length",
            Self::Authentication => "authentication",
            Self::Plaintext(error) => error.name(),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongProfile => "the authenticator's profile has no such message",
            Self::WrongEpoch => "the message belongs to another epoch",
            Self::WrongId => "the message belongs to another authenticator",
            Self::NoKeyPair => "the message needs a key pair that is not there",
            Self::WrongKeyPair => "the key pair is of another suite",
            Self::Unsupported => "this build does not have the suite",
            Self::Length => "no message of this type and suite has this length",
            Self::Authentication => "the message is not authentic",
            Self::Plaintext(error) => return error.fmt(f),
        })
    }
}

impl core::error::Error for OpenError {}

impl From<PlaintextError> for OpenError {
    fn from(error: PlaintextError) -> Self {
        Self::Plaintext(error)
    }
}
