//! Kannel's `sendsms`, its `get-url`, and its delivery reports.

use matchbook_protocol::sms::{Address, Body, Segment};

use super::fields::{Fields, write_field};
use super::{Answer, Call, Caller, word};
use crate::bearer::sms::alphabet;
use crate::bearer::sms::centre::{Accepted, Receipt, ReceiptState, SubmitError, SubmitOptions};
use crate::bearer::sms::smpp::error_in;

/// Reports that settle something: delivered (1), not delivered (2), refused by the centre (16).
const REPORTS: &str = "19";

/// A call of `sendsms`. `receipts`: where reports go, and the id that they name.
pub(super) fn call(
    caller: &Caller,
    from: &Address,
    to: &Address,
    segment: &Segment,
    options: &SubmitOptions,
    receipts: Option<(&str, &str)>,
) -> Call {
    // In one piece: what holds the password is not to be moved about by growing.
    let mut query = String::with_capacity(4_096);
    query.push('?');
    if let Some((user, password)) = caller.login() {
        write_field(&mut query, "username", user.as_bytes());
        write_field(&mut query, "password", password.as_bytes());
    }
    write_field(&mut query, "from", from.to_string().as_bytes());
    write_field(&mut query, "to", to.to_string().as_bytes());
    if !segment.header.is_empty() {
        write_field(&mut query, "udh", &segment.header);
    }
    match &segment.body {
        Body::Data(data) => {
            write_field(&mut query, "coding", b"1");
            write_field(&mut query, "text", data);
        }
        Body::Text(text) => {
            write_field(&mut query, "coding", b"0");
            write_field(&mut query, "charset", b"UTF-8");
            write_field(&mut query, "text", text.as_bytes());
        }
    }
    let minutes = options.validity.as_secs() / 60;
    write_field(&mut query, "validity", minutes.max(1).to_string().as_bytes());
    if let Some((url, id)) = receipts {
        write_field(&mut query, "dlr-mask", REPORTS.as_bytes());
        // Kannel puts the report's kind and its words in the places of %d and %A.
        write_field(&mut query, "dlr-url", format!("{url}?id={id}&status=%d&answer=%A").as_bytes());
    }
    Call { query, body: None }
}

/// What Kannel's answer means: 202 for a message that it will hand on, now or later.
pub(super) fn outcome(answer: &Answer, id: Option<String>) -> Result<Accepted, SubmitError> {
    match answer.status {
        200..=299 => Ok(Accepted { id }),
        429 | 503 => Err(SubmitError::Throttled),
        500 | 502 | 504 => Err(SubmitError::InDoubt(word(answer))),
        _ => Err(SubmitError::Refused { code: word(answer), is_permanent: false }),
    }
}

/// A message of a phone: `from`, `coding`, `udh`, and the octets as `bin`, `data` or `text`.
pub(super) fn message(fields: &Fields) -> Result<(Address, Segment), &'static str> {
    let from = super::callbacks::sender(fields)?;
    let octets = ["bin", "data", "text"].iter().find_map(|name| fields.octets(name)).ok_or("bin is missing")?;
    let body = match fields.text("coding").unwrap_or("1") {
        "0" | "" => Body::Text(alphabet::text(octets)),
        "1" => Body::Data(octets.to_vec()),
        _ => return Err("coding is neither 0 (text) nor 1 (8-bit data)"),
    };
    Ok((from, Segment { header: fields.octets("udh").unwrap_or_default().to_vec(), body }))
}

/// A delivery report.
pub(super) fn receipt(fields: &Fields) -> Result<Receipt, &'static str> {
    let answer = String::from_utf8_lossy(fields.octets("answer").unwrap_or_default());
    let state = match fields.text("status").unwrap_or_default() {
        "1" => ReceiptState::Delivered,
        "2" if answer.to_ascii_uppercase().contains("STAT:EXPIR") => ReceiptState::Expired,
        "2" | "16" => ReceiptState::Failed,
        "4" | "8" => ReceiptState::Other,
        _ => return Err("status is not 1, 2, 4, 8 or 16"),
    };
    Ok(Receipt { id: super::callbacks::id(fields)?, state, error: error_in(&answer) })
}
