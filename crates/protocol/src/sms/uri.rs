//! The server of a device without a data bearer: `sms:` and the number that it sends to (RFC 5724).

use alloc::string::{String, ToString};

use super::address::Address;

/// The number in a server text of the form `sms:+4912345678` or `sms:16020`; `None` for every other text. Names cannot be
/// sent to, and parameters (`?body=`) are not taken.
#[must_use]
pub fn server_number(server: &str) -> Option<Address> {
    let number: Address = server.strip_prefix(SCHEME)?.parse().ok()?;
    (!number.is_name()).then_some(number)
}

/// The server text that names a number; `None` for a name.
#[must_use]
pub fn server_text(number: &Address) -> Option<String> {
    (!number.is_name()).then(|| SCHEME.to_string() + &number.to_string())
}

const SCHEME: &str = "sms:";
