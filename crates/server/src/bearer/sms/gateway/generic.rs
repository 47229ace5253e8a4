//! The generic gateway: a POST of JSON or a form, for an adapter or a provider's own interface
//! (docs/reference/sms-config.md).

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use matchbook_protocol::sms::{Address, Body, Segment};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{Fields, write_field};
use super::{Answer, Call, word};
use crate::bearer::sms::alphabet;
use crate::bearer::sms::centre::{Accepted, Receipt, ReceiptState, SubmitError, SubmitOptions};
use crate::bearer::sms::smpp::error_in;

/// The longest id that is kept.
const MAX_ID: usize = 64;

#[derive(Serialize)]
struct Outgoing {
    from: String,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    udh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    validity_minutes: u64,
    receipt: bool,
}

#[derive(Deserialize)]
struct Taken {
    id: Option<Value>,
}

impl Outgoing {
    fn new(from: &Address, to: &Address, segment: &Segment, options: &SubmitOptions) -> Self {
        let (data, text) = match &segment.body {
            Body::Data(data) => (Some(HEXLOWER.encode(data)), None),
            Body::Text(text) => (None, Some(text.clone())),
        };
        Self {
            from: from.to_string(),
            to: to.to_string(),
            udh: (!segment.header.is_empty()).then(|| HEXLOWER.encode(&segment.header)),
            data,
            text,
            validity_minutes: (options.validity.as_secs() / 60).max(1),
            receipt: options.wants_receipt,
        }
    }
}

/// A POST of a JSON object.
pub(super) fn json(from: &Address, to: &Address, segment: &Segment, options: &SubmitOptions) -> Call {
    let outgoing = Outgoing::new(from, to, segment, options);
    // Texts and numbers alone: it cannot fail.
    let body = serde_json::to_string(&outgoing).unwrap_or_default();
    Call { query: String::new(), body: Some(("application/json", body)) }
}

/// A POST of a form.
pub(super) fn form(from: &Address, to: &Address, segment: &Segment, options: &SubmitOptions) -> Call {
    let outgoing = Outgoing::new(from, to, segment, options);
    let mut body = String::new();
    let minutes = outgoing.validity_minutes.to_string();
    let fields = [
        ("from", Some(outgoing.from.as_str())),
        ("to", Some(outgoing.to.as_str())),
        ("udh", outgoing.udh.as_deref()),
        ("data", outgoing.data.as_deref()),
        ("text", outgoing.text.as_deref()),
        ("validity_minutes", Some(minutes.as_str())),
        ("receipt", Some(if outgoing.receipt { "true" } else { "false" })),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            write_field(&mut body, name, value.as_bytes());
        }
    }
    Call { query: String::new(), body: Some(("application/x-www-form-urlencoded", body)) }
}

/// What the answer means. 422 is a refusal for ever; 429 and 503 ask to slow down; after another 5xx nobody knows.
pub(super) fn outcome(answer: &Answer) -> Result<Accepted, SubmitError> {
    match answer.status {
        200..=299 => Ok(Accepted { id: id_of(&answer.body) }),
        429 | 503 => Err(SubmitError::Throttled),
        500..=599 => Err(SubmitError::InDoubt(word(answer))),
        status => Err(SubmitError::Refused { code: word(answer), is_permanent: status == 422 }),
    }
}

fn id_of(body: &str) -> Option<String> {
    let id = match serde_json::from_str::<Taken>(body).ok()?.id? {
        Value::String(id) => id,
        Value::Number(id) => id.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let id = id.trim();
    let is_good = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then(|| id.to_owned())
}

/// A message of a phone: `from`, `udh` in hexadecimal, and `data` in hexadecimal or `text`.
pub(super) fn message(fields: &Fields) -> Result<(Address, Segment), &'static str> {
    let from = super::callbacks::sender(fields)?;
    let hex = |name| fields.octets(name).map(|text| HEXLOWER_PERMISSIVE.decode(text)).transpose();
    let header = hex("udh").map_err(|_| "udh is not hexadecimal")?.unwrap_or_default();
    let body = match (hex("data").map_err(|_| "data is not hexadecimal")?, fields.octets("text")) {
        (Some(data), None) => Body::Data(data),
        (None, Some(text)) => Body::Text(alphabet::text(text)),
        (Some(_), Some(_)) => return Err("data and text exclude each other"),
        (None, None) => return Err("data or text is missing"),
    };
    Ok((from, Segment { header, body }))
}

/// A delivery receipt: `id`, `state` and `error`.
pub(super) fn receipt(fields: &Fields) -> Result<Receipt, &'static str> {
    let state = match fields.text("state").unwrap_or_default() {
        "delivered" => ReceiptState::Delivered,
        "expired" => ReceiptState::Expired,
        "failed" => ReceiptState::Failed,
        "other" => ReceiptState::Other,
        _ => return Err("state is not delivered, expired, failed or other"),
    };
    let error = fields.text("error").unwrap_or_default();
    Ok(Receipt { id: super::callbacks::id(fields)?, state, error: error_in(&format!("err:{error}")) })
}
