//! The file that names the centres and gateways: `docs/reference/sms-config.md` describes every key.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use matchbook_protocol::sms::{Address, Form};
use rustls::pki_types::CertificateDer;

use super::password::Password;

mod checks;
mod raw;

/// Where short messages go out and come in, and how many at most.
#[derive(Debug)]
pub struct SmsConfig {
    /// What devices send to, and the source address of what is sent to them.
    pub number: Address,
    /// A centre drops what it could not deliver by then, 1–72 h. Default 24 h.
    pub validity: Duration,
    /// The pause before a message that was not acknowledged is sent again, 1 s to 1 h; it doubles each time, up to a day.
    /// Default 5 minutes.
    pub resend_first: Duration,
    /// How many messages may leave in a day.
    pub caps: SmsCaps,
    /// The centres and gateways in the order of the file; never empty.
    pub(crate) routes: Vec<RouteConfig>,
}

/// How many messages may leave in a day, which begins with the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmsCaps {
    /// To one device, 1–1,000,000,000. Default 40.
    pub messages_per_device: u32,
    /// To all numbers that begin alike, 1–1,000,000,000. Default 100,000.
    pub messages_per_prefix: u32,
    /// How many digits make numbers begin alike, 1–15. Default 4.
    pub prefix_digits: u8,
    /// To all devices of a realm, 1–1,000,000,000. Default 100,000.
    pub messages_per_realm: u32,
    /// Sets to all numbers of a realm that begin alike, 1–1,000,000,000. Default 50,000. A device's sets are capped by
    /// its realm's policy.
    pub sets_per_prefix: u32,
    /// Sets to all devices of a realm, 1–1,000,000,000. Default 50,000.
    pub sets_per_realm: u32,
    /// Percent of a cap at which an event warns, 1–100. Default 80.
    pub alarm_percent: u8,
}

/// The configuration cannot be used; the sentence names the key and a good value.
#[derive(Debug)]
pub enum SmsConfigError {
    /// It is not TOML, or a key is not known, missing or of another type.
    Toml {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it; never the line itself, which may hold a password.
        message: String,
    },
    /// A value is out of its range.
    Value {
        /// The key with its table, as `centre "north": window`.
        key: String,
        /// What it has to be.
        rule: String,
    },
    /// A file that a key names cannot be used.
    File {
        /// The key with its table.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// One way out.
#[derive(Debug)]
pub(crate) struct RouteConfig {
    /// Unique, `[a-z0-9-]{1,32}`.
    pub(crate) name: String,
    /// How it carries messages.
    pub(crate) form: Form,
    /// The numbers it serves: those that begin with one of these; empty for all.
    pub(crate) prefixes: Vec<String>,
    /// Submits that may be unanswered at once, 1–1000.
    pub(crate) window: u16,
    /// Submits a second, 1–10,000.
    pub(crate) per_second: u16,
    /// Delivery receipts are asked for.
    pub(crate) receipts: bool,
    /// What speaks on it.
    pub(crate) kind: RouteKind,
}

/// What a way out speaks.
#[derive(Debug)]
pub(crate) enum RouteKind {
    Smpp(SmppConfig),
    Gateway(GatewayConfig),
}

/// An SMPP centre.
#[derive(Debug)]
pub(crate) struct SmppConfig {
    /// Host and port.
    pub(crate) address: String,
    /// The host alone, for the certificate.
    pub(crate) host: String,
    pub(crate) system_id: String,
    pub(crate) password: Password,
    pub(crate) system_type: String,
    pub(crate) version: SmppVersion,
    pub(crate) tls: Tls,
    /// How long the link may be idle before it is tried.
    pub(crate) enquire_link: Duration,
    pub(crate) message_ids: MessageIds,
}

/// The interface version that a bind names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmppVersion {
    V3_4,
    V5_0,
}

/// Whether a centre is spoken to through TLS, and whose certificates are believed.
#[derive(Debug)]
pub(crate) enum Tls {
    Off,
    PublicRoots,
    Roots(Vec<CertificateDer<'static>>),
}

/// How a centre writes the id of one message in its answer and in its receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageIds {
    Same,
    /// Hexadecimal in the answer, decimal in the receipt.
    HexThenDecimal,
    /// Decimal in the answer, hexadecimal in the receipt.
    DecimalThenHex,
}

/// An HTTP gateway.
#[derive(Debug)]
pub(crate) struct GatewayConfig {
    pub(crate) dialect: Dialect,
    /// What is called to send.
    pub(crate) url: String,
    /// Who we are there; `None` for a generic gateway without log-in.
    pub(crate) login: Option<Login>,
    /// PEM certificates to believe instead of the public roots.
    pub(crate) roots: Option<Vec<CertificateDer<'static>>>,
    /// Holds the callbacks' path together.
    pub(crate) secret: Password,
    /// How the gateway reaches this server, without a slash at the end; always there for receipts of Kannel.
    pub(crate) callback_url: Option<String>,
}

/// Name and password at a gateway.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Password,
}

/// What a gateway understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Kannel,
    GenericJson,
    GenericForm,
}

impl SmsConfig {
    /// Reads the file's text. `folder` is where the files that it names are found.
    ///
    /// # Errors
    /// Anything that the page does not allow; the sentence names the key and what it has to be.
    pub fn from_toml(text: &str, folder: &Path) -> Result<Self, SmsConfigError> {
        raw::read(text)?.checked(folder)
    }

    /// The names of the centres and gateways, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|route| route.name.as_str())
    }
}

impl SmppConfig {
    /// Nobody on the way can listen.
    pub(crate) fn host_is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Default for SmsCaps {
    fn default() -> Self {
        Self {
            messages_per_device: 40,
            messages_per_prefix: 100_000,
            prefix_digits: 4,
            messages_per_realm: 100_000,
            sets_per_prefix: 50_000,
            sets_per_realm: 50_000,
            alarm_percent: 80,
        }
    }
}

impl fmt::Display for SmsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml { line, message } => write!(f, "line {line}: {message}"),
            Self::Value { key, rule } => write!(f, "{key}: {rule}"),
            Self::File { key, path, error } => write!(f, "{key}: {} cannot be used: {error}", path.display()),
        }
    }
}

impl std::error::Error for SmsConfigError {}

#[cfg(test)]
mod tests;
