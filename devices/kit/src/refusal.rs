//! Why a device did not do what it was asked.

use std::fmt;

use matchbook_protocol::{
    AccountError, DecodeError, EnrolError, EnrolmentError, PeerError, ProvisionError, RequestError, TakeError,
};

/// Why a device did not do what it was asked. It stays as it was and goes on, except where the reason says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The account has changed, and the host has not stored it yet: [`Device::state`](crate::Device::state), store it,
    /// [`Device::saved`](crate::Device::saved).
    NotSaved,
    /// The host says that it has stored the account, which it was not given since it changed.
    NotGiven,
    /// The code that was taken last was not read yet.
    CodeUnread,
    /// The operating system gives no random bytes.
    NoRandomness,
    /// The text is no enrolment.
    Enrolment(EnrolmentError),
    /// The enrolment cannot be begun.
    Enrol(EnrolError),
    /// The key from the factory cannot be used.
    Provision(ProvisionError),
    /// The stored bytes are no account.
    State(AccountError),
    /// The HTTP body is not what a server answers.
    Body(DecodeError),
    /// The message from the server was refused.
    Peer(PeerError),
    /// The request was not made.
    Request(RequestError),
    /// No code was taken.
    Take(TakeError),
}

impl Refusal {
    /// The stable name: the protocol's own where it has one. Unique within its variant.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSaved => "not-saved",
            Self::NotGiven => "not-given",
            Self::CodeUnread => "code-unread",
            Self::NoRandomness => "no-randomness",
            Self::Enrolment(error) => error.name(),
            Self::Enrol(error) => error.name(),
            Self::Provision(error) => error.name(),
            Self::State(error) => error.name(),
            Self::Body(error) => error.name(),
            Self::Peer(error) => error.name(),
            Self::Request(error) => error.name(),
            Self::Take(error) => error.name(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSaved => f.write_str("the account has changed: store its state first"),
            Self::NotGiven => {
                f.write_str("the account has changed since its state was last fetched: fetch and store it")
            }
            Self::CodeUnread => f.write_str("the code that was taken last has not been read yet: read it first"),
            Self::NoRandomness => f.write_str("the operating system gives no random bytes"),
            Self::Enrolment(error) => error.fmt(f),
            Self::Enrol(error) => error.fmt(f),
            Self::Provision(error) => error.fmt(f),
            Self::State(error) => error.fmt(f),
            Self::Body(error) => error.fmt(f),
            Self::Peer(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::Take(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

macro_rules! from_errors {
    ($($error:ident => $variant:ident),+ $(,)?) => {
        $(impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

from_errors! {
    EnrolmentError => Enrolment,
    EnrolError => Enrol,
    ProvisionError => Provision,
    AccountError => State,
    DecodeError => Body,
    PeerError => Peer,
    RequestError => Request,
    TakeError => Take,
}
