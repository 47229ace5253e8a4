//! What the engine refuses, and whose fault it is.

use crate::named::named_errors;

named_errors! {
    /// Why a message that came in was refused. None of these stops the device: it keeps its state and goes on.
    pub enum PeerError {
        /// The bytes are no message to a device.
        Malformed = "malformed": "the bytes are not a message of this protocol",
        /// It is for another account slot of the device.
        NotOurs = "not-ours": "the message is for another account of this device",
        /// The profile fixed at enrolment has no such message.
        WrongKind = "wrong-kind": "the account's profile has no message of this type",
        /// It names a key that this device does not hold: erased, not yet made, or no rotation was asked for.
        UnknownKey = "unknown-key": "the message is under a key that this device does not hold",
        /// The tag does not verify: forged, damaged, or for another authenticator.
        Forged = "forged": "the message does not verify under the key that it names",
        /// Authentic, but under the key that is being replaced, and the device has already sent under the next one.
        OldKey = "old-key": "the message is under the key that is being replaced",
        /// A set with old indexes, of which the device keeps no record: replayed or overtaken.
        Stale = "stale": "the set's indexes are older than what this device holds",
        /// Authentic, yet its content breaks the protocol.
        Invalid = "invalid": "the server sealed a content that the protocol forbids",
        /// Indexes that the device holds already, with other codes.
        SetConflict = "set-conflict": "the server sent other codes under indexes that this device already holds",
        /// Another next key while one is under way, or one for an epoch that is not the next.
        KeyConflict = "key-conflict": "the server offered another key than the one that is being switched to",
        /// The set would bring the unused codes above [`MAX_HELD_CODES`](super::MAX_HELD_CODES).
        TooManyCodes = "too-many-codes": "the set would exceed the number of codes that this device keeps",
        /// The server has seen more requests than this device has sent: the device was restored from an older copy.
        DeviceRestored = "device-restored": "this device's state is older than what the server knows; enrol it again",
        /// The account's 2^32 − 1 requests are used up.
        CountersUsedUp = "counters-used-up": "this account can send no more requests; enrol it again",
        /// Sealing the answer failed.
        SealFailed = "seal-failed": "the answer could not be sealed",
    }
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The network's, or that of whoever injects, replays or delays messages. Nothing to report to the user.
    Network,
    /// The server's: the message is authentic and breaks the protocol. The operator should know.
    Server,
    /// This device's own: its state is not what it was, or it ran out of something.
    Device,
}

impl PeerError {
    /// Whose fault it is.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Malformed
            | Self::NotOurs
            | Self::WrongKind
            | Self::UnknownKey
            | Self::Forged
            | Self::OldKey
            | Self::Stale => Fault::Network,
            Self::Invalid | Self::SetConflict | Self::KeyConflict | Self::TooManyCodes => Fault::Server,
            Self::DeviceRestored | Self::CountersUsedUp | Self::SealFailed => Fault::Device,
        }
    }
}

named_errors! {
    /// Why a request was not made.
    pub enum RequestError {
        /// The server has not confirmed the enrolment yet; until then only ENROL is sent.
        NotEnrolled = "not-enrolled": "the server has not confirmed the enrolment yet",
        /// The device holds [`MAX_HELD_CODES`](super::MAX_HELD_CODES) unused codes.
        HoldsEnough = "holds-enough": "the device holds as many unused codes as it keeps",
        /// The account's 2^32 − 1 requests are used up.
        CountersUsedUp = "counters-used-up": "this account can send no more requests; enrol it again",
        /// Sealing failed, or this build has not got the suite.
        SealFailed = "seal-failed": "the request could not be sealed",
    }
}

impl From<RequestError> for PeerError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::CountersUsedUp => Self::CountersUsedUp,
            RequestError::NotEnrolled | RequestError::HoldsEnough | RequestError::SealFailed => Self::SealFailed,
        }
    }
}

named_errors! {
    /// Why there is no account to begin with.
    pub enum EnrolError {
        /// The realm, label or server address is longer than [`MAX_TEXT_LEN`](super::MAX_TEXT_LEN) bytes.
        TextTooLong = "text-too-long": "the enrolment's realm, label or server address is too long",
        /// No key pair could be made, or this build has not got the suite.
        KeyPair = "key-pair": "no key pair of the enrolment's suite could be made",
        /// The first message could not be sealed.
        SealFailed = "seal-failed": "the enrolment could not be sealed",
    }
}

named_errors! {
    /// Why a key from the factory is none to begin with.
    pub enum ProvisionError {
        /// The realm, label or server address is longer than [`MAX_TEXT_LEN`](super::MAX_TEXT_LEN) bytes.
        TextTooLong = "text-too-long": "the realm, label or server address is too long",
        /// Not suite 1.
        Suite = "suite": "a key from the factory is of suite 1",
        /// The first request could not be sealed.
        SealFailed = "seal-failed": "the first request could not be sealed",
    }
}

named_errors! {
    /// Why no code was taken.
    pub enum TakeError {
        /// No unused code is left.
        Empty = "empty": "no unused code is left",
        /// The device does not hold a code with this index.
        NotHeld = "not-held": "the device holds no code with this index",
        /// The code with this index was taken before.
        AlreadyTaken = "already-taken": "the code with this index was taken before",
    }
}

named_errors! {
    /// Why stored bytes are no account.
    pub enum AccountError {
        /// Longer than [`MAX_ACCOUNT_LEN`](super::MAX_ACCOUNT_LEN).
        TooLong = "too-long": "the stored account is longer than any account",
        /// Written by a release that this one does not know.
        Version = "version": "the account was stored by a newer release",
        /// Not what [`Account::encode`](super::Account::encode) writes: cut short, followed by more, or damaged.
        Damaged = "damaged": "the stored account is damaged",
    }
}
