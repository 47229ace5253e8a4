//! A PSKC file, package by package.

use crate::device::{File, Row};
use crate::element::{Element, Parts, Space};
use crate::error::{FileError, shown};
use crate::limits::{MAX_DEVICES, MAX_FILE};
use crate::method::{Head, Secrecy};
use crate::package::{self, Fault, RawKey};

/// What opens an encrypted file.
#[derive(Clone, Copy)]
pub enum Unlock<'a> {
    /// Nothing.
    Nothing,
    /// A key that was agreed on beforehand; 16, 24 or 32 bytes.
    Key(&'a [u8]),
    /// A passphrase.
    Passphrase(&'a [u8]),
}

/// What the keys of a PSKC file are hidden by. Reads no further than the first key.
///
/// # Errors
/// [`FileError`]: the head of the file is not one that can be taken.
pub fn secrecy(bytes: &[u8]) -> Result<Secrecy, FileError> {
    let (mut parts, mut head) = (open(bytes)?, Head::default());
    while let Some(part) = parts.part()? {
        match kind(&part) {
            Kind::EncryptionKey => head.take_key(&part)?,
            Kind::MacMethod => head.take_mac(&part)?,
            Kind::Package => break,
            Kind::Signature | Kind::Extension | Kind::Unknown => {}
        }
    }
    head.secrecy()
}

pub(crate) fn read(bytes: &[u8], unlock: &Unlock<'_>) -> Result<File, FileError> {
    let mut rows: Vec<Row> = Vec::new();
    let notes = each(bytes, unlock, |place, raw| {
        rows.push(Row { place, device: raw.and_then(|raw| package::device(&raw)) });
    })?;
    if rows.is_empty() {
        return Err(FileError::Malformed("the file holds no key package".to_owned()));
    }
    Ok(File { rows, notes })
}

/// Reads each package; what else is to be known of the file.
pub(crate) fn each(
    bytes: &[u8],
    unlock: &Unlock<'_>,
    mut take: impl FnMut(usize, Result<RawKey, String>),
) -> Result<Vec<String>, FileError> {
    let (mut parts, mut head, mut notes) = (open(bytes)?, Head::default(), Vec::new());
    let mut place: usize = 0;
    while let Some(part) = parts.part()? {
        match kind(&part) {
            Kind::EncryptionKey | Kind::MacMethod if place > 0 => {
                return Err(FileError::Malformed("the file says how it is encrypted after its first key".to_owned()));
            }
            Kind::EncryptionKey => head.take_key(&part)?,
            Kind::MacMethod => head.take_mac(&part)?,
            Kind::Package => {
                place = place.saturating_add(1);
                if place > MAX_DEVICES {
                    return Err(FileError::Hostile(format!("the file has more than {MAX_DEVICES} devices; split it")));
                }
                head.secrecy()?;
                take(
                    place,
                    match package::raw(&part, &mut head, unlock) {
                        Ok(raw) => Ok(raw),
                        Err(Fault::Row(why)) => Err(why),
                        Err(Fault::File(error)) => return Err(error),
                    },
                );
            }
            Kind::Signature => note(&mut notes, "the file is signed, and the signature is not checked"),
            Kind::Extension => note(&mut notes, "the file has extensions, which mean nothing here"),
            Kind::Unknown => {
                return Err(FileError::Malformed(format!("<{}> has no place in a PSKC file", shown(&part.name))));
            }
        }
    }
    Ok(notes)
}

/// Once, however often it is so.
fn note(notes: &mut Vec<String>, sentence: &str) {
    if notes.iter().all(|known| known != sentence) {
        notes.push(sentence.to_owned());
    }
}

/// What stands in a key container.
enum Kind {
    EncryptionKey,
    MacMethod,
    Package,
    Signature,
    Extension,
    Unknown,
}

fn kind(part: &Element) -> Kind {
    match (part.space, part.name.as_str()) {
        (Space::Pskc, "EncryptionKey") => Kind::EncryptionKey,
        (Space::Pskc, "MACMethod") => Kind::MacMethod,
        (Space::Pskc, "KeyPackage") => Kind::Package,
        (Space::Pskc, "Extensions") => Kind::Extension,
        (Space::Signature, "Signature") => Kind::Signature,
        _ => Kind::Unknown,
    }
}

fn open(bytes: &[u8]) -> Result<Parts<'_>, FileError> {
    if bytes.len() > MAX_FILE {
        return Err(FileError::Hostile(format!("the file has more than {} MiB; split it", MAX_FILE >> 20)));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| FileError::Malformed("the file is not UTF-8".to_owned()))?;
    let (parts, root) = Parts::open(text)?;
    if !root.is(Space::Pskc, "KeyContainer") {
        return Err(FileError::Malformed(format!(
            "the file is XML and no PSKC: it begins with <{}>, and a key container of RFC 6030 was due",
            shown(&root.name)
        )));
    }
    match root.attribute("Version") {
        Some(version) if version.split('.').next() == Some("1") => Ok(parts),
        version => {
            let version = shown(version.unwrap_or("?"));
            Err(FileError::Unsupported(format!("the file is PSKC of version {version}, and 1.0 is understood")))
        }
    }
}

#[cfg(test)]
mod tests;
