//! Names and values as they stand in a query or a form: octets, not characters, for a gateway writes binary messages
//! there.

use std::fmt::Write;

/// More fields than any gateway sends.
const MAX_FIELDS: usize = 64;

/// Decoded names and values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(Vec<u8>, Vec<u8>)>);

/// A percent sign without two hexadecimal digits behind it, or too many fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadFields;

impl Fields {
    /// Adds the fields of a query or a form.
    pub(super) fn read(&mut self, text: &[u8]) -> Result<(), BadFields> {
        for field in text.split(|octet| *octet == b'&').filter(|field| !field.is_empty()) {
            let end = field.iter().position(|octet| *octet == b'=').unwrap_or(field.len());
            let (name, value) = field.split_at_checked(end).ok_or(BadFields)?;
            self.add(decode(name)?, decode(value.strip_prefix(b"=").unwrap_or_default())?)?;
        }
        Ok(())
    }

    /// Adds one field.
    pub(super) fn add(&mut self, name: Vec<u8>, value: Vec<u8>) -> Result<(), BadFields> {
        if self.0.len() >= MAX_FIELDS {
            return Err(BadFields);
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The value of the first field of this name.
    pub(super) fn octets(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The same, when it is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.octets(name)?).ok()
    }
}

/// Writes one field of a query or a form behind what is there.
pub(super) fn write_field(to: &mut String, name: &str, value: &[u8]) {
    if !to.is_empty() && !to.ends_with('?') {
        to.push('&');
    }
    to.push_str(name);
    to.push('=');
    for octet in value {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            to.push(char::from(*octet));
        } else {
            // Writing into a String cannot fail.
            let _written = write!(to, "%{octet:02X}");
        }
    }
}

fn decode(text: &[u8]) -> Result<Vec<u8>, BadFields> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = char::from(*rest.next().ok_or(BadFields)?).to_digit(16).ok_or(BadFields)?;
                    u8::try_from(digit).map_err(|_| BadFields)
                };
                let (high, low) = (digit()?, digit()?);
                high << 4 | low
            }
            plain => *plain,
        });
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_back_as_they_went() {
        let all: Vec<u8> = (0..=255).collect();
        let mut text = String::new();
        write_field(&mut text, "udh", &[6, 5]);
        write_field(&mut text, "text", &all);
        assert!(text.starts_with("udh=%06%05&text=%00%01"), "{text}");
        let mut fields = Fields::default();
        fields.read(text.as_bytes()).unwrap();
        assert_eq!((fields.octets("udh"), fields.octets("text")), (Some(&[6, 5][..]), Some(all.as_slice())));
        assert_eq!(fields.octets("none"), None);
    }

    #[test]
    fn spaces_empty_fields_and_small_digits_are_read() {
        let mut fields = Fields::default();
        fields.read(b"&a=1+2&b&c=&a=twice&d==x&e=%c3%A9&").unwrap();
        assert_eq!(fields.text("a"), Some("1 2"));
        assert_eq!((fields.octets("b"), fields.octets("c")), (Some(&[][..]), Some(&[][..])));
        assert_eq!((fields.text("d"), fields.text("e")), (Some("=x"), Some("é")));
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for bad in [&b"a=%"[..], b"a=%1", b"a=%zz", b"%=1", b"a=%+1"] {
            assert_eq!(Fields::default().read(bad), Err(BadFields));
        }
        assert_eq!(Fields::default().read(&b"a=1&".repeat(65)), Err(BadFields));
        assert_eq!(Fields::default().read(&b"a=1&".repeat(64)), Ok(()));
    }
}
