//! Why a message did not get through. Each is one sentence with the next step.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::modem::ModemError;

/// A message, or the answer to it, did not get through. It may have arrived or not; the device keeps it and sends the
/// same bytes again.
#[derive(Debug)]
#[non_exhaustive]
pub enum BearerError {
    /// No connection to the server.
    Unreachable {
        /// The server's base URL.
        server: String,
        /// The network's reason.
        cause: String,
    },
    /// The server took longer than the bearer waits.
    TimedOut {
        /// The server's base URL.
        server: String,
    },
    /// The server's certificate is not one that this device trusts, or TLS failed otherwise.
    Tls {
        /// The server's base URL.
        server: String,
        /// What TLS says.
        cause: String,
    },
    /// The server asks to come back later.
    Busy {
        /// How long to wait, when the server says so.
        retry_after: Option<Duration>,
    },
    /// The server answered with a status that is no answer to a message.
    Status {
        /// The server's base URL.
        server: String,
        /// The HTTP status code.
        status: u16,
    },
    /// What came back is not of this protocol: a captive portal, or another service.
    NotMatchbook {
        /// The server's base URL.
        server: String,
        /// What is wrong with it.
        what: String,
    },
    /// The message is none. A bug of the caller.
    NotAMessage,
    /// The modem did not carry the message.
    Modem(ModemError),
    /// A bearer that is not one of this crate's.
    Other(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { server, cause } => {
                write!(f, "{server} cannot be reached ({cause}): check the network and try again")
            }
            Self::TimedOut { server } => write!(f, "{server} did not answer in time: try again later"),
            Self::Tls { server, cause } => write!(
                f,
                "the connection to {server} is not safe ({cause}): check the address, or name the certificate that its \
                 operator gave you"
            ),
            Self::Busy { retry_after: Some(after) } => {
                write!(f, "the server is busy: try again in {} seconds", after.as_secs().max(1))
            }
            Self::Busy { retry_after: None } => f.write_str("the server is busy: try again later"),
            Self::Status { server, status } => {
                write!(f, "{server} answered with HTTP status {status}: check that the address is the server's")
            }
            Self::NotMatchbook { server, what } => write!(
                f,
                "{server} answered with {what}: check the address, and whether the network wants you to log in first"
            ),
            Self::NotAMessage => f.write_str("the bytes to send are no message: report this as a bug"),
            Self::Modem(error) => error.fmt(f),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl Error for BearerError {}

/// A server's address, or a root certificate, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// The address is no `https` or `http` URL with a host, or it has a query or a fragment.
    NotAUrl {
        /// The address.
        server: String,
    },
    /// The enrolment names no server: the account has no data bearer.
    NoServer,
    /// The address is `http` and not on this machine.
    PlainHttp {
        /// The address.
        server: String,
    },
    /// The root certificate is not PEM with at least one certificate.
    RootCertificate,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAUrl { server } => {
                write!(f, "{server:?} is no server address: one looks like https://codes.example.org")
            }
            Self::NoServer => {
                f.write_str("the account has no server on the network: it gets its codes by another way, such as SMS")
            }
            Self::PlainHttp { server } => write!(
                f,
                "{server} has no TLS: use its https address, or allow plain HTTP in so many words (messages stay sealed, \
                 but who sends them shows)"
            ),
            Self::RootCertificate => f.write_str("the root certificate cannot be read: it has to be a PEM file"),
        }
    }
}

impl Error for AddressError {}
