//! What a call came to: one number a reason.

use std::ffi::CStr;

use matchbook_kit::Refusal;
use matchbook_kit::protocol::{
    AccountError, EnrolError, EnrolmentError, PeerError, ProvisionError, RequestError, TakeError,
};

/// What a call came to. Numbers do not change; new ones may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// It is done.
    Ok = 0,
    /// There is nothing to give. No error: a loop ends here.
    Nothing = 1,
    /// The account has changed: mb_device_state, store what it gives, mb_device_saved, and again.
    NotSaved = 2,
    /// The account has changed since mb_device_state: fetch and store it.
    NotGiven = 3,
    /// The code that was taken last was not read yet: mb_device_code.
    CodeUnread = 4,
    /// The buffer is too small: its len says how much room is needed. Nothing is lost; call again.
    BufferTooSmall = 5,
    /// A pointer is NULL that must not be.
    Null = 6,
    /// A length is not what it must be.
    Length = 7,
    /// A text is not UTF-8.
    NotUtf8 = 8,
    /// A number names nothing to choose from.
    Choice = 9,
    /// The operating system gives no random bytes. Nothing was done.
    NoRandomness = 10,
    /// A bug of the library: free the device, restore the state that you stored last, and report it.
    Internal = 11,
    /// The bytes are not what a server answers by HTTP.
    Body = 12,
    /// The enrolment URI is too long.
    EnrolmentTooLong = 20,
    /// An enrolment starts with matchbook:enrol?.
    EnrolmentScheme = 21,
    /// The enrolment is of another version.
    EnrolmentVersion = 22,
    /// The enrolment has an unknown parameter.
    EnrolmentParameter = 23,
    /// The enrolment has a parameter twice.
    EnrolmentDuplicate = 24,
    /// The enrolment lacks a parameter.
    EnrolmentMissing = 25,
    /// The enrolment has a wrong percent escape.
    EnrolmentPercent = 26,
    /// The enrolment's key is not whole.
    EnrolmentKey = 27,
    /// The enrolment names an unknown profile.
    EnrolmentProfile = 28,
    /// The server must be an http or https URL of at most 255 bytes, or sms: and a number (not for suite 4).
    EnrolmentServer = 29,
    /// The realm must be printable and of at most 64 bytes.
    EnrolmentRealm = 30,
    /// The label must be printable and of at most 128 bytes.
    EnrolmentLabel = 31,
    /// There are not nine groups.
    EnrolmentGroupCount = 32,
    /// A group is mistyped.
    EnrolmentGroup = 33,
    /// The enrolment's realm, label or server address is too long.
    EnrolTextTooLong = 40,
    /// No key pair of the enrolment's suite could be made, or this build has not got the suite.
    EnrolKeyPair = 41,
    /// The enrolment could not be sealed.
    EnrolSealFailed = 42,
    /// The realm, label or server address is too long.
    ProvisionTextTooLong = 45,
    /// A key from the factory is of suite 1.
    ProvisionSuite = 46,
    /// The first request could not be sealed.
    ProvisionSealFailed = 47,
    /// The stored account is longer than any account.
    StateTooLong = 50,
    /// The account was stored by a newer release.
    StateVersion = 51,
    /// The stored account is damaged.
    StateDamaged = 52,
    /// The bytes are not a message of this protocol.
    PeerMalformed = 60,
    /// The message is for another account of this device.
    PeerNotOurs = 61,
    /// The account's profile has no message of this type.
    PeerWrongKind = 62,
    /// The message is under a key that this device does not hold.
    PeerUnknownKey = 63,
    /// The message does not verify under the key that it names.
    PeerForged = 64,
    /// The message is under the key that is being replaced.
    PeerOldKey = 65,
    /// The set's indexes are older than what this device holds.
    PeerStale = 66,
    /// The server sealed a content that the protocol forbids.
    PeerInvalid = 67,
    /// The server sent other codes under indexes that this device already holds.
    PeerSetConflict = 68,
    /// The server offered another key than the one that is being switched to.
    PeerKeyConflict = 69,
    /// The set would exceed the number of codes that this device keeps.
    PeerTooManyCodes = 70,
    /// This device's state is older than what the server knows; enrol it again.
    PeerDeviceRestored = 71,
    /// This account can send no more requests; enrol it again.
    PeerCountersUsedUp = 72,
    /// The answer could not be sealed.
    PeerSealFailed = 73,
    /// The server has not confirmed the enrolment yet: only the message that enrols is to be sent.
    RequestNotEnrolled = 80,
    /// The device holds as many unused codes as it keeps.
    RequestHoldsEnough = 81,
    /// This account can send no more requests; enrol it again.
    RequestCountersUsedUp = 82,
    /// The request could not be sealed.
    RequestSealFailed = 83,
    /// No unused code is left.
    TakeEmpty = 90,
    /// The device holds no code with this index.
    TakeNotHeld = 91,
    /// The code with this index was taken before.
    TakeAlreadyTaken = 92,
}

impl Status {
    /// Every one of them.
    pub(crate) const ALL: &[Self] = &[
        Self::Ok,
        Self::Nothing,
        Self::NotSaved,
        Self::NotGiven,
        Self::CodeUnread,
        Self::BufferTooSmall,
        Self::Null,
        Self::Length,
        Self::NotUtf8,
        Self::Choice,
        Self::NoRandomness,
        Self::Internal,
        Self::Body,
        Self::EnrolmentTooLong,
        Self::EnrolmentScheme,
        Self::EnrolmentVersion,
        Self::EnrolmentParameter,
        Self::EnrolmentDuplicate,
        Self::EnrolmentMissing,
        Self::EnrolmentPercent,
        Self::EnrolmentKey,
        Self::EnrolmentProfile,
        Self::EnrolmentServer,
        Self::EnrolmentRealm,
        Self::EnrolmentLabel,
        Self::EnrolmentGroupCount,
        Self::EnrolmentGroup,
        Self::EnrolTextTooLong,
        Self::EnrolKeyPair,
        Self::EnrolSealFailed,
        Self::ProvisionTextTooLong,
        Self::ProvisionSuite,
        Self::ProvisionSealFailed,
        Self::StateTooLong,
        Self::StateVersion,
        Self::StateDamaged,
        Self::PeerMalformed,
        Self::PeerNotOurs,
        Self::PeerWrongKind,
        Self::PeerUnknownKey,
        Self::PeerForged,
        Self::PeerOldKey,
        Self::PeerStale,
        Self::PeerInvalid,
        Self::PeerSetConflict,
        Self::PeerKeyConflict,
        Self::PeerTooManyCodes,
        Self::PeerDeviceRestored,
        Self::PeerCountersUsedUp,
        Self::PeerSealFailed,
        Self::RequestNotEnrolled,
        Self::RequestHoldsEnough,
        Self::RequestCountersUsedUp,
        Self::RequestSealFailed,
        Self::TakeEmpty,
        Self::TakeNotHeld,
        Self::TakeAlreadyTaken,
    ];

    /// The status with a number.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| *status as u32 == number)
    }

    /// The short name.
    pub(crate) const fn name(self) -> &'static CStr {
        match self {
            Self::Ok => c"ok",
            Self::Nothing => c"nothing",
            Self::NotSaved => c"not-saved",
            Self::NotGiven => c"not-given",
            Self::CodeUnread => c"code-unread",
            Self::BufferTooSmall => c"buffer-too-small",
            Self::Null => c"null",
            Self::Length => c"length",
            Self::NotUtf8 => c"not-utf8",
            Self::Choice => c"choice",
            Self::NoRandomness => c"no-randomness",
            Self::Internal => c"internal",
            Self::Body => c"body",
            Self::EnrolmentTooLong | Self::StateTooLong => c"too-long",
            Self::EnrolmentScheme => c"scheme",
            Self::EnrolmentVersion | Self::StateVersion => c"version",
            Self::EnrolmentParameter => c"parameter",
            Self::EnrolmentDuplicate => c"duplicate",
            Self::EnrolmentMissing => c"missing",
            Self::EnrolmentPercent => c"percent",
            Self::EnrolmentKey => c"key",
            Self::EnrolmentProfile => c"profile",
            Self::EnrolmentServer => c"server",
            Self::EnrolmentRealm => c"realm",
            Self::EnrolmentLabel => c"label",
            Self::EnrolmentGroupCount => c"group-count",
            Self::EnrolmentGroup => c"group",
            Self::EnrolTextTooLong | Self::ProvisionTextTooLong => c"text-too-long",
            Self::EnrolKeyPair => c"key-pair",
            Self::EnrolSealFailed | Self::ProvisionSealFailed | Self::PeerSealFailed | Self::RequestSealFailed => {
                c"seal-failed"
            }
            Self::ProvisionSuite => c"suite",
            Self::StateDamaged => c"damaged",
            Self::PeerMalformed => c"malformed",
            Self::PeerNotOurs => c"not-ours",
            Self::PeerWrongKind => c"wrong-kind",
            Self::PeerUnknownKey => c"unknown-key",
            Self::PeerForged => c"forged",
            Self::PeerOldKey => c"old-key",
            Self::PeerStale => c"stale",
            Self::PeerInvalid => c"invalid",
            Self::PeerSetConflict => c"set-conflict",
            Self::PeerKeyConflict => c"key-conflict",
            Self::PeerTooManyCodes => c"too-many-codes",
            Self::PeerDeviceRestored => c"device-restored",
            Self::PeerCountersUsedUp | Self::RequestCountersUsedUp => c"counters-used-up",
            Self::RequestNotEnrolled => c"not-enrolled",
            Self::RequestHoldsEnough => c"holds-enough",
            Self::TakeEmpty => c"empty",
            Self::TakeNotHeld => c"not-held",
            Self::TakeAlreadyTaken => c"already-taken",
        }
    }

    /// The sentence.
    pub(crate) const fn text(self) -> &'static CStr {
        match self {
            Self::Ok => c"it is done",
            Self::Nothing => c"there is nothing to give",
            Self::NotSaved => c"the account has changed: store its state first",
            Self::NotGiven => c"the account has changed since its state was last fetched: fetch and store it",
            Self::CodeUnread => c"the code that was taken last has not been read yet: read it first",
            Self::BufferTooSmall => c"the buffer is too small",
            Self::Null => c"a pointer is NULL that must not be",
            Self::Length => c"a length is not what it must be",
            Self::NotUtf8 => c"a text is not UTF-8",
            Self::Choice => c"a number names nothing to choose from",
            Self::NoRandomness => c"the operating system gives no random bytes",
            Self::Internal => c"a bug of the library: free the device and restore the state that was stored last",
            Self::Body => c"the bytes are not what a server answers by HTTP",
            Self::EnrolmentTooLong => c"the enrolment URI is too long",
            Self::EnrolmentScheme => c"an enrolment starts with matchbook:enrol?",
            Self::EnrolmentVersion => c"the enrolment is of another version",
            Self::EnrolmentParameter => c"the enrolment has an unknown parameter",
            Self::EnrolmentDuplicate => c"the enrolment has a parameter twice",
            Self::EnrolmentMissing => c"the enrolment lacks a parameter",
            Self::EnrolmentPercent => c"the enrolment has a wrong percent escape",
            Self::EnrolmentKey => c"the enrolment's key is not whole",
            Self::EnrolmentProfile => c"the enrolment names an unknown profile",
            Self::EnrolmentServer => {
                c"the server must be an http or https URL of at most 255 bytes, or sms: and a number (not for suite 4)"
            }
            Self::EnrolmentRealm => c"the realm must be printable and of at most 64 bytes",
            Self::EnrolmentLabel => c"the label must be printable and of at most 128 bytes",
            Self::EnrolmentGroupCount => c"there are not nine groups",
            Self::EnrolmentGroup => c"a group is mistyped",
            Self::EnrolTextTooLong => c"the enrolment's realm, label or server address is too long",
            Self::EnrolKeyPair => c"no key pair of the enrolment's suite could be made",
            Self::EnrolSealFailed => c"the enrolment could not be sealed",
            Self::ProvisionTextTooLong => c"the realm, label or server address is too long",
            Self::ProvisionSuite => c"a key from the factory is of suite 1",
            Self::ProvisionSealFailed => c"the first request could not be sealed",
            Self::StateTooLong => c"the stored account is longer than any account",
            Self::StateVersion => c"the account was stored by a newer release",
            Self::StateDamaged => c"the stored account is damaged",
            Self::PeerMalformed => c"the bytes are not a message of this protocol",
            Self::PeerNotOurs => c"the message is for another account of this device",
            Self::PeerWrongKind => c"the account's profile has no message of this type",
            Self::PeerUnknownKey => c"the message is under a key that this device does not hold",
            Self::PeerForged => c"the message does not verify under the key that it names",
            Self::PeerOldKey => c"the message is under the key that is being replaced",
            Self::PeerStale => c"the set's indexes are older than what this device holds",
            Self::PeerInvalid => c"the server sealed a content that the protocol forbids",
            Self::PeerSetConflict => c"the server sent other codes under indexes that this device already holds",
            Self::PeerKeyConflict => c"the server offered another key than the one that is being switched to",
            Self::PeerTooManyCodes => c"the set would exceed the number of codes that this device keeps",
            Self::PeerDeviceRestored => c"this device's state is older than what the server knows; enrol it again",
            Self::PeerCountersUsedUp | Self::RequestCountersUsedUp => {
                c"this account can send no more requests; enrol it again"
            }
            Self::PeerSealFailed => c"the answer could not be sealed",
            Self::RequestNotEnrolled => c"the server has not confirmed the enrolment yet",
            Self::RequestHoldsEnough => c"the device holds as many unused codes as it keeps",
            Self::RequestSealFailed => c"the request could not be sealed",
            Self::TakeEmpty => c"no unused code is left",
            Self::TakeNotHeld => c"the device holds no code with this index",
            Self::TakeAlreadyTaken => c"the code with this index was taken before",
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotSaved => Self::NotSaved,
            Refusal::NotGiven => Self::NotGiven,
            Refusal::CodeUnread => Self::CodeUnread,
            Refusal::NoRandomness => Self::NoRandomness,
            Refusal::Body(_) => Self::Body,
            Refusal::Enrolment(error) => error.into(),
            Refusal::Enrol(error) => error.into(),
            Refusal::Provision(error) => error.into(),
            Refusal::State(error) => error.into(),
            Refusal::Peer(error) => error.into(),
            Refusal::Request(error) => error.into(),
            Refusal::Take(error) => error.into(),
        }
    }
}

impl From<EnrolmentError> for Status {
    fn from(error: EnrolmentError) -> Self {
        match error {
            EnrolmentError::TooLong => Self::EnrolmentTooLong,
            EnrolmentError::Scheme => Self::EnrolmentScheme,
            EnrolmentError::Version => Self::EnrolmentVersion,
            EnrolmentError::Parameter => Self::EnrolmentParameter,
            EnrolmentError::Duplicate => Self::EnrolmentDuplicate,
            EnrolmentError::Missing => Self::EnrolmentMissing,
            EnrolmentError::Percent => Self::EnrolmentPercent,
            EnrolmentError::Key => Self::EnrolmentKey,
            EnrolmentError::Profile => Self::EnrolmentProfile,
            EnrolmentError::Server => Self::EnrolmentServer,
            EnrolmentError::Realm => Self::EnrolmentRealm,
            EnrolmentError::Label => Self::EnrolmentLabel,
            EnrolmentError::GroupCount { .. } => Self::EnrolmentGroupCount,
            EnrolmentError::Group { .. } => Self::EnrolmentGroup,
        }
    }
}

impl From<EnrolError> for Status {
    fn from(error: EnrolError) -> Self {
        match error {
            EnrolError::TextTooLong => Self::EnrolTextTooLong,
            EnrolError::KeyPair => Self::EnrolKeyPair,
            EnrolError::SealFailed => Self::EnrolSealFailed,
        }
    }
}

impl From<ProvisionError> for Status {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::TextTooLong => Self::ProvisionTextTooLong,
            ProvisionError::Suite => Self::ProvisionSuite,
            ProvisionError::SealFailed => Self::ProvisionSealFailed,
        }
    }
}

impl From<AccountError> for Status {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::TooLong => Self::StateTooLong,
            AccountError::Version => Self::StateVersion,
            AccountError::Damaged => Self::StateDamaged,
        }
    }
}

impl From<PeerError> for Status {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Malformed => Self::PeerMalformed,
            PeerError::NotOurs => Self::PeerNotOurs,
            PeerError::WrongKind => Self::PeerWrongKind,
            PeerError::UnknownKey => Self::PeerUnknownKey,
            PeerError::Forged => Self::PeerForged,
            PeerError::OldKey => Self::PeerOldKey,
            PeerError::Stale => Self::PeerStale,
            PeerError::Invalid => Self::PeerInvalid,
            PeerError::SetConflict => Self::PeerSetConflict,
            PeerError::KeyConflict => Self::PeerKeyConflict,
            PeerError::TooManyCodes => Self::PeerTooManyCodes,
            PeerError::DeviceRestored => Self::PeerDeviceRestored,
            PeerError::CountersUsedUp => Self::PeerCountersUsedUp,
            PeerError::SealFailed => Self::PeerSealFailed,
        }
    }
}

impl From<RequestError> for Status {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotEnrolled => Self::RequestNotEnrolled,
            RequestError::HoldsEnough => Self::RequestHoldsEnough,
            RequestError::CountersUsedUp => Self::RequestCountersUsedUp,
            RequestError::SealFailed => Self::RequestSealFailed,
        }
    }
}

impl From<TakeError> for Status {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Empty => Self::TakeEmpty,
            TakeError::NotHeld => Self::TakeNotHeld,
            TakeError::AlreadyTaken => Self::TakeAlreadyTaken,
        }
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
