//! What a subscriber is handed at enrolment (§7.1): as a `matchbook:` URI in a QR code, or as groups to type in.

mod payload;
mod typed;
mod uri;

pub use typed::{GROUP_SYMBOLS, TYPED_GROUPS};
pub use uri::MAX_URI_LEN;

use alloc::string::String;
use core::fmt;

use crate::profile::{Profile, Suite};
use crate::secret::Secret;
use crate::sms;
use crate::wire::Party;

/// The longest server URL, in bytes.
pub const MAX_SERVER_LEN: usize = 255;
/// The longest realm, in bytes.
pub const MAX_REALM_LEN: usize = 64;
/// The longest label, in bytes.
pub const MAX_LABEL_LEN: usize = 128;

/// What a device needs in order to enrol. It holds the activation secret: show it once, keep it nowhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The authenticator, and the profile that it gets.
    pub party: Party,
    /// The activation secret, from which the first key is derived.
    pub secret: Secret<16>,
    /// The server's base URL, `https://` or `http://`, at most 255 bytes; `sms:` and a number for a device that has no
    /// data bearer; or empty when messages come and go by hand.
    pub server: String,
    /// The realm, at most 64 bytes, without control characters.
    pub realm: String,
    /// What the account is called on the device, at most 128 bytes, without control characters.
    pub label: String,
}

/// The text is no enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentError {
    /// The URI is longer than [`MAX_URI_LEN`].
    TooLong,
    /// The text does not start with `matchbook:enrol?`.
    Scheme,
    /// Another version of the enrolment.
    Version,
    /// A parameter that is unknown, or has no `=`.
    Parameter,
    /// A parameter that is there twice.
    Duplicate,
    /// A parameter that is not there.
    Missing,
    /// A percent sign without two hexadecimal digits, or bytes that are not UTF-8.
    Percent,
    /// The key is not base64url, or not of 26 bytes.
    Key,
    /// The profile does not exist.
    Profile,
    /// The server is too long, or neither an `http` URL nor `sms:` and a number; or the profile does not travel by SMS.
    Server,
    /// The realm is too long, or has control characters.
    Realm,
    /// The label is too long, or has control characters.
    Label,
    /// Not as many groups as there should be.
    GroupCount {
        /// How many were given.
        found: usize,
    },
    /// A group was mistyped.
    Group {
        /// Which one, from 1.
        number: usize,
    },
}

impl EnrolmentError {
    /// The stable name, as the test vectors cite it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::Scheme => "scheme",
            Self::Version => "version",
            Self::Parameter => "parameter",
            Self::Duplicate => "duplicate",
            Self::Missing => "missing",
            Self::Percent => "percent",
            Self::Key => "key",
            Self::Profile => "profile",
            Self::Server => "server",
            Self::Realm => "realm",
            Self::Label => "label",
            Self::GroupCount { .. } => "group-count",
            Self::Group { .. } => "group",
        }
    }
}

impl fmt::Display for EnrolmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the enrolment URI is too long",
            Self::Scheme => "an enrolment starts with matchbook:enrol?",
            Self::Version => "the enrolment is of another version",
            Self::Parameter => "the enrolment has an unknown parameter",
            Self::Duplicate => "the enrolment has a parameter twice",
            Self::Missing => "the enrolment lacks a parameter",
            Self::Percent => "the enrolment has a wrong percent escape",
            Self::Key => "the enrolment's key is not whole",
            Self::Profile => "the enrolment names an unknown profile",
            Self::Server => {
                "the server must be an http or https URL of at most 255 bytes, or sms: and a number (not for suite 4)"
            }
            Self::Realm => "the realm must be printable and of at most 64 bytes",
            Self::Label => "the label must be printable and of at most 128 bytes",
            Self::GroupCount { found } => return write!(f, "{found} groups instead of {TYPED_GROUPS}"),
            Self::Group { number } => return write!(f, "group {number} is mistyped"),
        })
    }
}

impl core::error::Error for EnrolmentError {}

impl Enrolment {
    /// Whether the text may stand as the server in an enrolment of a profile: an `http` or `https` URL of at most
    /// [`MAX_SERVER_LEN`] bytes, `sms:` and a number (RFC 5724) unless the suite is 4, whose messages do not travel by
    /// SMS, or nothing.
    #[must_use]
    pub fn is_server(text: &str, profile: Profile) -> bool {
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        let is_number = sms::server_number(text).is_some() && profile.suite() != Suite::XWing;
        (text.is_empty() || is_url || is_number) && is_clean(text, MAX_SERVER_LEN)
    }

    /// The number that the device sends to, when the server is `sms:` and a number.
    #[must_use]
    pub fn sms_server(&self) -> Option<sms::Address> {
        sms::server_number(&self.server)
    }
}

/// Whether the texts may stand in an enrolment of a profile.
fn check_texts(profile: Profile, server: &str, realm: &str, label: &str) -> Result<(), EnrolmentError> {
    if !Enrolment::is_server(server, profile) {
        return Err(EnrolmentError::Server);
    }
    if !is_clean(realm, MAX_REALM_LEN) {
        return Err(EnrolmentError::Realm);
    }
    if is_clean(label, MAX_LABEL_LEN) { Ok(()) } else { Err(EnrolmentError::Label) }
}

fn is_clean(text: &str, longest: usize) -> bool {
    text.len() <= longest && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
