//! Delivery receipts: from optional parameters, and from the text of SMPP 3.4 appendix B.

use rusmpp::tlvs::{Tlv, TlvValue};
use rusmpp::values::MessageState;

use crate::bearer::sms::centre::{Receipt, ReceiptState};
use crate::bearer::sms::config::MessageIds;

/// The longest id that is kept: SMPP allows 64 characters.
const MAX_ID: usize = 64;

/// The longest error that is kept.
const MAX_ERROR: usize = 40;

/// How much of a receipt's text is read: appendix B has under 150 octets before the message's beginning.
const MAX_TEXT: usize = 512;

/// Where an id was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Answer,
    Receipt,
}

/// Reads a receipt; `None` when it does not say of which message it is. The optional parameters go over the text.
pub(super) fn read(text: &[u8], options: &[Tlv], ids: MessageIds) -> Option<Receipt> {
    let text = String::from_utf8_lossy(text.get(..MAX_TEXT).unwrap_or(text));
    let mut id = None;
    let mut state = None;
    let mut error = None;
    for option in options.iter().filter_map(Tlv::value) {
        match option {
            TlvValue::ReceiptedMessageId(value) => id = Some(value.as_str().to_owned()),
            TlvValue::MessageState(value) => state = Some(of_state(*value)),
            TlvValue::NetworkErrorCode(value) => error = Some(format!("{:03}", value.error_code)),
            _ => {}
        }
    }
    let id = id.or_else(|| field(&text, "id:").map(str::to_owned))?;
    let state = state.or_else(|| field(&text, "stat:").map(of_word)).unwrap_or(ReceiptState::Other);
    let error = field(&text, "err:").map(str::to_owned).or(error).unwrap_or_default();
    Some(Receipt { id: normal(&id, Source::Receipt, ids)?, state, error: printable(&error) })
}

/// The error that a receipt's text names behind `err:`, printable and short; empty for none.
pub(in crate::bearer::sms) fn error_in(text: &str) -> String {
    field(text, "err:").map(printable).unwrap_or_default()
}

/// One way of writing an id: without spaces and NULs, and, when it is a number, without leading zeros, in small letters.
/// A centre that writes hexadecimal in one place and decimal in the other has both as decimal. `None`: there is no id.
pub(super) fn normal(id: &str, source: Source, ids: MessageIds) -> Option<String> {
    let id = id.trim_matches(|letter: char| letter == '\0' || letter.is_whitespace());
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let is_hex = match (ids, source) {
        (MessageIds::Same, _) => false,
        (MessageIds::HexThenDecimal, source) => source == Source::Answer,
        (MessageIds::DecimalThenHex, source) => source == Source::Receipt,
    };
    if is_hex && let Ok(number) = u128::from_str_radix(id, 16) {
        return Some(number.to_string());
    }
    if !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(id.to_owned());
    }
    let short = id.trim_start_matches('0').to_ascii_lowercase();
    Some(if short.is_empty() { "0".to_owned() } else { short })
}

/// The word behind a key. What stands behind `text:` is the message's beginning, and not believed.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let end = find(text, "text:").unwrap_or(text.len());
    let text = text.get(..end)?;
    let value = text.get(find(text, key)?.checked_add(key.len())?..)?;
    value.split_ascii_whitespace().next()
}

/// Where a key stands at the beginning of a word, in capitals or not.
fn find(text: &str, key: &str) -> Option<usize> {
    let begins = |at: usize| text.get(at..).is_some_and(|rest| starts_with(rest, key));
    let is_word = |at: usize| at == 0 || text.as_bytes().get(at.wrapping_sub(1)).is_some_and(u8::is_ascii_whitespace);
    (0..text.len()).find(|at| is_word(*at) && begins(*at))
}

fn starts_with(text: &str, key: &str) -> bool {
    text.get(..key.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(key))
}

fn of_state(state: MessageState) -> ReceiptState {
    match state {
        MessageState::Delivered => ReceiptState::Delivered,
        MessageState::Expired => ReceiptState::Expired,
        MessageState::Deleted | MessageState::Undeliverable | MessageState::Rejected | MessageState::Skipped => {
            ReceiptState::Failed
        }
        MessageState::Scheduled
        | MessageState::Enroute
        | MessageState::Accepted
        | MessageState::Unknown
        | MessageState::Other(_) => ReceiptState::Other,
    }
}

/// Centres shorten the words to seven letters, or to five.
fn of_word(word: &str) -> ReceiptState {
    let is = |begin: &str| starts_with(word, begin);
    if is("DELIV") {
        ReceiptState::Delivered
    } else if is("EXPIR") {
        ReceiptState::Expired
    } else if is("UNDEL") || is("DELET") || is("REJEC") || is("SKIPP") {
        ReceiptState::Failed
    } else {
        ReceiptState::Other
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(MAX_ERROR).collect()
}

#[cfg(test)]
mod tests;
