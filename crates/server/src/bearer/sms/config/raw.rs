//! The file as it is written, before anything is checked.

use serde::Deserialize;
use toml::Spanned;

use super::SmsConfigError;
use crate::bearer::sms::password::Password;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) number: String,
    pub(super) validity_hours: Option<i64>,
    pub(super) resend_first_s: Option<i64>,
    #[serde(default)]
    pub(super) caps: RawCaps,
    #[serde(default, rename = "centre")]
    pub(super) centres: Vec<Spanned<RawCentre>>,
    #[serde(default, rename = "gateway")]
    pub(super) gateways: Vec<Spanned<RawGateway>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCaps {
    pub(super) messages_per_device: Option<i64>,
    pub(super) messages_per_prefix: Option<i64>,
    pub(super) prefix_digits: Option<i64>,
    pub(super) messages_per_realm: Option<i64>,
    pub(super) sets_per_prefix: Option<i64>,
    pub(super) sets_per_realm: Option<i64>,
    pub(super) alarm_percent: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCentre {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) system_id: String,
    pub(super) password: Option<Password>,
    pub(super) password_file: Option<String>,
    pub(super) system_type: Option<String>,
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) tls: bool,
    pub(super) ca_file: Option<String>,
    pub(super) form: Option<String>,
    #[serde(default)]
    pub(super) prefixes: Vec<String>,
    pub(super) window: Option<i64>,
    pub(super) per_second: Option<i64>,
    pub(super) enquire_link_s: Option<i64>,
    pub(super) receipts: Option<bool>,
    pub(super) message_ids: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateway {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) url: String,
    pub(super) body: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Password>,
    pub(super) password_file: Option<String>,
    pub(super) ca_file: Option<String>,
    pub(super) secret: Option<Password>,
    pub(super) secret_file: Option<String>,
    pub(super) callback_url: Option<String>,
    pub(super) form: Option<String>,
    #[serde(default)]
    pub(super) prefixes: Vec<String>,
    pub(super) window: Option<i64>,
    pub(super) per_second: Option<i64>,
    pub(super) receipts: Option<bool>,
}

/// Reads the text. An error has the parser's word and the line's number, but not the line: it may hold a password.
pub(super) fn read(text: &str) -> Result<RawConfig, SmsConfigError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        SmsConfigError::Toml { line, message: error.message().to_owned() }
    })
}
