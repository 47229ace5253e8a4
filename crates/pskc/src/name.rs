//! A user as RFC 6030 writes one: a distinguished name (RFC 4514).

use std::fmt::Write as _;

use crate::error::shown;

/// The attributes that hold a log-in name, and how they are written as numbers.
const NAMES: [&str; 4] = ["uid", "0.9.2342.19200300.100.1.1", "cn", "2.5.4.3"];

/// The log-in name: of a distinguished name its UID, or else its CN; any other text as it is. An error is a sentence.
pub(crate) fn user(text: &str) -> Result<String, String> {
    let parts = parts(text);
    let of = |wanted: &str| parts.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    match NAMES.iter().find_map(|name| of(name)) {
        Some((name, value)) => {
            // Two names that differ in such bytes alone would be one.
            String::from_utf8(value.clone()).map_err(|_| format!("the {} is not UTF-8", shown(name)))
        }
        None => Ok(text.to_owned()),
    }
}

/// The distinguished name of a log-in name.
pub(crate) fn distinguished(user: &str) -> String {
    let mut name = "UID=".to_owned();
    let last = user.chars().count().saturating_sub(1);
    for (place, c) in user.chars().enumerate() {
        let is_edge = (place == 0 && matches!(c, ' ' | '#')) || (place == last && c == ' ');
        if is_edge || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            name.push('\\');
        }
        name.push(c);
    }
    name
}

/// Attributes and their values; none for a text that is no distinguished name.
fn parts(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')) {
            return Vec::new();
        }
        let (value, end) = value(after);
        found.push((name.to_owned(), value));
        rest = end;
    }
    if rest.trim().is_empty() { found } else { Vec::new() }
}

/// A value up to the next comma or plus sign that is not escaped, and what follows that.
fn value(text: &str) -> (Vec<u8>, &str) {
    let (mut bytes, mut kept) = (Vec::new(), 0);
    let mut chars = text.char_indices();
    let mut end = "";
    while let Some((place, c)) = chars.next() {
        match c {
            ',' | '+' => {
                end = text.get(place.saturating_add(1)..).unwrap_or_default();
                break;
            }
            '\\' => {
                let pair = text.get(place.saturating_add(1)..place.saturating_add(3));
                // Not "+8", which is a number too.
                let pair = pair.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
                match (byte, chars.next()) {
                    (Some(byte), _) => {
                        bytes.push(byte);
                        chars.next();
                    }
                    (None, Some((_, c))) => push(&mut bytes, c),
                    (None, None) => {}
                }
                kept = bytes.len();
            }
            ' ' if bytes.is_empty() => {}
            c => {
                push(&mut bytes, c);
                kept = if c == ' ' { kept } else { bytes.len() };
            }
        }
    }
    bytes.truncate(kept);
    (bytes, end)
}

fn push(bytes: &mut Vec<u8>, c: char) {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = text.write_char(c);
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
