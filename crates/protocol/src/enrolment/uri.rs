//! The URI in the QR code: `matchbook:enrol?v=1&k=…&s=…&r=…&l=…`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::{Enrolment, EnrolmentError, MAX_LABEL_LEN, MAX_REALM_LEN, MAX_SERVER_LEN, check_texts, payload};

/// The longest URI: every byte of the texts escaped.
pub const MAX_URI_LEN: usize = PREFIX.len() + 64 + 3 * (MAX_SERVER_LEN + MAX_REALM_LEN + MAX_LABEL_LEN);

impl Enrolment {
    /// The URI for a QR code. It holds the activation secret.
    #[must_use]
    pub fn to_uri(&self) -> Zeroizing<String> {
        let bytes = payload::encode(&self.party, &self.secret);
        let key = Zeroizing::new(BASE64URL_NOPAD.encode(&*bytes));
        let mut uri = Zeroizing::new(String::with_capacity(MAX_URI_LEN));
        uri.push_str(PREFIX);
        uri.push_str("v=1&k=");
        uri.push_str(&key);
        for (name, text) in [("&s=", &self.server), ("&r=", &self.realm), ("&l=", &self.label)] {
            uri.push_str(name);
            escape(text, &mut uri);
        }
        uri
    }

    /// Reads the URI. The parameters may stand in any order, each exactly once, and no others.
    ///
    /// # Errors
    /// See [`EnrolmentError`].
    pub fn from_uri(uri: &str) -> Result<Self, EnrolmentError> {
        if uri.len() > MAX_URI_LEN {
            return Err(EnrolmentError::TooLong);
        }
        let query = strip_prefix_ignoring_case(uri, PREFIX).ok_or(EnrolmentError::Scheme)?;
        let mut found: [Option<&str>; NAMES.len()] = [None; NAMES.len()];
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').ok_or(EnrolmentError::Parameter)?;
            let mut slots = NAMES.iter().zip(&mut found);
            let (_, slot) = slots.find(|(known, _)| **known == name).ok_or(EnrolmentError::Parameter)?;
            if slot.replace(value).is_some() {
                return Err(EnrolmentError::Duplicate);
            }
        }
        let [version, key, server, realm, label] = found.map(|value| value.ok_or(EnrolmentError::Missing));
        if version? != "1" {
            return Err(EnrolmentError::Version);
        }
        let key = BASE64URL_NOPAD.decode(key?.as_bytes()).map_err(|_| EnrolmentError::Key)?;
        let (party, secret) = payload::decode(&Zeroizing::new(key))?;
        let (server, realm, label) = (unescape(server?)?, unescape(realm?)?, unescape(label?)?);
        check_texts(party.profile, &server, &realm, &label)?;
        Ok(Self { party, secret, server, realm, label })
    }
}

const PREFIX: &str = "matchbook:enrol?";

const NAMES: [&str; 5] = ["v", "k", "s", "r", "l"];

/// Scanners and message programs change the case of a scheme.
fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 §2.3.
fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            // Writing into a string never fails.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// Undoes percent-encoding.
fn unescape(text: &str) -> Result<String, EnrolmentError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            let (&[high, low], after) = after.split_first_chunk().ok_or(EnrolmentError::Percent)?;
            bytes.push(hex_digit(high)? << 4 | hex_digit(low)?);
            rest = after;
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_err(|_| EnrolmentError::Percent)
}

fn hex_digit(byte: u8) -> Result<u8, EnrolmentError> {
    let digit = char::from(byte).to_digit(16).ok_or(EnrolmentError::Percent)?;
    u8::try_from(digit).map_err(|_| EnrolmentError::Percent)
}
